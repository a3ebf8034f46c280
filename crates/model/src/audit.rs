//! The audit trail: who changed what, when. Entries are chained by hash; the store does the hashing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One entry. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: an account of ours, or `cli:` and the system's user name.
    pub actor: String,
    /// What was done, such as `endpoint.set`.
    pub action: String,
    /// To what: kind and name.
    pub subject: String,
    /// What changed: before and after, as JSON text.
    pub change: Option<String>,
}
