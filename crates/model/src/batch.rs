//! A batch: many mailboxes from one endpoint to another under one set of options.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    approval::{DataConsistency, ItemLimits},
    channel::mail::Recipients,
    id::{BatchId, EndpointId},
    mapping::RunOptions,
    mode::RunMode,
    rollback::RollbackApproval,
    schedule::Schedule,
    status::BatchStatus,
};

/// Which batches go first where several want the same slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After all others.
    Low,
    /// As batches are made.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Grows with each change; a stale writer is refused.
    pub version: u64,
    /// Unique, at most 64 characters.
    pub name: String,
    /// Where mailboxes come from.
    pub source: EndpointId,
    /// Where they go.
    pub target: EndpointId,
    /// The native status.
    pub status: BatchStatus,
    /// The finer reason, such as `WaitingForEndpoint`.
    pub detail: Option<String>,
    /// What moves and how.
    pub options: RunOptions,
    /// For people.
    #[serde(default)]
    pub notes: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was first started.
    pub started: Option<Timestamp>,
    /// When all its users were first synced.
    pub synced: Option<Timestamp>,
    /// When it was completed.
    pub completed: Option<Timestamp>,
    /// The endpoint for whose replacement it was stopped: it goes on when it points at the successor.
    #[serde(default)]
    pub paused_for: Option<EndpointId>,
    /// Why it begins although an endpoint fails its test.
    #[serde(default)]
    pub despite_test: Option<String>,
    /// When it does what by itself.
    #[serde(default)]
    pub schedule: Schedule,
    /// When its last sync ended.
    #[serde(default)]
    pub last_synced: Option<Timestamp>,
    /// Whether its mailboxes complete whatever their score is.
    #[serde(default)]
    pub data_consistency: DataConsistency,
    /// How many skipped items a mailbox of it may have before it fails.
    #[serde(default)]
    pub item_limits: ItemLimits,
    /// Whether it goes before others.
    #[serde(default)]
    pub priority: Priority,
    /// What its passes are for.
    #[serde(default)]
    pub mode: RunMode,
    /// Whether it goes first, and others at its endpoints wait until it is clean.
    #[serde(default)]
    pub pilot: bool,
    /// Why it begins although a pilot is not clean.
    #[serde(default)]
    pub despite_pilot: Option<String>,
    /// Who approved its way back, and for what.
    #[serde(default)]
    pub rollback: Option<RollbackApproval>,
    /// Who is told of it by mail, besides those of the channel.
    #[serde(default)]
    pub notify: Recipients,
}

impl Batch {
    /// One that was just made and not started.
    pub fn created(
        id: BatchId,
        name: String,
        (source, target): (EndpointId, EndpointId),
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            version: 1,
            name,
            source,
            target,
            status: BatchStatus::Created,
            detail: None,
            options: RunOptions::default(),
            notes: None,
            created,
            started: None,
            synced: None,
            completed: None,
            paused_for: None,
            despite_test: None,
            schedule: Schedule::default(),
            last_synced: None,
            data_consistency: DataConsistency::default(),
            item_limits: ItemLimits::default(),
            priority: Priority::default(),
            mode: RunMode::default(),
            pilot: false,
            despite_pilot: None,
            rollback: None,
            notify: Recipients::default(),
        }
    }
}
