//! The scripts that plant, change and judge the mailboxes of a demo, and the little there is without them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mailferry_lab::imap::{Letter, Server};
use serde_json::Value;

use super::{
    child::output,
    stage::{Stage, has, last},
};
use crate::exit::Failure;

/// How many mailboxes there are.
pub const MAILBOXES: usize = 12;

/// The mailbox with every oddity.
pub const ODD: usize = 11;

/// Where the scripts are, and a Python that runs them.
pub struct Scripts(PathBuf);

impl Scripts {
    /// Those in the folder given, or in the repository that this binary was built in; none without Python.
    pub fn find(given: Option<&Path>) -> Option<Self> {
        let program = std::env::current_exe().unwrap_or_default();
        let beside =
            || program.ancestors().map(|a| a.join("tests/interop")).find(|f| f.join("town.py").is_file());
        let folder = given.map(Path::to_owned).or_else(beside)?;
        let folder = std::path::absolute(folder).ok()?;
        (has("python3") && folder.join("town.py").is_file()).then_some(Self(folder))
    }

    /// Runs one of the verbs of `town.py`; its answer, whether or not it is content.
    pub async fn run(&self, stage: &Stage, verb: &str, more: &[&str]) -> Result<Value, Failure> {
        let mut command = Command::new("python3");
        command
            .arg("-B")
            .arg(self.0.join("town.py"))
            .args([verb, "source", "target", "town.state"])
            .args(more);
        let out = output(&stage.folder, command).await?;
        serde_json::from_str(&out.said)
            .map_err(|_| Failure::own(format!("town.py {verb}: {}", last(&out.complaint))))
    }
}

/// A few letters for everyone, when there is no Python: they are never read back independently.
pub fn plant_plain(server: &Server) {
    for user in 1..=MAILBOXES {
        let person = server.user(&format!("user{user:04}"));
        for (folder, count) in [("INBOX", 20), ("Sent", 8), ("Archive", 30)] {
            for n in 1..=count {
                let text = format!(
                    "From: anna@example.net\r\nTo: user{user:04}@example.org\r\nSubject: {folder} {n}\r\n\
                     Date: Sat, 1 Mar 2025 10:00:00 +0000\r\nMessage-ID: <{folder}.{n}.{user}@example.net>\r\n\r\n\
                     Letter {n} in {folder}.\r\n"
                );
                person.deliver(folder, Letter::from_text(&text));
            }
        }
    }
}
