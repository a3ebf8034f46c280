//! What is measured: the yard-stick, a second one where somebody has it, Dovecot's own copy, mbsync, and mailferry.
//!
//! Each is started as a program of its own, on the same accounts, in turns.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::peers::Account;

/// One way to copy an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// FETCH into MULTIAPPEND, nothing else.
    Raw,
    /// Somebody else's loop of the same kind: `rawcopy SOURCE TARGET`. Where it is faster, ours does not count.
    Rawcopy,
    /// `doveadm backup`: reads over IMAP, writes straight into the target's store. Loopback only.
    Doveadm,
    /// The fastest of its kind that keeps books.
    Mbsync,
    /// Ours.
    Mailferry,
}

impl Tool {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Rawcopy => "rawcopy",
            Self::Doveadm => "doveadm backup",
            Self::Mbsync => "mbsync",
            Self::Mailferry => "mailferry",
        }
    }

    /// Whether it keeps books, so that a second pass can be measured.
    pub fn has_second_pass(self) -> bool {
        matches!(self, Self::Mbsync | Self::Mailferry)
    }
}

/// The program `rawcopy`: what `MAILFERRY_RAWCOPY` names, else the one of that name.
pub fn rawcopy() -> OsString {
    std::env::var_os("MAILFERRY_RAWCOPY").unwrap_or_else(|| "rawcopy".into())
}

/// One copy to be made.
#[derive(Debug)]
pub struct Copy<'a> {
    /// The ports of source and target.
    pub ports: (u16, u16),
    /// Their users.
    pub users: (&'a str, &'a str),
    /// The target's configuration, for its own tools.
    pub target_config: &'a Path,
    /// Where the tool may keep its books.
    pub state: &'a Path,
    /// The release build of this program, and of mailferry.
    pub programs: &'a Path,
    /// Further arguments for mailferry.
    pub more: &'a [String],
}

impl Copy<'_> {
    /// The command that makes the copy; started again, it finds nothing to do.
    pub fn command(&self, tool: Tool) -> Result<Command> {
        match tool {
            Tool::Raw => Ok(self.raw()),
            Tool::Rawcopy => Ok(self.rawcopy()),
            Tool::Doveadm => Ok(self.doveadm()),
            Tool::Mbsync => self.mbsync(),
            Tool::Mailferry => self.mailferry(),
        }
    }

    fn raw(&self) -> Command {
        let mut command = Command::new(self.programs.join("xtask"));
        command.args(["bench", "raw", &self.ports.0.to_string(), self.users.0]);
        command.args([&self.ports.1.to_string(), self.users.1]);
        command
    }

    fn rawcopy(&self) -> Command {
        let url = |port: u16, user: &str| {
            let account = Account::named(user);
            format!("imap://{}:{}@127.0.0.1:{port}", account.user, account.password)
        };
        let mut command = Command::new(rawcopy());
        command.args([url(self.ports.0, self.users.0), url(self.ports.1, self.users.1)]);
        command
    }

    fn doveadm(&self) -> Command {
        let source = Account::named(self.users.0);
        let mut command = Command::new("doveadm");
        command.arg("-c").arg(self.target_config);
        let settings = [
            "imapc_host=127.0.0.1".to_owned(),
            format!("imapc_port={}", self.ports.0),
            format!("imapc_user={}", source.user),
            format!("imapc_password={}", source.password),
            "imapc_features=rfc822.size fetch-headers".to_owned(),
            "imapc_ssl=no".to_owned(),
            "mail_prefetch_count=20".to_owned(),
        ];
        for setting in settings {
            command.args(["-o", &setting]);
        }
        command.args(["backup", "-R", "-u", self.users.1, "imapc:"]);
        command
    }

    /// Far is the source. New messages and flags are pulled; nothing is deleted anywhere.
    fn mbsync(&self) -> Result<Command> {
        let side = |name: &str, port: u16, user: &str| {
            let account = Account::named(user);
            format!(
                "IMAPAccount {name}\nHost 127.0.0.1\nPort {port}\nUser {}\nPass {}\nSSLType None\nAuthMechs LOGIN\n\
                 Timeout 120\n\nIMAPStore {name}\nAccount {name}\n\n",
                account.user, account.password
            )
        };
        let text = side("far", self.ports.0, self.users.0)
            + &side("near", self.ports.1, self.users.1)
            + &format!(
                "Channel copy\nFar :far:\nNear :near:\nPatterns * INBOX\nCreate Near\nSync PullNew PullFlags\n\
                 Expunge None\nCopyArrivalDate yes\nSyncState {}/\n",
                self.state.display()
            );
        let file = self.state.join("mbsyncrc");
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        let mut command = Command::new("mbsync");
        command.args(["-q", "-c"]).arg(file).arg("-a");
        Ok(command)
    }

    fn mailferry(&self) -> Result<Command> {
        let url = |port: u16, user: &str| format!("imap://{user}@127.0.0.1:{port}?security=none");
        let mut command = Command::new(self.programs.join("mailferry"));
        command.args(["copy", &url(self.ports.0, self.users.0), &url(self.ports.1, self.users.1)]);
        command.arg("--source-password-file").arg(self.password_file("source", self.users.0)?);
        command.arg("--target-password-file").arg(self.password_file("target", self.users.1)?);
        command.arg("--data-dir").arg(self.state.join("data")).args(["-o", "json"]);
        command.args(self.more);
        Ok(command)
    }

    fn password_file(&self, side: &str, user: &str) -> Result<PathBuf> {
        let file = self.state.join(format!("{side}-password"));
        fs::write(&file, Account::named(user).password + "\n")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }
}
