//! Verifications that are ordered here and made by a worker: of a batch, of an address, or of an address in a batch.

use axum::{Json, extract::Path, http::StatusCode};
use mailferry_model::{
    Error, Kind, Side,
    id::VerificationId,
    port::Write,
    verification::{Subject, Verification, VerificationDepth, VerificationState},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::entry;
use crate::{
    Context,
    body::Body,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::VerificationView,
};

/// So many may wait for a worker.
const WAITING: u64 = 50;

/// Which mailboxes are verified: those of a batch, those of an address, or one of both.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = VerificationOrder)]
pub(crate) struct Order {
    /// A batch by its name.
    batch: Option<String>,
    /// An address: in that batch, or in whichever batches.
    user: Option<String>,
    /// Compare bodies too: reads every message on both sides.
    #[serde(default)]
    deep: bool,
}

/// The verifications that were ordered within a week, newest first and without their results
#[utoipa::path(get, path = "/verifications", operation_id = "listVerifications", tag = "verifications", params(PageQuery), responses((status = 200, description = "Newest first", body = Vec<VerificationView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<VerificationView>, Problem> {
    let mut views = Vec::new();
    for verification in context.store.verifications().await? {
        views.push(VerificationView::of(&context, verification).await?);
    }
    page.cut_by_place(views)
}

/// One verification: how far it is, and what it found
#[utoipa::path(get, path = "/verifications/{id}", operation_id = "getVerification", tag = "verifications", params(("id" = String, Path, description = "Its id")), responses((status = 200, description = "The verification", body = VerificationView)))]
pub(crate) async fn show(
    context: Context,
    Path(id): Path<String>,
) -> Result<Json<VerificationView>, Problem> {
    let verification = context.store.verification(parse(&id)?).await?;
    Ok(Json(VerificationView::of(&context, verification).await?))
}

/// Order a verification of mailboxes; a worker makes it
#[utoipa::path(post, path = "/verifications", operation_id = "orderVerification", tag = "verifications", request_body = Order, responses((status = 202, description = "It is ordered: ask for it by its id until it is `Done` or `Interrupted`", body = VerificationView)))]
pub(crate) async fn order(
    context: Context,
    Body(order): Body<Order>,
) -> Result<(StatusCode, Json<VerificationView>), Problem> {
    if context.store.verifications_under_way().await? >= WAITING {
        let detail = format!("{WAITING} verifications wait for a worker already.");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "VERIFICATION_QUEUE_FULL", detail));
    }
    let (subject, called) = subject(&context, order.batch, order.user).await?;
    let verification = Verification {
        id: VerificationId(context.store.new_id()),
        subject,
        depth: if order.deep { VerificationDepth::Deep } else { VerificationDepth::Keys },
        state: VerificationState::Ordered,
        looked_at: 0,
        outcome: None,
        asked_by: context.actor.clone(),
        asked: context.clock.now(),
    };
    let change = serde_json::json!({ "depth": verification.depth }).to_string();
    let entry = entry(&context, "verification.new", called, Some(change));
    let writes = [Write::AddVerification(&verification), Write::Record(&entry)];
    context.store.together(&writes).await?;
    (context.bell)();
    Ok((StatusCode::ACCEPTED, Json(VerificationView::of(&context, verification).await?)))
}

/// Forget a verification; one that runs stops within seconds
#[utoipa::path(delete, path = "/verifications/{id}", operation_id = "removeVerification", tag = "verifications", params(("id" = String, Path, description = "Its id")), responses((status = 204, description = "Forgotten")))]
pub(crate) async fn remove(context: Context, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id = parse(&id)?;
    let entry = entry(&context, "verification.remove", format!("verification {id}"), None);
    context.store.together(&[Write::RemoveVerification(id), Write::Record(&entry)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(id: &str) -> Result<VerificationId, Problem> {
    id.parse().map_err(|_| {
        let detail = format!("There is no verification {id}.");
        Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail)
    })
}

/// Which mailboxes, and what they are called in the audit trail.
async fn subject(
    context: &Context,
    batch: Option<String>,
    user: Option<String>,
) -> Result<(Subject, String), Problem> {
    let batch = match batch {
        Some(name) => Some(context.store.batch(&name).await?),
        None => None,
    };
    if let Some(address) = &user {
        let users = context.store.users_by_address(address).await?;
        if !users.iter().any(|u| batch.as_ref().is_none_or(|b| b.id == u.batch)) {
            let text = format!("there is no user {address}");
            return Err(Error::new(Kind::NotFound, Side::Us, "verify", text).into());
        }
    }
    match (batch, user) {
        (Some(batch), None) => Ok((Subject::Batch(batch.id), format!("batch {}", batch.name))),
        (None, Some(user)) => Ok((Subject::User(user.clone()), format!("user {user}"))),
        (Some(batch), Some(user)) => {
            let called = format!("user {user} of batch {}", batch.name);
            Ok((Subject::Member(batch.id, user), called))
        }
        (None, None) => {
            Err(Problem::refused("REQUEST_MALFORMED", "A verification is of a batch, of a user, or of both."))
        }
    }
}
