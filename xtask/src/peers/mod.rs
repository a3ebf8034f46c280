//! Real servers for tests and benchmarks: throw-away, on 127.0.0.1 only, ended by their process id.
//!
//! Each `up` waits until the server answers and describes it as [`Peer`]; also in `DIR/peer.json`,
//! which is how `down` finds it again. Only [`install`] touches the system.

pub mod account;
pub mod command;
pub mod cyrus;
pub mod dovecot;
pub mod install;
pub mod postgres;
pub mod process;
#[cfg(test)]
mod tests;
pub mod tls;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

pub use account::Account;

/// A server that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Peer {
    /// `dovecot`, `cyrus` or `postgres`.
    pub server: String,
    /// Its own words for its version.
    pub version: String,
    /// All it owns.
    pub dir: PathBuf,
    /// The process that ends all others of it.
    pub pid: u32,
    /// Where it says what went wrong.
    pub log: PathBuf,
    /// Its configuration; the process's command line names it.
    pub config: PathBuf,
    /// What only a mail server has.
    #[serde(flatten)]
    pub mail: Option<Mail>,
    /// What only a database has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How to reach a mail server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mail {
    /// Always 127.0.0.1.
    pub host: String,
    /// The port for plain text and STARTTLS.
    pub imap: u16,
    /// The port for TLS.
    pub imaps: u16,
    /// The CA that signed its certificate.
    pub ca: PathBuf,
    /// The folder with every user's mail.
    pub store: PathBuf,
    /// `uid:gid` of the mail's owner.
    pub owner: String,
    /// Who may sign in for others: `user0001*master` at Dovecot, PLAIN with authzid at Cyrus.
    pub admin: Account,
    /// The users.
    pub accounts: Vec<Account>,
    /// `EmailAddress,UserName,Password`, ready for an IMAP batch.
    pub users_csv: PathBuf,
}

impl Peer {
    /// Writes `DIR/peer.json` and, for mail servers, `DIR/users.csv`.
    pub fn publish(&self) -> Result<()> {
        if let Some(mail) = &self.mail {
            let rows =
                mail.accounts.iter().map(|one| format!("{},{},{}\n", one.email, one.user, one.password));
            let text = format!("EmailAddress,UserName,Password\n{}", rows.collect::<String>());
            std::fs::write(&mail.users_csv, text)?;
        }
        std::fs::write(self.dir.join("peer.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }

    /// Reads the description of a peer that was started earlier.
    pub fn of(dir: &Path) -> Result<Self> {
        let path = dir.join("peer.json");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The mail server's part.
    pub fn mail(&self) -> Result<&Mail> {
        self.mail.as_ref().with_context(|| format!("{} is no mail server", self.server))
    }

    /// Ends it; whether it was running. Its folder stays.
    pub fn down(&self) -> Result<bool> {
        process::stop(self.pid, &self.config)
    }
}

/// A peer that ends when this value is dropped.
#[derive(Debug)]
pub struct Guard(pub Peer);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.0.down() {
            eprintln!("{}: {error:#}", self.0.server);
        }
    }
}

/// Makes the folder of a server: absolute, short enough for sockets, open for other users to pass.
pub fn make_folder(dir: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let dir = dir.canonicalize()?;
    ensure!(dir.as_os_str().len() <= 70, "{}: too long for sockets, 70 characters at most", dir.display());
    process::open_for_passing(&dir)?;
    Ok(dir)
}
