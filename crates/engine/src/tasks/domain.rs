//! Looks at the mail flow of domains: at once where somebody asks for it, and now and then where a switch is planned, so that
//! people are warned two days before it of records that others will believe for long. Changes nothing in the DNS.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Kind, Result, Side,
    batch::Batch,
    cancel::Cancel,
    domain::{Domain, switch_warning},
    port::{Write, Zones},
};
use serde_json::json;

use super::worker::Worker;
use crate::parking::by_worker;

/// How often it is looked whether a look is wanted.
pub(super) const LOOK: Duration = Duration::from_secs(2);
/// How old a look may become while a switch is planned.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Who does it, of several workers.
pub(super) const DUTY: (&str, Duration) = ("domains", Duration::from_secs(90));

/// Looks at what is due.
pub(super) async fn reconcile(worker: &Worker, zones: &dyn Zones, cancel: &Cancel) -> Result<()> {
    let store = &*worker.house.store;
    let domains = store.domains().await?;
    if domains.is_empty() {
        return Ok(());
    }
    let batches = store.batches().await?;
    for domain in domains {
        let now = worker.house.clock.now();
        let at = switch_of(&domain, &batches);
        if is_due(&domain, at, now) {
            match one(worker, zones, (domain, at), cancel).await {
                // Somebody changed it meanwhile: next time.
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => {}
                other => other?,
            }
        }
        cancel.check()?;
    }
    Ok(())
}

/// When the switch is planned: as it was said, else when its batch completes.
fn switch_of(domain: &Domain, batches: &[Batch]) -> Option<Timestamp> {
    let batch = batches.iter().find(|batch| domain.batch.as_ref().is_some_and(|name| *name == batch.name));
    domain.at.or(batch.and_then(|batch| batch.schedule.complete_after))
}

fn is_due(domain: &Domain, at: Option<Timestamp>, now: Timestamp) -> bool {
    let is_old = domain.looked.is_none_or(|looked| looked.duration_until(now) >= FRESH);
    domain.asked.is_some() || (is_old && at.is_some_and(|at| at > now))
}

async fn one(
    worker: &Worker,
    zones: &dyn Zones,
    (domain, at): (Domain, Option<Timestamp>),
    cancel: &Cancel,
) -> Result<()> {
    let house = &worker.house;
    let cx = house.cx(Side::Us, cancel, None);
    let records = zones.look(&cx, &domain).await;
    cancel.check()?;
    let now = house.clock.now();
    let looked = Domain { asked: None, looked: Some(now), records, ..domain };
    let warning = switch_warning(&looked, at, now);
    let entry = warning.as_ref().map(|(at, told)| {
        by_worker(
            now,
            "domain.long-ttl",
            format!("domain {}", looked.name),
            &json!({ "at": at, "records": told }),
        )
    });
    let warned = warning.map(|(at, _)| at).or(looked.warned);
    let next = Domain { warned, ..looked };
    let mut writes = vec![Write::KeepDomain(&next)];
    writes.extend(entry.as_ref().map(Write::Record));
    house.store.together(&writes).await
}
