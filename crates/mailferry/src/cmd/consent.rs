//! Asking people before something happens: before anything is removed, and with `--confirm` before any change.
//! Native commands ask by their own rules, in `native`.

use std::io::{BufRead, IsTerminal};

use clap::ArgMatches;
use mailferry_server::Problem;

use super::Asked;
use crate::{exit::Failure, out};

/// What only looks, or only makes what lies in this window: nobody is asked.
const LOOKS: [&str; 20] = [
    "completions",
    "demo",
    "doctor",
    "explain",
    "export",
    "get",
    "list",
    "man",
    "openapi",
    "serve",
    "shell",
    "show",
    "test",
    "validate",
    "verify",
    "version",
    "watch",
    "whoami",
    "worker",
    "bundle",
];

/// Whether somebody at a terminal says yes.
pub fn says_yes(question: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    out::complain(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    ["y", "yes", "a"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// Asks whether something may be removed; `--yes` answers it, and so does a yes to `--confirm`.
pub fn to_remove(asked: &Asked<'_>, what: &str) -> Result<(), Failure> {
    let flags = asked.global;
    match flags.yes || flags.confirm || says_yes(&format!("Remove {what}?")) {
        true => Ok(()),
        false => Err(missing(format!("Nothing is removed without a yes: {what}."))),
    }
}

/// With `--confirm`: asks whether the command may change what it changes.
pub fn to_change(asked: &Asked<'_>) -> Result<(), Failure> {
    let words = words(asked.matches);
    let only_looks = words.last().is_none_or(|verb| LOOKS.contains(&verb.as_str()));
    if !asked.global.confirm || only_looks || says_yes(&format!("mailferry {}: go on?", words.join(" "))) {
        return Ok(());
    }
    Err(missing(format!("Nothing was done without a yes: mailferry {}.", words.join(" "))))
}

/// Noun and verb.
fn words(matches: &ArgMatches) -> Vec<String> {
    let mut words = Vec::new();
    let mut at = matches.subcommand();
    while let Some((word, below)) = at {
        words.push(word.to_owned());
        at = below.subcommand();
    }
    words
}

fn missing(text: String) -> Failure {
    Failure::Problem(Box::new(Problem::conflict("CONFIRMATION_MISSING", text)))
}
