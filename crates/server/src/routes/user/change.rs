//! Changing one user of a batch, or taking it out of it.
//!
//! Only its passwords and its own time to complete change: address, names and target say which ledger is its own.

use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use jiff::Timestamp;
use mailferry_model::{
    port::{Sealing, Write},
    schedule::shown,
    secret::Secret,
    status::BatchStatus,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{find, view};
use crate::{
    Context,
    body::{Body, named},
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::{entry, removing::Removing},
    view::UserView,
};

/// Changes to a user: what is not named stays. Kept sealed and never shown.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UserChanges)]
pub(crate) struct Changes {
    /// The password at the source.
    password: Option<String>,
    /// The password at the target.
    target_password: Option<String>,
    /// When it is completed by itself, whatever its batch says; `null` takes the time away.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<Timestamp>)]
    complete_after: Option<Option<Timestamp>>,
    /// Only judge: nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// Change the passwords of one user of a batch, or when it completes
#[utoipa::path(patch, path = "/batches/{name}/users/{address}", operation_id = "changeUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), request_body = Changes, responses((status = 200, description = "As it is now", body = UserView)))]
pub(crate) async fn change(
    context: Context,
    if_match: IfMatch,
    Path((name, address)): Path<(String, String)>,
    Body(changes): Body<Changes>,
) -> Result<Versioned<UserView>, Problem> {
    let (batch, mut user) = find(&context, &name, &address).await?;
    if_match.check(user.version)?;
    let named = [("source-password", changes.password), ("target-password", changes.target_password)];
    let fresh: Vec<(&str, Secret<String>)> =
        named.into_iter().filter_map(|(name, value)| Some((name, Secret::new(value?)))).collect();
    if (fresh.is_empty() && changes.complete_after.is_none())
        || fresh.iter().any(|(_, secret)| secret.expose().is_empty())
    {
        let detail = "A user is given password, targetPassword or completeAfter, and no password is empty.";
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    let names: Vec<&str> = fresh.iter().map(|(name, _)| *name).collect();
    let before = user.complete_after;
    user.complete_after = changes.complete_after.unwrap_or(before);
    if changes.dry_run {
        let mut answer = view(StatusCode::OK, &batch, &user);
        if !names.is_empty() {
            answer.body.notices.push(format!("Of {address} would be replaced: {}.", names.join(", ")));
        }
        if let Some(at) = changes.complete_after {
            let at =
                at.map_or("with its batch".to_owned(), |at| shown(at, batch.schedule.time_zone.as_deref()));
            answer.body.notices.push(format!("{address} would be completed {at}."));
        }
        return Ok(answer);
    }
    let sealings: Vec<Sealing<'_>> = fresh.iter().map(|(name, value)| (user.id.0, *name, value)).collect();
    let mut change = serde_json::json!({ "secretsReplaced": names });
    if changes.complete_after.is_some() {
        change["completeAfter"] = serde_json::json!({ "before": before, "after": user.complete_after });
    }
    let change = change.to_string();
    let subject = format!("user {} of batch {}", user.address, batch.name);
    let entry = entry(&context, "user.set", subject, Some(change));
    let writes = [Write::SetUser(&user), Write::Seal(&sealings), Write::Record(&entry)];
    if_match.kept(context.store.together(&writes).await)?;
    (context.bell)();
    let (batch, user) = find(&context, &name, &address).await?;
    Ok(view(StatusCode::OK, &batch, &user))
}

/// Take a user out of a batch; its ledger stays
#[utoipa::path(delete, path = "/batches/{name}/users/{address}", operation_id = "removeUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), Removing), responses((status = 204, description = "Removed; with dryRun: it could be")))]
pub(crate) async fn remove(
    context: Context,
    if_match: IfMatch,
    Path((name, address)): Path<(String, String)>,
    Query(removing): Query<Removing>,
) -> Result<StatusCode, Problem> {
    let (batch, user) = find(&context, &name, &address).await?;
    if_match.check(user.version)?;
    if user.status.is_active() && batch.status != BatchStatus::Created {
        let detail = format!("{address} is {}; stop it first.", user.status.label());
        return Err(Problem::conflict("WRONG_STATE", detail).naming("batch", &batch.name));
    }
    if context.store.users(batch.id).await?.len() == 1 {
        let detail = format!("{address} is the only mailbox of {}; remove the batch.", batch.name);
        return Err(Problem::conflict("WRONG_STATE", detail).naming("batch", &batch.name));
    }
    if removing.dry_run {
        return Ok(StatusCode::NO_CONTENT);
    }
    let subject = format!("user {} of batch {}", user.address, batch.name);
    let entry = entry(&context, "user.remove", subject, None);
    // The batch is another one without it.
    let writes = [Write::SetBatch(&batch), Write::RemoveUser(user.id), Write::Record(&entry)];
    if_match.kept(context.store.together(&writes).await)?;
    (context.bell)();
    Ok(StatusCode::NO_CONTENT)
}
