//! What we ask a server for Outlook Anywhere: the web rows, the RPC proxy, the account's form, and what it is still
//! good for.

use std::time::Duration;

use async_trait::async_trait;
use mailferry_model::{
    Side,
    finding::{Check, Step, Verdict},
    port::{Cx, Probe},
    secret::Secret,
    settings::{MailboxAddress, Settings},
};

use super::client::{RPC_PROXY, session};
use crate::{
    checks::{
        Fault, Told, account,
        rows::{self, Row},
        web::{self, Page, Session, Visit, discover, look_behind},
    },
    net::{Reach, http::Question},
};

/// All checks, in their order.
static CHECKS: [Check; 12] = [
    Check::of(Step::Protocol, "autodiscover-answers", "Autodiscover names the server"),
    Check::of(Step::Dns, "dns-resolves", "The server's name is known"),
    Check::of(Step::Tcp, "tcp-connects", "The server answers on its port"),
    Check::of(Step::Tls, "tls-trusted", "How the connection is secured"),
    Check::of(Step::Tls, "tls-public", "What a public verifier says of it"),
    Check::of(Step::Protocol, "rpcproxy-answers", "The RPC proxy is published and asks for a sign-in"),
    Check::of(Step::Protocol, "balancer-known", "One server answers under this name"),
    Check::of(Step::Protocol, "staged-retired", "What Outlook Anywhere is still good for"),
    Check::of(Step::Auth, "account-format", "The account's name has the form DOMAIN\\USER"),
    Check::of(Step::Auth, "rpcproxy-signs-in", "The account signs in"),
    Check::of(Step::Auth, "account-lasts", "The account is made for this, and its password lasts"),
    Check::of(Step::Mailbox, "mailbox-untried", "Whether a mailbox opens"),
];

/// The probes for these settings.
pub fn probes(settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    let session = session(settings);
    let discovers = session.as_ref().is_ok_and(|s| s.discovers.is_some());
    let visit = session.as_ref().ok().filter(|s| !s.site.host.is_empty()).map(|s| Visit::to(s.site.clone()));
    let session = session.map_err(|faults| faults.join("; "));
    let asked = CHECKS.iter().filter(move |c| discovers || c.id != "autodiscover-answers");
    let is_named = mailbox.is_some() || settings.get("test-mailbox").is_some();
    rows::probes(asked, Asking { settings: settings.clone(), session, visit, is_named })
}

/// A test in progress.
struct Asking {
    settings: Settings,
    session: Result<Session, String>,
    visit: Option<Visit>,
    /// Somebody named a mailbox to open.
    is_named: bool,
}

#[async_trait]
impl rows::Asking for Asking {
    async fn row(&mut self, cx: &Cx, id: &str) -> Row {
        match id {
            "autodiscover-answers" => self.discover(cx).await,
            "dns-resolves" => self.visit()?.name(cx).await.map(Some),
            "tcp-connects" => self.visit()?.connect(cx).await.map(Some),
            "tls-trusted" => self.visit()?.secure(cx).await.map(Some),
            "tls-public" => Ok(Some(self.visit()?.way.judged_publicly(cx))),
            "rpcproxy-answers" => self.published(cx).await,
            "balancer-known" => Ok(Some(look_behind(cx, self.visit()?, RPC_PROXY).await)),
            "staged-retired" => {
                let warning = Fault::warn("OUTLOOK_ANYWHERE_STAGED_RETIRED").shown("retired on 2025-05-08");
                Ok(Some(Told::pass("").but(Some(warning))))
            }
            "account-format" => Ok(Some(format(self.settings.get("username").unwrap_or_default()))),
            "rpcproxy-signs-in" => self.sign_in(cx).await,
            "mailbox-untried" => Ok(Some(self.untried(cx))),
            _ => {
                let today = cx.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
                Ok(Some(account::judge(&self.settings, account::Serves::Others, today)))
            }
        }
    }

    fn is_optional(&self, id: &str) -> bool {
        id == "balancer-known"
    }

    fn answer(&self) -> Duration {
        self.session.as_ref().map_or_else(|_| Reach::default().answer, |s| s.site.reach.answer)
    }

    fn password(&self) -> Option<Secret<String>> {
        self.session.as_ref().ok().and_then(|s| s.site.password.clone())
    }
}

impl Asking {
    fn visit(&mut self) -> Result<&mut Visit, Fault> {
        let words = self.session.as_ref().err().cloned().unwrap_or_default();
        self.visit.as_mut().ok_or_else(|| Fault::of_settings().shown(words))
    }

    /// No mailbox is opened; whoever named one, or will write, is warned of it.
    fn untried(&self, cx: &Cx) -> Told {
        let outcome = if self.is_named || cx.side == Side::Target { Verdict::Warn } else { Verdict::NotRun };
        let host = self.visit.as_ref().map(|visit| visit.site.host.clone()).unwrap_or_default();
        let fault = Fault::warn("OUTLOOK_ANYWHERE_MAILBOX_UNTRIED").natively(Verdict::Unknown);
        let fault = fault.with("host", host).shown("no mailbox was opened");
        Told::pass("").but(Some(Fault { outcome, ..fault })).natively(Verdict::Unknown)
    }

    async fn discover(&mut self, cx: &Cx) -> Row {
        let session = self.session.clone().map_err(|words| Fault::of_settings().shown(words))?;
        let Some(address) = &session.discovers else { return Ok(None) };
        let found = discover(cx, &session.site, address).await?;
        let host = url::Url::parse(&found.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        if let Some(host) = host.filter(|_| session.site.host.is_empty()) {
            self.visit = Some(Visit::to(web::Site { host, ..session.site }));
        }
        Ok(Some(Told::pass(found.tries.join("\n")).seen("ewsUrl", found.url)))
    }

    async fn published(&mut self, cx: &Cx) -> Row {
        web::published(cx, self.visit()?, page).await.map(Some)
    }

    async fn sign_in(&mut self, cx: &Cx) -> Row {
        let visit = self.visit()?;
        let answer = visit.sign_in(cx, Question::get(RPC_PROXY)).await?;
        if let Some(guarded) = web::guarded(&answer) {
            return Err(guarded.with("username", visit.site.user.clone()));
        }
        match answer.status {
            401 | 403 => {
                // Behind a right password a 403 is a missing right.
                let fault = match answer.status {
                    401 => Fault::fail("OUTLOOK_ANYWHERE_SIGN_IN"),
                    _ => Fault::fail("OUTLOOK_ANYWHERE_BLOCKED").at(Step::Permission),
                };
                let fault = fault.with("username", visit.site.user.clone());
                Err(fault.with("words", answer.shown()).shown(answer.shown()))
            }
            // Signed in, the proxy says that GET is not its language.
            200..=299 | 400 | 405 | 500 => Ok(Some(visit.welcomed(&answer))),
            _ => web::judge(&answer, &page(visit)).map(Some),
        }
    }
}

fn page(visit: &Visit) -> Page<'_> {
    Page {
        what: "the RPC proxy",
        host: &visit.site.host,
        port: visit.site.port,
        path: RPC_PROXY,
        missing: "OUTLOOK_ANYWHERE_NOT_PUBLISHED",
        pool: "MSExchangeRpcProxyAppPool",
    }
}

fn format(username: &str) -> Told {
    let told = Told::pass(username);
    match username.split_once('\\') {
        Some((domain, user)) if !domain.is_empty() && !user.is_empty() => told,
        _ => {
            let warning = Fault::warn("OUTLOOK_ANYWHERE_ACCOUNT_FORMAT").with("username", username);
            told.but(Some(warning.natively(Verdict::Fail)))
        }
    }
}
