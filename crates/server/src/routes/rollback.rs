//! The way back of a batch: who approves it, and to which values of DNS it goes. The page itself is a report's file.

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    port::Write,
    rollback::{Covers, GoBack, RollbackApproval, check_words},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{again::until_it_fits, batch::change::checked_notes, entry};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    problem::Problem,
    view::BatchView,
};

/// Who approves.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RollbackApproving)]
pub(crate) struct Approving {
    /// Who has read the page and approves; none with takeBack.
    #[schema(max_length = 200)]
    approver: Option<String>,
    /// For people.
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// The MX records to go back to, as they are now.
    #[schema(max_length = 200)]
    mx: Option<String>,
    /// The record of Autodiscover to go back to, as it is now.
    #[schema(max_length = 200)]
    autodiscover: Option<String>,
    /// Take the approval back instead.
    #[serde(default)]
    take_back: bool,
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// Approve the way back of a batch, or take that back
///
/// An approval is of the endpoints and mailboxes that the batch has then: when it has others it is no longer current.
#[utoipa::path(post, path = "/batches/{name}/rollback", operation_id = "approveRollback", tag = "acceptance", params(("name" = String, Path, description = "The batch")), request_body = Approving, responses((status = 200, description = "As it is now", body = BatchView)))]
pub(crate) async fn approve(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(body): Body<Approving>,
) -> Result<Versioned<BatchView>, Problem> {
    let malformed = |detail: String| Problem::refused("REQUEST_MALFORMED", detail);
    let comment = checked_notes(body.comment)?;
    let values = GoBack { mx: body.mx, autodiscover: body.autodiscover };
    values.check().map_err(malformed)?;
    let approver = match (body.approver, body.take_back) {
        (Some(_), true) => return Err(malformed("What is taken back has no approver.".to_owned())),
        (None, true) => None,
        (approver, false) => {
            let approver = approver.unwrap_or_default();
            check_words("approver", &approver).map_err(malformed)?;
            Some(approver)
        }
    };
    let (batch, users) = until_it_fits(&format!("The batch {name}"), || async {
        let mut batch = context.store.batch(&name).await?;
        if let Err(problem) = if_match.check(batch.version) {
            return Ok(Err(problem));
        }
        let users = context.store.users(batch.id).await?;
        batch.rollback = approver.clone().map(|approver| RollbackApproval {
            approver,
            by: context.actor.clone(),
            at: context.clock.now(),
            comment: comment.clone(),
            values: values.clone(),
            covers: Covers::of(&batch, &users),
        });
        if !body.dry_run {
            let told = serde_json::json!({
                "approver": approver, "takenBack": body.take_back, "comment": comment, "mailboxes": users.len(),
                "mx": values.mx, "autodiscover": values.autodiscover,
            });
            let subject = format!("batch {}", batch.name);
            let entry = entry(&context, "batch.rollback", subject, Some(told.to_string()));
            context.store.together(&[Write::SetBatch(&batch), Write::Record(&entry)]).await?;
            batch = context.store.batch_by_id(batch.id).await?;
        }
        Ok(Ok((batch, users)))
    })
    .await?;
    let (n, told) = (users.len(), batch.rollback.as_ref().map(|approval| approval.approver.clone()));
    let notice = match (told, body.dry_run) {
        (Some(approver), false) => format!("The way back of {n} mailboxes is approved by {approver}."),
        (Some(approver), true) => format!("The way back of {n} mailboxes would be approved by {approver}."),
        (None, false) => "The way back is approved by nobody any more.".to_owned(),
        (None, true) => "The way back would be approved by nobody any more.".to_owned(),
    };
    let mut view = BatchView::with(&context, batch, &users).await?;
    view.notices.push(notice);
    Ok(Versioned { status: StatusCode::OK, version: view.version(), body: view })
}
