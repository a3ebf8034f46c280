//! Further mailboxes of a batch that is there. They begin with it, or at once where it is under way or synced.

use axum::{
    Json,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mailferry_model::{batch::Batch, intent::intend_add, port::Write};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    rows::{Judgement, Sheet, check_rejected, passwords, users_of},
    view,
};
use crate::{
    Context,
    body::Body,
    etag::IfMatch,
    problem::Problem,
    routes::{again::until_it_fits, entry},
    view::BatchView,
};

/// Further mailboxes.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BatchAddition)]
pub(crate) struct Addition {
    /// As for a new batch.
    csv: String,
    /// Columns that mean nothing here are left alone, even one that looks like a misspelt name.
    #[serde(default)]
    allow_unknown_columns: bool,
    /// Domains that are another one at the target, `old.example=new.example` each, for rows without TargetAddress.
    #[serde(default)]
    domain_map: Vec<String>,
    /// Add the rows that can be used.
    #[serde(default)]
    skip_rejected: bool,
    /// Only judge: nothing is added, and faulty rows are no problem but the answer.
    #[serde(default)]
    dry_run: bool,
}

/// Add mailboxes from a CSV to a batch, or only judge it
#[utoipa::path(post, path = "/batches/{name}/users", operation_id = "addBatchUsers", tag = "batches", params(("name" = String, Path, description = "The batch")), request_body = Addition, responses((status = 201, description = "The batch", body = BatchView), (status = 200, description = "The judgement, with dryRun", body = Judgement)))]
pub(crate) async fn add(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(wanted): Body<Addition>,
) -> Result<Response, Problem> {
    let batch = context.store.batch(&name).await?;
    if_match.check(batch.version)?;
    intend_add(&batch).map_err(|why| Problem::wrong_state(why, &name))?;
    let source = context.store.endpoint_by_id(batch.source).await?;
    let target = context.store.endpoint_by_id(batch.target).await?;
    let sheet = Sheet {
        csv: &wanted.csv,
        allow_unknown_columns: wanted.allow_unknown_columns,
        domain_map: &wanted.domain_map,
    };
    let parsed = sheet.judged(&context, (&source, &target)).await?;
    if wanted.dry_run {
        return Ok(Json(Judgement::of(batch.name, parsed)).into_response());
    }
    check_rejected(&parsed, wanted.skip_rejected)?;
    let users = users_of(&context, &batch, &parsed.rows);
    let passwords = passwords(&users, &parsed.rows);
    let entry = entry(
        &context,
        "batch.add",
        format!("batch {}", batch.name),
        Some(format!("{} mailboxes", users.len())),
    );
    let once = async || {
        let batch = context.store.batch_by_id(batch.id).await?;
        if let Err(problem) = if_match.check(batch.version) {
            return Ok(Err(problem));
        }
        let next = match intend_add(&batch) {
            Ok(status) => Batch { status, ..batch.clone() },
            Err(why) => return Ok(Err(Problem::wrong_state(why, &name))),
        };
        let writes =
            [Write::SetBatch(&next), Write::AddUsers(&users), Write::Seal(&passwords), Write::Record(&entry)];
        context.store.together(&writes).await?;
        Ok(Ok(()))
    };
    until_it_fits(&format!("The batch {name}"), once).await?;
    (context.bell)();
    let batch = context.store.batch_by_id(batch.id).await?;
    Ok(view(&context, StatusCode::CREATED, batch).await?.into_response())
}
