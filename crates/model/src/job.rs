//! Work: one pass of one mailbox, waiting, leased or ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{BatchId, EndpointId, JobId, MailboxId, UserId},
    ledger::Lease,
};

/// Which pass, and so which pool of permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PassKind {
    /// The first sync: counts against `MaxConcurrentMigrations`.
    Initial,
    /// A later sync: counts against `MaxConcurrentIncrementalSyncs`.
    Incremental,
    /// The last sync with full verification: counts like an incremental one.
    Completion,
}

/// Work to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// Whose pass.
    pub user: UserId,
    /// Of which batch.
    pub batch: BatchId,
    /// Holds a slot here.
    pub source: EndpointId,
    /// And here.
    pub target: EndpointId,
    /// Which pass.
    pub kind: PassKind,
    /// Not before.
    pub run_at: Timestamp,
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it is.
    pub work: JobSpec,
    /// Grows with each claim; every write of a holder carries it.
    pub epoch: u64,
    /// Whether somebody holds it.
    pub claimed: bool,
    /// Whether it shall stop.
    pub stopping: bool,
    /// How often it was claimed.
    pub attempts: u32,
}

/// A job that is held, as its holder asks for it again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub id: JobId,
    /// With another epoch than its holder's it is somebody else's.
    pub epoch: u64,
    /// Whether it shall stop.
    pub stopping: bool,
}

/// A lease that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The lease.
    pub lease: Lease,
    /// The holder before did not give it back; its puts may still land. When its lease ended.
    pub abandoned: Option<Timestamp>,
}

impl Claim {
    /// Whose.
    pub fn mailbox(&self) -> MailboxId {
        self.lease.mailbox
    }
}
