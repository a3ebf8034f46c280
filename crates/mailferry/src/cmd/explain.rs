//! `explain CODE`: what the catalogue says.

use clap::Args;
use mailferry_model::catalogue;
use serde_json::json;

use super::Asked;
use crate::{
    exit::{self, Failure},
    out::Column,
};

/// The flags of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// A code or a state, such as SOURCE_AUTH_FAILED or SyncedWithErrors, or a sentence of Microsoft's tools in quotes; none: all of them
    pub code: Option<String>,
}

const COLUMNS: [Column; 5] = [
    Column::of("CODE", "/code"),
    Column::of("TITLE", "/title"),
    Column::wide("CAUSE", "/cause"),
    Column::wide("FIX", "/fix"),
    Column::wide("RETRYABLE", "/retryable"),
];

/// Says what a code means.
pub fn run(asked: &Asked<'_>, args: &ExplainArgs) -> Result<u8, Failure> {
    let out = asked.out;
    let Some(code) = &args.code else {
        out.list(&json!(catalogue::entries()), &COLUMNS)?;
        return Ok(exit::OK);
    };
    let Some(entry) = catalogue::find(code) else {
        let near = catalogue::near(code);
        let hint = if near.is_empty() { String::new() } else { format!(" Perhaps {}?", near.join(", ")) };
        let detail = format!("There is no code {code}.{hint}");
        let error = mailferry_model::Error::new(
            mailferry_model::Kind::NotFound,
            mailferry_model::Side::Us,
            "explain",
            detail,
        );
        return Err(Failure::Advised(error, vec!["List all codes: mailferry explain".to_owned()]));
    };
    match out.is_for_people() {
        false => out.show(&json!(entry), &COLUMNS),
        true => {
            out.say(&format!("{}: {}", entry.code, entry.title));
            out.say(&format!("cause: {}", entry.cause));
            entry.fix.iter().for_each(|fix| out.say(&format!("fix:   {fix}")));
            if entry.retryable {
                out.say("Trying again later may help without anybody doing anything.");
            }
        }
    }
    Ok(exit::OK)
}
