//! What the clock does to batches: begins them, lets them rest outside their hours, syncs them again, completes them.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use mailferry_model::{
    Error, Kind, Result, Retry, Side,
    batch::Batch,
    cancel::Cancel,
    intent::intend,
    port::{Clock, Store, Write},
    schedule::{Schedule, due, shown},
    status::BatchStatus,
};
use serde_json::json;

use crate::parking::by_worker;

/// The detail of a batch that begins later.
const START_AFTER: &str = "WaitingForStart";
/// The detail of a batch, and the code of a mailbox, that moves in certain hours alone.
pub(super) const WINDOW: &str = "StalledDueToWindow";

/// Why a batch that is under way does nothing at this hour.
pub(super) fn holds(schedule: &Schedule, status: BatchStatus, now: Timestamp) -> Option<String> {
    let zone = schedule.time_zone.as_deref();
    let begins = matches!(status, BatchStatus::Starting | BatchStatus::Waiting);
    if let Some(at) = schedule.starts_at(now).filter(|_| begins) {
        return Some(format!("{START_AFTER}: it begins {} (StartAfter)", shown(at, zone)));
    }
    let at = schedule.opens_at(now).filter(|_| status != BatchStatus::Stopping)?;
    Some(format!("{WINDOW}: its hours begin {}", shown(at, zone)))
}

/// Does to a batch at rest what is due.
pub(super) async fn rest(store: &dyn Store, batch: Batch, now: Timestamp) -> Result<()> {
    let due = due(&batch, now);
    if due.is_empty() {
        return Ok(());
    }
    let users = store.users(batch.id).await?;
    // What is held back is synced again while it waits to be completed.
    let moves = due.into_iter().find_map(|(action, because)| {
        let intent = intend(&batch, &users, action, now).ok()?;
        let status = intent.status.filter(|_| intent.users.iter().any(|user| user.status.is_active()))?;
        Some((action, because, intent, status))
    });
    let Some((action, because, intent, status)) = moves else { return Ok(()) };
    tracing::info!(batch = %batch.id, because = because.word(), to = ?status, "the clock moves a batch");
    let (action, change) = (format!("batch.{}", action.word()), json!({ "because": because.word() }));
    let entry = by_worker(now, &action, format!("batch {}", batch.name), &change);
    let next = Batch { status, detail: None, ..batch };
    let mut writes = vec![Write::SetBatch(&next)];
    writes.extend(intent.users.iter().map(Write::SetUser));
    writes.push(Write::Record(&entry));
    store.together(&writes).await
}

/// Ends a pass in order when the hours of its batch are over.
pub(super) async fn stop_at(
    clock: &dyn Clock,
    at: Option<Timestamp>,
    cancel: &Cancel,
    closed: &AtomicBool,
) -> Infallible {
    if let Some(at) = at {
        let left = Duration::try_from(clock.now().duration_until(at)).unwrap_or_default();
        clock.sleep(left).await;
        closed.store(true, Ordering::SeqCst);
        cancel.cancel();
    }
    std::future::pending().await
}

/// The error of a mailbox outside the hours of its batch.
pub(super) fn outside(schedule: &Schedule, clock: &dyn Clock) -> Error {
    let now = clock.now();
    let at = schedule.opens_at(now).unwrap_or(now);
    let wait = Duration::try_from(now.duration_until(at)).unwrap_or_default();
    let text = format!("the hours of its batch begin {}", shown(at, schedule.time_zone.as_deref()));
    Error::new(Kind::Busy, Side::Us, WINDOW, text).retry_of(Retry::After(wait))
}

#[cfg(test)]
mod tests {
    use mailferry_lab::clock::LabClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pass_ends_in_order_when_its_hours_are_over() {
        let clock = LabClock::default();
        let schedule = Schedule { windows: Some("Thu 23:00-01:30".parse().unwrap()), ..Schedule::default() };
        assert_eq!(schedule.closes_at(clock.now()), None, "the night of Wednesday is none");
        let schedule = Schedule { windows: Some("Wed 23:00-01:30".parse().unwrap()), ..Schedule::default() };
        let (cancel, closed) = (Cancel::default(), AtomicBool::new(false));
        tokio::select! {
            never = stop_at(&clock, schedule.closes_at(clock.now()), &cancel, &closed) => match never {},
            () = cancel.cancelled() => {}
        }
        assert!(closed.load(Ordering::SeqCst));
        assert_eq!(clock.elapsed().as_secs(), 90 * 60);
        let error = outside(&schedule, &clock);
        let week = Duration::from_secs((7 * 24 - 3) * 3600 + 1800);
        assert_eq!(
            (error.op(), error.retry()),
            (WINDOW, Retry::After(week)),
            "until 23:00 of the next Wednesday"
        );
    }
}
