//! `cargo xtask docs`: writes the generated pages; tidy checks that they are up to date.
//!
//! A page is a line in [`pages`]: a path and a function that writes the whole text. What only the
//! built binary can say is written by the binary itself, asked in [`asked`].

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::tidy::RULES;

/// One generated file.
pub struct Page {
    /// Where it lies.
    pub path: &'static str,
    /// Writes it.
    pub write: fn() -> String,
}

/// What the binary writes about itself: a path and the arguments that make it print the page.
pub struct Asked {
    /// Where it lies.
    pub path: &'static str,
    /// The arguments of `mailferry`.
    pub arguments: &'static [&'static str],
    /// Makes the page of what it printed.
    pub write: fn(String) -> Result<String>,
}

/// All pages that the task runner can write by itself.
pub fn pages() -> Vec<Page> {
    vec![
        Page { path: "docs/reference/tidy.md", write: rules_page },
        Page { path: "docs/reference/native-commands.md", write: native_page },
    ]
}

/// All pages that the binary writes.
pub fn asked() -> Vec<Asked> {
    vec![
        Asked { path: "openapi.json", arguments: &["openapi"], write: Ok },
        Asked { path: "docs/reference/codes.md", arguments: &["explain", "-o", "json"], write: codes_page },
    ]
}

/// The catalogue, a heading for each code: findings and problems link to them.
fn codes_page(json: String) -> Result<String> {
    let mut text = String::from(
        "# Codes\n\nEvery code that a finding, a problem, an item or a status may carry; `mailferry explain CODE` says \
         the same. Words in capitals are filled in when a code is met.\n",
    );
    for entry in serde_json::from_str::<Vec<serde_json::Value>>(&json)? {
        let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let _ = write!(text, "\n## {}\n\n**{}.** {}\n", word("code"), word("title"), word("cause"));
        let list = |name: &str| entry[name].as_array().cloned().unwrap_or_default();
        let (fixes, also) = (list("fix"), list("also"));
        if !fixes.is_empty() {
            text.push('\n');
        }
        for fix in fixes.iter().filter_map(|f| f.as_str()) {
            let _ = writeln!(text, "- {fix}");
        }
        if let (Some(step), Some(after)) =
            (entry["nextStep"].as_str(), entry["escalateAfterSeconds"].as_u64())
        {
            let _ = writeln!(text, "\nAfter {} minutes: {step}", after / 60);
        }
        if entry["onlyMicrosoft"] == true {
            text.push_str("\nOnly Microsoft's own service can know this; mailferry does not guess it.\n");
        }
        if entry["retryable"] == true {
            text.push_str("\nTrying again later may help without anybody doing anything.\n");
        }
        if !also.is_empty() {
            text.push_str("\nElsewhere it reads:\n\n");
        }
        for sentence in also.iter().filter_map(|f| f.as_str()) {
            let _ = writeln!(text, "- `{sentence}`");
        }
    }
    Ok(text)
}

fn rules_page() -> String {
    let mut text = String::from(
        "# What tidy checks\n\n`cargo xtask tidy` fails when one of these is not so. \
         Exceptions stand in `xtask/tidy.allow`, each with its reason.\n\n| rule | demands |\n|---|---|\n",
    );
    for rule in &RULES {
        let _ = writeln!(text, "| `{}` | {} |", rule.name, rule.demands);
    }
    text
}

/// What the tables of the native commands say, for people.
const CMDLETS: &str = include_str!("../../crates/mailferry/src/native/cmdlets.tsv");
const ELSEWHERE: &str = include_str!("../../crates/mailferry/src/native/elsewhere.tsv");

fn native_page() -> String {
    let mut text = String::from(
        "# Native commands\n\nWhat becomes of each cmdlet and parameter; how to use them is in \
         [the guide](../guides/native-commands.md). Every command takes `-WhatIf`, `-Confirm` and PowerShell's own \
         parameters, as far as they mean something.\n\n## Cmdlets that do something\n",
    );
    let rows = |table: &'static str| table.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let mut later = String::new();
    let mut skips = false;
    for row in rows(CMDLETS) {
        let columns: Vec<&str> = row.split('\t').collect();
        let column = |n: usize| columns.get(n).copied().unwrap_or_default();
        match (column(0), column(1)) {
            ("", name) if !skips => {
                let takes = match column(2) {
                    "switch" => String::new(),
                    words => format!(" {}", words.replace('|', " \\| ")),
                };
                let fate = match column(3) {
                    "ours" => "taken".to_owned(),
                    "ignored" => format!("accepted without effect: {}", column(4)),
                    _ => format!("refused: {}", column(4)),
                };
                let _ = writeln!(text, "| `-{name}`{takes} | {} |", fate.replace('|', "\\|"));
            }
            ("", _) => {}
            (name, "later") => {
                skips = true;
                let _ = writeln!(later, "| `{name}` | {} |", column(2));
            }
            ("*", _) => {
                skips = false;
                let _ = write!(text, "\n### Every command\n\n| parameter | is |\n|---|---|\n");
            }
            (name, _) => {
                skips = false;
                let has = if name.starts_with("Out-") { "" } else { "\n| parameter | is |\n|---|---|\n" };
                let _ = write!(text, "\n### {name}\n\n{}\n{has}", column(2));
            }
        }
    }
    let _ = write!(
        text,
        "\n## Cmdlets that nothing does yet\n\nThey are read, their parameters are checked, and they end with code 7.\n\n\
         | cmdlet | until then |\n|---|---|\n{later}\n## Commands that are run elsewhere\n\n\
         | command | does | where |\n|---|---|---|\n"
    );
    for row in rows(ELSEWHERE) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [name, fate, what, place @ ..] = columns.as_slice() else { continue };
        let place = match *fate {
            "needless" => "nowhere: no connection is needed",
            "unread" => continue,
            _ => place.first().copied().unwrap_or_default(),
        };
        let _ = writeln!(text, "| `{name}` | {what} | {place} |");
    }
    text
}

/// Writes all pages, or with `check` only names those that differ; how many did.
pub fn run(root: &Path, mode: Mode) -> Result<usize> {
    let mut texts: Vec<(&str, String)> = pages().iter().map(|page| (page.path, (page.write)())).collect();
    for page in asked() {
        let printed = crate::run::text(&mut crate::run::mailferry(page.arguments))?;
        texts.push((page.path, (page.write)(printed)?));
    }
    let mut differ = 0;
    for (path, wanted) in texts {
        let full = root.join(path);
        if std::fs::read_to_string(&full).unwrap_or_default() == wanted {
            continue;
        }
        differ += 1;
        match mode {
            Mode::Check => println!("{path} is out of date: run `cargo xtask docs`"),
            Mode::Write => {
                if let Some(folder) = full.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(&full, wanted).with_context(|| path.to_owned())?;
                println!("wrote {path}");
            }
        }
    }
    Ok(differ)
}

/// Whether `run` may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only compare.
    Check,
    /// Write what differs.
    Write,
}
