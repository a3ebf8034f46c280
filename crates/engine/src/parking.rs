//! An endpoint that waits for a person (`NeedsToConnect`): said once, in the log and in the audit trail, however many
//! mailboxes wait for it.

use jiff::Timestamp;
use mailferry_model::{Result, audit::AuditEntry, endpoint::Endpoint, port::Store};

/// Who acts where no person does, for the audit trail.
pub const WORKER: &str = "worker";

/// Tells that an endpoint waits now, and why.
///
/// # Errors
/// What the store says.
pub async fn tell(
    store: &dyn Store,
    endpoint: &Endpoint,
    (why, code): (&str, Option<&str>),
    at: Timestamp,
) -> Result<()> {
    tracing::warn!(endpoint = %endpoint.id, code, "the endpoint needs a person");
    let change = serde_json::json!({ "why": why, "code": code }).to_string();
    let entry = AuditEntry {
        at,
        actor: WORKER.to_owned(),
        action: "endpoint.needs-to-connect".to_owned(),
        subject: format!("endpoint {}", endpoint.name),
        change: Some(change),
    };
    store.record(&entry).await.map(drop)
}
