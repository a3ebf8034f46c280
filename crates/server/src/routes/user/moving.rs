//! A user goes from one batch to another between the same endpoints; its ledger, and so all that was moved, goes along.

use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{batch::Batch, intent::intend_add, port::Write, status::BatchStatus, user::User};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{find, view};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::{again::until_it_fits, entry},
    view::UserView,
};

/// Where to.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UserMove)]
pub(crate) struct Moving {
    /// The batch.
    to: String,
}

/// Whether only to judge.
#[derive(Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Judging {
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// Move a user to another batch between the same endpoints; what was moved of it stays moved
#[utoipa::path(post, path = "/batches/{name}/users/{address}/move", operation_id = "moveUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), Judging), request_body = Moving, responses((status = 200, description = "As it is now, or would be", body = UserView)))]
pub(crate) async fn into_batch(
    context: Context,
    if_match: IfMatch,
    Path((name, address)): Path<(String, String)>,
    Query(judging): Query<Judging>,
    Body(moving): Body<Moving>,
) -> Result<Versioned<UserView>, Problem> {
    let once = async || {
        let (from, user) = find(&context, &name, &address).await?;
        let to = context.store.batch(&moving.to).await?;
        if let Err(problem) = if_match.check(user.version) {
            return Ok(Err(problem));
        }
        let users = context.store.users(from.id).await?.len();
        let status = match judged((&from, users), &to, &user) {
            Ok(status) => status,
            Err(problem) => return Ok(Err(problem)),
        };
        let moved = User { batch: to.id, ..user };
        if judging.dry_run {
            return Ok(Ok((to, moved)));
        }
        let subject = format!("user {} of batch {}", moved.address, from.name);
        let change = serde_json::json!({ "to": to.name }).to_string();
        let entry = entry(&context, "user.move", subject, Some(change));
        let next = Batch { status, ..to.clone() };
        // Both batches are others with and without it.
        let writes = [
            Write::SetBatch(&from),
            Write::SetBatch(&next),
            Write::StopJob(moved.id),
            Write::SetUser(&moved),
            Write::Record(&entry),
        ];
        context.store.together(&writes).await?;
        (context.bell)();
        Ok(Ok((next, context.store.user(moved.id).await?)))
    };
    let (batch, user) = until_it_fits(&address, once).await?;
    Ok(view(StatusCode::OK, &batch, &user))
}

/// The status of the batch into which the user goes, or why it does not go there.
fn judged((from, users): (&Batch, usize), to: &Batch, user: &User) -> Result<BatchStatus, Problem> {
    let refused = |detail: String| Err(Problem::conflict("WRONG_STATE", detail).naming("batch", &from.name));
    let (address, name) = (&user.address, &to.name);
    if from.id == to.id {
        return refused(format!("{address} is in {name} already."));
    }
    if (from.source, from.target) != (to.source, to.target) {
        return refused(format!("{name} moves between other endpoints than {}.", from.name));
    }
    if from.options.map != to.options.map {
        let why = "each mapping has ledgers of its own, and what was moved would be moved again";
        return refused(format!("{name} maps folders otherwise than {}: {why}.", from.name));
    }
    if user.status.is_active() && from.status != BatchStatus::Created {
        return refused(format!("{address} is {}; stop it first.", user.status.label()));
    }
    if users == 1 {
        return refused(format!("{address} is the only mailbox of {}; remove the batch.", from.name));
    }
    intend_add(to).map_err(|why| Problem::wrong_state(why, name))
}
