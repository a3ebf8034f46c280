//! Batches follow their users: jobs for users that have none, and statuses by the pure tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    audit::AuditEntry,
    batch::Batch,
    id::{BatchId, EndpointId, UserId},
    job::PassKind,
    mode::RunMode,
    port::{Store, Write},
    status::{BatchEvent, BatchStatus, StatusSummary, UserEvent, UserStatus},
    user::Census,
};
use tokio::sync::Notify;

use super::{
    before::{self, Before, Unclean},
    clock,
};
use crate::parking::by_worker;

/// The detail of a batch whose endpoint waits for a person.
pub(super) const WAITING: &str = "WaitingForEndpoint";

/// How closely batches are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// By counts: with as many jobs as there are users who want one nobody lacks one, or a job ends in a moment.
    Counts,
    /// User by user.
    Users,
}

/// Looks at every batch that is under way; `bell` rings for tests that it orders. Users are counted after their batches
/// are read: what a person wants is written of both at once, and a batch that is older than its users is not written.
pub(super) async fn reconcile(
    store: &dyn Store,
    now: Timestamp,
    bell: &Notify,
    (look, batches, census): (Look, Vec<Batch>, Vec<(BatchId, Census)>),
) -> Result<()> {
    let mut census: BTreeMap<BatchId, Census> = census.into_iter().collect();
    // After the batches: whoever mends an endpoint starts its batches then.
    let parked = store.endpoints().await?.into_iter().filter_map(|endpoint| {
        let why = endpoint.needs_to_connect?;
        Some((endpoint.id, format!("{WAITING}: {} ({why})", endpoint.name)))
    });
    let parked: HashMap<EndpointId, String> = parked.collect();
    let unclean = before::unclean(store, &batches).await?;
    for batch in batches {
        let census = census.remove(&batch.id).unwrap_or_default();
        let looked_at = match batch.status {
            BatchStatus::Removing => Ok(()),
            status if status.is_active() => {
                let why = [batch.source, batch.target].iter().find_map(|id| parked.get(id)).cloned();
                one(store, (batch, why, &unclean), (&census, look), now, bell).await
            }
            _ => clock::rest(store, batch, look, now).await,
        };
        match looked_at {
            // Somebody changed it meanwhile: next time.
            Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => {}
            other => other?,
        }
    }
    Ok(())
}

async fn one(
    store: &dyn Store,
    (batch, parked, unclean): (Batch, Option<String>, &[Unclean]),
    (census, look): (&Census, Look),
    now: Timestamp,
    bell: &Notify,
) -> Result<()> {
    let waits = |why| Before { waits: Some(why), order: Vec::new() };
    let before = match (batch.status, parked) {
        (status, _) if let Some(why) = clock::holds(&batch.schedule, status, now) => waits(why),
        (_, Some(why)) => waits(why),
        (BatchStatus::Starting | BatchStatus::Waiting, None) => {
            before::begin(store, &batch, unclean, now).await?
        }
        (_, None) => Before::default(),
    };
    let mut statuses: Vec<UserStatus> = census.users.iter().map(|(status, _)| *status).collect();
    if statuses.iter().any(|status| matches!(wanted(*status), Wanted::Halt)) {
        statuses = halt_idle(store, &batch, now).await?;
    }
    // Jobs come back when the endpoint does.
    if before.waits.is_none() && batch.status != BatchStatus::Stopping {
        let kinds: Vec<(UserStatus, PassKind)> = statuses
            .iter()
            .filter_map(|status| match wanted(*status) {
                Wanted::Run(kind) => Some((*status, kind)),
                _ => None,
            })
            .collect();
        let want: u64 =
            census.users.iter().filter(|(s, _)| kinds.iter().any(|(k, _)| k == s)).map(|(_, n)| n).sum();
        if want > census.jobs || (look == Look::Users && want > 0) {
            store.add_missing_jobs(&batch, &kinds, now).await?;
        }
    }
    // A job that is claimed for a moment, to find the endpoint waiting, is no work.
    let is_held = batch.status != BatchStatus::Waiting
        && (before.waits.is_some() || batch.status == BatchStatus::Stopping);
    let working = is_held && store.jobs(batch.id).await?.iter().any(|j| j.claimed);
    if working && batch.status == BatchStatus::Stopping {
        // Whoever was stopped in a later sync rests at once, and its pass a moment later.
        return Ok(());
    }
    let last = match batch.status.rest(&statuses) {
        // What the gate held back was not synced by that: the batch was synced when its mailboxes were.
        Some(BatchEvent::SettleSynced(_)) => {
            store.users(batch.id).await?.iter().filter_map(|user| user.last_synced).max()
        }
        _ => None,
    };
    let next = moved(&batch, &statuses, (before.waits.filter(|_| !working), last), now);
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

/// Halts the users of a batch who shall stop and are in nobody's hands; the statuses of all of them then.
async fn halt_idle(store: &dyn Store, batch: &Batch, now: Timestamp) -> Result<Vec<UserStatus>> {
    let mut users = store.users(batch.id).await?;
    let jobs = store.jobs(batch.id).await?;
    let claimed: HashSet<UserId> = jobs.iter().filter(|j| j.claimed).map(|j| j.work.user).collect();
    for user in users.iter_mut().filter(|user| !claimed.contains(&user.id)) {
        if !matches!(wanted(user.status), Wanted::Halt) {
            continue;
        }
        if let Some(next) = user.status.after(UserEvent::Halt) {
            user.status = next;
            user.keep_time(now);
            store.set_user(user).await?;
        }
    }
    Ok(users.iter().map(|user| user.status).collect())
}

/// What a batch is at that waited: the last syncs, first ones, or later ones.
fn goes_on(users: &[UserStatus]) -> BatchEvent {
    use UserStatus as S;
    let any = |fits: &dyn Fn(S) -> bool| users.iter().any(|status| fits(*status));
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

/// The batch as the statuses of its users make it, each named at least once; with what it waits for, and when the last
/// of its users was synced, where that counts. Pure.
fn moved(
    batch: &Batch,
    users: &[UserStatus],
    (waits, last): (Option<String>, Option<Timestamp>),
    now: Timestamp,
) -> Batch {
    let mut next = batch.clone();
    let event = match batch.status.rest(users) {
        Some(rest) if batch.status != BatchStatus::Waiting => rest,
        None if waits.is_some() => BatchEvent::Wait,
        // It goes on, or comes to rest from there at the next look.
        _ => goes_on(users),
    };
    let verified = batch.mode == RunMode::VerifyCredentials && matches!(event, BatchEvent::Settle(_));
    let after = match verified {
        // Nothing was synced: it rests until it is started to move something.
        true => batch.status.after(BatchEvent::Stop).and_then(|status| status.after(event)),
        false => batch.status.after(event),
    };
    if let Some(status) = after {
        next.status = status;
    }
    next.detail = match event {
        BatchEvent::Wait => waits,
        _ => None,
    };
    match next.status {
        BatchStatus::Synced | BatchStatus::SyncedWithErrors => {
            next.synced.get_or_insert(now);
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
    use mailferry_model::id::{BatchId, EndpointId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_completion_that_moves_nobody_is_no_sync() {
        let (nobody, id) = (EndpointId(Uuid::nil()), BatchId(Uuid::nil()));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut batch = Batch::created(id, "wave".into(), (nobody, nobody), at(0));
        (batch.status, batch.last_synced) = (BatchStatus::Completing, Some(at(5)));
        let after = |last| moved(&batch, &[UserStatus::Synced], (None, Some(at(last))), at(100));
        assert_eq!((after(4).status, after(4).last_synced), (BatchStatus::Synced, Some(at(5))));
        assert_eq!(after(99).last_synced, Some(at(99)), "the last sync that it was held back after");
    }
}
