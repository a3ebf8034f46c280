//! What a person wants of one user of a batch: start, retry, sync, complete, stop.
//!
//! Written as intent; workers act on it.

use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{
    intent::{UserAction, intend_user},
    port::Write,
    status::StatusSummary,
    user::User,
};

use super::{find, view};
use crate::{
    Context,
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::{again::until_it_fits, batch::act::How, entry},
    view::UserView,
};

type Member = Path<(String, String)>;

/// That there is nothing to do, and how what was completed is carried on.
fn nothing(user: &User, action: UserAction) -> String {
    let status = user.status.label();
    let text = format!("{} is {status}: there is nothing to {}.", user.address, action.word());
    match user.status.summary() {
        StatusSummary::Completed => format!(
            "{text} What has come since is carried by another batch with this mailbox; what is there is not copied again."
        ),
        StatusSummary::Synced if action == UserAction::Start => {
            format!("{text} What is new is carried by sync.")
        }
        _ => text,
    }
}

/// Start or resume one user of a batch; all others stay as they are
#[utoipa::path(post, path = "/batches/{name}/users/{address}/start", operation_id = "startUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), How), responses((status = 202, description = "Written down; workers act on it", body = UserView), (status = 200, description = "With dryRun", body = UserView)))]
pub(crate) async fn start(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
    Query(how): Query<How>,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, (UserAction::Start, how)).await
}

/// Try again one user whose last pass failed
#[utoipa::path(post, path = "/batches/{name}/users/{address}/retry", operation_id = "retryUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), How), responses((status = 202, description = "Written down; workers act on it", body = UserView), (status = 200, description = "With dryRun", body = UserView)))]
pub(crate) async fn retry(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
    Query(how): Query<How>,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, (UserAction::Retry, how)).await
}

/// Sync one user once more
#[utoipa::path(post, path = "/batches/{name}/users/{address}/sync", operation_id = "syncUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), How), responses((status = 202, description = "Written down; workers act on it", body = UserView), (status = 200, description = "With dryRun", body = UserView)))]
pub(crate) async fn sync(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
    Query(how): Query<How>,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, (UserAction::Sync, how)).await
}

/// The last sync and the verification of one user; all others stay as they are
#[utoipa::path(post, path = "/batches/{name}/users/{address}/complete", operation_id = "completeUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), How), responses((status = 202, description = "Written down; workers act on it", body = UserView), (status = 200, description = "With dryRun", body = UserView)))]
pub(crate) async fn complete(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
    Query(how): Query<How>,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, (UserAction::Complete, how)).await
}

/// Stop what is under way for one user
#[utoipa::path(post, path = "/batches/{name}/users/{address}/stop", operation_id = "stopUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address"), How), responses((status = 202, description = "Written down; workers act on it", body = UserView), (status = 200, description = "With dryRun", body = UserView)))]
pub(crate) async fn stop(
    context: Context,
    if_match: IfMatch,
    Path(member): Member,
    Query(how): Query<How>,
) -> Result<Versioned<UserView>, Problem> {
    act(&context, &if_match, &member, (UserAction::Stop, how)).await
}

async fn act(
    context: &Context,
    if_match: &IfMatch,
    member: &(String, String),
    (action, how): (UserAction, How),
) -> Result<Versioned<UserView>, Problem> {
    let (name, address) = member;
    let how = how.checked(action.word())?;
    if how.dry_run {
        let (batch, user) = find(context, name, address).await?;
        if_match.check(user.version)?;
        let user = how.given(&batch, user);
        let intent =
            how.with(intend_user(&batch, &user, action).map_err(|why| Problem::wrong_state(why, name))?);
        let notice = match intent.status {
            Some(_) => format!("{} would {}; its batch is {}.", user.address, action.word(), batch.name),
            None => nothing(&user, action),
        };
        let mut answer = view(StatusCode::OK, &batch, intent.users.first().unwrap_or(&user));
        answer.body.notices.push(notice);
        return Ok(answer);
    }
    let nothing = until_it_fits(address, || once(context, (name, address), (action, &how), if_match)).await?;
    (context.bell)();
    let (batch, user) = find(context, name, address).await?;
    let mut answer = view(StatusCode::ACCEPTED, &batch, &user);
    answer.body.notices.extend(nothing);
    Ok(answer)
}

async fn once(
    context: &Context,
    (name, address): (&str, &str),
    (action, how): (UserAction, &How),
    if_match: &IfMatch,
) -> mailferry_model::Result<Result<Option<String>, Problem>> {
    let (before, user) = find(context, name, address).await?;
    if let Err(problem) = if_match.check(user.version) {
        return Ok(Err(problem));
    }
    let user = how.given(&before, user);
    let intent = match intend_user(&before, &user, action) {
        Ok(intent) => how.with(intent),
        Err(why) => return Ok(Err(Problem::wrong_state(why, name))),
    };
    let Some(status) = intent.status else { return Ok(Ok(Some(nothing(&user, action)))) };
    let mut batch = before.clone();
    if status != before.status {
        (batch.status, batch.detail) = (status, None);
        batch.started.get_or_insert(context.clock.now());
    }
    let subject = format!("user {} of batch {}", user.address, batch.name);
    let entry =
        entry(context, &format!("user.{}", action.word()), subject, how.told().map(|told| told.to_string()));
    let now = context.clock.now();
    let users: Vec<User> = intent.users.into_iter().map(|user| user.timed(now)).collect();
    // The batch too, unchanged as it may be: a worker that has counted its users without this one does not write then.
    let mut writes = vec![Write::SetBatch(&batch)];
    writes.extend(users.iter().map(Write::SetUser));
    if action == UserAction::Stop {
        writes.push(Write::StopJob(user.id));
    }
    writes.push(Write::Record(&entry));
    context.store.together(&writes).await?;
    Ok(Ok(None))
}
