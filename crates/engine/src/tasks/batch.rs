//! Batches follow their users: jobs for users that have none, and statuses by the pure tables.

use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    audit::AuditEntry,
    batch::Batch,
    job::{JobSpec, PassKind},
    port::{Store, Write},
    status::{BatchEvent, BatchStatus, StatusSummary, UserEvent, UserStatus},
    user::User,
};
use tokio::sync::Notify;

use super::{
    before::{self, Before},
    clock,
};
use crate::parking::by_worker;

/// The detail of a batch whose endpoint waits for a person.
pub(super) const WAITING: &str = "WaitingForEndpoint";

/// Looks at every batch that is under way; `bell` rings for tests that it orders.
pub(super) async fn reconcile(store: &dyn Store, now: Timestamp, bell: &Notify) -> Result<()> {
    for batch in store.batches().await? {
        let looked_at = match batch.status {
            BatchStatus::Removing => Ok(()),
            status if status.is_active() => one(store, batch, now, bell).await,
            _ => clock::rest(store, batch, now).await,
        };
        match looked_at {
            // Somebody changed it meanwhile: next time.
            Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => {}
            other => other?,
        }
    }
    Ok(())
}

async fn one(store: &dyn Store, batch: Batch, now: Timestamp, bell: &Notify) -> Result<()> {
    let mut parked = None;
    for id in [batch.source, batch.target] {
        let endpoint = store.endpoint_by_id(id).await?;
        let why = endpoint.needs_to_connect.map(|why| format!("{WAITING}: {} ({why})", endpoint.name));
        parked = parked.or(why);
    }
    let waits = |why| Before { waits: Some(why), order: Vec::new() };
    let before = match (batch.status, parked) {
        (status, _) if let Some(why) = clock::holds(&batch.schedule, status, now) => waits(why),
        (_, Some(why)) => waits(why),
        (BatchStatus::Starting | BatchStatus::Waiting, None) => before::begin(store, &batch, now).await?,
        (_, None) => Before::default(),
    };
    // What ends while we read has written its user before its job: only who had no job before its status was read has
    // none to wait for. Otherwise a pass that just ended would be made again.
    let had = store.jobs(batch.id).await?;
    let mut users = store.users(batch.id).await?;
    let jobs = store.jobs(batch.id).await?;
    for user in &mut users {
        let job = jobs.iter().find(|j| j.work.user == user.id);
        match wanted(user.status) {
            Wanted::Halt if job.is_none_or(|j| !j.claimed) => halt(store, user, now).await?,
            // Jobs come back when the endpoint does.
            Wanted::Run(kind)
                if job.is_none()
                    && !had.iter().any(|j| j.work.user == user.id)
                    && before.waits.is_none()
                    && batch.status != BatchStatus::Stopping =>
            {
                let (user, source, target) = (user.id, batch.source, batch.target);
                let work = JobSpec { user, batch: batch.id, source, target, kind, run_at: now };
                store.add_job(&work).await?;
            }
            _ => {}
        }
    }
    // A job that is claimed for a moment, to find the endpoint waiting, is no work.
    let working = batch.status != BatchStatus::Waiting && jobs.iter().any(|j| j.claimed);
    let next = moved(&batch, &users, before.waits.filter(|_| !working), now);
    // A test that is due while the batch waits for another one is ordered although nothing is different.
    let orders = next.status == BatchStatus::Waiting && !before.order.is_empty();
    if next != batch || orders {
        tracing::info!(batch = %batch.id, from = ?batch.status, to = ?next.status, "batch");
        let entry = told(&batch, &next, now);
        let mut writes = vec![Write::SetBatch(&next)];
        if next.status != batch.status || reason(&next) != reason(&batch) {
            writes.push(Write::Record(&entry));
        }
        if next.status == BatchStatus::Waiting {
            writes.extend(before.order.iter().map(Write::AddEndpointTest));
        }
        store.together(&writes).await?;
        bell.notify_one();
    }
    Ok(())
}

/// The code of what a batch waits for.
fn reason(batch: &Batch) -> Option<&str> {
    let detail = batch.detail.as_deref().filter(|_| batch.status == BatchStatus::Waiting)?;
    Some(detail.split_once(':').map_or(detail, |(code, _)| code))
}

/// For the audit trail: where a batch got by itself, and what it waits for.
fn told(before: &Batch, after: &Batch, at: Timestamp) -> AuditEntry {
    let (from, to) = (before.status, after.status);
    let mut change = serde_json::json!({ "before": from, "after": to, "detail": after.detail });
    if let Some(waited) = before.detail.as_ref().filter(|_| from == BatchStatus::Waiting) {
        change["waited"] = waited.as_str().into();
    }
    by_worker(at, "batch.status", format!("batch {}", after.name), &change)
}

/// What a user's status asks for.
enum Wanted {
    /// A job.
    Run(PassKind),
    /// An end.
    Halt,
    /// Nothing.
    Rest,
}

fn wanted(status: UserStatus) -> Wanted {
    use UserStatus as S;
    match status {
        S::Queued | S::Validating | S::Provisioning | S::ProvisionUpdating | S::Starting | S::Syncing => {
            Wanted::Run(PassKind::Initial)
        }
        S::IncrementalSyncing => Wanted::Run(PassKind::Incremental),
        S::Completing | S::CompletionSynced => Wanted::Run(PassKind::Completion),
        S::Stopping => Wanted::Halt,
        _ => Wanted::Rest,
    }
}

async fn halt(store: &dyn Store, user: &mut User, now: Timestamp) -> Result<()> {
    if let Some(next) = user.status.after(UserEvent::Halt) {
        user.status = next;
        user.keep_time(now);
        store.set_user(user).await?;
        user.version += 1;
    }
    Ok(())
}

/// What a batch is at that waited: the last syncs, first ones, or later ones.
fn goes_on(users: &[User]) -> BatchEvent {
    use UserStatus as S;
    let any = |fits: &dyn Fn(S) -> bool| users.iter().any(|user| fits(user.status));
    let is_over = |s: S| s.summary() == StatusSummary::Completed || s == S::CompletionFailed;
    if any(&|s| matches!(s, S::Completing | S::CompletionSynced)) || !any(&|s| !is_over(s)) {
        return BatchEvent::RunLast;
    }
    let is_first = |s: S| matches!(wanted(s), Wanted::Run(PassKind::Initial));
    match any(&|s| s == S::IncrementalSyncing) && !any(&is_first) {
        true => BatchEvent::RunAgain,
        false => BatchEvent::Run,
    }
}

/// The batch as its users make it. Pure.
fn moved(batch: &Batch, users: &[User], waits: Option<String>, now: Timestamp) -> Batch {
    let mut next = batch.clone();
    let statuses: Vec<UserStatus> = users.iter().map(|u| u.status).collect();
    let event = match batch.status.rest(&statuses) {
        Some(rest) if batch.status != BatchStatus::Waiting => rest,
        None if waits.is_some() => BatchEvent::Wait,
        // It goes on, or comes to rest from there at the next look.
        _ => goes_on(users),
    };
    if let Some(status) = batch.status.after(event) {
        next.status = status;
    }
    next.detail = match event {
        BatchEvent::Wait => waits,
        _ => None,
    };
    match next.status {
        BatchStatus::Synced | BatchStatus::SyncedWithErrors => {
            next.synced.get_or_insert(now);
            // What the gate held back was not synced by that.
            let last = users.iter().filter_map(|user| user.last_synced).max();
            next.last_synced = match event {
                BatchEvent::SettleSynced(_) => last.max(batch.last_synced),
                _ => Some(now),
            };
        }
        BatchStatus::Completed | BatchStatus::CompletedWithErrors => {
            next.completed.get_or_insert(now);
        }
        _ => {}
    }
    next
}

#[cfg(test)]
mod tests {
    use mailferry_model::{
        id::{BatchId, EndpointId, UserId},
        settings::MailboxAddress,
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_completion_that_moves_nobody_is_no_sync() {
        let (nobody, id) = (EndpointId(Uuid::nil()), BatchId(Uuid::nil()));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut batch = Batch::created(id, "wave".into(), (nobody, nobody), at(0));
        (batch.status, batch.last_synced) = (BatchStatus::Completing, Some(at(5)));
        let mailbox = MailboxAddress { address: "anna@x".into(), ..MailboxAddress::default() };
        let mut user = User::queued(UserId(Uuid::nil()), id, "anna@x".into(), (mailbox.clone(), mailbox));
        (user.status, user.last_synced) = (UserStatus::Synced, Some(at(4)));
        let next = moved(&batch, std::slice::from_ref(&user), None, at(100));
        assert_eq!((next.status, next.last_synced), (BatchStatus::Synced, Some(at(5))));
        user.last_synced = Some(at(99));
        let next = moved(&batch, &[user], None, at(100));
        assert_eq!(next.last_synced, Some(at(99)), "the last sync that it was held back after");
    }
}
