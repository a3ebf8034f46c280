//! Generated files equal what their generators write today.

use crate::docs;
use crate::tidy::{Rule, Tree, Violation};

/// No generated file is edited by hand or out of date.
pub const RULE: Rule =
    Rule { name: "generated", demands: "generated files are as `cargo xtask docs` writes them", check };

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for page in docs::pages() {
        let there = tree.text(page.path).unwrap_or_default();
        let wanted = (page.write)();
        if there != wanted {
            let differs = there.lines().zip(wanted.lines()).position(|(a, b)| a != b);
            let line = differs.unwrap_or_else(|| there.lines().count().min(wanted.lines().count())) + 1;
            found.push(Violation::new(page.path, line, RULE.name, "is out of date: run `cargo xtask docs`"));
        }
    }
}
