//! `explain CODE`: what the catalogue says.

use clap::Args;
use mailferry_model::{Error, Kind, Side, catalogue};
use serde_json::json;

use super::Asked;
use crate::{
    exit::{self, Failure},
    out::{Column, duration},
};

/// The flags of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// A code or a state, such as SOURCE_AUTH_FAILED or SyncedWithErrors, an exit code such as 21, or a sentence of Microsoft's tools in quotes; none: all of them
    pub code: Option<String>,
}

const COLUMNS: [Column; 5] = [
    Column::of("CODE", "/code"),
    Column::of("TITLE", "/title"),
    Column::wide("CAUSE", "/cause"),
    Column::wide("FIX", "/fix"),
    Column::wide("RETRYABLE", "/retryable"),
];

/// The published exit codes: what people read is what is told.
const EXIT_CODES: &str = include_str!("../../../../docs/reference/exit-codes.md");

/// What an exit code means, as the page has it; of the target as of the source.
fn meaning(number: u8) -> Option<String> {
    let row = |number: u8| {
        let begin = format!("| {number} | ");
        EXIT_CODES.lines().find_map(|line| line.strip_prefix(&begin)?.strip_suffix(" |").map(str::to_owned))
    };
    match number {
        30..=37 => row(number - 10).map(|text| text.replace("source:", "target:")),
        _ => row(number),
    }
}

/// What nobody has a word for, and what helps.
fn unknown(detail: String, fix: &str) -> Failure {
    Failure::Advised(Error::new(Kind::NotFound, Side::Us, "explain", detail), vec![fix.to_owned()])
}

/// Says how a command ended that ended with that.
fn exit_code(asked: &Asked<'_>, number: u8) -> Result<u8, Failure> {
    let Some(meaning) = meaning(number) else {
        let detail = format!("{number} is no exit code of mailferry; an unknown one is a failure.");
        let fix = "A shell gives 126 and 127 where the program cannot be started, and 128 and more where a signal ended it.";
        return Err(unknown(detail, fix));
    };
    let fix = match number {
        exit::OK => Vec::new(),
        _ => {
            vec!["The message names the code of what happened in brackets: mailferry explain CODE".to_owned()]
        }
    };
    let told = json!({
        "code": number.to_string(),
        "title": format!("exit code {number}"),
        "cause": meaning,
        "fix": fix,
        "retryable": number == exit::TEMPORARY,
    });
    match asked.out.is_for_people() {
        false => asked.out.show(&told, &COLUMNS),
        true => {
            asked.out.say(&format!("exit code {number}: {meaning}"));
            fix.iter().for_each(|fix| asked.out.say(&format!("fix:   {fix}")));
        }
    }
    Ok(exit::OK)
}

/// Says what a code means.
pub fn run(asked: &Asked<'_>, args: &ExplainArgs) -> Result<u8, Failure> {
    let out = asked.out;
    let Some(code) = &args.code else {
        out.list(&json!(catalogue::entries()), &COLUMNS)?;
        return Ok(exit::OK);
    };
    if let Ok(number) = code.trim().parse::<u8>() {
        return exit_code(asked, number);
    }
    let Some(entry) = catalogue::find(code) else {
        let near = catalogue::near(code);
        let hint = if near.is_empty() { String::new() } else { format!(" Perhaps {}?", near.join(", ")) };
        let detail = format!("There is no code {code}.{hint}");
        return Err(unknown(detail, "List all codes: mailferry explain"));
    };
    match out.is_for_people() {
        false => out.show(&json!(entry), &COLUMNS),
        true => {
            out.say(&format!("{}: {}", entry.code, entry.title));
            out.say(&format!("cause: {}", entry.cause));
            entry.fix.iter().for_each(|fix| out.say(&format!("fix:   {fix}")));
            if let (Some(step), Some(after)) = (&entry.next_step, entry.escalate_after) {
                out.say(&format!("after {}: {step}", duration(f64::from(after))));
            }
            if entry.only_microsoft {
                out.say("Only Microsoft's own service can know this; mailferry does not guess it.");
            }
            if entry.retryable {
                out.say("Trying again later may help without anybody doing anything.");
            }
        }
    }
    Ok(exit::OK)
}
