//! How many mailboxes may be under way at an endpoint now, beside its limits: what adaptive control holds it at, and what a
//! completion raises it to. Data alone: what is judged from it is the engine's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::id::EndpointId;

/// So many changes are remembered.
pub const REMEMBERED: usize = 20;

/// What holds at an endpoint now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// At which.
    pub endpoint: EndpointId,
    /// At most so many mailboxes at once, of both pools together; none: as many as the limits say.
    pub allowed: Option<u32>,
    /// Its incremental limit while a batch completes; none: as it is configured.
    pub raised: Option<u32>,
    /// The batch for which it is raised.
    pub raised_for: Option<String>,
    /// The last changes, newest first.
    pub changes: Vec<Change>,
    /// What the control remembers.
    pub state: Value,
}

/// A change of what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// From how many to how many, and why.
    pub why: String,
}

impl Allowance {
    /// Of an endpoint of which nothing was seen.
    pub fn of(endpoint: EndpointId) -> Self {
        let (changes, state) = (Vec::new(), Value::Null);
        Self { endpoint, allowed: None, raised: None, raised_for: None, changes, state }
    }

    /// Remembers a change.
    pub fn tell(&mut self, at: Timestamp, why: String) {
        self.changes.insert(0, Change { at, why });
        self.changes.truncate(REMEMBERED);
    }
}

/// What was seen of an endpoint in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// What was moved: bytes, and so much more for each body as it costs beside them.
    pub work: u64,
    /// How often the server asked to wait.
    pub throttled: u32,
    /// The longest wait that it asked for, seconds.
    pub asked: u64,
    /// Mailboxes that came to stall at it.
    pub stalled: u32,
}

/// What a worker saw of an endpoint in the last interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// Of which.
    pub endpoint: EndpointId,
    /// Which worker.
    pub worker: Uuid,
    /// Until when.
    pub at: Timestamp,
    /// What it saw.
    #[serde(flatten)]
    pub sight: Sight,
}

/// Permits that are in use between two endpoints, for one batch, in one of the pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse {
    /// Read from.
    pub source: EndpointId,
    /// Written to.
    pub target: EndpointId,
    /// For which batch.
    pub batch: crate::id::BatchId,
    /// How many.
    pub mailboxes: u32,
}
