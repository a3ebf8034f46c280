//! Endpoints are tested again and again, in each role that they play, so that an expired password or certificate is
//! known before it stops a mailbox: those that a batch needs often, those that were tested once and rest seldom.
//!
//! What a person has to mend is not tried again by itself: that would lock accounts. Nothing is written by itself either,
//! and what nobody has ever tested is left alone until a batch needs it.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use mailferry_model::{
    Result,
    batch::Batch,
    cancel::Cancel,
    endpoint::Endpoint,
    finding::{TestResult, TestedAs},
    port::Connector,
    status::BatchStatus,
};

use super::{before, worker::Worker};
use crate::probing::{self, keep, read_only, with_secrets};

/// How old a test may become while a batch needs its endpoint.
pub(super) const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// How old it may become while none does.
const RESTING: SignedDuration = SignedDuration::from_hours(6);
/// How often the endpoints are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(30);

/// Tests what is due.
pub(super) async fn reconcile(worker: &Worker, cancel: &Cancel) -> Result<()> {
    let store = &*worker.house.store;
    // What is being started has its endpoints tested for that.
    let live = |b: &Batch| b.status.needs_endpoints() && b.status != BatchStatus::Starting;
    let live: Vec<_> = store.batches().await?.into_iter().filter(live).collect();
    for endpoint in store.endpoints().await? {
        let Some(connector) = worker.connectors.iter().find(|c| c.manifest().kind == endpoint.kind) else {
            continue;
        };
        let (roles, most) = roles(&endpoint, &live, &**connector);
        let now = worker.house.clock.now();
        let fresh =
            |role: &TestedAs| endpoint.tested_as(*role).is_some_and(|at| at.duration_until(now) < most);
        let waits = endpoint.needs_to_connect.is_some() || cancel.is_cancelled();
        if waits || roles.iter().all(fresh) || before::is_under_way(store, endpoint.id, now).await? {
            continue;
        }
        one(worker, &endpoint, (&**connector, &roles), cancel).await?;
    }
    Ok(())
}

/// The roles in which an endpoint is tested, and how old a test may become.
fn roles(
    endpoint: &Endpoint,
    live: &[Batch],
    connector: &dyn Connector,
) -> (BTreeSet<TestedAs>, SignedDuration) {
    let is_source = live.iter().any(|b| b.source == endpoint.id).then_some(TestedAs::Source);
    let is_target = live.iter().any(|b| b.target == endpoint.id).then_some(TestedAs::Target);
    let needed: BTreeSet<TestedAs> = is_source.into_iter().chain(is_target).collect();
    if !needed.is_empty() {
        return (needed, FRESH);
    }
    let before = endpoint.last_test.as_ref().map(|test| test.roles.clone());
    let any = if connector.manifest().source { TestedAs::Source } else { TestedAs::Target };
    let again = before.map(|roles| if roles.is_empty() { vec![any] } else { roles });
    (again.into_iter().flatten().collect(), RESTING)
}

/// Tests one in its roles, as far as that goes well, and keeps what was found.
async fn one(
    worker: &Worker,
    endpoint: &Endpoint,
    (connector, roles): (&dyn Connector, &BTreeSet<TestedAs>),
    cancel: &Cancel,
) -> Result<()> {
    let store = &*worker.house.store;
    let settings = read_only(with_secrets(store, endpoint.settings.clone(), endpoint.id.0).await?);
    let mut last: Option<TestResult> = None;
    for role in roles {
        if last.as_ref().is_some_and(|result| result.result == "Failed") {
            break;
        }
        let cx = worker.house.cx(role.side(), cancel, Some(1));
        let mut result = probing::test(connector, &settings, (None, None), &cx).await;
        let before = last.iter().flat_map(|result| &result.roles);
        result.roles = before.copied().chain([*role]).collect();
        last = Some(result);
    }
    match last.filter(|_| !cancel.is_cancelled()) {
        Some(mut result) => keep(store, endpoint, None, &mut result).await,
        None => Ok(()),
    }
}
