//! Every connector folder looks the same: five files, a guide, its tests, one line in the registry.

use crate::tidy::{Rule, Tree, Violation};

/// The same files in every connector's folder, and one registry line.
pub const RULE: Rule = Rule {
    name: "connector",
    demands: "a connector's folder holds mod, client, source, target, checks, tests and guide.md, and has one registry line",
    check,
};

/// Where connectors live.
pub const FOLDER: &str = "crates/connect/src/";
/// The registry.
pub const REGISTRY: &str = "crates/connect/src/lib.rs";
const FILES: [&str; 5] = ["client", "source", "target", "checks", "tests"];
const SHARED: [&str; 3] = ["net", "checks", "courier"];

/// The names of all connectors: folders with code in them.
pub fn connectors(tree: &Tree) -> Vec<&str> {
    let mut names = tree.below(FOLDER);
    names.retain(|name| {
        let folder = format!("{FOLDER}{name}/");
        let has_code = || tree.files.keys().any(|path| path.starts_with(&folder) && path.ends_with(".rs"));
        !SHARED.contains(name) && has_code()
    });
    names
}

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for name in connectors(tree) {
        let folder = format!("{FOLDER}{name}/");
        let mut missing = Vec::new();
        for needed in ["mod.rs", "guide.md"] {
            if !tree.files.contains_key(&format!("{folder}{needed}")) {
                missing.push(needed.to_owned());
            }
        }
        for needed in FILES {
            let (file, inside) = (format!("{folder}{needed}.rs"), format!("{folder}{needed}/mod.rs"));
            if !tree.files.contains_key(&file) && !tree.files.contains_key(&inside) {
                missing.push(format!("{needed}.rs"));
            }
        }
        for needed in missing {
            found.push(Violation::new(
                format!("{folder}mod.rs"),
                1,
                RULE.name,
                format!("{name} has no {needed}"),
            ));
        }
        check_registry(tree, name, found);
    }
}

fn check_registry(tree: &Tree, name: &str, found: &mut Vec<Violation>) {
    let Some(facts) = tree.files.get(REGISTRY).and_then(|file| file.facts.as_ref()) else { return };
    let names_it =
        |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    let declares = |line: &str| {
        let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        line.strip_prefix("mod ").is_some_and(|rest| rest.trim_end_matches(';').trim() == name)
    };
    let lines: Vec<usize> =
        facts.product_lines().filter(|(_, line)| names_it(line) && !declares(line)).map(|(n, _)| n).collect();
    match lines[..] {
        [_] => {}
        [] => {
            found.push(Violation::new(REGISTRY, 1, RULE.name, format!("{name} has no line in the registry")))
        }
        [_, second, ..] => found.push(Violation::new(
            REGISTRY,
            second,
            RULE.name,
            format!("{name} has {} lines in the registry instead of one", lines.len()),
        )),
    }
}
