//! The passwords of mailboxes, given with a batch: where they go is changed by administrators alone.

use axum::http::StatusCode;
use mailferry_model::{account::Role, batch::Batch, endpoint::Endpoint};

use crate::{
    Context,
    door::{Caller, Door},
    problem::Problem,
    view::signs_in_for_all,
};

/// So many are named at most.
const NAMED: usize = 20;

/// Refuses that somebody sends what is kept of a batch's mailboxes on these sides (source, target) elsewhere.
pub(super) async fn check(
    context: &Context,
    caller: &Caller,
    batch: &Batch,
    (source, target): (bool, bool),
) -> Result<(), Problem> {
    if matches!(context.door, Door::Inside) || caller.role >= Role::Administrator {
        return Ok(());
    }
    for user in context.store.users(batch.id).await? {
        let kept = context.store.unseal(user.id.0).await?;
        let goes =
            |name: &str| (source && name.starts_with("source-")) || (target && name.starts_with("target-"));
        if kept.iter().any(|(name, _)| goes(name)) {
            let detail = format!(
                "The batch {} holds passwords of its mailboxes: only an administrator sends them elsewhere.",
                batch.name
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, "ACCOUNT_ROLE", detail));
        }
    }
    Ok(())
}

/// Refuses that mailboxes get an endpoint on these sides (source, target) which has no sign-in for them, as they have
/// none of their own.
pub(super) async fn check_suffice(
    context: &Context,
    batch: &Batch,
    endpoint: &Endpoint,
    (source, target): (bool, bool),
) -> Result<(), Problem> {
    if signs_in_for_all(context, endpoint).await? {
        return Ok(());
    }
    let mut without = Vec::new();
    for user in context.store.users(batch.id).await? {
        let kept = context.store.unseal(user.id.0).await?;
        let has = |wanted: &str| kept.iter().any(|(name, _)| name.starts_with(wanted));
        if (source && !has("source-")) || (target && !has("target-")) {
            without.push(user.address);
        }
        if without.len() == NAMED {
            break;
        }
    }
    if without.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "{} has no sign-in for all mailboxes, and mailboxes of the batch {} have no password of their own for it.",
        endpoint.name, batch.name
    );
    Err(Problem::conflict("ENDPOINT_NO_SIGN_IN", detail)
        .naming("endpoint", &endpoint.name)
        .blocked_by(without))
}
