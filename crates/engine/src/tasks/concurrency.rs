//! How many mailboxes may be under way at each endpoint: every worker tells what it saw, one of them judges, and claims
//! follow. And the incremental limit of endpoints whose batch completes, which is derived from what completes now, so that it
//! is put back whatever happened to whoever raised it.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Kind, Result,
    allowance::{Allowance, InUse, Pulse, Sight},
    batch::Batch,
    config::Adaptive,
    endpoint::Endpoint,
    id::{BatchId, EndpointId},
    limits::raised_for,
    port::Store,
    status::BatchStatus,
    user::Census,
};

use super::worker::Worker;
use crate::throttle::adapt::{INTERVAL, Seen, State};

/// How often it is judged.
pub(super) const LOOK: std::time::Duration = std::time::Duration::from_secs(INTERVAL);
/// The duty to judge, and how long it is held without a sign of life.
const DUTY: (&str, std::time::Duration) = ("concurrency", std::time::Duration::from_secs(90));

/// Tells what was seen here, and judges what all have seen where that is this worker's duty. Where nothing moves and
/// nothing is held nothing is written.
pub(super) async fn reconcile(worker: &Worker) -> Result<()> {
    let (store, now) = (&*worker.house.store, worker.house.clock.now());
    let owner = worker.house.owner;
    let sights = worker.sights.take().into_iter();
    let pulses: Vec<Pulse> =
        sights.map(|(endpoint, sight)| Pulse { endpoint, worker: owner, at: now, sight }).collect();
    store.keep_pulses(&pulses).await?;
    let (permits, allowances) = (store.permits().await?, store.allowances().await?);
    let is_idle = allowances.iter().all(|one| one.allowed.is_none() && one.raised.is_none());
    if (permits.is_empty() && is_idle) || !store.take_duty(DUTY.0, owner, DUTY.1).await? {
        return Ok(());
    }
    judge(store, (permits, allowances), now).await
}

async fn judge(
    store: &dyn Store,
    (permits, allowances): (Vec<InUse>, Vec<Allowance>),
    now: Timestamp,
) -> Result<()> {
    let config = store.config().await?;
    let mut known: HashMap<EndpointId, Allowance> =
        allowances.into_iter().map(|allowance| (allowance.endpoint, allowance)).collect();
    let completes = |batch: &Batch| batch.status == BatchStatus::Completing;
    let census: HashMap<BatchId, Census> = store.census().await?.into_iter().collect();
    let batches = store.batches().await?;
    let pulses = store.pulses(now - SignedDuration::from_secs(INTERVAL as i64 * 3 / 2)).await?;
    for endpoint in store.endpoints().await? {
        let id = endpoint.id;
        let uses = |source: EndpointId, target: EndpointId| source == id || target == id;
        let mut seen = Seen::default();
        for used in permits.iter().filter(|used| uses(used.source, used.target)) {
            seen.in_use += used.mailboxes;
        }
        let of_batches = batches.iter().filter(|batch| uses(batch.source, batch.target));
        let jobs: u64 = of_batches.clone().filter_map(|batch| Some(census.get(&batch.id)?.jobs)).sum();
        seen.wanted = jobs > u64::from(seen.in_use);
        for pulse in pulses.iter().filter(|pulse| pulse.endpoint == id) {
            let Sight { work, throttled, asked, stalled } = pulse.sight;
            seen.work += work;
            seen.throttled += throttled;
            seen.asked = seen.asked.max(asked);
            seen.stalled += stalled;
        }
        let raise = of_batches
            .filter(|batch| completes(batch))
            .map(|batch| (mailboxes(census.get(&batch.id)), batch.name.clone()))
            .max();
        let before = known.remove(&id).unwrap_or_else(|| Allowance::of(id));
        let mut after = held(&before, &endpoint, (&seen, config.adaptive), now);
        raised(&mut after, &endpoint, raise, config.tenant_ceiling, now);
        if after == before {
            continue;
        }
        if after.changes.first() != before.changes.first()
            && let Some(change) = after.changes.first()
        {
            tracing::info!(endpoint = %id, name = endpoint.name, why = change.why, "concurrency");
        }
        match store.set_allowance(&after).await {
            // Somebody removed it.
            Err(error) if error.kind() == Kind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

fn mailboxes(census: Option<&Census>) -> u64 {
    census.map_or(0, |census| census.users.iter().map(|(_, n)| n).sum())
}

/// What it is held at by what was seen of it.
fn held(
    before: &Allowance,
    endpoint: &Endpoint,
    (seen, adaptive): (&Seen, Adaptive),
    now: Timestamp,
) -> Allowance {
    let mut after = before.clone();
    let limit = endpoint.limits.max_concurrent_migrations.max(before.raised.unwrap_or(0));
    if adaptive == Adaptive::Off {
        if let Some(allowed) = after.allowed.take() {
            after.tell(now, format!("{allowed} -> {limit}: adaptive control is off"));
        }
        after.state = serde_json::Value::Null;
        return after;
    }
    // Nothing is under way: nothing is learnt, and what is known stays.
    if seen.in_use == 0 {
        return after;
    }
    let state: State = serde_json::from_value(before.state.clone()).unwrap_or_default();
    let judged = state.judge(seen, limit);
    after.allowed = judged.state.allowed;
    after.state = serde_json::to_value(&judged.state).unwrap_or_default();
    if let Some(why) = judged.why {
        after.tell(now, why);
    }
    after
}

/// Its incremental limit while a batch of so many mailboxes completes.
fn raised(
    after: &mut Allowance,
    endpoint: &Endpoint,
    completes: Option<(u64, String)>,
    ceiling: u32,
    now: Timestamp,
) {
    let usual = endpoint.limits.max_concurrent_incremental_syncs;
    let wanted = completes.and_then(|(n, name)| Some((raised_for(n, &endpoint.limits, ceiling)?, name)));
    let was = after.raised;
    (after.raised, after.raised_for) = wanted.clone().unzip();
    match (was, wanted) {
        (None, Some((to, name))) => {
            after.tell(now, format!("incremental syncs {usual} -> {to}: the batch {name} completes"));
        }
        (Some(from), None) => {
            after.tell(now, format!("incremental syncs {from} -> {usual}: what completed is over"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{limits::Limits, settings::Settings};
    use uuid::Uuid;

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            id: EndpointId(Uuid::from_u128(1)),
            version: 1,
            name: "old".into(),
            kind: "imap".into(),
            settings: Settings::default(),
            limits: Limits::default(),
            needs_to_connect: None,
            last_test: None,
            last_good_test: None,
            told_waiting: false,
            certificate_told: None,
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_seen_is_kept_with_its_reason_and_forgotten_when_it_is_off() {
        let (endpoint, now) = (endpoint(), Timestamp::UNIX_EPOCH);
        let fresh = Allowance::of(endpoint.id);
        let seen = Seen { in_use: 20, throttled: 3, asked: 30, wanted: true, ..Seen::default() };
        let lowered = held(&fresh, &endpoint, (&seen, Adaptive::On), now);
        assert_eq!(lowered.allowed, Some(15));
        assert_eq!(lowered.changes[0].why, "20 -> 15: the server asked 3 times to slow down, for up to 30 s");
        let idle = Seen { in_use: 0, ..seen };
        assert_eq!(held(&lowered, &endpoint, (&idle, Adaptive::On), now), lowered, "nothing is learnt");
        let calm = Seen { in_use: 15, wanted: true, work: 5, ..Seen::default() };
        let (mut risen, mut rises) = (lowered.clone(), 0);
        while risen.allowed == lowered.allowed {
            risen = held(&risen, &endpoint, (&calm, Adaptive::On), now);
            rises += 1;
            assert!(rises < 10, "what is kept between judgements counts");
        }
        assert_eq!(risen.allowed, Some(17), "half of the way to just below what was too much");
        let off = held(&lowered, &endpoint, (&seen, Adaptive::Off), now);
        assert_eq!((off.allowed, off.changes.len()), (None, 2));
    }

    #[test]
    fn the_incremental_limit_is_raised_while_a_batch_completes_and_put_back() {
        let (endpoint, now) = (endpoint(), Timestamp::UNIX_EPOCH);
        let mut allowance = Allowance::of(endpoint.id);
        let mut look = |completes: Option<u64>, ceiling| {
            raised(&mut allowance, &endpoint, completes.map(|n| (n, "wave".to_owned())), ceiling, now);
            (allowance.raised, allowance.changes.len())
        };
        assert_eq!(look(Some(30), 300), (None, 0), "a small batch needs no more than the usual ten");
        assert_eq!(look(Some(260), 300), (Some(73), 1), "28 % of 260");
        assert_eq!(look(Some(260), 300), (Some(73), 1), "told once");
        assert_eq!(look(Some(5000), 300), (Some(300), 1), "never above the ceiling");
        assert_eq!(look(None, 300), (None, 2));
        assert_eq!(allowance.changes[0].why, "incremental syncs 300 -> 10: what completed is over");
        assert_eq!(allowance.changes[1].why, "incremental syncs 10 -> 73: the batch wave completes");
    }
}
