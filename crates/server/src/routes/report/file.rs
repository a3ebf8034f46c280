//! Reports of a batch as files. How they are written is `render`'s.

use axum::{
    body::Body,
    extract::{Path, Query},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use mailferry_model::{
    report::{
        delimited::{Reader, Separator},
        sheet::Sheet,
    },
    words::unshown,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Context,
    problem::Problem,
    render::{Form, Report, delimited, page, rollback, workbook},
};

/// How a file is written.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// Of CSV: what stands between cells: `comma`, `semicolon` or `tab`.
    separator: Option<String>,
    /// Of CSV: with a byte order mark, as spreadsheets want it.
    #[serde(default)]
    excel: bool,
    /// Of HTML: its title, at most 200 characters.
    #[param(max_length = 200)]
    title: Option<String>,
}

/// The files that there are.
const FILES: [&str; 7] = [
    "users.csv",
    "skipped.csv",
    "reconciliation.csv",
    "report.html",
    "report.xlsx",
    "rollback.html",
    "rollback.md",
];

/// A report of a batch as a file
///
/// `users.csv`, `skipped.csv`, `reconciliation.csv`, `report.html`, `report.xlsx`, `rollback.html` or
/// `rollback.md`. It is written while it is read; an
/// answer that is cut off is no whole report.
#[utoipa::path(get, path = "/batches/{name}/reports/{file}", operation_id = "getReportFile", tag = "reports", params(("name" = String, Path, description = "The batch"), ("file" = String, Path, description = "Which file"), How), responses((status = 200, description = "The file", content((Vec<u8> = "text/csv"), (Vec<u8> = "text/html"), (Vec<u8> = "text/markdown"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub(crate) async fn file(
    context: Context,
    Path((name, file)): Path<(String, String)>,
    Query(how): Query<How>,
) -> Result<Response, Problem> {
    if !FILES.contains(&&*file) {
        let detail = format!("There is no such report; there are {}.", FILES.join(", "));
        return Err(Problem::new(StatusCode::NOT_FOUND, "REQUEST_NOT_FOUND", detail));
    }
    let separator = how.separator.as_deref().map_or(Ok(Separator::default()), str::parse);
    let separator = separator.map_err(|why: String| Problem::refused("REQUEST_MALFORMED", why))?;
    let reader = if how.excel { Reader::Spreadsheet } else { Reader::Program };
    let batch = context.store.batch(&name).await?;
    let title = titled(how.title, &batch.name)?;
    let filename = format!("{}-{file}", plain(&batch.name));
    let report = Report { now: context.clock.now(), context, batch };
    let (kind, body) = match Sheet::ALL
        .into_iter()
        .find(|sheet| file.strip_suffix(".csv") == Some(sheet.name()))
    {
        Some(sheet) => ("text/csv; charset=utf-8", delimited(report, sheet, (separator, reader))),
        None if file == "rollback.html" => ("text/html; charset=utf-8", rollback(report, Form::Html)),
        None if file == "rollback.md" => ("text/markdown; charset=utf-8", rollback(report, Form::Markdown)),
        None if file == "report.html" => ("text/html; charset=utf-8", page(report, title)),
        None => (XLSX, workbook(report)),
    };
    Ok(attached(kind, &filename, body))
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn titled(wanted: Option<String>, batch: &str) -> Result<String, Problem> {
    let title = wanted.unwrap_or_else(|| format!("Migration report: {batch}"));
    match title.trim().is_empty() || title.chars().count() > 200 || unshown(&title).is_some() {
        true => {
            Err(Problem::refused("REQUEST_MALFORMED", "A title has 1 to 200 characters that can be shown."))
        }
        false => Ok(title),
    }
}

/// A name as every system takes it for a file.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// Browsers save it, and never show it as a page of ours.
fn attached(kind: &'static str, filename: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{filename}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], body)
        .into_response()
}
