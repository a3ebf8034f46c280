//! The audit trail: who did what, and whether nobody changed it since.

use axum::{
    Json,
    extract::Query,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use mailferry_model::{audit::AuditEntry, notice::FAULT};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::entry;
use crate::{Context, door::Door, problem::Problem, sign_in::refusals};

/// Which entries.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only entries behind this number.
    after: Option<u64>,
    /// At most so many, 1 to 500; the oldest of them first.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// Only the newest so many, 1 to 500. Not with `after`.
    #[param(minimum = 1, maximum = 500)]
    last: Option<u64>,
}

/// One entry of the audit trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryView {
    no: u64,
    at: Timestamp,
    /// An account, an account and its token, or `cli:` and the system's user name.
    actor: String,
    /// What was done, such as `endpoint.set`.
    action: String,
    /// To what: kind and name.
    subject: String,
    /// What changed, without any secret.
    change: Option<String>,
    /// The same as an object, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    details: Option<Map<String, Value>>,
}

/// Whether the chain of entries is whole.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditVerification)]
pub(crate) struct Verification {
    /// Whether each entry fits the one before, and the newest is there.
    intact: bool,
    /// The number of the newest entry. Note it elsewhere: whoever may write the database can forge all of it.
    entries: u64,
    /// The number of the first entry that does not fit, or is missing.
    first_fault: Option<u64>,
}

/// Who did what, oldest first
#[utoipa::path(get, path = "/audit", operation_id = "listAudit", tag = "audit", params(Which), responses((status = 200, description = "At most 500 entries; a Link header names the next", body = Vec<EntryView>)))]
pub(crate) async fn list(context: Context, Query(which): Query<Which>) -> Result<Response, Problem> {
    let fits = |n: u64| (1..=500).contains(&n);
    if !which.limit.is_none_or(fits) || !which.last.is_none_or(fits) {
        return Err(Problem::refused("REQUEST_MALFORMED", "limit and last are 1 to 500."));
    }
    tell_refusals(&context).await;
    let after = match which.last {
        Some(last) => context.store.audit_end().await?.saturating_sub(last),
        None => which.after.unwrap_or(0),
    };
    let limit = which.limit.unwrap_or(500) as usize;
    let mut found = context.store.audit(after).await?;
    let more = found.len() > limit || found.len() == 500;
    found.truncate(limit);
    let next = found.last().filter(|_| more && which.last.is_none());
    let next = next.map(|(no, _)| format!("<?after={no}&limit={limit}>; rel=\"next\""));
    let rows: Vec<EntryView> = found
        .into_iter()
        .map(|(no, e)| EntryView {
            no,
            at: e.at,
            actor: e.actor,
            action: e.action,
            subject: e.subject,
            details: e.change.as_deref().and_then(|change| serde_json::from_str(change).ok()),
            change: e.change,
        })
        .collect();
    Ok(match next {
        Some(next) => ([(header::LINK, next)], Json(rows)).into_response(),
        None => Json(rows).into_response(),
    })
}

/// What was held back is there for whoever looks.
async fn tell_refusals(context: &Context) {
    if let Door::Listening(keeper) = &context.door {
        refusals::tell_due(context, &keeper.refusals).await;
    }
}

/// Whether nobody changed or removed an entry
#[utoipa::path(get, path = "/audit/verification", operation_id = "verifyAudit", tag = "audit", responses((status = 200, description = "The verdict", body = Verification)))]
pub(crate) async fn verify(context: Context) -> Result<Json<Verification>, Problem> {
    let first_fault = context.store.check_audit().await?;
    let entries = context.store.audit_end().await?;
    if let Some(fault) = first_fault {
        alert(&context, fault, entries).await?;
    }
    Ok(Json(Verification { intact: first_fault.is_none(), entries, first_fault }))
}

/// So many entries at the end are looked through for the same fault.
const LOOKED_AT: u64 = 2000;

/// Has a fault told to whoever wants to know, once for each fault.
async fn alert(context: &Context, fault: u64, end: u64) -> Result<(), Problem> {
    let change = json!({ "firstFault": fault }).to_string();
    let mut after = end.saturating_sub(LOOKED_AT);
    loop {
        // A damaged entry ends the search: then it is told once more rather than never.
        let entries = context.store.audit(after).await.unwrap_or_default();
        let Some((last, _)) = entries.last() else { break };
        after = *last;
        let is_same = |entry: &AuditEntry| entry.action == FAULT && entry.change.as_ref() == Some(&change);
        if entries.iter().any(|(_, entry)| is_same(entry)) {
            return Ok(());
        }
    }
    tracing::error!(fault, "the audit trail was changed: an entry does not fit");
    context.store.record(&entry(context, FAULT, "audit trail".to_owned(), Some(change))).await?;
    Ok(())
}
