//! The audit trail: who did what, and whether nobody changed it since.

use axum::{
    Json,
    extract::Query,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use mailferry_model::{
    channel::{Delivery, recipients},
    id::DeliveryId,
    notice::Notice,
    port::Write,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

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
        alert(&context, fault).await?;
    }
    Ok(Json(Verification { intact: first_fault.is_none(), entries, first_fault }))
}

/// So many deliveries of a channel are looked through for the same fault.
const LOOKED_AT: usize = 500;

/// Has a fault told to the channels that want to know, once for each fault. Nothing is added to the trail: that would
/// change what is to be looked at.
async fn alert(context: &Context, fault: u64) -> Result<(), Problem> {
    let (store, now) = (&context.store, context.clock.now());
    tracing::error!(fault, "the audit trail was changed: an entry does not fit, or is missing");
    let notice = Notice::of_fault(fault, now);
    let channels = store.channels().await?;
    let mut fresh = Vec::new();
    for (channel, to) in recipients(&channels, &notice, None) {
        let known = store.deliveries(channel.id, LOOKED_AT).await?;
        let is_same = |known: &Notice| known.event == notice.event && known.data == notice.data;
        if !known.iter().any(|delivery| is_same(&delivery.notice)) {
            let id = DeliveryId(store.new_id());
            fresh.push(Delivery::of(id, channel.id, notice.clone(), now).to(to));
        }
    }
    let writes: Vec<Write<'_>> = fresh.iter().map(Write::AddDelivery).collect();
    if !writes.is_empty() {
        store.together(&writes).await?;
    }
    Ok(())
}
