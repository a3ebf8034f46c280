//! Batches: new from a CSV, list, show, remove. What is done with one is [`act`]'s, changing one [`change`]'s, further
//! mailboxes [`add`]'s; all read a CSV by [`rows`].

pub(crate) mod act;
pub(crate) mod add;
pub(crate) mod change;
mod rows;
pub(super) mod taken;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mailferry_model::{
    Error, Kind, Side,
    approval::{DataConsistency, ItemLimits},
    batch::{Batch, Priority},
    channel::mail::Recipients,
    endpoint::Endpoint,
    id::BatchId,
    mapping::RunOptions,
    port::Write,
    schedule::Schedule,
    status::BatchStatus,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

pub(super) use rows::check_rejected;
use rows::{Judgement, Sheet, passwords, users_of};

use super::{check_name, entry, removing::Removing};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    page::{Page, PageQuery, Part},
    problem::Problem,
    shape,
    view::{BatchReport, BatchView, UserView},
};

/// A new batch.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BatchCreation)]
pub(crate) struct Creation {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    source: String,
    target: String,
    /// EmailAddress[,UserName][,Password][,TargetAddress][,TargetUserName][,TargetPassword]
    csv: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    options: RunOptions,
    /// For people.
    #[schema(max_length = 1000)]
    notes: Option<String>,
    /// When it does what by itself. With `startAfter` it is started at once, and its mailboxes begin then.
    #[serde(default)]
    #[schema(value_type = shape::Schedule)]
    schedule: Schedule,
    /// `gate`, or `off`: its mailboxes complete whatever their score is.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    data_consistency: DataConsistency,
    /// How many skipped items a mailbox may have before it fails.
    #[serde(default)]
    #[schema(value_type = shape::ItemLimits)]
    item_limits: ItemLimits,
    /// Whether it goes before or after other batches that want the same slots.
    #[serde(default)]
    #[schema(value_type = Option<shape::Priority>)]
    priority: Priority,
    /// It goes first: batches at its endpoints that have not begun wait until it is clean and signed off.
    #[serde(default)]
    pilot: bool,
    /// Who is told by mail how it comes along, besides those of the channel of mail; fifty addresses at most.
    #[serde(default)]
    notification_emails: Vec<String>,
    /// Who is told of what went wrong; where there are some, they alone.
    #[serde(default)]
    notification_failure_emails: Vec<String>,
    /// Columns that mean nothing here are left alone, even one that looks like a misspelt name.
    #[serde(default)]
    allow_unknown_columns: bool,
    /// Domains that are another one at the target, `old.example=new.example` each, for rows without TargetAddress.
    #[serde(default)]
    domain_map: Vec<String>,
    /// Make it from the rows that can be used.
    #[serde(default)]
    skip_rejected: bool,
    /// Only judge: nothing is made, and faulty rows are no problem but the answer.
    #[serde(default)]
    dry_run: bool,
}

/// Which batches.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only with this status.
    status: Option<String>,
}

/// All batches
#[utoipa::path(get, path = "/batches", operation_id = "listBatches", tag = "batches", params(Which, PageQuery), responses((status = 200, description = "By name", body = Vec<BatchView>)))]
pub(crate) async fn list(
    context: Context,
    Query(which): Query<Which>,
    page: Page,
) -> Result<Part<BatchView>, Problem> {
    let known = BatchStatus::ALL.map(|status| format!("{status:?}"));
    if which.status.as_ref().is_some_and(|s| !known.iter().any(|known| known.eq_ignore_ascii_case(s))) {
        let detail = format!("There is no such status; there are {}.", known.join(", "));
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    let mut views = Vec::new();
    for batch in context.store.batches().await? {
        views.push(BatchView::of(&context, batch).await?);
    }
    if let Some(status) = &which.status {
        views.retain(|view| view.has_status(status));
    }
    page.cut(views, BatchView::key)
}

/// One batch
#[utoipa::path(get, path = "/batches/{name}", operation_id = "getBatch", tag = "batches", params(("name" = String, Path, description = "Its name")), responses((status = 200, description = "The batch", body = BatchView)))]
pub(crate) async fn show(
    context: Context,
    Path(name): Path<String>,
) -> Result<Versioned<BatchView>, Problem> {
    let batch = context.store.batch(&name).await?;
    view(&context, StatusCode::OK, batch).await
}

async fn view(context: &Context, status: StatusCode, batch: Batch) -> Result<Versioned<BatchView>, Problem> {
    let body = BatchView::of(context, batch).await?;
    Ok(Versioned { status, version: body.version(), body })
}

/// The users of a batch
#[utoipa::path(get, path = "/batches/{name}/users", operation_id = "listBatchUsers", tag = "batches", params(("name" = String, Path, description = "Its name"), PageQuery), responses((status = 200, description = "By address", body = Vec<UserView>)))]
pub(crate) async fn users(
    context: Context,
    Path(name): Path<String>,
    page: Page,
) -> Result<Part<UserView>, Problem> {
    let batch = context.store.batch(&name).await?;
    let users = context.store.users(batch.id).await?;
    let views = users.iter().map(|user| UserView::of(user, &batch.name)).collect();
    page.cut(views, UserView::key)
}

/// What the last passes of all its mailboxes found, summed up
#[utoipa::path(get, path = "/batches/{name}/report", operation_id = "getBatchReport", tag = "reports", params(("name" = String, Path, description = "The batch")), responses((status = 200, description = "The report", body = BatchReport)))]
pub(crate) async fn report(context: Context, Path(name): Path<String>) -> Result<Json<BatchReport>, Problem> {
    let batch = context.store.batch(&name).await?;
    Ok(Json(BatchReport::of(&context, &batch).await?))
}

/// Make a batch from a CSV, or only judge it
///
/// With `dryRun` nothing is made, and rows that cannot be used are no problem but the answer.
#[utoipa::path(post, path = "/batches", operation_id = "createBatch", tag = "batches", request_body = Creation, responses((status = 201, description = "The batch", body = BatchView), (status = 200, description = "The judgement, with dryRun", body = Judgement)))]
pub(crate) async fn create(context: Context, Body(wanted): Body<Creation>) -> Result<Response, Problem> {
    check_name("BATCH_NAME", &wanted.name)?;
    change::check_options(&wanted.options)?;
    change::check_schedule(&wanted.schedule)?;
    let notes = change::checked_notes(wanted.notes)?;
    let notify =
        Recipients { to: wanted.notification_emails, failure_to: wanted.notification_failure_emails };
    change::check_notify(&notify)?;
    let source = context.store.endpoint(&wanted.source).await?;
    let target = context.store.endpoint(&wanted.target).await?;
    check_roles(&context, (&source, &target))?;
    check_free(&context, &wanted.name).await?;
    let sheet = Sheet {
        csv: &wanted.csv,
        allow_unknown_columns: wanted.allow_unknown_columns,
        domain_map: &wanted.domain_map,
    };
    let parsed = sheet.judged(&context, (&source, &target)).await?;
    if wanted.dry_run {
        return Ok(Json(Judgement::of(wanted.name, parsed)).into_response());
    }
    check_rejected(&parsed, wanted.skip_rejected)?;
    let (id, ends) = (BatchId(context.store.new_id()), (source.id, target.id));
    let mut batch = Batch {
        options: wanted.options,
        notes,
        priority: wanted.priority,
        pilot: wanted.pilot,
        schedule: wanted.schedule,
        data_consistency: wanted.data_consistency,
        item_limits: wanted.item_limits,
        notify,
        ..Batch::created(id, wanted.name, ends, context.clock.now())
    };
    if batch.schedule.start_after.is_some() {
        batch.status = BatchStatus::Starting;
    }
    let users = users_of(&context, &batch, &parsed.rows);
    let change = format!("{} mailboxes, {} -> {}", users.len(), source.name, target.name);
    let entry = entry(&context, "batch.new", format!("batch {}", batch.name), Some(change));
    let passwords = passwords(&users, &parsed.rows);
    let writes = [Write::AddBatch(&batch, &users), Write::Seal(&passwords), Write::Record(&entry)];
    context.store.together(&writes).await?;
    (context.bell)();
    let batch = context.store.batch_by_id(batch.id).await?;
    let untold = change::untold(&context, &batch).await?;
    let mut answer = view(&context, StatusCode::CREATED, batch).await?;
    answer.body.notices.extend(untold);
    Ok(answer.into_response())
}

/// A taken name is told before anything is sealed for it.
async fn check_free(context: &Context, name: &str) -> Result<(), Problem> {
    match context.store.batch(name).await {
        Ok(batch) => {
            let detail = format!("there is a batch {:?} already", batch.name);
            Err(Error::new(Kind::AlreadyExists, Side::Us, "add batch", detail).into())
        }
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Remove a batch; ledgers stay
#[utoipa::path(delete, path = "/batches/{name}", operation_id = "removeBatch", tag = "batches", params(("name" = String, Path, description = "Its name"), Removing), responses((status = 204, description = "Removed; with dryRun: it could be")))]
pub(crate) async fn remove(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Query(removing): Query<Removing>,
) -> Result<StatusCode, Problem> {
    let batch = context.store.batch(&name).await?;
    if_match.check(batch.version)?;
    if batch.status.after(mailferry_model::status::BatchEvent::Remove).is_none() {
        let detail = format!("The batch {name} is {}; stop it first.", batch.status.label());
        return Err(Problem::conflict("WRONG_STATE", detail).naming("batch", &name));
    }
    if removing.dry_run {
        return Ok(StatusCode::NO_CONTENT);
    }
    let entry = entry(&context, "batch.remove", format!("batch {name}"), None);
    // Written first, it is still the one that was looked at.
    let writes = [Write::SetBatch(&batch), Write::RemoveBatch(batch.id), Write::Record(&entry)];
    if_match.kept(context.store.together(&writes).await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether source and target can be read and written.
pub(super) fn check_roles(
    context: &Context,
    (source, target): (&Endpoint, &Endpoint),
) -> Result<(), Problem> {
    let manifest = |e: &Endpoint| context.manifests.iter().find(|m| m.kind == e.kind);
    for (endpoint, able, what) in [
        (source, manifest(source).is_some_and(|m| m.source), "read"),
        (target, manifest(target).is_some_and(|m| m.target), "written"),
    ] {
        if !able {
            let detail = format!("The endpoint {} ({}) cannot be {what}.", endpoint.name, endpoint.kind);
            return Err(Problem::refused("BATCH_ROLE", detail));
        }
    }
    Ok(())
}

/// Whether an endpoint can be read.
pub(super) fn check_readable(context: &Context, source: &Endpoint) -> Result<(), Problem> {
    if context.manifests.iter().any(|m| m.kind == source.kind && m.source) {
        return Ok(());
    }
    let detail = format!("The endpoint {} ({}) cannot be read.", source.name, source.kind);
    Err(Problem::refused("BATCH_ROLE", detail))
}
