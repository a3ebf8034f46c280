//! What we depend on may be given away with us, and comes from the registry.

use crate::tidy::{Rule, Tree, Violation};

/// Every dependency has a licence of the list.
pub const RULE: Rule = Rule {
    name: "licences",
    demands: "every dependency comes from the package registry under a licence of the list (no GPL, AGPL, LGPL)",
    check,
};

const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for package in tree.metadata.foreign() {
        let name = format!("{} {}", package.name, package.version);
        let line = lock_line(tree, &package.name);
        let licence = package.license.as_deref().unwrap_or_default();
        if licence.is_empty() {
            found.push(Violation::new("Cargo.lock", line, RULE.name, format!("{name} names no licence")));
        } else if !is_allowed(licence) {
            found.push(Violation::new("Cargo.lock", line, RULE.name, format!("{name} is under {licence}")));
        }
        if !package.source.as_deref().is_some_and(|source| source.starts_with("registry+")) {
            found.push(Violation::new(
                "Cargo.lock",
                line,
                RULE.name,
                format!("{name} comes from outside the registry"),
            ));
        }
    }
}

fn lock_line(tree: &Tree, package: &str) -> usize {
    let wanted = format!("name = \"{package}\"");
    tree.text("Cargo.lock").unwrap_or_default().lines().position(|line| line == wanted).map_or(1, |n| n + 1)
}

/// Whether an SPDX expression can be met with allowed licences: `OR` binds weaker than `AND`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at) && at == words.len()
}

fn either(words: &[&str], at: &mut usize) -> bool {
    let mut met = both(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at);
    }
    met
}

fn both(words: &[&str], at: &mut usize) -> bool {
    let mut met = single(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= single(words, at);
    }
    met
}

fn single(words: &[&str], at: &mut usize) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let met = either(words, at);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2; // an exception only permits more
    }
    ALLOWED.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions_are_met_or_not() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND ISC",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in ["GPL-3.0-only", "LGPL-2.1", "MIT AND AGPL-3.0", "(MIT OR ISC) AND GPL-2.0", "", "MIT MIT"]
        {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
