//! An endpoint that waits for a person (`NeedsToConnect`): said once, in the log and in the audit trail, however many
//! mailboxes wait for it.

use jiff::Timestamp;
use mailferry_model::{
    Result,
    audit::AuditEntry,
    endpoint::Endpoint,
    port::{Store, Write},
};

/// Who acts where no person does, for the audit trail.
pub const WORKER: &str = "worker";

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
    let change = serde_json::json!({ "why": why, "code": code }).to_string();
    let entry = AuditEntry {
        at,
        actor: WORKER.to_owned(),
        action: "endpoint.needs-to-connect".to_owned(),
        subject: format!("endpoint {}", endpoint.name),
        change: Some(change),
    };
    store.together(&[Write::SetEndpoint(endpoint), Write::Record(&entry)]).await?;
    tracing::warn!(endpoint = %endpoint.id, code, "the endpoint needs a person");
    Ok(())
}
