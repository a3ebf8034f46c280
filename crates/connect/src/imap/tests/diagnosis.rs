//! One broken server, one failing row: at the right step, with the right word, and nothing asked after it. And healthy
//! servers of many kinds, of which none fails.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use mailferry_lab::fake::{Authority, Dialogue, Door, Fake, Paper};
use mailferry_model::{
    Side,
    finding::{Step, TestResult, TestedAs, Verdict},
    outward::{Guard, Outward},
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};

use tokio_rustls::TlsAcceptor;

use crate::{imap::Imap, testing};

mod copies;
mod discovery;
mod greetings;
mod healthy;
mod issuers;
mod mailboxes;
mod marked;
mod names;
mod proxies;
mod secured;
mod sign_in;
mod waits;

/// A server and how it is tested.
pub(super) struct Case {
    fake: Fake,
    settings: Settings,
    mailbox: MailboxAddress,
    side: Side,
    put_timeout: Duration,
    outward: Outward,
    pace: Pace,
    _folder: Option<tempfile::TempDir>,
}

/// How fast the clock goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Usual,
    Hastened,
}

impl Case {
    /// A server behind such a door, tested without TLS.
    pub async fn plain(door: Door, dialogue: Dialogue) -> Self {
        let fake = Fake::start(door, dialogue).await.unwrap();
        let settings = Settings::default()
            .with("remote-server", "127.0.0.1")
            .with("port", fake.address.port().to_string())
            .with("security", "none");
        let mailbox = MailboxAddress {
            address: "anna@example.org".into(),
            password: Some("canary-pw".into()),
            ..MailboxAddress::default()
        };
        let (side, put_timeout) = (Side::Source, Duration::from_secs(20));
        let (pace, outward, _folder) = (Pace::Usual, Outward::Anywhere, None);
        Self { fake, settings, mailbox, side, put_timeout, outward, pace, _folder }
    }

    /// A server that speaks this.
    pub async fn says(dialogue: Dialogue) -> Self {
        Self::plain(Door::Open(None), dialogue).await
    }

    /// A server that is healthy but for its certificate, whose authority is known by a file.
    pub async fn certified(paper: &Paper) -> Self {
        Self::of(&Authority::create("Example Root", (-365, 365)).unwrap(), paper, true).await
    }

    /// The same behind another door.
    pub async fn certified_behind(door: impl FnOnce(TlsAcceptor) -> Door) -> Self {
        let authority = Authority::create("Example Root", (-365, 365)).unwrap();
        let door = door(authority.acceptor(&Paper::default()).unwrap());
        Self::behind(door, &authority, true).await
    }

    /// A server with a certificate of this authority, which is known or not.
    pub async fn of(authority: &Authority, paper: &Paper, known: bool) -> Self {
        Self::behind(Door::Tls(authority.acceptor(paper).unwrap()), authority, known).await
    }

    /// The same, with the system's roots.
    pub async fn of_system(authority: &Authority, paper: &Paper) -> Self {
        let door = Door::Tls(authority.acceptor(paper).unwrap());
        Self::plain(door, Dialogue::default()).await.with("security", "ssl")
    }

    /// The same, with a file that holds this other authority.
    pub async fn of_file(authority: &Authority, paper: &Paper, other: &Authority) -> Self {
        Self::trusting(Door::Tls(authority.acceptor(paper).unwrap()), other).await
    }

    async fn behind(door: Door, authority: &Authority, known: bool) -> Self {
        match known {
            true => Self::trusting(door, authority).await,
            false => Self::trusting(door, &Authority::create("Another Root", (-365, 365)).unwrap()).await,
        }
    }

    async fn trusting(door: Door, authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join("ca.pem");
        authority.write(&file).unwrap();
        let case = Self::plain(door, Dialogue::default()).await;
        let settings = case.settings.clone().with("ca-file", file.display().to_string());
        Self { settings, _folder: Some(folder), ..case }.with("security", "ssl")
    }

    #[must_use]
    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        Self { settings: self.settings.with(name, value), ..self }
    }

    /// Does not wait for what never comes.
    #[must_use]
    pub fn in_a_hurry(self) -> Self {
        Self { put_timeout: Duration::from_millis(300), ..self }
    }

    /// With the limits of real use, and such a clock.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { put_timeout: Duration::from_secs(60), pace, ..self }
    }

    #[must_use]
    pub fn at_target(self) -> Self {
        Self { side: Side::Target, ..self }
    }

    /// Asked by a service that may connect to what this says.
    #[must_use]
    pub fn guarded(self, guard: Guard) -> Self {
        Self { outward: Outward::Guarded(guard), ..self }
    }

    pub async fn test(&self) -> TestResult {
        let outward = Arc::new(self.outward.clone());
        let cx = Cx { put_timeout: self.put_timeout, outward, ..testing::cx_of_today(self.side) };
        let cx = if self.pace == Pace::Hastened { testing::hastened(cx) } else { cx };
        let mut rows = Vec::new();
        for probe in Imap.probes(&self.settings, Some(&self.mailbox)) {
            rows.push(probe.ask(&cx).await);
        }
        TestResult::of(rows)
    }

    /// Fails at this step with this word, and nothing after it is asked.
    pub async fn fails(&self, step: Step, code: &str) -> TestResult {
        let result = self.test().await;
        let shown = format!("{code} at {:?}: {:#?}", self.fake.address, result.steps);
        let failing: Vec<_> = result.steps.iter().filter(|r| r.outcome == Verdict::Fail).collect();
        assert_eq!(failing.len(), 1, "{shown}");
        assert_eq!((failing[0].step, failing[0].code.as_deref()), (step, Some(code)), "{shown}");
        let at = result.steps.iter().position(|r| r.outcome == Verdict::Fail).unwrap();
        assert!(result.steps[at + 1..].iter().all(|r| r.outcome == Verdict::NotRun), "{shown}");
        assert!(failing[0].cause.as_ref().is_some_and(|c| !c.contains('{') && c.len() > 20), "{shown}");
        assert!(!failing[0].fix.is_empty(), "{shown}");
        assert!(failing[0].docs.is_some() && result.result == "Failed", "{shown}");
        assert!(!shown.contains("canary-pw"), "{shown}");
        let role = if self.side == Side::Target { TestedAs::Target } else { TestedAs::Source };
        let limits = ["THROTTLED", "FULL", "IN_USE"].iter().any(|end| code.ends_with(end));
        let expected = if limits { 26 } else { step.exit_code() };
        let expected = if self.side == Side::Target { expected + 10 } else { expected };
        assert_eq!(result.exit_code(role), expected, "{shown}");
        result
    }

    /// Passes; the words of its warnings by their rows.
    pub async fn passes(&self) -> BTreeMap<String, String> {
        let result = self.test().await;
        // Without TLS there is nothing that a public verifier could say.
        let mut asked = result.steps.iter().filter(|r| r.id != "tls-public" || r.outcome != Verdict::NotRun);
        let bad = asked.find(|r| !matches!(r.outcome, Verdict::Pass | Verdict::Warn));
        assert!(bad.is_none(), "{:#?}", result.steps);
        assert_eq!(result.result, "Success", "{:#?}", result.steps);
        let warned = result.steps.iter().filter(|r| r.outcome == Verdict::Warn);
        warned.map(|r| (r.id.clone(), r.code.clone().unwrap_or_default())).collect()
    }
}
