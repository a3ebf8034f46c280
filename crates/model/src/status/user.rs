//! The 21 user statuses and what leads from one to another.

use serde::{Deserialize, Serialize};

/// MigrationUserStatus, spelled as natively.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UserStatus {
    /// Waits for its turn.
    Queued,
    /// Credentials and mailboxes are being checked.
    Validating,
    /// The target mailbox is being made.
    Provisioning,
    /// The target mailbox is being changed.
    ProvisionUpdating,
    /// Being opened.
    Starting,
    /// In its initial sync.
    Syncing,
    /// Initial sync done.
    Synced,
    /// Being synced again.
    IncrementalSyncing,
    /// Synced again.
    IncrementalSynced,
    /// The last incremental sync failed; what was synced stays.
    IncrementalFailed,
    /// Incremental syncs are stopped.
    IncrementalStopped,
    /// In its final sync.
    Completing,
    /// Final sync done, not yet finalized.
    CompletionSynced,
    /// The final sync failed.
    CompletionFailed,
    /// Done.
    Completed,
    /// Done; something was skipped.
    CompletedWithWarnings,
    /// Being stopped.
    Stopping,
    /// Stopped by a person.
    Stopped,
    /// The initial sync failed.
    Failed,
    /// Its record cannot be read.
    Corrupted,
    /// Being removed.
    Removing,
}

/// MigrationUserStatusSummary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StatusSummary {
    /// Something is being done or waited for.
    Active,
    /// Synced.
    Synced,
    /// Done.
    Completed,
    /// Failed.
    Failed,
    /// Stopped.
    Stopped,
}

/// What happens to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserEvent {
    /// A person starts or retries it.
    Start,
    /// A worker takes it.
    Claim,
    /// Checked and to be provisioned.
    Provision,
    /// Its provisioning is to be changed.
    UpdateProvision,
    /// Ready to be opened.
    Open,
    /// Its mailboxes are open, items move.
    Move,
    /// A sync of a synced user begins.
    Sync,
    /// The final sync begins.
    Complete,
    /// The pass ended in order.
    Done,
    /// The pass ended in order, with something skipped.
    DoneWithWarnings,
    /// The pass cannot go on.
    Fail,
    /// The final sync went well, and what it found is not completed yet: somebody has to approve it.
    HoldBack,
    /// A person stops it.
    Stop,
    /// It has stopped.
    Halt,
    /// A person removes it.
    Remove,
    /// Its record cannot be read.
    Corrupt,
}

impl UserStatus {
    /// All 21.
    pub const ALL: [Self; 21] = [
        Self::Queued,
        Self::Validating,
        Self::Provisioning,
        Self::ProvisionUpdating,
        Self::Starting,
        Self::Syncing,
        Self::Synced,
        Self::IncrementalSyncing,
        Self::IncrementalSynced,
        Self::IncrementalFailed,
        Self::IncrementalStopped,
        Self::Completing,
        Self::CompletionSynced,
        Self::CompletionFailed,
        Self::Completed,
        Self::CompletedWithWarnings,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
        Self::Corrupted,
        Self::Removing,
    ];

    /// The status after an event; `None` if the event does not apply here.
    pub fn after(self, event: UserEvent) -> Option<Self> {
        use UserEvent as E;
        Some(match (self, event) {
            (Self::Removing, _) => return None,
            (_, E::Remove) => Self::Removing,
            (Self::Corrupted, _) => return None,
            (_, E::Corrupt) => Self::Corrupted,
            (Self::Stopped | Self::Failed, E::Start) => Self::Queued,
            (Self::IncrementalStopped | Self::IncrementalFailed | Self::CompletionFailed, E::Start) => {
                Self::Synced
            }
            (Self::Queued, E::Claim) => Self::Validating,
            (Self::Validating, E::Provision) => Self::Provisioning,
            (Self::Provisioning, E::UpdateProvision) => Self::ProvisionUpdating,
            (Self::Validating | Self::Provisioning | Self::ProvisionUpdating, E::Open) => Self::Starting,
            (Self::Starting, E::Move) => Self::Syncing,
            (
                Self::Synced | Self::IncrementalSynced | Self::IncrementalFailed | Self::IncrementalStopped,
                E::Sync,
            ) => Self::IncrementalSyncing,
            (
                Self::Synced
                | Self::IncrementalSynced
                | Self::IncrementalFailed
                | Self::IncrementalStopped
                | Self::CompletionFailed,
                E::Complete,
            ) => Self::Completing,
            (Self::Syncing, E::Done | E::DoneWithWarnings) => Self::Synced,
            (Self::IncrementalSyncing, E::Done | E::DoneWithWarnings) => Self::IncrementalSynced,
            (Self::Completing, E::Done | E::DoneWithWarnings) => Self::CompletionSynced,
            (Self::CompletionSynced, E::Done) => Self::Completed,
            (Self::CompletionSynced, E::DoneWithWarnings) => Self::CompletedWithWarnings,
            (Self::Completing | Self::CompletionSynced, E::HoldBack) => Self::IncrementalSynced,
            (Self::IncrementalSyncing, E::Fail) => Self::IncrementalFailed,
            (Self::Completing | Self::CompletionSynced, E::Fail) => Self::CompletionFailed,
            (
                Self::Queued
                | Self::Validating
                | Self::Provisioning
                | Self::ProvisionUpdating
                | Self::Starting
                | Self::Syncing,
                E::Fail,
            ) => Self::Failed,
            (Self::IncrementalSyncing | Self::Completing | Self::CompletionSynced, E::Stop) => {
                Self::IncrementalStopped
            }
            (
                Self::Queued
                | Self::Validating
                | Self::Provisioning
                | Self::ProvisionUpdating
                | Self::Starting
                | Self::Syncing,
                E::Stop,
            ) => Self::Stopping,
            (Self::Stopping, E::Halt) => Self::Stopped,
            _ => return None,
        })
    }

    /// Whether something is being done or waited for.
    pub fn is_active(self) -> bool {
        self.summary() == StatusSummary::Active
    }

    /// Whether the last pass failed.
    pub fn is_failure(self) -> bool {
        self.summary() == StatusSummary::Failed
    }

    /// The native summary.
    pub fn summary(self) -> StatusSummary {
        match self {
            Self::Synced | Self::IncrementalSynced => StatusSummary::Synced,
            Self::Completed | Self::CompletedWithWarnings => StatusSummary::Completed,
            Self::Failed | Self::IncrementalFailed | Self::CompletionFailed | Self::Corrupted => {
                StatusSummary::Failed
            }
            Self::Stopped | Self::IncrementalStopped => StatusSummary::Stopped,
            _ => StatusSummary::Active,
        }
    }

    /// In the admin centre's spelling: "Incremental synced".
    pub fn label(self) -> String {
        spaced(&format!("{self:?}"))
    }
}

/// `SyncedWithErrors` → `Synced with errors`.
pub(super) fn spaced(name: &str) -> String {
    let mut label = String::new();
    for (at, c) in name.chars().enumerate() {
        if at > 0 && c.is_uppercase() {
            label.push(' ');
            label.extend(c.to_lowercase());
        } else {
            label.push(c);
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [UserEvent; 16] = [
        UserEvent::Start,
        UserEvent::Claim,
        UserEvent::Provision,
        UserEvent::UpdateProvision,
        UserEvent::Open,
        UserEvent::Move,
        UserEvent::Sync,
        UserEvent::Complete,
        UserEvent::Done,
        UserEvent::DoneWithWarnings,
        UserEvent::Fail,
        UserEvent::HoldBack,
        UserEvent::Stop,
        UserEvent::Halt,
        UserEvent::Remove,
        UserEvent::Corrupt,
    ];

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for status in UserStatus::ALL {
            for event in EVENTS {
                if let Some(next) = status.after(event) {
                    table.push_str(&format!("{status:?} + {event:?} -> {next:?}\n"));
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn every_status_is_reached_and_only_removing_is_final() {
        for status in UserStatus::ALL {
            let reached = status == UserStatus::Queued
                || UserStatus::ALL.iter().any(|s| EVENTS.iter().any(|e| s.after(*e) == Some(status)));
            assert!(reached, "{status:?}");
            let leaves = EVENTS.iter().any(|e| status.after(*e).is_some());
            assert_eq!(leaves, status != UserStatus::Removing, "{status:?}");
        }
        assert_eq!(UserStatus::CompletedWithWarnings.label(), "Completed with warnings");
    }
}
