//! Functions fit on a screen.

use crate::tidy::{Rule, Tree, Violation};

/// No function above the limit, tests included.
pub const RULE: Rule = Rule { name: "function-size", demands: "no function has more than 80 lines", check };

const MOST: usize = 80;

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for (file, facts) in tree.rust() {
        for function in facts.functions.iter().filter(|function| function.lines > MOST) {
            let message = format!("{} has {} lines, at most {MOST}", function.name, function.lines);
            found.push(Violation::new(&file.path, function.line, RULE.name, message));
        }
    }
}
