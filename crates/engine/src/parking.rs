//! An endpoint that waits for a person (`NeedsToConnect`): said once, in the log and in the audit trail, however many
//! mailboxes wait for it.

use jiff::Timestamp;
use mailferry_model::{
    Result,
    audit::AuditEntry,
    endpoint::Endpoint,
    port::{Store, Write},
};
use serde_json::Value;

/// Who acts where no person does, for the audit trail.
pub const WORKER: &str = "worker";

/// What a worker did, for the audit trail.
pub(crate) fn by_worker(at: Timestamp, action: &str, subject: String, change: &Value) -> AuditEntry {
    let (actor, action, change) = (WORKER.to_owned(), action.to_owned(), Some(change.to_string()));
    AuditEntry { at, actor, action, subject, change }
}

/// Keeps an endpoint that waits from now on, and why.
///
/// # Errors
/// What the store says; `Conflict` if somebody changed the endpoint meanwhile.
pub async fn park(
    store: &dyn Store,
    endpoint: &Endpoint,
    (why, code): (&str, Option<&str>),
    at: Timestamp,
) -> Result<()> {
    let change = serde_json::json!({ "why": why, "code": code });
    let entry = by_worker(at, "endpoint.needs-to-connect", format!("endpoint {}", endpoint.name), &change);
    store.together(&[Write::SetEndpoint(endpoint), Write::Record(&entry)]).await?;
    tracing::warn!(endpoint = %endpoint.id, name = endpoint.name, code, "the endpoint needs a person");
    Ok(())
}
