//! What we ask a server before trusting it: one probe a row, all over one connection that grows with them.
//!
//! A probe whose step could not be reached answers `not-run`. Only a target's sample mailbox is written to, and what
//! was put there is removed where the server can do that.

use std::{sync::Arc, time::Duration};

use mailferry_model::{
    Error, Kind,
    finding::{Check, Finding, Step, Verdict},
    port::{Cx, Probe},
    settings::{MailboxAddress, Settings},
};

mod ask;
mod discover;
mod marked;
mod provider;
mod secure;
mod steps;

use ask::{Asking, Sample};

use crate::checks::Fault;

/// All checks, in their order.
static CHECKS: [Check; 9] = [
    Check::of(Step::Dns, "dns-resolves", "The server's name is known"),
    Check::of(Step::Tcp, "tcp-connects", "The server answers on its port"),
    Check::of(Step::Tls, "tls-trusted", "How the connection is secured"),
    Check::of(Step::Tls, "tls-public", "What a public verifier says of it"),
    Check::of(Step::Protocol, "imap-greets", "The server speaks IMAP"),
    Check::of(Step::Auth, "imap-signs-in", "The account signs in"),
    Check::of(Step::Auth, "account-lasts", "The account is made for this, and its password lasts"),
    Check::of(Step::Permission, "imap-may-open", "The account may open the mailbox"),
    Check::of(Step::Mailbox, "imap-inbox-opens", "The mailbox opens"),
];

/// The row of finding the server.
static DISCOVER: Check =
    Check::of(Step::Protocol, "autodiscover-answers", "The domain names its IMAP server");

/// Whether the server is still to be found.
pub fn is_to_be_found(settings: &Settings) -> bool {
    settings.get("autodiscover") == Some("yes") && settings.get("remote-server").is_none()
}

/// Whether there is an address to find it by.
///
/// # Errors
/// One sentence.
pub fn check_address(settings: &Settings) -> Result<(), String> {
    let address = settings.get("email").or(settings.get("username")).unwrap_or_default();
    match address.contains('@') {
        true => Ok(()),
        false => Err("email: an address to find the server by is needed".to_owned()),
    }
}

/// Finds the server, where the settings leave it open.
///
/// # Errors
/// The row that says what was tried.
pub async fn find(cx: &Cx, settings: &Settings) -> Result<Settings, Finding> {
    if !is_to_be_found(settings) {
        return Ok(settings.clone());
    }
    let began = cx.clock.elapsed();
    let found = discover::discover(cx, settings).await;
    let elapsed_ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
    found.map(|(settings, _)| settings).map_err(|fault| fault.into_finding(&DISCOVER, elapsed_ms))
}

/// Whose mailbox an administrator without one is tried on: nobody's. Measured with Dovecot and Cyrus: the answer
/// to a wrong password differs from the answer about a mailbox that does not exist, whereas the administrator
/// alone may be no user at all, and a right password looks like a wrong one.
const NOBODY: &str = "mailferry-sign-in-test";

/// What a row may take altogether, beside the time that connecting may take: also where the server shows life and
/// comes to no end.
const WHOLE: Duration = Duration::from_secs(60);

/// The probes for these settings. Without a mailbox an account of its own is asked for its own mailbox; of an
/// administrator the password alone is tried, once.
pub fn probes(settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    let by_admin = settings.get("admin-style").is_some_and(|style| !style.is_empty());
    let whose = |user: &str| {
        let address = if by_admin { NOBODY } else { user }.to_owned();
        MailboxAddress { address, ..MailboxAddress::default() }
    };
    let named = mailbox.cloned().or_else(|| settings.get("username").map(whose));
    let sample = if mailbox.is_none() && by_admin { Sample::Nobody } else { Sample::Mailbox };
    let asking = Arc::new(tokio::sync::Mutex::new(Asking::begin(settings, named.as_ref(), sample)));
    let found = Some(&DISCOVER).filter(|_| is_to_be_found(settings));
    (found.into_iter().chain(&CHECKS))
        .map(|check| Box::new(ImapProbe { check, asking: asking.clone() }) as Box<dyn Probe>)
        .collect()
}

/// A row that came to no end.
fn endless(error: &Error) -> Fault {
    match error.kind() {
        Kind::Timeout => Fault::fail("IMAP_NO_END").with("words", error.context()).shown(error.context()),
        _ => Fault::of_error(error),
    }
}

/// One row.
struct ImapProbe {
    check: &'static Check,
    asking: Arc<tokio::sync::Mutex<Asking>>,
}

#[async_trait::async_trait]
impl Probe for ImapProbe {
    fn check(&self) -> &'static Check {
        self.check
    }

    async fn ask(&self, cx: &Cx) -> Finding {
        let mut asking = self.asking.lock().await;
        let began = cx.clock.elapsed();
        let cx = &Cx { put_timeout: cx.put_timeout.min(asking.answer()), ..cx.clone() };
        let limit = asking.whole(self.check.step);
        let row = asking.row(cx, self.check.id);
        let answer = crate::net::tcp::within(cx, "probe", limit, row).await;
        let elapsed_ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
        let answer = answer.unwrap_or_else(|error| Err(endless(&error)));
        let mut finding = crate::checks::row(self.check, answer, elapsed_ms, asking.secret());
        if finding.outcome == Verdict::Fail && self.check.step == Step::Auth && asking.is_nobody() {
            finding.fix.push(
                "If they are right, try them on a mailbox: mailferry endpoint test NAME --mailbox ADDRESS"
                    .to_owned(),
            );
        }
        finding
    }
}
