//! Files stay small enough to be read at one sitting.

use crate::tidy::{Rule, Tree, Violation};

/// No file above the limit, tests apart.
pub const RULE: Rule =
    Rule { name: "file-size", demands: "no Rust file has more than 700 lines, test files apart", check };

const MOST: usize = 700;

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for (file, _) in tree.rust().filter(|(file, _)| !file.is_test()) {
        let lines = file.text.lines().count();
        if lines > MOST {
            let message = format!("{lines} lines, at most {MOST}: make it a folder of the same name");
            found.push(Violation::new(&file.path, MOST + 1, RULE.name, message));
        }
    }
}

/// How many product files there are, and how long the middle one is (aim: 120).
pub fn median(tree: &Tree) -> (usize, usize) {
    let files = tree.rust().filter(|(file, _)| !file.is_test());
    let mut sizes: Vec<usize> = files.map(|(file, _)| file.text.lines().count()).collect();
    sizes.sort_unstable();
    (sizes.len(), sizes.get(sizes.len() / 2).copied().unwrap_or(0))
}
