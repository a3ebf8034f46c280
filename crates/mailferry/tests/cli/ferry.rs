//! The binary in a folder of its own, and Maildirs to copy.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// A place for one test.
pub struct Ferry {
    folder: tempfile::TempDir,
}

/// How a command ended.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Ran {
    /// Runs it to its end.
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    /// Its output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

impl Ferry {
    /// A fresh one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in it.
    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_string_lossy().into_owned()
    }

    /// A Maildir with so many messages.
    pub fn maildir(&self, name: &str, messages: u32) -> String {
        let path = self.path(name);
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(path.join(part)).unwrap();
        }
        (1..=messages).for_each(|n| self.deliver(name, n));
        format!("maildir:{}", path.display())
    }

    /// One more message.
    pub fn deliver(&self, name: &str, n: u32) {
        let text = format!("From: a@x\r\nSubject: {n}\r\nMessage-ID: <{n}@x>\r\n\r\nbody {n}\r\n");
        std::fs::write(self.path(name).join(format!("cur/17000000{n:02}.M1.h:2,S")), text).unwrap();
    }

    /// The binary, ready to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
        command.args(words).args(["--data-dir".as_ref(), self.path("data").as_os_str()]);
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("MAILFERRY_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).current_dir(self.folder.path());
        command
    }

    /// Runs the binary.
    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs it; it must end with that code.
    pub fn ends(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
        ran
    }
}

/// Endpoints over the folders `from` and `to`, and a batch `w` of which anna@x is there and ben@x is not.
pub fn wave(ferry: &Ferry, client: &dyn Fn(i32, &[&str]) -> Ran) {
    ferry.maildir("from/anna@x", 2);
    std::fs::create_dir_all(ferry.path("to")).unwrap();
    for (name, folder) in [("Old", "from"), ("New", "to")] {
        let path = ferry.path(folder).join("{user}");
        client(0, &["endpoint", "new", name, "--type", "maildir", "--path", path.to_str().unwrap()]);
    }
    let csv = ferry.file("users.csv", "EmailAddress\nanna@x\nben@x\n");
    client(0, &["batch", "new", "w", "--source", "Old", "--target", "New", "--csv", &csv]);
}

/// Messages in a Maildir, without folders below it.
pub fn count(path: &Path) -> usize {
    let files = |part: &str| std::fs::read_dir(path.join(part)).map_or(0, Iterator::count);
    files("cur") + files("new")
}

/// A port on which nobody listens.
pub fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
