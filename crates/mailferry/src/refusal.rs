//! The one object with which a command ends under `-o json` when it failed, also one that could not be read.
//!
//! Judges the words of the command line only where the parser gave them up; what they mean is decided in `args`.

use clap::CommandFactory;
use mailferry_model::report::Totals;
use serde_json::Value;

use crate::{args::Cli, exit::Failure, result};

/// Commands whose end says how a migration looks.
const MOVING: [&str; 3] = ["copy", "verify", "batch"];
/// The words of this process, without its name.
pub fn words() -> Vec<String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The object of a failure: of what moves or verifies with the fields of its report, of all else the problem alone.
pub fn object(failure: &Failure, words: &[String]) -> Value {
    let mut object = result::failed(failure, Totals::default());
    let known = Cli::command();
    let noun = words.iter().find(|word| known.find_subcommand(word).is_some());
    if noun.is_none_or(|noun| !MOVING.iter().any(|m| noun == m)) {
        const OF_A_PROBLEM: [&str; 6] = ["result", "exitCode", "code", "title", "detail", "error"];
        let mut problem: Value =
            OF_A_PROBLEM.map(|name| (name.to_owned(), object[name].take())).into_iter().collect();
        if let Some(blockers) = object.get("blockers") {
            problem["blockers"] = blockers.clone();
        }
        return problem;
    }
    object
}

/// Whether `-o json` was asked for, in a command line that cannot be used.
pub fn wants_json(words: &[String]) -> bool {
    let before = words.iter().take_while(|w| *w != "--");
    let mut values = before.clone().skip(1).map(Some).chain([None]);
    before.into_iter().any(|word| {
        let next = values.next().flatten().map(String::as_str);
        let value = match word.strip_prefix("--output") {
            Some("") => next,
            Some(rest) => rest.strip_prefix('='),
            None => short(word).map(|rest| rest.strip_prefix('=').unwrap_or(rest)),
        };
        match value {
            Some("") => next == Some("json"),
            value => value == Some("json"),
        }
    })
}

/// What stands behind the `o` of a word like `-qo` or `-ojson`: before it only flags without values.
fn short(word: &str) -> Option<&str> {
    let (before, rest) = word.strip_prefix('-')?.split_once('o')?;
    before.chars().all(|c| "qvyn".contains(c)).then_some(rest)
}

/// What the parser says, in one line and without the usage below it.
pub fn sentence(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> =
        first.strip_prefix("error: ").unwrap_or("A command is missing.").split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_found_in_words_that_cannot_be_used() {
        let wants = |line: &str| wants_json(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for yes in [
            "copy -o json",
            "-o json",
            "x -ojson",
            "x -o=json",
            "x -qo json",
            "--output json x",
            "--output=json",
        ] {
            assert!(wants(yes), "{yes}");
        }
        for no in [
            "copy -o jsonl",
            "x -o",
            "json",
            "x --output",
            "x -- -o json",
            "x --outputs json",
            "x -xo json",
            "",
        ] {
            assert!(!wants(no), "{no}");
        }
    }

    #[test]
    fn the_parser_is_quoted_in_one_line() {
        let text = "error: the following required arguments were not provided:\n  <TARGET>\n\nUsage: x";
        assert_eq!(sentence(text), "the following required arguments were not provided: <TARGET>");
        assert_eq!(sentence("Moves mailboxes\n\nUsage: x"), "A command is missing.");
    }
}
