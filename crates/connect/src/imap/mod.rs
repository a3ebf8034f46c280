//! IMAP: mailboxes on any server that speaks it, as source and as target. The connector that others are modelled on.
//!
//! `client` has the session, `source` and `target` the two ports, `checks` what is asked before trusting a server.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    finding::Finding,
    port::{Connector, Cx, Probe, Source, Target},
    settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes},
};

use crate::net::{reach, tls};

mod checks;
mod client;
mod source;
mod target;

use client::{
    account::{self, Server, SignIn},
    open::Account,
};

/// The connector.
#[derive(Clone, Copy, Debug, Default)]
pub struct Imap;

static SETTINGS: [SettingSpec; 24] = SettingSpec::joined(&[&OWN, &reach::SETTINGS]);

const OWN: [SettingSpec; 17] = [
    SettingSpec::optional("remote-server", Takes::Host, None, "The IMAP server's name or address."),
    SettingSpec::optional("port", Takes::Port, None, "Its port; 993 for ssl, 143 otherwise."),
    SettingSpec::optional(
        "security",
        Takes::OneOf(&["ssl", "tls", "none"]),
        Some("ssl"),
        "ssl: TLS from the start; tls: STARTTLS; none: passwords and mail travel unprotected.",
    )
    .aiming(),
    SettingSpec::optional("username", Takes::Text, None, "An administrator who may open all mailboxes."),
    SettingSpec::optional(
        "admin-style",
        Takes::Text,
        None,
        "How the administrator names a mailbox: dovecot (user*admin), percent (user%admin), authzid, or a pattern with {user} and {admin}.",
    ),
    SettingSpec::optional(
        "password",
        Takes::Secret,
        None,
        "The administrator's password, or one that all mailboxes share.",
    ),
    SettingSpec::optional("token", Takes::Secret, None, "A bearer token instead of a password."),
    SettingSpec::optional(
        "auth",
        Takes::OneOf(&["auto", "plain", "login", "xoauth2", "oauthbearer"]),
        Some("auto"),
        "How to sign in.",
    ),
    tls::CA_FILE,
    tls::CA,
    tls::FINGERPRINT,
    tls::VERIFY,
    SettingSpec::optional("email", Takes::Text, None, "A mailbox's address, to find the server by.").aiming(),
    SettingSpec::optional(
        "autodiscover",
        Takes::Switch,
        None,
        "Find the server by SRV records or autoconfig; without it remote-server is needed.",
    )
    .aiming(),
    SettingSpec::optional(
        "autoconfig-port",
        Takes::Number,
        Some("443"),
        "The port on which autoconfig is asked.",
    )
    .aiming(),
    SettingSpec::optional("test-mailbox", Takes::Text, None, "The mailbox that tests open."),
    crate::checks::account::SETTING,
];

static MANIFEST: Manifest = Manifest {
    kind: "imap",
    title: "IMAP",
    naming: "IMAP-Source",
    source: true,
    target: true,
    moves: true,
    schemes: &["imaps", "imap"],
    settings: &SETTINGS,
    guide: include_str!("guide.md"),
};

impl Imap {
    fn account(cx: &Cx, settings: &Settings, mailbox: &MailboxAddress) -> Result<Account> {
        let fault = |text: String| {
            Error::new(Kind::Malformed, cx.side, "read settings", text)
                .scope_of(Scope::Mailbox)
                .retry_of(mailferry_model::Retry::AfterFix)
        };
        let server = Server::from_settings(settings).map_err(|faults| fault(faults.join("; ")))?;
        let who = SignIn::for_mailbox(settings, mailbox).map_err(|text| {
            match account::is_signed_out(settings, mailbox) {
                // Whoever signed in for all mailboxes has no password any more: none of them is at fault.
                true => Error::new(Kind::Unauthenticated, cx.side, "sign in", text).scope_of(Scope::Endpoint),
                false => fault(text),
            }
        })?;
        Ok(Account { server, who })
    }
}

#[async_trait]
impl Connector for Imap {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn check(&self, settings: &Settings) -> std::result::Result<(), Vec<String>> {
        if checks::is_to_be_found(settings) {
            return checks::check_address(settings).map_err(|fault| vec![fault]);
        }
        let server = Server::from_settings(settings)?;
        crate::checks::account::check(settings).map_err(|fault| vec![fault])?;
        tls::check(&server.trust).map_err(|fault| vec![fault])
    }

    fn account_of_url(&self, url: &str) -> std::result::Result<(Settings, MailboxAddress), String> {
        account::account_of_url(url)
    }

    async fn discover(&self, cx: &Cx, settings: &Settings) -> std::result::Result<Settings, Finding> {
        checks::find(cx, settings).await
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
        let cx = Cx { side: Side::Source, ..cx.clone() };
        let account = Self::account(&cx, settings, mailbox)?;
        Ok(Box::new(source::ImapSource::open(&cx, account).await?))
    }

    async fn target(
        &self,
        cx: &Cx,
        settings: &Settings,
        mailbox: &MailboxAddress,
    ) -> Result<Box<dyn Target>> {
        let cx = Cx { side: Side::Target, ..cx.clone() };
        let account = Self::account(&cx, settings, mailbox)?;
        Ok(Box::new(target::ImapTarget::open(&cx, account).await?))
    }
}

#[cfg(test)]
mod tests;
