//! Tests of endpoints that somebody ordered over the network: made here, where the mailboxes will move.
//!
//! One whose worker dies is not made again by itself: its sign-in may have been tried, and tries lock accounts.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use jiff::SignedDuration;
use mailferry_model::{
    Error, Kind, Result, Side,
    cancel::Cancel,
    endpoint::Endpoint,
    endpoint_test::{EndpointTest, MAILBOX_SECRET, TestScope, TestState},
    finding::TestResult,
    port::{Connector, Cx},
    settings::{MailboxAddress, Settings},
};
use tokio::task::JoinSet;

use super::worker::Worker;
use crate::probing::{self, keep, with_secrets};

/// How long one is held without a sign of life, and how often there is one.
const HELD: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));
/// So many are made at once.
const AT_ONCE: usize = 8;
/// How long what came of them is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How often the store is looked at without a bell, and how many looks go by between two sweeps.
const LOOK: (Duration, u32) = (Duration::from_secs(1), 30);

/// Makes them until it is cancelled.
pub(super) async fn run(worker: &Arc<Worker>, cancel: &Cancel) -> Result<()> {
    let (mut running, mut looks) = (JoinSet::new(), 0);
    let store = &worker.house.store;
    while !cancel.is_cancelled() {
        if looks % LOOK.1 == 0 {
            store.sweep_endpoint_tests(worker.house.clock.now() - KEPT).await?;
        }
        looks = looks.wrapping_add(1);
        while running.len() < AT_ONCE
            && let Some(test) = store.claim_endpoint_test(worker.house.owner, HELD.0).await?
        {
            let (worker, cancel) = (worker.clone(), cancel.clone());
            running.spawn(async move { one(&worker, test, &cancel).await });
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = worker.ordered.notified() => {}
            () = worker.house.clock.sleep(LOOK.0) => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

async fn one(worker: &Worker, test: EndpointTest, cancel: &Cancel) {
    let id = test.id;
    if let Err(error) = held(worker, test, cancel).await {
        // It is not ours any more, or the store is gone: whoever sweeps next says so.
        tracing::warn!(test = %id, %error, "a test of an endpoint did not end in order");
    }
}

/// Makes one under a sign of life, and keeps what came of it.
async fn held(worker: &Worker, test: EndpointTest, cancel: &Cancel) -> Result<()> {
    let (store, owner, id) = (&worker.house.store, worker.house.owner, test.id);
    let subject = subject(worker, &test).await?;
    let cx = worker.house.cx(test.side, cancel, Some(1));
    let mut made = std::pin::pin!(made(&test, &subject, &cx));
    let came = loop {
        match select(made, worker.house.clock.sleep(HELD.1)).await {
            Either::Left((came, _)) => break came,
            Either::Right(((), going)) => made = going,
        }
        store.hold_endpoint_test(id, owner, HELD.0).await?;
    };
    let Came { mut result, found } = came;
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
    Ok(Subject { connector, endpoint, settings, mailbox })
}

struct Came {
    result: TestResult,
    found: Option<Settings>,
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
        TestScope::Steps | TestScope::Discovery => None,
    };
    let asked = (subject.mailbox.as_ref(), repeats);
    Came { result: probing::test(&**connector, settings, asked, cx).await, found: None }
}
