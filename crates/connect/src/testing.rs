//! What tests of connectors share: a context without limits.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mailferry_model::{
    Kind, Side,
    cancel::Cancel,
    finding::{TestResult, TestedAs, Verdict},
    port::{Budget, BudgetGuard, Connector, Cx, Meter},
    settings::{MailboxAddress, Settings},
};

struct Open;

impl Budget for Open {
    fn take(&self, _: u64) -> BoxFuture<'_, BudgetGuard> {
        Box::pin(async { BudgetGuard::new(|| ()) })
    }
}

impl Meter for Open {
    fn throttled(&self, _: Side, _: Duration, _: &str) {}
    fn moved(&self, _: Side, _: u64) {}
    fn admit(&self, _: u64) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn at_once(&self) -> Option<u64> {
        None
    }
}

/// A context for one side.
pub fn cx(side: Side) -> Cx {
    Cx {
        cancel: Cancel::default(),
        clock: Arc::new(mailferry_lab::clock::LabClock::default()),
        budget: Arc::new(Open),
        meter: Arc::new(Open),
        side,
        connections: 3,
        put_timeout: Duration::from_secs(20),
        outward: Arc::default(),
    }
}

/// The clock on the wall: certificates are judged by it.
struct Present(mailferry_lab::clock::LabClock);

impl mailferry_model::port::Clock for Present {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(how_long)
    }
}

/// The same today.
pub fn cx_of_today(side: Side) -> Cx {
    Cx { clock: Arc::new(Present(mailferry_lab::clock::LabClock::default())), ..cx(side) }
}

/// The same in a day of an hour: what takes a minute takes two seconds or three, sockets included.
struct Hasty(Present);

impl mailferry_model::port::Clock for Hasty {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed() * HASTE
    }

    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(how_long / HASTE)
    }
}

/// So much faster goes the clock of [`hastened`].
pub const HASTE: u32 = 25;

/// The same with a clock that goes faster: limits are met soon, and stay as they are.
pub fn hastened(cx: Cx) -> Cx {
    Cx { clock: Arc::new(Hasty(Present(mailferry_lab::clock::LabClock::default()))), ..cx }
}

/// A kind to come asks nothing, says so, and opens no mailbox.
pub async fn claims_nothing(subject: &dyn Connector) {
    let settings = Settings::default();
    let mut rows = Vec::new();
    for probe in subject.probes(&settings, None) {
        rows.push(probe.ask(&cx(Side::Source)).await);
    }
    assert!(rows.iter().all(|r| r.outcome == Verdict::NotRun && r.code.as_deref() == Some("KIND_NOT_YET")));
    let result = TestResult::of(rows);
    assert_eq!((result.result.as_str(), result.exit_code(TestedAs::Target)), ("Failed", 7));
    let error = subject.source(&cx(Side::Source), &settings, &MailboxAddress::default()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unsupported);
}
