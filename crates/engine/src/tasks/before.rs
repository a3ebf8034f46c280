//! Before the users of a batch begin, its endpoints are tested in the roles that they play there; meanwhile it waits.
//!
//! A good test of a moment ago is not made again, and nobody waits for long. What a test finds is kept with its endpoint:
//! a refused sign-in makes the batch wait for a person; everything else is met again by the mailboxes, which have a
//! patience of their own, and is known by its cause then.

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Result,
    batch::Batch,
    endpoint::Endpoint,
    endpoint_test::{EndpointTest, TestScope, TestState},
    finding::TestedAs,
    id::{EndpointId, EndpointTestId},
    port::Store,
};

use super::batch::WAITING;
use crate::parking::WORKER;

/// A test that is younger is not made again.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(1);
/// So long a batch waits for its tests; mailboxes begin beside a test that takes longer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// What a batch waits for that begins.
#[derive(Default)]
pub(super) struct Before {
    /// Tests that are to be ordered.
    pub order: Vec<EndpointTest>,
    /// Why the batch waits, if it does.
    pub waits: Option<String>,
}

/// The detail of a batch whose endpoints are being tested.
fn testing() -> String {
    format!("{WAITING}: its endpoints are tested before its mailboxes begin")
}

/// What is to be tested before a batch that was started goes on.
pub(super) async fn begin(store: &dyn Store, batch: &Batch, now: Timestamp) -> Result<Before> {
    let mut before = Before::default();
    let as_well = (batch.source == batch.target).then_some(TestedAs::Target);
    let source = (batch.source, TestedAs::Source, as_well);
    let target = (batch.target, TestedAs::Target, None);
    for (id, role, also) in [Some(source), Some(target).filter(|_| as_well.is_none())].into_iter().flatten() {
        let endpoint = store.endpoint_by_id(id).await?;
        let good = endpoint.last_test.as_ref().is_some_and(|test| test.result != "Failed");
        let fresh = |at: Timestamp| at.duration_until(now) < JUST_NOW;
        let is_fresh = |role: TestedAs| endpoint.tested_as(role).is_some_and(fresh);
        if good && is_fresh(role) && also.is_none_or(is_fresh) {
            continue;
        }
        before.waits = Some(testing());
        if !is_under_way(store, &[id], now).await? {
            before.order.push(test_of(store, endpoint, (role, also), now));
        }
    }
    Ok(before)
}

/// Why a batch goes on waiting for the tests that it began to wait for.
pub(super) async fn goes_on(store: &dyn Store, batch: &Batch, now: Timestamp) -> Result<Option<String>> {
    let waited = batch.detail.clone().filter(|detail| *detail == testing());
    let Some(detail) = waited else { return Ok(None) };
    Ok(is_under_way(store, &[batch.source, batch.target], now).await?.then_some(detail))
}

/// Whether a test of one of these was ordered by a worker a moment ago and has not ended.
pub(super) async fn is_under_way(
    store: &dyn Store,
    endpoints: &[EndpointId],
    now: Timestamp,
) -> Result<bool> {
    Ok(store.endpoint_tests().await?.iter().any(|test| {
        test.asked_by == WORKER
            && test.state.is_under_way()
            && test.endpoint.is_some_and(|id| endpoints.contains(&id))
            && test.asked.duration_until(now) < PATIENCE
    }))
}

fn test_of(
    store: &dyn Store,
    endpoint: Endpoint,
    (role, also): (TestedAs, Option<TestedAs>),
    now: Timestamp,
) -> EndpointTest {
    EndpointTest {
        id: EndpointTestId(store.new_id()),
        endpoint: Some(endpoint.id),
        kind: endpoint.kind,
        settings: endpoint.settings,
        side: role.side(),
        also: also.map(TestedAs::side),
        mailbox: None,
        keeps: true,
        scope: TestScope::ReadOnly,
        state: TestState::Ordered,
        result: None,
        asked_by: WORKER.to_owned(),
        asked: now,
    }
}
