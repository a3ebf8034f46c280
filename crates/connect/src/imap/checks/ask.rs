//! How far a test has come: what the rows share.

use std::time::Duration;

use mailferry_model::{
    finding::Step,
    port::Cx,
    secret::Secret,
    settings::{MailboxAddress, Settings},
};

use super::provider::Provider;
use crate::imap::client::{
    account::{Proof, Security, Server, SignIn},
    conn::Conn,
    talk::Talk,
};
use crate::{
    checks::{Fault, Told, approach::Approach, secures::Begun, speaks::Asked},
    net::{Plain, Reach, Stream},
};

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
    pub(super) settings: Settings,
    pub(super) server: Result<Server, String>,
    pub(super) who: Option<Result<SignIn, String>>,
    /// The way to it; none where the settings name no server.
    pub(super) way: Option<Approach>,
    /// What the server said when it took the sign-in.
    pub(super) notices: Vec<String>,
    /// Who that is, once it has spoken.
    pub(super) provider: Option<&'static Provider>,
    pub(super) at: At,
}

/// How far it came.
pub(super) enum At {
    Begin,
    Named,
    Connected(Plain),
    Secured(Box<Stream>),
    Greeted(Box<Talk>),
    SignedIn(Conn),
    /// The administrator's password is right; there is no mailbox to go on with.
    Known,
    /// A step failed: nothing further can be asked.
    Over,
}

/// What a row says; `None`: it cannot be reached.
pub(super) type Row = Result<Option<Told>, Fault>;

impl Asking {
    pub(super) fn begin(settings: &Settings, mailbox: Option<&MailboxAddress>, sample: Sample) -> Self {
        let server = Server::from_settings(settings).map_err(|faults| faults.join("; "));
        let who = mailbox.map(|mailbox| SignIn::for_mailbox(settings, mailbox));
        let way = server.as_ref().ok().map(way_to);
        let (settings, notices) = (settings.clone(), Vec::new());
        Self { sample, settings, server, who, way, notices, provider: None, at: At::Begin }
    }

    /// The way to the server.
    pub(super) fn way(&mut self) -> Result<&mut Approach, Fault> {
        self.way.as_mut().ok_or_else(Fault::of_settings)
    }

    /// What a row of that step may take altogether. Each address and a proxy before it may take the time of the
    /// settings.
    pub(super) fn whole(&self, step: Step) -> Duration {
        let connect = self.way.as_ref().map(|way| way.reach.connect).filter(|_| step == Step::Tcp);
        super::WHOLE + connect.unwrap_or_default() * 2
    }

    /// How long a single answer may take.
    pub(super) fn answer(&self) -> Duration {
        self.way.as_ref().map_or_else(|| Reach::default().answer, |way| way.reach.answer)
    }

    /// Whether nobody's mailbox is asked for.
    pub(super) fn is_nobody(&self) -> bool {
        self.sample == Sample::Nobody
    }

    /// The server's settings.
    pub(super) fn server(&self) -> Result<Server, Fault> {
        let refused = |text: String| Fault::of_settings().shown(text);
        self.server.clone().map_err(refused)
    }

    /// Asks for one row.
    pub(super) async fn row(&mut self, cx: &Cx, id: &str) -> Row {
        match id {
            "autodiscover-answers" => {
                self.at = At::Over;
                let (settings, told) = super::discover::discover(cx, &self.settings).await?;
                self.at = At::Begin;
                self.server = Server::from_settings(&settings).map_err(|faults| faults.join("; "));
                self.way = self.server.as_ref().ok().map(way_to);
                Ok(Some(told))
            }
            "dns-resolves" => self.dns(cx).await,
            "tcp-connects" => self.tcp(cx).await,
            "tls-trusted" => self.tls(cx).await,
            "tls-public" => self.public(cx),
            "imap-greets" => self.protocol(cx).await,
            "imap-signs-in" => self.auth(cx).await,
            "account-lasts" => self.account(cx),
            "imap-may-open" => self.permission(cx).await,
            _ => self.mailbox(cx).await,
        }
    }

    /// What is shown to the server and to nobody else.
    pub(super) fn secret(&self) -> Option<&Secret<String>> {
        match &self.who {
            Some(Ok(SignIn { proof: Proof::Password(secret) | Proof::Token(secret), .. })) => Some(secret),
            _ => None,
        }
    }
}

fn way_to(server: &Server) -> Approach {
    let begun = if server.security == Security::Ssl { Begun::AtOnce } else { Begun::OnRequest };
    let (reach, trust) = (server.reach.clone(), server.trust.clone());
    Approach::to(&server.host, server.port, reach, trust, begun, Asked::Imap)
}
