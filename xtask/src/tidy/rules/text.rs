//! The repository speaks of itself alone: no path of somebody's machine, no package registry's host.

use crate::tidy::{Rule, Tree, Violation};

/// No foreign places in our text.
pub const RULE: Rule = Rule {
    name: "text",
    demands: "no file names a path of somebody's machine or the host of a package registry",
    check,
};

// Written apart, so that this file does not break its own rule.
const PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
const HOSTS: [&str; 5] = [
    concat!("crates", ".io"),
    concat!("npm", "js"),
    concat!("pypi", ".org"),
    concat!("deb.", "debian.org"),
    concat!("python", "hosted"),
];
const FOLDERS: [&str; 3] =
    [concat!("shared/", "peers"), concat!("shared/", "reference"), concat!("shared/", "design")];
/// Written by package managers.
const LOCKS: [&str; 2] = ["Cargo.lock", "package-lock.json"];

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for file in tree.files.values() {
        if LOCKS.iter().any(|lock| file.path.ends_with(lock)) {
            continue;
        }
        for (n, line) in file.text.lines().enumerate() {
            for host in HOSTS.iter().filter(|host| line.contains(**host)) {
                found.push(Violation::new(
                    &file.path,
                    n + 1,
                    RULE.name,
                    format!("names the registry {host}"),
                ));
            }
            for folder in FOLDERS.iter().filter(|folder| line.contains(**folder)) {
                found.push(Violation::new(
                    &file.path,
                    n + 1,
                    RULE.name,
                    format!("names a folder outside: {folder}"),
                ));
            }
            for path in PATHS.iter().filter(|path| is_machine_path(line, path)) {
                found.push(Violation::new(
                    &file.path,
                    n + 1,
                    RULE.name,
                    format!("names a path of a machine: {path}…"),
                ));
            }
        }
    }
}

/// An absolute path with something below it; not the middle of a longer path, and not a route (`…/{id}`).
fn is_machine_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + path.len()..).unwrap_or_default();
        let middle =
            before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | '~'));
        !middle && after.starts_with(|c: char| c.is_alphanumeric() || c == '.')
    })
}
