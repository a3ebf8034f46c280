//! The passwords of mailboxes, given with a batch: where they go is changed by administrators alone.

use axum::http::StatusCode;
use mailferry_model::{account::Role, batch::Batch};

use crate::{
    Context,
    door::{Caller, Door},
    problem::Problem,
};

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
