//! Endpoints that batches wait for are tested again and again, so that an expired password or certificate is known
//! before it stops a mailbox.
//!
//! What a person has to mend is not tried again by itself: that would lock accounts. Nothing is written by itself either.

use std::time::Duration;

use jiff::SignedDuration;
use mailferry_model::{Result, Side, cancel::Cancel, endpoint::Endpoint};

use super::worker::Worker;
use crate::probing::{self, keep, with_secrets};

/// How old a test may become while a batch needs its endpoint.
pub(super) const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// How often the endpoints are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(30);

/// Tests what is due.
pub(super) async fn reconcile(worker: &Worker, cancel: &Cancel) -> Result<()> {
    let store = &*worker.house.store;
    let live: Vec<_> = store.batches().await?.into_iter().filter(|b| b.status.needs_endpoints()).collect();
    for endpoint in store.endpoints().await? {
        let side = match live.iter().find(|b| b.source == endpoint.id || b.target == endpoint.id) {
            Some(batch) if batch.source == endpoint.id => Side::Source,
            Some(_) => Side::Target,
            None => continue,
        };
        let now = worker.house.clock.now();
        let tested = endpoint.last_test.as_ref().and_then(|t| t.at);
        let fresh = tested.is_some_and(|at| at.duration_until(now) < FRESH);
        if fresh || endpoint.needs_to_connect.is_some() || cancel.is_cancelled() {
            continue;
        }
        one(worker, &endpoint, side, cancel).await?;
    }
    Ok(())
}

async fn one(worker: &Worker, endpoint: &Endpoint, side: Side, cancel: &Cancel) -> Result<()> {
    let Some(connector) = worker.connectors.iter().find(|c| c.manifest().kind == endpoint.kind) else {
        return Ok(());
    };
    let store = &*worker.house.store;
    let settings = with_secrets(store, endpoint.settings.clone(), endpoint.id.0).await?;
    let settings = settings.with("probe-append", "no");
    let cx = worker.house.cx(side, cancel, Some(1));
    let mut result = probing::test(&**connector, &settings, (None, None), &cx).await;
    match cancel.is_cancelled() {
        true => Ok(()),
        false => keep(store, endpoint, None, &mut result).await,
    }
}
