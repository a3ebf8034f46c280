//! An endpoint: a persistent connection profile with two throttles. Its secrets lie apart, sealed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{finding::TestResult, id::EndpointId, limits::Limits, settings::Settings};

/// A connection profile that serves many batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Grows with each change; a stale writer is refused.
    pub version: u64,
    /// The name that batches refer to.
    pub name: String,
    /// The connector's kind, such as `imap`.
    pub kind: String,
    /// What the connector was told, without secrets.
    pub settings: Settings,
    /// The two throttles.
    pub limits: Limits,
    /// Why its batches wait for a person, if they do (`NeedsToConnect`).
    pub needs_to_connect: Option<String>,
    /// The last test.
    pub last_test: Option<TestResult>,
    /// The last test in which nothing failed.
    #[serde(default)]
    pub last_good_test: Option<TestResult>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}
