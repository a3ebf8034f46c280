//! What the clock does to batches: begins them, lets them rest outside their hours, syncs them again, completes them.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Error, Kind, Result, Retry, Side,
    batch::Batch,
    cancel::Cancel,
    intent::{Action, UserAction, intend, intend_user},
    port::{Clock, Store, Write},
    schedule::{Because, Schedule, Waits, due, shown},
    status::{BatchStatus, StatusSummary},
    user::User,
};
use serde_json::json;

use super::batch::Look;
use crate::parking::by_worker;

/// What became due so long ago at most is seen at once.
const FRESH: SignedDuration = SignedDuration::from_mins(2);
/// The detail of a batch that begins later.
const START_AFTER: &str = "WaitingForStart";
/// The detail of a batch, and the code of a mailbox, that moves in certain hours alone.
pub(super) const WINDOW: &str = "StalledDueToWindow";

/// Why a batch that is under way does nothing at this hour.
pub(super) fn holds(schedule: &Schedule, status: BatchStatus, now: Timestamp) -> Option<String> {
    let zone = schedule.time_zone.as_deref();
    Some(match schedule.waits_for(status, now)? {
        Waits::Start(at) => format!("{START_AFTER}: it begins {} (StartAfter)", shown(at, zone)),
        Waits::Window(at) => format!("{WINDOW}: its hours begin {}", shown(at, zone)),
    })
}

/// Does to a batch at rest what is due.
pub(super) async fn rest(store: &dyn Store, batch: Batch, look: Look, now: Timestamp) -> Result<()> {
    let due = due(&batch, now);
    let rests = matches!(batch.status, BatchStatus::Synced | BatchStatus::SyncedWithErrors);
    // Its users are read now and then alone, and when something has just become due: they may be a hundred thousand, stay
    // at rest for weeks, and be held back although their time has come.
    let is_read = look == Look::Users || has_just_come(&batch, now);
    if !is_read || (due.is_empty() && !rests) {
        return Ok(());
    }
    let all = store.users(batch.id).await?;
    if rests && let Some(user) = first_due(&batch, &all, now) {
        return complete_one(store, &batch, user, now).await;
    }
    // One with a time of its own is completed then.
    let later = |user: &User| user.complete_after.is_some_and(|at| at > now);
    let meant = |action| {
        all.iter()
            .filter(|user| !rests_alone(user) && (action != Action::Complete || !later(user)))
            .cloned()
            .collect()
    };
    // What is held back is synced again while it waits to be completed.
    let moves = due.into_iter().find_map(|(action, because)| {
        let users: Vec<User> = meant(action);
        let intent = intend(&batch, &users, action, now).ok()?;
        let status = intent.status.filter(|_| intent.users.iter().any(|user| user.status.is_active()))?;
        Some((action, because, intent, status))
    });
    let Some((action, because, intent, status)) = moves else { return Ok(()) };
    tracing::info!(batch = %batch.id, because = because.word(), to = ?status, "the clock moves a batch");
    let (action, change) = (format!("batch.{}", action.word()), json!({ "because": because.word() }));
    let entry = by_worker(now, &action, format!("batch {}", batch.name), &change);
    let next = Batch { status, detail: None, ..batch };
    let users: Vec<User> = intent.users.into_iter().map(|user| user.timed(now)).collect();
    let mut writes = vec![Write::SetBatch(&next)];
    writes.extend(users.iter().map(Write::SetUser));
    writes.push(Write::Record(&entry));
    store.together(&writes).await
}

/// Whether the time to complete, or to sync again, came a moment ago.
fn has_just_come(batch: &Batch, now: Timestamp) -> bool {
    let is_fresh = |at: Timestamp| (SignedDuration::ZERO..FRESH).contains(&at.duration_until(now));
    let interval = SignedDuration::from_hours(i64::from(batch.schedule.sync_every_hours));
    let again = batch.last_synced.or(batch.synced).and_then(|last| last.checked_add(interval).ok());
    [batch.schedule.complete_after, again].into_iter().flatten().any(is_fresh)
}

/// Whether a person has stopped it alone: the clock does not undo that.
fn rests_alone(user: &User) -> bool {
    user.status.summary() == StatusSummary::Stopped
}

/// The first mailbox whose own time to complete has come and that may complete.
fn first_due<'a>(batch: &Batch, users: &'a [User], now: Timestamp) -> Option<&'a User> {
    if batch.paused_for.is_some() || batch.schedule.opens_at(now).is_some() {
        return None;
    }
    let due = |user: &&User| user.complete_after.is_some_and(|at| at <= now);
    users.iter().filter(due).find(|user| {
        let intent = intend_user(batch, user, UserAction::Complete);
        intent.is_ok_and(|intent| !intent.users.is_empty())
    })
}

/// Completes it alone; the next one follows at the next look.
async fn complete_one(store: &dyn Store, batch: &Batch, user: &User, now: Timestamp) -> Result<()> {
    let Ok(intent) = intend_user(batch, user, UserAction::Complete) else { return Ok(()) };
    let Some(status) = intent.status else { return Ok(()) };
    let subject = format!("user {} of batch {}", user.address, batch.name);
    let change = json!({ "because": Because::CompleteAfter.word() });
    let entry = by_worker(now, "user.complete", subject, &change);
    let next = Batch { status, detail: None, ..batch.clone() };
    // Asked for once, it is done once.
    let asked = |user: User| User { complete_after: None, ..user }.timed(now);
    let users: Vec<User> = intent.users.into_iter().map(asked).collect();
    let mut writes = vec![Write::SetBatch(&next)];
    writes.extend(users.iter().map(Write::SetUser));
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
