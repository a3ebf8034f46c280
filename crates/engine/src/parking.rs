//! An endpoint that waits for a person (`NeedsToConnect`): said once, in the log and in the audit trail, however many
//! mailboxes wait for it; that it waits no longer, and that its certificate ends soon.

use jiff::Timestamp;
use mailferry_model::{
    Result,
    audit::AuditEntry,
    certificate::Expiring,
    endpoint::Endpoint,
    port::{Store, Write},
};
use serde_json::{Value, json};

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
    why: (&str, Option<&str>),
    at: Timestamp,
) -> Result<()> {
    let entry = parked(endpoint, why, at);
    store.together(&[Write::SetEndpoint(endpoint), Write::Record(&entry)]).await
}

/// That it waits from now on.
pub(crate) fn parked(endpoint: &Endpoint, (why, code): (&str, Option<&str>), at: Timestamp) -> AuditEntry {
    tracing::warn!(endpoint = %endpoint.id, name = endpoint.name, code, "the endpoint needs a person");
    let change = json!({ "why": why, "code": code });
    by_worker(at, "endpoint.needs-to-connect", format!("endpoint {}", endpoint.name), &change)
}

/// That it no longer does: a test went well.
pub(crate) fn recovered(endpoint: &Endpoint, at: Timestamp) -> AuditEntry {
    by_worker(at, "endpoint.recovered", format!("endpoint {}", endpoint.name), &json!({}))
}

/// That its certificate ends soon.
pub(crate) fn expiring(endpoint: &Endpoint, expiring: &Expiring, at: Timestamp) -> AuditEntry {
    let Expiring { fingerprint, ends, days } = expiring;
    let change = json!({ "ends": ends, "days": days, "fingerprint": fingerprint });
    by_worker(at, "endpoint.certificate-expiring", format!("endpoint {}", endpoint.name), &change)
}
