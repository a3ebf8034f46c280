//! `xtask/tidy.allow`: the exceptions, each with its reason. The list may only shrink.

use super::{Tree, Violation};

/// Where the exceptions are.
pub const PATH: &str = "xtask/tidy.allow";

struct Exception<'a> {
    line: usize,
    rule: &'a str,
    path: &'a str,
    used: bool,
}

/// Takes away what is excepted; adds what is wrong with the exceptions themselves.
pub fn apply(tree: &Tree, found: Vec<Violation>) -> Vec<Violation> {
    let mut exceptions = Vec::new();
    let mut left = Vec::new();
    for (number, line) in tree.text(PATH).unwrap_or_default().lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line_number = number + 1;
        match line.split('\t').collect::<Vec<_>>()[..] {
            [rule, path, reason] if !reason.trim().is_empty() => {
                exceptions.push(Exception { line: line_number, rule, path, used: false });
            }
            _ => left.push(Violation::new(
                PATH,
                line_number,
                "allow",
                "write: rule, path, reason, with tabs between",
            )),
        }
    }
    for violation in found {
        let mut excepted = false;
        for exception in &mut exceptions {
            if exception.rule == violation.rule && exception.path == violation.path {
                exception.used = true;
                excepted = true;
            }
        }
        if !excepted {
            left.push(violation);
        }
    }
    for exception in exceptions.iter().filter(|exception| !exception.used) {
        let text = format!("{} {} is no exception any more: remove the line", exception.rule, exception.path);
        left.push(Violation::new(PATH, exception.line, "allow", text));
    }
    left
}
