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
}

/// All pages that the task runner can write by itself.
pub fn pages() -> Vec<Page> {
    vec![Page { path: "docs/reference/tidy.md", write: rules_page }]
}

/// All pages that the binary writes.
pub fn asked() -> Vec<Asked> {
    Vec::new()
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

/// Writes all pages, or with `check` only names those that differ; how many did.
pub fn run(root: &Path, mode: Mode) -> Result<usize> {
    let mut texts: Vec<(&str, String)> = pages().iter().map(|page| (page.path, (page.write)())).collect();
    for page in asked() {
        texts.push((page.path, crate::run::text(&mut crate::run::mailferry(page.arguments))?));
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
