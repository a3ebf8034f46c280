//! Stalls that have lasted so long that somebody has to look: told once for each cause and endpoint, in the log and in the
//! audit trail, however many mailboxes wait for it; and on each of them, so that nobody is told again.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    batch::Batch,
    id::EndpointId,
    port::{Store, Write},
    stall::{Stall, endpoint_of},
    status::BatchStatus,
    user::User,
};
use serde_json::json;

use crate::parking::by_worker;

/// How often it is looked for: all users of batches that are under way are read for it.
pub(super) const LOOK: std::time::Duration = std::time::Duration::from_secs(120);
/// So many users are written together.
const HANDFUL: usize = 200;

/// What a stall is at, and why.
type Cause = (Option<EndpointId>, String);

/// Tells of what is due.
pub(super) async fn reconcile(store: &dyn Store, now: Timestamp) -> Result<()> {
    let moves = |batch: &Batch| {
        matches!(
            batch.status,
            BatchStatus::Syncing | BatchStatus::IncrementalSyncing | BatchStatus::Completing
        )
    };
    let (mut due, mut told) = (BTreeMap::<Cause, Vec<(User, Stall)>>::new(), HashSet::new());
    for batch in store.batches().await?.into_iter().filter(moves) {
        for user in store.users(batch.id).await? {
            let Some(stall) = Stall::of(&user) else { continue };
            let cause = (endpoint_of(&batch, &stall.code), stall.code.clone());
            if stall.escalated {
                told.insert(cause);
            } else if stall.is_due(now) {
                due.entry(cause).or_default().push((user, stall));
            }
        }
    }
    for (cause, users) in due {
        match tell(store, &cause, users, !told.contains(&cause), now).await {
            // It moves again, or somebody stopped it.
            Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => {}
            other => other?,
        }
    }
    Ok(())
}

async fn tell(
    store: &dyn Store,
    (endpoint, code): &Cause,
    users: Vec<(User, Stall)>,
    is_new: bool,
    now: Timestamp,
) -> Result<()> {
    let Some((_, stall)) = users.iter().min_by_key(|(_, stall)| stall.since) else { return Ok(()) };
    let name = match endpoint {
        Some(id) => Some(store.endpoint_by_id(*id).await?.name),
        None => None,
    };
    let subject = name.as_ref().map_or_else(|| "workers".to_owned(), |name| format!("endpoint {name}"));
    let change = json!({
        "code": code, "mailboxes": users.len(), "since": stall.since, "evidence": stall.evidence,
        "nextStep": stall.next_step,
    });
    let entry = by_worker(now, "stall.escalated", subject, &change);
    let escalated: Vec<User> = users.iter().map(|(user, _)| marked(user.clone())).collect();
    for (at, handful) in escalated.chunks(HANDFUL).enumerate() {
        let mut writes: Vec<Write<'_>> = handful.iter().map(Write::SetUser).collect();
        if is_new && at == 0 {
            writes.push(Write::Record(&entry));
        }
        store.together(&writes).await?;
    }
    if is_new {
        tracing::warn!(code, name, mailboxes = users.len(), "a stall has lasted long: somebody has to look");
    }
    Ok(())
}

fn marked(mut user: User) -> User {
    if let Some(detail) = &mut user.detail {
        detail.escalated = true;
    }
    user
}
