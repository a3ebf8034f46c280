//! `cargo xtask tidy`: the rules of the house that neither compiler nor clippy knows.
//!
//! Each rule is a file below `rules/` and a line in [`RULES`]; each is seen to fail on an example
//! of its own (`xtask/fixtures/bad/RULE.txt`) and to pass on `xtask/fixtures/good.txt`.

mod allow;
mod facts;
mod lexer;
mod metadata;
mod rules;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::Result;

pub use tree::{File, Tree};

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl Violation {
    fn new(path: impl Into<String>, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: line.max(1), rule, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {} {}", self.path, self.line, self.rule, self.message)
    }
}

/// One rule: its name, what it demands in a sentence, and how it looks for offences.
pub struct Rule {
    /// The name in messages and in `xtask/tidy.allow`.
    pub name: &'static str,
    /// The sentence for the documentation.
    pub demands: &'static str,
    check: fn(&Tree, &mut Vec<Violation>),
}

/// All rules, in the order in which they are documented.
pub const RULES: [Rule; 14] = [
    rules::edges::RULE,
    rules::connector::RULE,
    rules::spread::RULE,
    rules::head::RULE,
    rules::file_size::RULE,
    rules::function_size::RULE,
    rules::spec::RULE,
    rules::words::RULE,
    rules::names::RULE,
    rules::text::RULE,
    rules::licences::RULE,
    rules::generated::RULE,
    rules::manifests::RULE,
    Rule {
        name: "allow",
        demands: "every line of `xtask/tidy.allow` has a reason and still excepts something",
        check: |_, _| {},
    },
];

/// All offences in a tree, exceptions taken away, in order of place.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for rule in &RULES {
        (rule.check)(tree, &mut found);
    }
    let mut found = allow::apply(tree, found);
    found.sort();
    found.dedup();
    found
}

/// Checks the repository and prints one line an offence; how many there are.
pub fn run(root: &Path) -> Result<usize> {
    let tree = Tree::open(root)?;
    let found = check(&tree);
    for violation in &found {
        println!("{violation}");
    }
    let (files, median) = rules::file_size::median(&tree);
    println!(
        "tidy: {files} Rust files, median {median} lines, {} rules, {} violations",
        RULES.len(),
        found.len()
    );
    Ok(found.len())
}
