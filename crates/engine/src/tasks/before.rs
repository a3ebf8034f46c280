//! Before the users of a batch begin, its endpoints are tested in the roles that they play there; meanwhile it waits.
//!
//! A test of a moment ago is not made again, and nobody waits long for one. A batch whose endpoint fails its test does
//! not begin: the test is made again every minute, and the batch goes on by itself when it is good; or somebody says why
//! it shall begin all the same. A refused sign-in waits for a person.

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Result,
    batch::Batch,
    endpoint::Endpoint,
    endpoint_test::{EndpointTest, TestScope, TestState},
    finding::{LAST_TEST_FAILED, TestResult, TestedAs, Verdict},
    id::{EndpointId, EndpointTestId},
    pilot,
    port::Store,
    status::BatchStatus,
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

/// The detail of a batch whose endpoint does not do.
fn failed(endpoint: &Endpoint, test: &TestResult) -> String {
    let failing = test.steps.iter().find(|row| row.outcome == Verdict::Fail);
    let told = failing.map_or_else(String::new, |row| {
        let code = row.code.as_deref().map(|code| format!(" [{code}]")).unwrap_or_default();
        format!(
            " at {}: {}{code}",
            format!("{:?}", row.step).to_lowercase(),
            row.cause.as_deref().unwrap_or(row.title.as_str())
        )
    });
    format!("{WAITING}: {}: {LAST_TEST_FAILED}{told}", endpoint.name)
}

/// What is to be tested before a batch that was started goes on, and why it waits.
pub(super) async fn begin(
    store: &dyn Store,
    batch: &Batch,
    unclean: &[Unclean],
    now: Timestamp,
) -> Result<Before> {
    if let Some(Unclean { pilot, lacks }) = unclean.iter().find(|one| pilot::waits_for(batch, &one.pilot)) {
        return Ok(Before { waits: Some(pilot::detail(pilot, lacks)), order: Vec::new() });
    }
    let (mut before, mut fails) = (Before::default(), None);
    let as_well = (batch.source == batch.target).then_some(TestedAs::Target);
    let source = (batch.source, TestedAs::Source, as_well);
    let target = (batch.target, TestedAs::Target, None);
    for (id, role, also) in [Some(source), Some(target).filter(|_| as_well.is_none())].into_iter().flatten() {
        let endpoint = store.endpoint_by_id(id).await?;
        let fresh = |at: Timestamp| at.duration_until(now) < JUST_NOW && at >= endpoint.modified;
        let is_fresh = |role: TestedAs| endpoint.tested_as(role).is_some_and(fresh);
        let bad = endpoint.last_test.as_ref().filter(|test| test.result == "Failed");
        let is_known = match bad {
            // Made in the role that failed: there is no need to know of the other.
            Some(test) => test.at.is_some_and(fresh),
            None => is_fresh(role) && also.is_none_or(is_fresh),
        };
        match bad.filter(|_| is_known && batch.despite_test.is_none()) {
            Some(test) => _ = fails.get_or_insert_with(|| failed(&endpoint, test)),
            None if is_known => {}
            None => match under_way_for(store, id, now).await? {
                // Mailboxes begin beside a test that takes long.
                Some(age) if (PATIENCE..JUST_NOW).contains(&age) => {}
                age => {
                    before.waits.get_or_insert_with(testing);
                    if age.is_none_or(|age| age >= JUST_NOW) {
                        before.order.push(test_of(store, endpoint, (role, also), now));
                    }
                }
            },
        }
    }
    // What is known to fail is worth more to people than what is not known yet.
    before.waits = fails.or(before.waits);
    Ok(before)
}

/// A pilot that is not clean, and what it lacks.
pub(super) struct Unclean {
    pilot: Batch,
    lacks: Vec<String>,
}

/// Pilots that are not clean and for which batches wait.
pub(super) async fn unclean(store: &dyn Store, batches: &[Batch]) -> Result<Vec<Unclean>> {
    let begins = |batch: &&Batch| matches!(batch.status, BatchStatus::Starting | BatchStatus::Waiting);
    let mut unclean = Vec::new();
    for pilot in batches.iter().filter(|batch| batch.pilot) {
        if batches.iter().filter(begins).any(|batch| pilot::waits_for(batch, pilot)) {
            let lacks = pilot::lacks(&store.users(pilot.id).await?);
            if !lacks.is_empty() {
                unclean.push(Unclean { pilot: pilot.clone(), lacks });
            }
        }
    }
    Ok(unclean)
}

/// Whether a worker ordered a test of it a moment ago that has not ended.
pub(super) async fn is_under_way(store: &dyn Store, endpoint: EndpointId, now: Timestamp) -> Result<bool> {
    Ok(under_way_for(store, endpoint, now).await?.is_some_and(|age| age < PATIENCE))
}

/// For how long the newest test of it that a worker ordered has not ended; `None` if all have.
async fn under_way_for(
    store: &dyn Store,
    endpoint: EndpointId,
    now: Timestamp,
) -> Result<Option<SignedDuration>> {
    let tests = store.endpoint_tests().await?;
    let ours = tests.iter().filter(|test| test.asked_by == WORKER && test.endpoint == Some(endpoint));
    Ok(ours.filter(|test| test.state.is_under_way()).map(|test| test.asked.duration_until(now)).min())
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
