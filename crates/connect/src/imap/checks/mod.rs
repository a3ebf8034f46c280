//! What we ask a server before trusting it: one probe a step, all over one connection that grows with them.
//!
//! A probe whose step could not be reached answers `not-run`. Nothing is written unless the settings ask for it.

use std::sync::Arc;

use mailferry_model::{
    Error, Kind,
    finding::{Check, Finding, Step, Verdict},
    port::{Cx, Probe},
    settings::{MailboxAddress, Settings},
};

mod ask;
mod steps;

use ask::{Asking, Sample};

/// All checks, in their order.
static CHECKS: [Check; 7] = [
    Check { step: Step::Dns, id: "dns-resolves", title: "The server's name is known" },
    Check { step: Step::Tcp, id: "tcp-connects", title: "The server answers on its port" },
    Check { step: Step::Tls, id: "tls-trusted", title: "The connection is secured and trusted" },
    Check { step: Step::Protocol, id: "imap-greets", title: "The server speaks IMAP" },
    Check { step: Step::Auth, id: "imap-signs-in", title: "The account signs in" },
    Check { step: Step::Permission, id: "imap-may-open", title: "The account may open the mailbox" },
    Check { step: Step::Mailbox, id: "imap-inbox-opens", title: "The mailbox opens" },
];

/// Whose mailbox an administrator without one is tried on: nobody's. Measured with Dovecot and Cyrus: the answer
/// to a wrong password differs from the answer about a mailbox that does not exist, whereas the administrator
/// alone may be no user at all, and a right password looks like a wrong one.
const NOBODY: &str = "mailferry-sign-in-test";

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
    CHECKS
        .iter()
        .map(|check| Box::new(ImapProbe { check, asking: asking.clone() }) as Box<dyn Probe>)
        .collect()
}

/// One step.
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
        let answer =
            crate::net::tcp::within(cx, "probe", cx.put_timeout, asking.step(cx, self.check.step)).await;
        let elapsed_ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
        let mut finding = match answer.and_then(|inner| inner) {
            Ok(Some(told)) => told.into_finding(self.check, elapsed_ms),
            Ok(None) => Finding::not_run(self.check),
            Err(error) => failed(self.check, &error, elapsed_ms),
        };
        if finding.outcome == Verdict::Fail && self.check.step == Step::Auth && asking.is_nobody() {
            finding.fix.push(
                "If they are right, try them on a mailbox: mailferry endpoint test NAME --mailbox ADDRESS"
                    .to_owned(),
            );
        }
        finding.evidence = asking.masked(&finding.evidence);
        finding
    }
}

/// What a step told.
struct Told {
    evidence: String,
    /// Why it is only a warning, with the catalogue's word for it and what to do.
    warning: Option<(String, &'static str, String)>,
    native: Option<Verdict>,
}

impl Told {
    fn pass(evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into(), warning: None, native: None }
    }

    /// Not told without a mailbox to try it on.
    fn untold(evidence: impl Into<String>, cause: &str, code: &'static str) -> Self {
        let fix = "Name a mailbox to try it on: mailferry endpoint test NAME --mailbox ADDRESS".to_owned();
        Self {
            evidence: evidence.into(),
            warning: Some((cause.to_owned(), code, fix)),
            native: Some(Verdict::Unknown),
        }
    }

    fn into_finding(self, check: &Check, elapsed_ms: u64) -> Finding {
        let mut finding = Finding::pass(check, self.evidence, elapsed_ms);
        if let Some((cause, code, fix)) = self.warning {
            finding.outcome = Verdict::Warn;
            finding.native = Verdict::Warn;
            (finding.cause, finding.code, finding.fix) = (Some(cause), Some(code.to_owned()), vec![fix]);
        }
        finding.native = self.native.unwrap_or(finding.native);
        finding
    }
}

/// A step that failed. Connected but no greeting is `protocol`, faults of STARTTLS are `tls`.
fn failed(check: &Check, error: &Error, elapsed_ms: u64) -> Finding {
    let step = match (check.step, error.op()) {
        (Step::Tls, "greeting" | "read") => Step::Protocol,
        (step, _) => step,
    };
    Finding {
        step,
        outcome: Verdict::Fail,
        native: Verdict::Fail,
        cause: Some(cause(error)),
        code: Some(error.code()),
        fix: fixes(error, step),
        ..Finding::pass(check, error.context(), elapsed_ms)
    }
}

fn cause(error: &Error) -> String {
    let what = match error.kind() {
        Kind::Unreachable => "The server cannot be reached",
        Kind::Tls => "The connection cannot be secured",
        Kind::Unauthenticated => "The server refuses the user name or the password",
        Kind::Forbidden => "The account may not do this",
        Kind::Throttled => "The server asks to slow down",
        Kind::Busy => "The server is busy or out of order",
        Kind::Timeout => "The server does not answer in time",
        Kind::Unsupported => "The server cannot do this",
        Kind::NotFound => "It does not exist",
        _ => "It did not work",
    };
    format!("{what}: {}.", error.context().trim_end_matches('.'))
}

fn fixes(error: &Error, step: Step) -> Vec<String> {
    let fix = |text: &str| vec![text.to_owned()];
    match (step, error.kind()) {
        (Step::Dns, _) => fix("Check the server's name: remote-server"),
        (Step::Tcp, _) => fix("Check the port and the firewall between here and the server"),
        (Step::Tls, _) if error.context().contains("issuer") => vec![
            "Give the authority's certificate: mailferry endpoint set NAME --ca-file FILE".to_owned(),
            "Or trust this certificate alone: mailferry endpoint set NAME --fingerprint SHA256".to_owned(),
        ],
        (Step::Tls, _) if error.context().contains("STARTTLS") => {
            fix("Choose the other security: ssl (port 993) or tls (STARTTLS, port 143)")
        }
        (Step::Tls, _) => fix("Have the server's certificate renewed, or give its fingerprint"),
        (Step::Auth, Kind::Throttled | Kind::Busy) => {
            fix("Wait a moment, or raise the server's connection limit")
        }
        (Step::Auth, _) => {
            fix("Check user name and password; some providers want an app password or a token")
        }
        (Step::Permission, _) => fix("Give the administrator the right to open this mailbox"),
        (Step::Mailbox, _) => fix("Open the mailbox once with another program to see whether it is in order"),
        (Step::Protocol, _) => fix("Check that the port is the one of IMAP"),
    }
}
