//! Tests of endpoints that somebody ordered over the network: made here, where the mailboxes will move.
//!
//! One whose worker dies is not made again by itself: its sign-in may have been tried, and tries lock accounts.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Error, Kind, Result, Side,
    cancel::Cancel,
    endpoint::Endpoint,
    endpoint_test::{EndpointTest, MAILBOX_SECRET, TestScope, TestState},
    finding::TestResult,
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};
use tokio::sync::Notify;

use super::{
    ordered::{HELD, Ordered, under_signs_of_life},
    worker::Worker,
};
use crate::probing::{self, keep, read_only, with_secrets};

/// How often there is a sign of life.
const SIGNS: Duration = Duration::from_secs(15);

/// How long what came of one is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Ordered for EndpointTest {
    const AT_ONCE: usize = 8;

    fn bell(worker: &Worker) -> &Notify {
        &worker.endpoint_tests
    }

    async fn sweep(worker: &Worker, now: Timestamp) -> Result<()> {
        worker.house.store.sweep_endpoint_tests(now - KEPT).await
    }

    async fn claim(worker: &Worker) -> Result<Option<Self>> {
        worker.house.store.claim_endpoint_test(worker.house.owner, HELD).await
    }

    async fn make(self, worker: &Worker, cancel: &Cancel) {
        let id = self.id;
        if let Err(error) = held(worker, self, cancel).await {
            // It is not ours any more, or the store is gone: whoever sweeps next says so.
            tracing::warn!(test = %id, %error, "a test of an endpoint did not end in order");
        }
    }
}

/// Makes one under a sign of life, and keeps what came of it.
async fn held(worker: &Worker, test: EndpointTest, cancel: &Cancel) -> Result<()> {
    let (store, owner, id) = (&worker.house.store, worker.house.owner, test.id);
    let subject = subject(worker, &test).await?;
    let sign = || store.hold_endpoint_test(id, owner, HELD);
    let made = in_turn(worker, &test, &subject, cancel);
    let Came { mut result, found } = under_signs_of_life(&*worker.house.clock, SIGNS, made, sign).await?;
    let mut ended = EndpointTest { state: TestState::Interrupted, ..test.clone() };
    if !cancel.is_cancelled() {
        if let Some(endpoint) = subject.endpoint.as_ref().filter(|_| test.keeps) {
            keep(&**store, endpoint, subject.mailbox.as_ref(), &mut result).await?;
            worker.ring();
        }
        ended.settings.values = found.map_or(ended.settings.values, |found| found.values);
        (ended.state, ended.result) = (TestState::Done, Some(result));
    }
    store.end_endpoint_test(&ended, owner).await
}

/// What is tested, with its secrets.
struct Subject {
    connector: Arc<dyn Connector>,
    endpoint: Option<Endpoint>,
    settings: Settings,
    /// Where the order names one.
    mailbox: Option<MailboxAddress>,
}

async fn subject(worker: &Worker, test: &EndpointTest) -> Result<Subject> {
    let store = &*worker.house.store;
    let endpoint = match test.endpoint {
        Some(id) => Some(store.endpoint_by_id(id).await?),
        None => None,
    };
    let kind = endpoint.as_ref().map_or(&test.kind, |e| &e.kind);
    let connector = worker.connectors.iter().find(|c| c.manifest().kind == kind);
    let connector = connector.cloned().ok_or_else(|| {
        Error::new(Kind::Unsupported, Side::Us, "test endpoint", format!("there is no kind {kind}"))
    })?;
    let mut own = with_secrets(store, test.settings.clone(), test.id.0).await?;
    let password = own.secrets.remove(MAILBOX_SECRET);
    let mailbox = test.mailbox.clone();
    let mailbox = mailbox.map(|m| MailboxAddress { address: m.address, user: m.user, password, token: None });
    let settings = match &endpoint {
        Some(endpoint) => with_secrets(store, endpoint.settings.clone(), endpoint.id.0).await?,
        None => own,
    };
    let settings = if test.scope == TestScope::ReadOnly { read_only(settings) } else { settings };
    Ok(Subject { connector, endpoint, settings, mailbox })
}

struct Came {
    result: TestResult,
    found: Option<Settings>,
}

/// Made in the roles that are asked for, as far as that goes well: a sign-in that was refused is not tried twice.
async fn in_turn(worker: &Worker, test: &EndpointTest, subject: &Subject, cancel: &Cancel) -> Came {
    let first = made(test, subject, &worker.house.cx(test.side, cancel, Some(1))).await;
    let goes_on = first.result.result != "Failed" && !cancel.is_cancelled();
    let Some(side) = test.also.filter(|_| goes_on) else { return first };
    let mut second = made(test, subject, &worker.house.cx(side, cancel, Some(1))).await;
    second.result.roles.splice(0..0, first.result.roles);
    second
}

async fn made(test: &EndpointTest, subject: &Subject, cx: &Cx) -> Came {
    let Subject { connector, settings, .. } = subject;
    if test.scope == TestScope::Discovery {
        return match connector.discover(cx, settings).await {
            Ok(found) => Came { result: TestResult::of(Vec::new()), found: Some(found) },
            Err(row) => Came { result: TestResult::of(vec![row]), found: None },
        };
    }
    let repeats = match test.scope {
        TestScope::Repeated(seconds) => Some(Duration::from_secs(seconds.into())),
        TestScope::Steps | TestScope::ReadOnly | TestScope::Discovery => None,
    };
    let asked = (subject.mailbox.as_ref(), repeats);
    Came { result: probing::test(&**connector, settings, asked, cx).await, found: None }
}
