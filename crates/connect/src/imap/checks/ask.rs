//! How far a test has come: what the steps share.

use std::net::SocketAddr;

use mailferry_model::{
    Error, Kind, Result,
    finding::Step,
    port::Cx,
    settings::{MailboxAddress, Settings},
};

use super::Told;
use crate::imap::client::{
    account::{Proof, Server, SignIn},
    conn::Conn,
    talk::Talk,
};
use crate::net::{Plain, Stream};

/// Whose mailbox the sign-in is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// One that was named, or the account's own.
    Mailbox,
    /// None: only an administrator's password is tried.
    Nobody,
}

/// A test in progress.
pub(super) struct Asking {
    pub(super) sample: Sample,
    pub(super) server: std::result::Result<Server, String>,
    pub(super) who: Option<std::result::Result<SignIn, String>>,
    pub(super) append: bool,
    pub(super) at: At,
}

/// How far it came.
pub(super) enum At {
    Begin,
    Named(Vec<SocketAddr>),
    Connected(Plain),
    Secured(Box<Stream>),
    Greeted(Box<Talk>),
    SignedIn(Conn),
    /// The administrator's password is right; there is no mailbox to go on with.
    Known,
    /// A step failed: nothing further can be asked.
    Over,
}

impl Asking {
    pub(super) fn begin(settings: &Settings, mailbox: Option<&MailboxAddress>, sample: Sample) -> Self {
        let server = Server::from_settings(settings).map_err(|faults| faults.join("; "));
        let who = mailbox.map(|mailbox| SignIn::for_mailbox(settings, mailbox));
        let append = settings.get("probe-append") == Some("yes");
        Self { sample, server, who, append, at: At::Begin }
    }

    /// Whether nobody's mailbox is asked for.
    pub(super) fn is_nobody(&self) -> bool {
        self.sample == Sample::Nobody
    }

    /// The server's settings.
    pub(super) fn server(&self, cx: &Cx) -> Result<Server> {
        self.server.clone().map_err(|text| Error::new(Kind::Malformed, cx.side, "read settings", text))
    }

    /// Does one step. `None`: it cannot be reached.
    pub(super) async fn step(&mut self, cx: &Cx, step: Step) -> Result<Option<Told>> {
        match step {
            Step::Dns => self.dns(cx).await,
            Step::Tcp => self.tcp(cx).await,
            Step::Tls => self.tls(cx).await,
            Step::Protocol => self.protocol(cx).await,
            Step::Auth => self.auth(cx).await,
            Step::Permission => self.permission(cx).await,
            Step::Mailbox => self.mailbox(cx).await,
        }
    }

    /// Evidence without secrets, at most 4 KiB.
    pub(super) fn masked(&self, evidence: &str) -> String {
        let mut text = evidence.to_owned();
        if let Some(Ok(SignIn { proof: Proof::Password(secret) | Proof::Token(secret), .. })) = &self.who
            && !secret.expose().is_empty()
        {
            text = text.replace(secret.expose().as_str(), "…");
        }
        text.chars().take(4096).collect()
    }
}
