//! Every Rust file begins by saying what it is for.

use crate::tidy::{Rule, Tree, Violation};

/// `//!` first.
pub const RULE: Rule =
    Rule { name: "head", demands: "every Rust file begins with `//!`: what it is for, and parses", check };

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for (file, facts) in tree.rust() {
        let first = file.text.lines().next().unwrap_or_default();
        if first.strip_prefix("//!").is_none_or(|rest| rest.trim().len() < 10) {
            found.push(Violation::new(&file.path, 1, RULE.name, "begin with `//!`: what the file is for"));
        }
        if let Some((line, why)) = &facts.broken {
            found.push(Violation::new(&file.path, *line, RULE.name, format!("cannot be parsed: {why}")));
        }
    }
}
