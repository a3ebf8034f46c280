//! Maildir++ folders on this machine, as source and as target: the smallest connector, and no network at all.
//!
//! Line ends: files hold what was delivered; a body whose lines end in bare LF is handed out with CRLF, as IMAP
//! servers do, and is written as it is given. A folder is a directory `.A.B` beside `cur`, names in modified UTF-7.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    port::{Connector, Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes},
};

mod checks;
mod client;
mod source;
mod target;

use client::Store;

/// The connector.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maildir;

static MANIFEST: Manifest = Manifest {
    kind: "maildir",
    title: "Maildir",
    naming: "Maildir",
    source: true,
    target: true,
    moves: true,
    schemes: &["maildir"],
    settings: &[SettingSpec {
        required: true,
        ..SettingSpec::optional(
            "path",
            Takes::Path,
            None,
            "The Maildir, with cur, new and tmp in it. {user} stands for the mailbox's name.",
        )
    }],
    guide: include_str!("guide.md"),
};

impl Maildir {
    fn store(side: Side, settings: &Settings, mailbox: &MailboxAddress) -> Result<Store> {
        let path = settings.get("path").unwrap_or_default();
        let user = mailbox.user.as_deref().unwrap_or(&mailbox.address);
        let strays = path.contains("{user}")
            && (user.is_empty() || user.starts_with('.') || user.contains(['/', '\0', '\\']));
        if path.is_empty() || strays {
            let error = Error::new(Kind::Malformed, side, "read settings", "no Maildir for this mailbox");
            return Err(error.scope_of(Scope::Mailbox).retry_of(mailferry_model::Retry::AfterFix));
        }
        Ok(Store { root: path.replace("{user}", user).into(), side })
    }
}

#[async_trait]
impl Connector for Maildir {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>> {
        match settings.get("path") {
            Some(path) if !path.is_empty() => Ok(()),
            _ => Err(vec!["path: the Maildir is missing".into()]),
        }
    }

    fn account_of_url(&self, url: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        let path = url.strip_prefix("maildir:").ok_or("not a maildir: URL")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err("the URL has no path: maildir:PATH".into());
        }
        let mailbox = MailboxAddress { address: path.to_owned(), ..MailboxAddress::default() };
        Ok((Settings::default().with("path", path), mailbox))
    }

    fn probes(&self, settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
        checks::probes(settings, mailbox)
    }

    async fn source(
        &self,
        cx: &Cx,
        settings: &Settings,
        mailbox: &MailboxAddress,
    ) -> Result<Box<dyn Source>> {
        let store = Self::store(Side::Source, settings, mailbox)?;
        store.check_root()?;
        Ok(Box::new(source::MaildirSource::of(cx, store)))
    }

    async fn target(
        &self,
        cx: &Cx,
        settings: &Settings,
        mailbox: &MailboxAddress,
    ) -> Result<Box<dyn Target>> {
        let store = Self::store(Side::Target, settings, mailbox)?;
        // Opening changes nothing: a dry run opens a target, too. The first put makes it.
        if store.is_unmade() {
            checks::may_be_made(Side::Target, &store.root)?;
        }
        Ok(Box::new(target::MaildirTarget::of(cx, store)))
    }
}

#[cfg(test)]
mod tests;
