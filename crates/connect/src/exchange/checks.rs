//! What we ask an Exchange server before trusting it: a row each, in the order in which one needs the other.

use std::time::Duration;

use async_trait::async_trait;
use mailferry_model::{
    Error, Side,
    finding::{Check, Finding, Step, Verdict},
    port::{Cx, Probe},
    secret::Secret,
    settings::{MailboxAddress, Settings},
};
use mailferry_wire::ews;

use super::client::{self, MRSPROXY, session};
use crate::{
    checks::{
        Fault, Told, account,
        rows::{self, Row},
        web::{self, Page, Session, Visit, discover, look_behind},
    },
    net::{Reach, http::Question},
};

mod marked;

/// Whether a test of a target writes; tests that nobody asked for do not.
const WRITES: &str = "probe-append";

/// All checks, in their order.
static CHECKS: [Check; 14] = [
    Check::of(Step::Protocol, "autodiscover-answers", "Autodiscover names the server"),
    Check::of(Step::Dns, "dns-resolves", "The server's name is known"),
    Check::of(Step::Tcp, "tcp-connects", "The server answers on its port"),
    Check::of(Step::Tls, "tls-trusted", "How the connection is secured"),
    Check::of(Step::Tls, "tls-public", "What a public verifier says of it"),
    Check::of(Step::Protocol, "ews-answers", "The web services are published and ask for a sign-in"),
    Check::of(Step::Protocol, "balancer-known", "One server answers under this name"),
    Check::of(Step::Auth, "ews-signs-in", "The account signs in"),
    Check::of(Step::Auth, "extended-protection", "The sign-in may be bound to the certificate"),
    Check::of(Step::Auth, "account-lasts", "The account is made for this, and its password lasts"),
    Check::of(Step::Protocol, "ews-version", "The server's version"),
    Check::of(Step::Protocol, "mrsproxy-answers", "MRS Proxy, for Microsoft's own remote moves"),
    Check::of(Step::Permission, "ews-may-impersonate", "The account may act for mailboxes"),
    Check::of(Step::Mailbox, "ews-inbox-opens", "The mailbox opens"),
];

/// How long MRS Proxy may take to answer: nothing of ours waits for it.
const MRSPROXY_ANSWER: Duration = Duration::from_secs(20);

/// The probes for these settings.
pub fn probes(settings: &Settings, mailbox: Option<&MailboxAddress>) -> Vec<Box<dyn Probe>> {
    let discovers = session(settings).is_ok_and(|s| s.discovers.is_some());
    let asked = CHECKS.iter().filter(move |c| discovers || c.id != "autodiscover-answers");
    rows::probes(asked, Asking::begin(settings, mailbox))
}

/// Finds the server by Autodiscover, where the settings leave it open.
///
/// # Errors
/// The row that says what was tried.
pub async fn find(cx: &Cx, settings: &Settings) -> Result<Settings, Finding> {
    let mut asking = Asking::begin(settings, None);
    if asking.visit.is_some() || asking.session.is_err() {
        return Ok(settings.clone());
    }
    let began = cx.clock.elapsed();
    let answer = rows::bounded(cx, &mut asking, CHECKS[0].id).await;
    let elapsed_ms = cx.clock.elapsed().saturating_sub(began).as_millis() as u64;
    match (answer, &asking.visit) {
        (Ok(_), Some(visit)) => {
            let port = visit.site.port.to_string();
            Ok(settings.clone().with("remote-server", &visit.site.host).with("port", port))
        }
        (answer, _) => {
            let answer = answer.and_then(|_| Err(Fault::fail("AUTODISCOVER_FAILED")));
            let password = settings.secret("password");
            Err(crate::checks::row(&CHECKS[0], answer, elapsed_ms, password))
        }
    }
}

/// A test in progress.
struct Asking {
    settings: Settings,
    session: Result<Session, String>,
    visit: Option<Visit>,
    /// The mailbox that is opened.
    sample: Option<String>,
    seen: Option<client::Seen>,
    /// Several servers answer under the name.
    balanced: bool,
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
            "ews-answers" => self.published(cx).await,
            "balancer-known" => {
                let told = look_behind(cx, self.visit()?, ews::PATH).await;
                self.balanced = told.warning.is_some();
                Ok(Some(told))
            }
            "extended-protection" => Ok(Some(self.protection()?)),
            "ews-signs-in" => self.sign_in(cx).await,
            "account-lasts" => {
                let today = cx.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
                Ok(Some(account::judge(&self.settings, account::Serves::Others, today)))
            }
            "ews-version" => self.version(cx).await,
            "mrsproxy-answers" => self.mrsproxy(cx).await,
            "ews-may-impersonate" => self.impersonate(cx).await,
            _ => self.mailbox(cx).await,
        }
    }

    fn is_optional(&self, id: &str) -> bool {
        ["balancer-known", "mrsproxy-answers"].contains(&id)
    }

    fn answer(&self) -> Duration {
        self.session.as_ref().map_or_else(|_| Reach::default().answer, |s| s.site.reach.answer)
    }

    fn password(&self) -> Option<Secret<String>> {
        self.session.as_ref().ok().and_then(|s| s.site.password.clone())
    }
}

impl Asking {
    fn begin(settings: &Settings, mailbox: Option<&MailboxAddress>) -> Self {
        let session = session(settings).map_err(|faults| faults.join("; "));
        let visit =
            session.as_ref().ok().filter(|s| !s.site.host.is_empty()).map(|s| Visit::to(s.site.clone()));
        // The account's own address stands for itself: it is no mailbox to act for.
        let own = settings.get("username").unwrap_or_default();
        let sample = mailbox.map(|m| m.address.clone()).filter(|address| !address.eq_ignore_ascii_case(own));
        let sample = sample.or_else(|| settings.get("test-mailbox").map(str::to_owned));
        Self { settings: settings.clone(), session, visit, sample, seen: None, balanced: false }
    }

    fn visit(&mut self) -> Result<&mut Visit, Fault> {
        let words = self.session.as_ref().err().cloned().unwrap_or_default();
        self.visit.as_mut().ok_or_else(|| Fault::of_settings().shown(words))
    }

    async fn discover(&mut self, cx: &Cx) -> Row {
        let session = self.session.clone().map_err(|words| Fault::of_settings().shown(words))?;
        let Some(address) = &session.discovers else { return Ok(None) };
        let found = discover(cx, &session.site, address).await?;
        let url = url::Url::parse(&found.url).ok();
        let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
        let told = Told::pass(found.tries.join("\n")).seen("ewsUrl", found.url.clone());
        if host.is_empty() {
            let fault = Fault::fail("AUTODISCOVER_FAILED").with("address", address.clone());
            return Err(fault.shown(found.tries.join("\n")));
        }
        if session.site.host.is_empty() {
            let port = url.and_then(|url| url.port()).unwrap_or(session.site.port);
            self.visit = Some(Visit::to(web::Site { host: host.clone(), port, ..session.site }));
            return Ok(Some(told.seen("remoteServer", host)));
        }
        if host.eq_ignore_ascii_case(&session.site.host) {
            return Ok(Some(told));
        }
        let warning =
            Fault::warn("AUTODISCOVER_OTHER_SERVER").with("other", host).with("host", session.site.host);
        Ok(Some(told.but(Some(warning))))
    }

    async fn published(&mut self, cx: &Cx) -> Row {
        web::published(cx, self.visit()?, page).await.map(Some)
    }

    async fn sign_in(&mut self, cx: &Cx) -> Row {
        let balanced = self.balanced;
        let visit = self.visit()?;
        let mut answer = visit.sign_in(cx, Question::get(ews::PATH)).await?;
        // One try; once more only where a balancer is known, whose certificate may be another than the server's.
        if answer.status == 401 && balanced && visit.binds() {
            visit.bound = false;
            answer = visit.sign_in(cx, Question::get(ews::PATH)).await?;
        }
        let user = visit.site.user.clone();
        if let Some(guarded) = web::guarded(&answer) {
            return Err(guarded.with("username", user));
        }
        match answer.status {
            200..=299 => Ok(Some(visit.welcomed(&answer))),
            // The same status as for a wrong password, from a server that offers something else after it.
            401 if !answer.schemes().is_empty() && answer.schemes() != visit.offered => {
                let shown = answer.shown();
                Err(Fault::fail("WEB_SCHEMES_CHANGED")
                    .with("offered", answer.schemes().join(", "))
                    .shown(shown))
            }
            401 if !user.contains(['@', '\\']) => {
                Err(Fault::fail("EXCHANGE_ACCOUNT_FORMAT").with("username", user).shown(answer.shown()))
            }
            401 => {
                let error =
                    Error::new(mailferry_model::Kind::Unauthenticated, cx.side, "sign in", answer.shown());
                Err(Fault::of_error(&error))
            }
            // The password is right: what lacks is the right to use the web services.
            403 => Err(client::blocked(&answer).with("username", user)),
            456 => Err(Fault::fail("EXCHANGE_ACCOUNT_LOCKED").with("username", user).shown(answer.shown())),
            _ => web::judge(&answer, &page(visit)).map(Some),
        }
    }

    /// What the sign-in told of Extended Protection.
    fn protection(&mut self) -> Result<Told, Fault> {
        let visit = self.visit()?;
        if visit.bound {
            return Ok(Told::pass(match () {
                () if visit.binds() => "bound to the certificate",
                () if visit.has_ticket() => {
                    "not bound: a sign-in by Kerberos is not, and this server takes it"
                }
                () => "not asked: no NTLM was used",
            }));
        }
        let shown = "refused when bound to the certificate, accepted without";
        let warning = Fault::warn("EXCHANGE_EXTENDED_PROTECTION").natively(Verdict::Fail).shown(shown);
        Ok(Told::pass(shown).but(Some(warning)))
    }

    async fn inbox(&mut self, cx: &Cx, acting: ews::Acting<'_>) -> Result<client::Seen, Fault> {
        let mut question =
            Question::post(ews::PATH, ews::CONTENT_TYPE, ews::get_inbox(acting)).only_reading();
        if let ews::Acting::For(mailbox) = acting {
            question = question.with("X-AnchorMailbox", mailbox);
        }
        let visit = self.visit()?;
        let answer = visit.ask_signed(cx, question).await;
        let seen = answer.and_then(|answer| client::classify(&answer));
        // Who gives no answer that can be understood has said nothing of what the account may do.
        seen.map_err(|fault| {
            let step = fault.step.unwrap_or(Step::Protocol);
            fault.with("username", visit.site.user.clone()).at(step)
        })
    }

    /// Asks for the account's own inbox: it may have none, and the answer tells the version all the same.
    async fn version(&mut self, cx: &Cx) -> Row {
        let seen = self.inbox(cx, ews::Acting::Oneself).await?;
        let version = seen.version.clone();
        // The sign-in was taken, and the account is not: whatever is asked next is refused as well.
        let barred = |r: &&client::Refusal| {
            ["EXCHANGE_PASSWORD_EXPIRED", "EXCHANGE_ACCOUNT_DISABLED"].contains(&client::word(r, None))
        };
        if let Some(refusal) = seen.inbox.as_ref().err().filter(barred) {
            let words = format!("{}: {}", refusal.code, refusal.text);
            let user = self.settings.get("username").unwrap_or_default();
            let fault = Fault::fail(client::word(refusal, None)).with("username", user);
            return Err(fault.with("words", words.clone()).shown(words).at(Step::Auth));
        }
        self.seen = Some(seen);
        let Some(version) = version.filter(|version| version.major > 0) else {
            return Ok(Some(Told::pass("not told").natively(Verdict::Unknown)));
        };
        let shown = format!("{} ({version})", version.product());
        let told =
            Told::pass(shown.clone()).seen("version", version.to_string()).seen("product", version.product());
        let old = client::too_old_natively(&version).map(|code| Fault::warn(code).natively(Verdict::Fail));
        Ok(Some(told.but(old.map(|old| old.with("product", version.product()).shown(shown)))))
    }

    /// Microsoft's own proxy: whatever it answers or does not, we go on without it.
    async fn mrsproxy(&mut self, cx: &Cx) -> Row {
        let cx = &Cx { put_timeout: cx.put_timeout.min(MRSPROXY_ANSWER), ..cx.clone() };
        let warning = match self.visit()?.ask_signed(cx, Question::get(MRSPROXY)).await {
            Ok(answer) => match client::classify_mrsproxy(&answer) {
                None => return Ok(Some(Told::pass(answer.shown()))),
                Some(warning) => warning,
            },
            Err(fault) => {
                let words = fault.evidence;
                let warning = Fault::warn("EXCHANGE_MRSPROXY_NO_ANSWER").natively(Verdict::Fail);
                warning.with("words", words.clone()).shown(words)
            }
        };
        Ok(Some(Told::pass("").but(Some(warning))))
    }

    async fn impersonate(&mut self, cx: &Cx) -> Row {
        let Some(sample) = self.sample.clone() else {
            let warning = Fault::warn("ENDPOINT_MAILBOX_UNTRIED").shown("no mailbox was named");
            return Ok(Some(Told::pass("").but(Some(warning)).natively(Verdict::Unknown)));
        };
        let seen = self.inbox(cx, ews::Acting::For(&sample)).await?;
        let refusal = seen.inbox.as_ref().err().cloned();
        let version = seen.version.clone();
        let is_2007 = version.as_ref().is_some_and(|version| version.major == 8);
        self.seen = Some(seen);
        let Some(refusal) = refusal else { return Ok(Some(Told::pass(format!("acts for {sample}")))) };
        let code = match client::word(&refusal, version.as_ref()) {
            "EXCHANGE_IMPERSONATION_DENIED" if is_2007 => "EXCHANGE_2007_IMPERSONATION_DENIED",
            code => code,
        };
        let words = format!("{}: {}", refusal.code, refusal.text);
        let user = self.settings.get("username").unwrap_or_default();
        let fault =
            Fault::fail(code).with("username", user).with("mailbox", sample).with("words", words.clone());
        let product = version.map(|version| version.product().to_owned());
        let fault = product.into_iter().fold(fault, |fault, product| fault.with("product", product));
        let is_right = code.ends_with("IMPERSONATION_DENIED") || code == "EXCHANGE_ACCESS_DENIED";
        let belongs = if is_right { Step::Permission } else { Step::Mailbox };
        Err(fault.shown(words).at(belongs).natively(client::natively(code)))
    }

    /// What it holds; of a target also whether it takes an item.
    async fn mailbox(&mut self, cx: &Cx) -> Row {
        let (Some(sample), Some(Ok(items))) = (self.sample.clone(), self.seen.as_ref().map(|s| &s.inbox))
        else {
            return Ok(None);
        };
        let holds = match items {
            Some(items) => format!("Inbox holds {items} items"),
            None => "Inbox opens".to_owned(),
        };
        if cx.side != Side::Target || self.settings.get(WRITES) == Some("no") {
            return Ok(Some(Told::pass(holds)));
        }
        let told = self.put_marked(cx, &sample).await?;
        Ok(Some(Told { evidence: format!("{holds}; {}", told.evidence), ..told }))
    }
}

fn page(visit: &Visit) -> Page<'_> {
    Page {
        what: "the Exchange web services",
        host: &visit.site.host,
        port: visit.site.port,
        path: ews::PATH,
        missing: "EXCHANGE_EWS_NOT_PUBLISHED",
        pool: "MSExchangeServicesAppPool",
    }
}
