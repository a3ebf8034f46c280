//! Users: the mailboxes of batches. What is done with one is [`act`]'s, changing one [`change`]'s, taking
//! one to another batch [`moving`]'s, saying that one works [`sign_off`]'s.

pub(crate) mod act;
pub(crate) mod change;
pub(crate) mod moving;
pub(crate) mod sign_off;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{
    Error, Kind, Side, batch::Batch, statistics::Statistics, status::UserStatus, user::User, why,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Context,
    etag::Versioned,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::UserView,
};

/// Which users.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only of this batch.
    batch: Option<String>,
    /// Only with this status, or this summary of it.
    status: Option<String>,
}

/// The users of all batches
#[utoipa::path(get, path = "/users", operation_id = "listUsers", tag = "users", params(Which, PageQuery), responses((status = 200, description = "By batch and address", body = Vec<UserView>)))]
pub(crate) async fn list(
    context: Context,
    Query(which): Query<Which>,
    page: Page,
) -> Result<Part<UserView>, Problem> {
    if which.status.as_ref().is_some_and(|s| !is_status(s)) {
        let known = UserStatus::ALL.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(", ");
        let detail = format!("There is no such status; there are {known}, and the summary Active.");
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    let batches = match &which.batch {
        Some(name) => vec![context.store.batch(name).await?],
        None => context.store.batches().await?,
    };
    let mut views = Vec::new();
    for batch in batches {
        let users = context.store.users(batch.id).await?;
        views.extend(users.iter().map(|user| UserView::of(user, &batch.name)));
    }
    if let Some(status) = &which.status {
        views.retain(|v| v.has_status(status));
    }
    page.cut(views, UserView::key)
}

/// Whether a status, or what sums statuses up, is called so.
fn is_status(name: &str) -> bool {
    let called = |s: &UserStatus| {
        [format!("{s:?}"), format!("{:?}", s.summary())].iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    UserStatus::ALL.iter().any(called)
}

/// All users of that address, in whichever batches
#[utoipa::path(get, path = "/users/{address}", operation_id = "getUser", tag = "users", params(("address" = String, Path, description = "The address")), responses((status = 200, description = "One a batch", body = Vec<UserView>)))]
pub(crate) async fn show(
    context: Context,
    Path(address): Path<String>,
) -> Result<Json<Vec<UserView>>, Problem> {
    let mut views = Vec::new();
    for user in context.store.users_by_address(&address).await? {
        let batch = context.store.batch_by_id(user.batch).await?;
        views.push(with_reason(&context, &batch, &user).await?);
    }
    match views.is_empty() {
        true => {
            let detail = format!("There is no user {address}.");
            Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail))
        }
        false => Ok(Json(views)),
    }
}

/// One user of a batch
#[utoipa::path(get, path = "/batches/{name}/users/{address}", operation_id = "getBatchUser", tag = "users", params(("name" = String, Path, description = "The batch"), ("address" = String, Path, description = "The address")), responses((status = 200, description = "The user", body = UserView)))]
pub(crate) async fn of_batch(
    context: Context,
    Path((name, address)): Path<(String, String)>,
) -> Result<Versioned<UserView>, Problem> {
    let (batch, user) = find(&context, &name, &address).await?;
    let body = with_reason(&context, &batch, &user).await?;
    Ok(Versioned { status: StatusCode::OK, version: user.version, body })
}

/// A user with why it is not moving.
async fn with_reason(context: &Context, batch: &Batch, user: &User) -> mailferry_model::Result<UserView> {
    let jobs = context.store.jobs(batch.id).await?;
    let job = jobs.iter().find(|job| job.work.user == user.id);
    let now = context.clock.now();
    let mut view = UserView::of(user, &batch.name);
    view.why = Some(why::of_user(user, batch, job, now));
    view.statistics = Some(Statistics::of(user, now));
    Ok(view)
}

/// A batch and a user of it.
pub(super) async fn find(
    context: &Context,
    name: &str,
    address: &str,
) -> mailferry_model::Result<(Batch, User)> {
    let batch = context.store.batch(name).await?;
    let users = context.store.users_by_address(address).await?;
    let found = users.into_iter().find(|user| user.batch == batch.id);
    let user = found.ok_or_else(|| {
        let text = format!("there is no user {address} in the batch {}", batch.name);
        Error::new(Kind::NotFound, Side::Us, "find user", text)
    })?;
    Ok((batch, user))
}

pub(super) fn view(status: StatusCode, batch: &Batch, user: &User) -> Versioned<UserView> {
    Versioned { status, version: user.version, body: UserView::of(user, &batch.name) }
}
