//! A scan: what the mailboxes of a CSV or of a batch hold, before anything moves.
//!
//! A worker makes it, a mailbox after another, and keeps what it found of each at once: a scan that was cut off goes on
//! with what is left. Nothing is written at either side, and no body is read.

mod assessment;
mod names;
mod total;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use assessment::{
    Assessment, Count, LargeItem, LeftOut, MOST_NAMED, Moved, NameFault, Preview, SpecialFolder, Unread,
};
pub use names::{awkward, clashes};
pub use total::{Hybrid, Total, looks_hybrid};

use crate::{
    id::{BatchId, EndpointId, ScanId, UserId},
    mapping::RunOptions,
    settings::MailboxAddress,
    verification::Ended,
};

/// The largest item where neither the target nor a person says: what Exchange Online takes unless it is told otherwise.
pub const MICROSOFT_365: u64 = 35 << 20;

/// A scan that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Its id.
    pub id: ScanId,
    /// What is read.
    pub source: EndpointId,
    /// Where it shall go: folder names are held against it.
    pub target: Option<EndpointId>,
    /// The batch whose mailboxes they are.
    pub batch: Option<BatchId>,
    /// Items above this are named; none where the target's own limit counts, else [`MICROSOFT_365`].
    pub max_size: Option<u64>,
    /// How far it is.
    pub state: ScanState,
    /// How many mailboxes.
    pub mailboxes: u64,
    /// How many of them have an outcome.
    pub looked_at: u64,
    /// Why it ended early, if it did: for a reason that all mailboxes share.
    pub error: Option<Ended>,
    /// Who ordered it.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanState {
    /// Nobody is at it; there are mailboxes left.
    Ordered,
    /// A worker is at it.
    Running,
    /// It has ended.
    Done,
    /// Somebody stopped it; it can go on.
    Stopped,
}

impl ScanState {
    /// As it is shown.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ordered => "Ordered",
            Self::Running => "Running",
            Self::Done => "Done",
            Self::Stopped => "Stopped",
        }
    }
}

/// Whose secrets a mailbox of a scan signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// Its own, kept under this id as long as nobody has looked at it.
    Own(uuid::Uuid),
    /// Those of a user of a batch.
    User(UserId),
}

impl Whose {
    /// The id under which they are kept.
    pub fn id(self) -> uuid::Uuid {
        match self {
            Self::Own(id) => id,
            Self::User(user) => user.0,
        }
    }
}

/// A mailbox of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanMailbox {
    /// Its place in the scan, from 1.
    pub number: u64,
    /// Whose secrets it signs in with.
    pub secrets: Whose,
    /// At the source.
    pub source: MailboxAddress,
    /// At the target.
    pub target: MailboxAddress,
    /// What of it would move, and where.
    pub options: RunOptions,
    /// Who belongs together: the column `Department`.
    pub department: Option<String>,
    /// Who shares mailboxes: the column `Group`.
    pub group: Option<String>,
    /// What came of it; none as long as nobody has looked.
    #[serde(skip)]
    pub outcome: Option<ScanOutcome>,
}

/// What came of one mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ScanOutcome {
    /// It was read.
    Assessed(Box<Assessment>),
    /// It could not be: this mailbox alone.
    Failed(Ended),
}
