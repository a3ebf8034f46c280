//! Two servers, one user on each, and the binary between them.

use std::collections::{BTreeMap, BTreeSet};

use mailferry_lab::imap::{Config, Letter, Person, Quirk, Server, Snapshot};
use mailferry_wire::imap::Flag;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::ferry::{Ferry, Ran};

const PASSWORD: &str = "canary-4711";

/// A source, a target, and a place for the binary.
pub struct Scene {
    /// Read from.
    pub source: Server,
    /// Written to.
    pub target: Server,
    /// The binary's place.
    pub ferry: Ferry,
    /// What the binary signs in with: a file.
    pub secret: String,
    runtime: Runtime,
}

/// What a folder holds, without UIDs: octets, flags, date; in order, so that equal ones count.
pub type Held = BTreeMap<String, Vec<(Vec<u8>, BTreeSet<String>, i64)>>;

/// A server for `ann` that does such things.
pub fn server(quirks: &[Quirk]) -> Config {
    Config { quirks: quirks.to_vec(), ..Config::for_users(&[("ann", PASSWORD)]) }
}

/// A message like others of its kind, seen and flagged by turns.
pub fn letter(n: u32) -> Letter {
    let text = format!(
        "From: a@x\r\nTo: b@x\r\nSubject: letter {n}\r\nDate: Sat, 1 Mar 2025 10:00:00 +0000\r\n\
         Message-ID: <{n}@letters>\r\n\r\nThe text of letter {n}.\r\n{}",
        "Another line of it.\r\n".repeat(n as usize % 17)
    );
    let flags = if n.is_multiple_of(2) { vec![Flag::Seen] } else { vec![Flag::Seen, Flag::Flagged] };
    Letter { flags, ..Letter::from_text(&text) }
}

/// A snapshot without UIDs.
pub fn held(snapshot: &Snapshot) -> Held {
    let mut held = Held::new();
    for (folder, messages) in snapshot {
        let one = |m: &mailferry_lab::imap::Held| {
            let flags = m.flags.iter().map(ToString::to_string).collect();
            (m.body.to_bytes().to_vec(), flags, m.date.epoch_seconds())
        };
        let mut all: Vec<_> = messages.iter().map(one).collect();
        all.sort();
        held.insert(folder.clone(), all);
    }
    held
}

impl Scene {
    /// Two servers as configured.
    pub fn of(source: Config, target: Config) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let start = |config| runtime.block_on(Server::start(config)).unwrap();
        let (source, target, ferry) = (start(source), start(target), Ferry::new());
        let secret = ferry.file("password", PASSWORD);
        Self { source, target, ferry, secret, runtime }
    }

    /// Two servers with these quirks.
    pub fn with(source: &[Quirk], target: &[Quirk]) -> Self {
        Self::of(server(source), server(target))
    }

    /// The two servers as the endpoints Old and New, which sign in for nobody.
    pub fn endpoints(&self) {
        for (name, server) in [("Old", &self.source), ("New", &self.target)] {
            let port = server.port().to_string();
            let mut words = vec!["endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1"];
            words.extend(["--port", &port, "--security", "none"]);
            self.ferry.ends(0, &words);
        }
    }

    /// So many letters in the source's INBOX.
    pub fn letters(self, count: u32) -> Self {
        (1..=count).for_each(|n| _ = self.from().deliver("INBOX", letter(n)));
        self
    }

    /// The user at the source.
    pub fn from(&self) -> Person {
        self.source.user("ann")
    }

    /// The user at the target.
    pub fn to(&self) -> Person {
        self.target.user("ann")
    }

    /// The words of a command about both accounts.
    pub fn words(&self, command: &str, more: &[&str]) -> Vec<String> {
        let url = |server: &Server| format!("imap://ann@127.0.0.1:{}?security=none", server.port());
        let mut words = vec![command.to_owned(), url(&self.source), url(&self.target)];
        words.extend(["--source-password-file", &self.secret].map(str::to_owned));
        words.extend(["--target-password-file", &self.secret].map(str::to_owned));
        words.extend(["-o", "json"].map(str::to_owned));
        if !more.contains(&"--grace") {
            words.extend(["--grace", "0"].map(str::to_owned));
        }
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    }

    /// Runs a command about both accounts; it must end with that code.
    pub fn ends(&self, code: i32, command: &str, more: &[&str]) -> Value {
        let ran = self.run(command, more);
        assert_eq!(ran.code, code, "{}\n{}", ran.out, ran.err);
        let told = ran.json();
        assert_eq!(told["exitCode"], code, "{told}");
        told
    }

    /// Runs a command about both accounts.
    pub fn run(&self, command: &str, more: &[&str]) -> Ran {
        let words = self.words(command, more);
        self.ferry.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A copy that ends with that code.
    pub fn copies(&self, code: i32) -> Value {
        self.ends(code, "copy", &[])
    }

    /// Whether both sides hold the same.
    #[track_caller]
    pub fn agree(&self) {
        let (from, to) = (held(&self.from().snapshot()), held(&self.to().snapshot()));
        let count = |held: &Held| held.iter().map(|(n, v)| (n.clone(), v.len())).collect::<Vec<_>>();
        assert_eq!(count(&from), count(&to));
        for (folder, here) in &from {
            if let Some((here, there)) = here.iter().zip(&to[folder]).find(|(here, there)| here != there) {
                let show =
                    |m: &(Vec<u8>, _, i64)| String::from_utf8_lossy(&m.0[..m.0.len().min(300)]).into_owned();
                let (a, b) = ((show(here), &here.1, here.2), (show(there), &there.1, there.2));
                panic!("{folder}: {a:?}\nis {b:?} at the target");
            }
        }
        self.well_behaved();
    }

    /// Whether the client broke no rule at either server.
    #[track_caller]
    pub fn well_behaved(&self) {
        let none = Vec::<String>::new();
        assert_eq!((self.source.log().violations(), self.target.log().violations()), (none.clone(), none));
    }

    /// One more run finds all well, changes nothing and reads no body.
    #[track_caller]
    pub fn rests(&self) {
        self.source.log().clear();
        self.target.log().clear();
        let told = self.copies(0);
        assert_eq!(told["put"], 0, "{told}");
        for server in [&self.source, &self.target] {
            assert_eq!((server.log().writes().len(), server.log().bodies_read()), (0, 0));
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Servers end before the runtime in which they live.
        let _inside = self.runtime.enter();
    }
}

/// Codes of the items in a list of a result.
pub fn codes(told: &Value, list: &str) -> Vec<String> {
    let items = told[list].as_array().unwrap().iter();
    items.map(|item| item["code"].as_str().unwrap().to_owned()).collect()
}

/// Whether a result says that the migration looks good.
pub fn looks_good(told: &Value) -> bool {
    let sentence = told["sentence"].as_str().unwrap();
    let good = sentence.starts_with("The migration looks good: all ");
    assert!(good || sentence.starts_with("The migration does NOT look good"), "{sentence}");
    good
}
