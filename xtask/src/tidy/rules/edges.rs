//! Which crate may use which: a star, where only the binary knows two siblings.

use crate::tidy::metadata::{Package, room};
use crate::tidy::{Rule, Tree, Violation};

/// Only the edges of the table in ARCHITECTURE.md.
pub const RULE: Rule =
    Rule { name: "edges", demands: "crates depend on each other only as the table of doors allows", check };

struct Door {
    room: &'static str,
    uses: &'static [&'static str],
    in_tests: &'static [&'static str],
    must_not_know: &'static [&'static str],
}

const SQL: &str = "sqlx";
const TOKIO: &str = "tokio";
const HTTP: [&str; 4] = ["axum", "hyper", "reqwest", "tower"];

const DOORS: [Door; 11] = [
    Door {
        room: "model",
        uses: &[],
        in_tests: &[],
        must_not_know: &[TOKIO, SQL, "rustls", HTTP[0], HTTP[1], HTTP[2]],
    },
    Door {
        room: "mapi",
        uses: &[],
        in_tests: &[],
        must_not_know: &[TOKIO, SQL, "rustls", HTTP[0], HTTP[1], HTTP[2]],
    },
    Door {
        room: "codec",
        uses: &["mapi"],
        in_tests: &[],
        must_not_know: &[TOKIO, SQL, "rustls", "futures-util"],
    },
    Door {
        room: "wire",
        uses: &["mapi"],
        in_tests: &[],
        must_not_know: &[TOKIO, SQL, "rustls", "futures-util"],
    },
    Door {
        room: "connect",
        uses: &["model", "mapi", "codec", "wire"],
        in_tests: &["lab", "suite"],
        must_not_know: &[SQL, "axum"],
    },
    Door { room: "store", uses: &["model"], in_tests: &["suite"], must_not_know: &HTTP },
    Door {
        room: "engine",
        uses: &["model"],
        in_tests: &["lab", "suite", "store"],
        must_not_know: &[SQL, "rustls", HTTP[0], HTTP[1], HTTP[2]],
    },
    Door { room: "server", uses: &["model"], in_tests: &["lab", "store"], must_not_know: &[SQL] },
    Door { room: "lab", uses: &["model", "mapi", "codec", "wire"], in_tests: &[], must_not_know: &[SQL] },
    Door { room: "suite", uses: &["model"], in_tests: &[], must_not_know: &[SQL, HTTP[0], HTTP[1], HTTP[2]] },
    Door { room: "xtask", uses: &[], in_tests: &[], must_not_know: &[TOKIO, SQL] },
];

/// Wiring: it may know all rooms.
const BINARY: &str = "mailferry";

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for package in tree.metadata.ours() {
        let mine = room(&package.name);
        match DOORS.iter().find(|door| door.room == mine) {
            Some(door) => check_door(tree, package, door, found),
            None if mine == BINARY => {}
            None => found.push(Violation::new(
                package.manifest(),
                1,
                RULE.name,
                format!("{mine} is no room of the house: add it to the table of doors first"),
            )),
        }
    }
}

fn check_door(tree: &Tree, package: &Package, door: &Door, found: &mut Vec<Violation>) {
    for dependency in &package.dependencies {
        let is_ours = dependency.name.starts_with("mailferry") || dependency.name == "xtask";
        let other = room(&dependency.name);
        let for_tests = dependency.kind.as_deref() == Some("dev");
        let message = if is_ours && other != door.room {
            let allowed = door.uses.contains(&other) || (for_tests && door.in_tests.contains(&other));
            (!allowed).then(|| {
                format!(
                    "{} must not depend on {other}{}",
                    door.room,
                    if for_tests { ", not in tests" } else { "" }
                )
            })
        } else {
            let unknown = !for_tests && door.must_not_know.contains(&dependency.name.as_str());
            unknown.then(|| format!("{} must not know {}", door.room, dependency.name))
        };
        if let Some(message) = message {
            let path = package.manifest();
            let line = line_of(tree.text(&path).unwrap_or_default(), &dependency.name);
            found.push(Violation::new(path, line, RULE.name, message));
        }
    }
}

fn line_of(manifest: &str, dependency: &str) -> usize {
    let begins =
        |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(begins).map_or(1, |n| n + 1)
}
