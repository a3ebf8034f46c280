//! `report new`: a report of a batch as files, written as they come, each whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use axum::http::StatusCode;
use clap::{Args, ValueEnum};
use mailferry_model::report::sheet::Sheet;
use mailferry_server::Problem;
use serde_json::{Value, json};

use crate::{
    api::{Api, segment},
    archive::Draft,
    cmd::Asked,
    exit::{self, Failure},
    out::{self, Column},
    reach::Reach,
};

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// A page that stands alone; prints on A4
    Html,
    /// users.csv, skipped.csv and reconciliation.csv
    Csv,
    /// The same three tables as a workbook
    Xlsx,
}

/// The flags of `report new`.
#[derive(Args)]
pub struct ReportFiles {
    /// The batch
    pub batch: String,
    /// As what
    #[arg(long, value_enum, default_value = "html")]
    pub format: As,
    /// The file to write, or the folder to write into (always one for CSV); the present folder without it. Older files
    /// of these names are replaced once the new ones are whole
    #[arg(long, value_name = "FILE|DIR")]
    pub into: Option<PathBuf>,
    /// What stands between cells: , or ; or tab; of CSV
    #[arg(long, value_name = "SEPARATOR", default_value = ",")]
    pub separator: mailferry_model::report::delimited::Separator,
    /// With a byte order mark, as spreadsheets want it; of CSV
    #[arg(long)]
    pub excel: bool,
    /// Its title; of HTML
    #[arg(long, value_name = "TITLE")]
    pub title: Option<String>,
}

impl As {
    /// The files of the service.
    fn files(self) -> Vec<String> {
        match self {
            Self::Html => vec!["report.html".to_owned()],
            Self::Xlsx => vec!["report.xlsx".to_owned()],
            Self::Csv => Sheet::ALL.map(|sheet| format!("{}.csv", sheet.name())).into(),
        }
    }
}

/// Writes it.
pub async fn run(asked: &Asked<'_>, args: ReportFiles) -> Result<u8, Failure> {
    args.check()?;
    let api = Reach::of(asked).await?.api();
    let mut written = Vec::new();
    for file in args.format.files() {
        let may = if args.format == As::Csv { Into::Folder } else { Into::FileOrFolder };
        let path = place(&args.batch, &file, (args.into.as_deref(), may))?;
        let query = args.query();
        let from = format!("/batches/{}/reports/{file}{query}", segment(&args.batch));
        let bytes = one(&api, &from, &path).await?;
        asked.out.say(&format!("Report of {}: {}, {}.", args.batch, path.display(), out::bytes(bytes)));
        written.push(json!({ "file": path, "sizeBytes": bytes }));
    }
    if !asked.out.is_for_people() {
        let columns = [Column::of("FILE", "/file"), Column::of("BYTES", "/sizeBytes")];
        asked.out.list(&Value::Array(written), &columns)?;
    }
    Ok(exit::OK)
}

impl ReportFiles {
    fn check(&self) -> Result<(), Failure> {
        use mailferry_model::report::delimited::Separator;
        let is_csv = self.format == As::Csv;
        if !is_csv && (self.excel || self.separator != Separator::Comma) {
            return Err(Failure::usage("--separator and --excel are for --format csv"));
        }
        if self.format != As::Html && self.title.is_some() {
            return Err(Failure::usage("--title is for --format html"));
        }
        match &self.into {
            Some(path) if is_csv && path.exists() && !path.is_dir() => {
                let text = format!("{} is a file; CSV are three files: name a folder", path.display());
                Err(Failure::usage(format!("--into: {text}")))
            }
            _ => Ok(()),
        }
    }

    fn query(&self) -> String {
        use mailferry_model::report::delimited::Separator;
        let separator = match self.separator {
            Separator::Comma => "comma",
            Separator::Semicolon => "semicolon",
            Separator::Tab => "tab",
        };
        let mut query = Vec::new();
        if self.format == As::Csv {
            query.push(format!("separator={separator}&excel={}", self.excel));
        }
        query.extend(self.title.as_ref().map(|title| format!("title={}", segment(title))));
        if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
    }
}

/// What `--into` may name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    /// A file, or a folder for it.
    FileOrFolder,
    /// A folder for several files.
    Folder,
}

/// Where a file of a batch goes; a folder is made.
pub(super) fn place(batch: &str, file: &str, (into, may): (Option<&Path>, Into)) -> Result<PathBuf, Failure> {
    let named = || {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
        let batch: String = batch.chars().map(|c| if fits(c) { c } else { '_' }).collect();
        format!("{batch}-{file}")
    };
    let Some(output) = into else { return Ok(PathBuf::from(named())) };
    let text = output.to_string_lossy();
    if may == Into::Folder || output.is_dir() || text.ends_with('/') {
        fs::create_dir_all(output).map_err(|e| unwritable(output, &e))?;
        return Ok(output.join(named()));
    }
    Ok(output.to_path_buf())
}

/// Writes what the service gives into a file, whole or not at all; its size.
pub(super) async fn one(api: &Api, from: &str, path: &Path) -> Result<u64, Failure> {
    let mut draft = Draft::of(path).map_err(|e| unwritable(path, &e))?;
    api.file(from, |part| draft.write_all(part).map_err(|e| unwritable(path, &e))).await?;
    draft.keep().map_err(|e| unwritable(path, &e))
}

pub(in crate::cmd) fn unwritable(path: &Path, why: &io::Error) -> Failure {
    let text = format!("{}: {why}", path.display());
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "REPORT_UNWRITABLE", text);
    Failure::Problem(Box::new(problem))
}
