//! `doctor`: what this machine and this data folder need, a row each. It changes nothing and asks no server.

mod folder;
mod machine;
mod store;

use clap::Args;
use mailferry_model::catalogue;
use serde::Serialize;
use serde_json::json;

use super::Asked;
use crate::{
    args::Global,
    database,
    exit::{self, Failure},
    instance,
    out::Column,
};

/// The port of the service, unless somebody says otherwise.
pub const PORT: u16 = 8443;

/// The flags of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// The port on which the service shall listen
    #[arg(long, default_value_t = PORT, value_name = "PORT")]
    pub port: u16,
}

/// How it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Outcome {
    /// As it should be.
    #[serde(rename = "ok")]
    Ok,
    /// It works, but somebody should know.
    #[serde(rename = "warn")]
    Warn,
    /// It does not work.
    #[serde(rename = "FAIL")]
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was looked at.
    pub check: &'static str,
    /// How it looks.
    pub outcome: Outcome,
    /// What was found, in a few words.
    pub found: String,
    /// The catalogue's code, where something is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do.
    pub fix: Vec<String>,
}

impl Row {
    /// As it should be.
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, found: found.into(), code: None, cause: None, fix: Vec::new() }
    }

    /// Not as it should be; the catalogue says why that matters and what to do.
    fn bad(outcome: Outcome, check: &'static str, code: &'static str, found: impl Into<String>) -> Self {
        Self::with(outcome, check, code, found, &[])
    }

    /// The same with what was met in the catalogue's words.
    fn with(
        outcome: Outcome,
        check: &'static str,
        code: &'static str,
        found: impl Into<String>,
        facts: &[(&str, String)],
    ) -> Self {
        let told = catalogue::find(code).map(|entry| entry.told(facts));
        let (cause, fix) = told.map_or((None, Vec::new()), |(cause, fix)| (Some(cause), fix));
        Self { check, outcome, found: found.into(), code: Some(code), cause, fix }
    }
}

const COLUMNS: [Column; 5] = [
    Column::of("CHECK", "/check"),
    Column::of("RESULT", "/outcome"),
    Column::of("FOUND", "/found"),
    Column::wide("CODE", "/code"),
    Column::wide("CAUSE", "/cause"),
];

/// Looks at everything. Exit code 1 when something fails.
pub async fn run(asked: Asked<'_>, args: DoctorArgs) -> Result<u8, Failure> {
    crate::reach::check_local(&asked, "doctor")?;
    let rows = rows(asked.global, args.port).await?;
    let worst = rows.iter().map(|row| row.outcome).max().unwrap_or(Outcome::Ok);
    let out = asked.out;
    match out.form {
        crate::args::Form::Json | crate::args::Form::Yaml => {
            out.show(&json!({ "result": worst, "rows": rows }), &COLUMNS);
        }
        _ => out.list(&json!(rows), &COLUMNS)?,
    }
    for row in rows.iter().filter(|row| row.outcome != Outcome::Ok) {
        out.say(&format!("\n{}: {} [{}]", row.check, row.found, row.code.unwrap_or_default()));
        row.cause.iter().for_each(|cause| out.say(&format!("  cause: {cause}")));
        row.fix.iter().for_each(|fix| out.say(&format!("  fix:   {fix}")));
    }
    Ok(if worst == Outcome::Fail { exit::OTHER } else { exit::OK })
}

/// The rows, in order.
pub async fn rows(global: &Global, port: u16) -> Result<Vec<Row>, Failure> {
    let place = instance::data_folder(global)?;
    let mut rows = vec![machine::clock(&place)];
    rows.extend(folder::rows(&place));
    match database::url(global)? {
        Some(url) => rows.extend(store::shared_rows(&place, &url).await),
        None => rows.extend(store::rows(&place).await),
    }
    rows.extend([machine::authorities(), machine::resolver(), machine::port(port), machine::files()]);
    rows.push(machine::credentials());
    Ok(rows)
}
