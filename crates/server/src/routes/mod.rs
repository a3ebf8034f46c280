//! The routes, a file for each noun.

mod batch;
mod endpoint;
mod item;
mod replace;
mod user;
mod work;

use axum::{
    Router,
    http::{StatusCode, Uri},
    routing::{get, post, put},
};
use mailferry_model::{Error, audit::AuditEntry};

use crate::{Context, problem::Problem};

/// All of them, below the prefix.
pub(crate) fn all() -> Router<Context> {
    Router::new()
        .route("/endpoints", get(endpoint::list).post(endpoint::create))
        .route("/endpoints/{name}", get(endpoint::show).patch(endpoint::change).delete(endpoint::remove))
        .route("/endpoints/{name}/test", put(endpoint::tested))
        .route("/endpoints/{name}/replace", post(replace::replace))
        .route("/batches", get(batch::list).post(batch::create))
        .route("/batches/{name}", get(batch::show).delete(batch::remove))
        .route("/batches/{name}/report", get(batch::report))
        .route("/batches/{name}/work", get(work::list))
        .route("/batches/{name}/{action}", post(batch::act))
        .route("/users", get(user::list))
        .route("/users/{address}", get(user::show))
        .route("/items", get(item::list))
        // A CSV of 10 MB, escaped as JSON text.
        .layer(axum::extract::DefaultBodyLimit::max(24 << 20))
}

/// Everything else.
pub(crate) async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "REQUEST_NOT_FOUND", format!("There is nothing at {}.", uri.path()))
}

/// Writes down who did what to what.
async fn audit(
    context: &Context,
    action: &str,
    subject: String,
    change: Option<String>,
) -> Result<(), Error> {
    let at = context.clock.now();
    let entry = AuditEntry { at, actor: context.actor.clone(), action: action.to_owned(), subject, change };
    context.store.record(&entry).await.map(drop)
}

/// Names that can be typed, shown and put into an address.
fn check_name(code: &str, name: &str) -> Result<(), Problem> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= 64
        && name == name.trim()
        && !name.contains(|c: char| c.is_control() || c == '/');
    match fits {
        true => Ok(()),
        false => Err(Problem::refused(code, format!("{name:?} cannot be a name."))),
    }
}
