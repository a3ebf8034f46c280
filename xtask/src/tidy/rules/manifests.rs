//! Versions and lints stand once, in the root manifest; every crate inherits them.
//!
//! Manifests are read line by line: ours are plain, and a TOML parser would be one more dependency.

use crate::tidy::{Rule, Tree, Violation};

/// Everything is inherited.
pub const RULE: Rule = Rule {
    name: "manifests",
    demands: "every crate inherits lints, version, edition and licence, and takes dependencies from the workspace",
    check,
};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for file in tree.files.values() {
        let is_member = file.path.ends_with("/Cargo.toml") && file.crate_name().is_some();
        if is_member {
            check_manifest(&file.path, &file.text, found);
        }
    }
}

fn check_manifest(path: &str, text: &str, found: &mut Vec<Violation>) {
    let (mut section, mut lints, mut inherited) = (String::new(), false, Vec::new());
    for (n, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            let table_of_one = section.rsplit_once("dependencies.").map(|(_, one)| one);
            if let Some(one) = table_of_one {
                found.push(Violation::new(
                    path,
                    n + 1,
                    RULE.name,
                    format!("write `{one} = {{ workspace = true, … }}`"),
                ));
            }
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim(), value.trim());
            match section.as_str() {
                "lints" => lints |= key == "workspace" && value == "true",
                "package" => inherited.extend(key.strip_suffix(".workspace").map(str::to_owned)),
                other if other.ends_with("dependencies") => {
                    let from_workspace = key.ends_with(".workspace") || value.contains("workspace = true");
                    if !from_workspace {
                        let message = format!("{key} does not come from [workspace.dependencies]");
                        found.push(Violation::new(path, n + 1, RULE.name, message));
                    }
                }
                _ => {}
            }
        }
    }
    if !lints {
        found.push(Violation::new(
            path,
            1,
            RULE.name,
            "does not inherit the lints: `[lints] workspace = true`",
        ));
    }
    for key in INHERITED.iter().filter(|key| !inherited.iter().any(|have| have == *key)) {
        found.push(Violation::new(path, 1, RULE.name, format!("does not inherit: `{key}.workspace = true`")));
    }
}
