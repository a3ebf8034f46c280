//! What a person wants of one user of a batch: start, retry, sync, stop.
//!
//! Written as intent; workers act on it. There is no completion of one user: a batch is completed as a whole.

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{Kind, port::Write};

use super::{find, view};
use crate::{
    Context,
    etag::{IfMatch, Versioned},
    intent::{UserAction, intend_user},
    problem::Problem,
    routes::entry,
    view::UserView,
};

type Member = Path<(String, String)>;

/// Start or resume one user of a batch; all others stay as they are
#[utoipa::path(post, path = "/batches/{name}/users/{address}/start", operation_id = "startUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), responses((status = 202, description = "Written down; workers act on it", body = UserView)))]
pub(crate) async fn start(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, UserAction::Start).await
}

/// Try again one user whose last pass failed
#[utoipa::path(post, path = "/batches/{name}/users/{address}/retry", operation_id = "retryUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), responses((status = 202, description = "Written down; workers act on it", body = UserView)))]
pub(crate) async fn retry(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, UserAction::Retry).await
}

/// Sync one user once more
#[utoipa::path(post, path = "/batches/{name}/users/{address}/sync", operation_id = "syncUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), responses((status = 202, description = "Written down; workers act on it", body = UserView)))]
pub(crate) async fn sync(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, UserAction::Sync).await
}

/// Stop what is under way for one user
#[utoipa::path(post, path = "/batches/{name}/users/{address}/stop", operation_id = "stopUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), responses((status = 202, description = "Written down; workers act on it", body = UserView)))]
pub(crate) async fn stop(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, UserAction::Stop).await
}

async fn act(
    context: &Context,
    if_match: &IfMatch,
    member: &(String, String),
    action: UserAction,
) -> Result<Versioned<UserView>, Problem> {
    let (name, address) = member;
    // Workers change batch and user meanwhile: what does not fit any more is read again.
    for _ in 0..8 {
        match once(context, (name, address), action, if_match).await {
            Err(error) if error.kind() == Kind::Conflict => {}
            Err(error) => return Err(error.into()),
            Ok(Err(problem)) => return Err(problem),
            Ok(Ok(())) => {
                (context.bell)();
                let (batch, user) = find(context, name, address).await?;
                return Ok(view(StatusCode::ACCEPTED, &batch, &user));
            }
        }
    }
    Err(Problem::conflict("OWN_CONFLICT", format!("{address} changes all the time; try again.")))
}

async fn once(
    context: &Context,
    (name, address): (&str, &str),
    action: UserAction,
    if_match: &IfMatch,
) -> mailferry_model::Result<Result<(), Problem>> {
    let (before, user) = find(context, name, address).await?;
    if let Err(problem) = if_match.check(user.version) {
        return Ok(Err(problem));
    }
    let intent = match intend_user(&before, &user, action) {
        Ok(intent) => intent,
        Err(problem) => return Ok(Err(problem)),
    };
    let Some(status) = intent.status else { return Ok(Ok(())) };
    let mut batch = before.clone();
    if status != before.status {
        (batch.status, batch.detail) = (status, None);
        batch.started.get_or_insert(context.clock.now());
    }
    let subject = format!("user {} of batch {}", user.address, batch.name);
    let entry = entry(context, &format!("user.{}", action.word()), subject, None);
    let mut writes: Vec<Write<'_>> = intent.users.iter().map(Write::SetUser).collect();
    if batch != before {
        writes.push(Write::SetBatch(&batch));
    }
    if action == UserAction::Stop {
        writes.push(Write::StopJob(user.id));
    }
    writes.push(Write::Record(&entry));
    context.store.together(&writes).await?;
    Ok(Ok(()))
}
