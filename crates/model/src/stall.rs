//! Why a mailbox waits: the stall codes in Microsoft's grammar, as one table of side and kind.
//!
//! A stall is a status *detail*, never a failure: the mailbox stays `Syncing` and resumes by itself.
//! Codes that only Microsoft's own service can know are explained by the catalogue, not emitted here.

use serde::{Deserialize, Serialize};

use crate::error::{Kind, Side};

/// A stall code, verbatim as people search for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StallCode(pub &'static str);

impl StallCode {
    /// The code for an error of `kind` on `side`.
    pub fn of(side: Side, kind: Kind) -> Self {
        use Kind::*;
        Self(match (side, kind) {
            (Side::Source, Unreachable) => "StalledDueToSource_Unreachable",
            (Side::Target, Unreachable) => "StalledDueToTarget_Unreachable",
            (Side::Source, Timeout) => "StalledDueToSource_Timeout",
            (Side::Target, Timeout) => "StalledDueToTarget_Timeout",
            (Side::Source, Tls) => "StalledDueToSource_Certificate",
            (Side::Target, Tls) => "StalledDueToTarget_Certificate",
            (_, Unauthenticated) => "StalledDueToCredentials",
            (Side::Source, Forbidden) => "StalledDueToSource_Permission",
            (Side::Target, Forbidden) => "StalledDueToTarget_Permission",
            (Side::Source, Throttled) => "StalledDueToSource_Throttled",
            (Side::Target, Throttled) => "StalledDueToTarget_Throttled",
            (Side::Source, Busy) => "StalledDueToSource_Busy",
            (Side::Target, Busy) => "StalledDueToTarget_Busy",
            (_, Locked) => "StalledDueToMailboxLock",
            (_, QuotaExceeded) => "StalledDueToTarget_QuotaExceeded",
            (Side::Source, _) => "StalledDueToSource_UnknownReason",
            (Side::Target, _) => "StalledDueToTarget_UnknownReason",
            (Side::Us, _) => "StalledDueToWorker",
        })
    }

    /// Waits for a free slot of its endpoint.
    pub const ENDPOINT_CAPACITY: Self = Self("StalledDueToSource_EndpointCapacityExceeded");
}
