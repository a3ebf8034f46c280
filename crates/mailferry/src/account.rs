//! One side of a copy from the command line: an account's URL, the flags of its side, its secret.

use std::{path::PathBuf, sync::Arc};

use clap::ArgMatches;
use mailferry_engine::open::End;
use mailferry_model::{
    port::Connector,
    settings::{MailboxAddress, Settings, Takes},
};

use crate::{args::absolute, exit::Failure, secrets};

/// The settings that flags of a side stand for, by the names that manifests use.
const PLAIN: [(&str, &str); 4] = [
    ("admin", "username"),
    ("admin-style", "admin-style"),
    ("ca-file", "ca-file"),
    ("fingerprint", "fingerprint"),
];

/// The flags of one side.
pub struct Side<'a> {
    /// `source` or `target`.
    pub word: &'static str,
    /// Where its flags are.
    pub matches: &'a ArgMatches,
    /// The CA file for both sides.
    pub ca_file: Option<&'a PathBuf>,
}

impl Side<'_> {
    fn flag(&self, name: &str) -> Option<&str> {
        self.matches.get_one::<String>(&format!("{}-{name}", self.word)).map(String::as_str)
    }
}

/// An account's URL and its flags as something that can be opened. Asks for a missing password.
pub fn end(url: &str, side: &Side<'_>, connectors: &[Arc<dyn Connector>]) -> Result<End, Failure> {
    let connector = by_scheme(url, connectors)?;
    let manifest = connector.manifest();
    let word = side.word;
    let (mut settings, mut mailbox) =
        connector.account_of_url(url).map_err(|words| Failure::usage(format!("{word}: {words}")))?;
    for spec in manifest.settings.iter().filter(|s| s.takes == Takes::Path) {
        // Where it is, not how it was typed: the ledger is found by it.
        let Some(typed) = settings.get(spec.name).map(str::to_owned) else { continue };
        if mailbox.address == typed {
            mailbox.address = absolute(&typed);
        }
        settings = settings.with(spec.name, absolute(&typed));
    }
    for (flag, setting) in PLAIN {
        let common = side.ca_file.filter(|_| flag == "ca-file").map(|p| p.to_string_lossy().into_owned());
        let Some(value) = side
            .flag(flag)
            .map(str::to_owned)
            .or_else(|| common.filter(|_| manifest.setting(setting).is_some()))
        else {
            continue;
        };
        let Some(spec) = manifest.setting(setting) else {
            return Err(Failure::usage(format!("{} takes no --{word}-{flag}", manifest.title)));
        };
        let value = if spec.takes == Takes::Path { absolute(&value) } else { value };
        settings = settings.with(setting, value);
    }
    if side.flag("admin").is_some() && side.flag("admin-style").is_none() {
        let words = format!("--{word}-admin needs --{word}-admin-style: dovecot (USER*ADMIN) or authzid");
        return Err(Failure::usage(words));
    }
    if side.flag("admin-style").is_some() && settings.get("username").is_none() {
        return Err(Failure::usage(format!("--{word}-admin-style needs --{word}-admin, whose style it is")));
    }
    if manifest.settings.iter().any(|s| s.takes == Takes::Secret) {
        (settings, mailbox) = with_secret(settings, mailbox, side)?;
    }
    let mut faults = manifest.check(&settings);
    if faults.is_empty() {
        faults = connector.check(&settings).err().unwrap_or_default();
    }
    match faults.is_empty() {
        true => Ok(End { connector, settings, mailbox }),
        false => Err(Failure::usage(format!("{word}: {}", faults.join("; ")))),
    }
}

/// The secret of a side: the administrator's, or the mailbox's own.
fn with_secret(
    settings: Settings,
    mailbox: MailboxAddress,
    side: &Side<'_>,
) -> Result<(Settings, MailboxAddress), Failure> {
    let word = side.word;
    let by_admin = settings.get("username").map(str::to_owned);
    let given: Vec<(&str, &str)> = ["token-file", "password-file", "password-command"]
        .into_iter()
        .filter_map(|flag| Some((flag, side.flag(flag)?)))
        .collect();
    let (name, secret) = match given[..] {
        [("token-file", path)] => ("token", secrets::from_file(path.as_ref())?),
        [("password-command", command)] => ("password", secrets::from_command(command)?),
        [(_, path)] => ("password", secrets::from_file(path.as_ref())?),
        [(one, _), (other, _), ..] => {
            return Err(Failure::usage(format!("give --{word}-{one} or --{word}-{other}, not both")));
        }
        [] => match secrets::from_environment(&format!("MAILFERRY_{}_PASSWORD", word.to_uppercase())) {
            Some(secret) => ("password", secret),
            None => {
                let user = mailbox.user.as_ref().unwrap_or(&mailbox.address);
                let whose = by_admin.as_ref().unwrap_or(user);
                let asked =
                    secrets::ask(&format!("{whose} ({word})"), &format!("{word}-password-file FILE"))?;
                ("password", asked)
            }
        },
    };
    Ok(match (by_admin, name) {
        (Some(_), name) => (settings.with_secret(name, secret), mailbox),
        (None, "token") => (settings, MailboxAddress { token: Some(secret), ..mailbox }),
        (None, _) => (settings, MailboxAddress { password: Some(secret), ..mailbox }),
    })
}

/// The connector of a URL. What was typed is not repeated: there may be a password in it.
fn by_scheme(url: &str, connectors: &[Arc<dyn Connector>]) -> Result<Arc<dyn Connector>, Failure> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
    let found = connectors.iter().find(|c| c.manifest().schemes.contains(&scheme.as_str()));
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = connectors.iter().flat_map(|c| c.manifest().schemes).copied().collect();
        let text = "write it as imaps://USER@HOST, imap://USER@HOST or maildir:PATH";
        Failure::usage(format!("an account begins with one of {}: ({text})", known.join(":, ")))
    })
}

#[cfg(test)]
mod tests {
    use mailferry_engine::open::End;

    use super::*;

    /// By this text a copy finds its ledger again: a setting more in it would be another copy, and trace everything anew.
    #[test]
    fn a_mailbox_is_called_as_it_was_in_earlier_versions() {
        for (url, identity) in [
            (
                "imap://ann@mail.example.org?security=none",
                "imap remote-server=\"mail.example.org\" port=\"\" mailbox=\"ann\"",
            ),
            (
                "imaps://ann@mail.example.org:1993",
                "imap remote-server=\"mail.example.org\" port=\"1993\" mailbox=\"ann\"",
            ),
        ] {
            let connector = by_scheme(url, &mailferry_connect::registry()).unwrap();
            let (settings, mailbox) = connector.account_of_url(url).unwrap();
            assert_eq!(End { connector, settings, mailbox }.identity(), identity);
        }
    }
}
