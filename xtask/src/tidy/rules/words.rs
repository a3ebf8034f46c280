//! Words that a room must not say: the current time, sleeping, printing, the environment, sockets.
//!
//! Only product code is read: comments, strings and tests may say anything.

use crate::tidy::{Rule, Tree, Violation};

/// Nobody says what is not theirs to say.
pub const RULE: Rule = Rule {
    name: "words",
    demands: "rooms stay clear of what they must not touch: clocks, sleep, randomness, printing, environment, sockets",
    check,
};

struct Ban {
    words: &'static [&'static str],
    rooms: Rooms,
    instead: &'static str,
}

enum Rooms {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

const TIMELESS: [&str; 6] = ["engine", "model", "store", "codec", "wire", "suite"];

const BANS: [Ban; 6] = [
    Ban {
        words: &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "Utc::now"],
        rooms: Rooms::Only(&TIMELESS),
        instead: "time is an argument: take it from the clock port",
    },
    Ban {
        words: &["sleep(", "tokio::time::interval", "tokio::time::timeout"],
        rooms: Rooms::Only(&TIMELESS),
        instead: "wait by the clock port",
    },
    Ban {
        words: &["now_v7(", "new_v4(", "getrandom::", "rand::"],
        rooms: Rooms::Only(&["model", "codec", "wire"]),
        instead: "no randomness here: take it as an argument",
    },
    Ban {
        words: &["println!", "eprintln!", "print!(", "eprint!("],
        rooms: Rooms::AllBut(&["mailferry", "xtask"]),
        instead: "only the binary speaks to the terminal: log, or return it",
    },
    Ban {
        words: &["env::var", "env::vars"],
        rooms: Rooms::AllBut(&["mailferry", "xtask"]),
        instead: "only the binary reads the environment",
    },
    Ban {
        words: &["TcpStream", "TcpListener", "UdpSocket", "UnixStream"],
        rooms: Rooms::Only(&["model", "mapi", "codec", "wire", "engine", "store", "suite", "connect"]),
        instead: "only connect::net opens sockets",
    },
];

/// Where sockets are opened.
const NET: &str = "crates/connect/src/net";

fn check(tree: &Tree, found: &mut Vec<Violation>) {
    for (file, facts) in tree.rust().filter(|(file, _)| !file.is_test()) {
        let Some(room) = file.crate_name() else { continue };
        let bans: Vec<&Ban> = BANS.iter().filter(|ban| ban.rooms.have(room)).collect();
        for (number, line) in facts.product_lines() {
            for ban in &bans {
                let is_net = file.path.starts_with(NET) && ban.instead.contains("net");
                for word in ban.words.iter().filter(|word| !is_net && says(line, word)) {
                    let message = format!("{}: {}", word.trim_end_matches('('), ban.instead);
                    found.push(Violation::new(&file.path, number, RULE.name, message));
                }
            }
        }
    }
}

impl Rooms {
    fn have(&self, room: &str) -> bool {
        match self {
            Self::Only(rooms) => rooms.contains(&room),
            Self::AllBut(rooms) => !rooms.contains(&room),
        }
    }
}

/// Whether a line says the word: whole, and neither as a method (`clock.sleep(…)`) nor declaring one.
fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let own = before.ends_with('.') || before.trim_end().ends_with("fn");
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let after = line.get(at + word.len()..).unwrap_or_default();
        let open =
            word.ends_with(|c: char| c.is_alphanumeric()) && after.starts_with(|c: char| c.is_alphanumeric());
        !own && !inside && !open
    })
}
