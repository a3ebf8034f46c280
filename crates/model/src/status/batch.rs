//! The 15 batch statuses and what leads from one to another.

use serde::{Deserialize, Serialize};

use super::{StatusSummary, UserStatus};

/// MigrationBatchStatus, spelled as natively.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BatchStatus {
    /// Made, not started.
    Created,
    /// Being started.
    Starting,
    /// Waits: for its start time, a window or its endpoint.
    Waiting,
    /// Some users are in their initial sync.
    Syncing,
    /// All users are synced.
    Synced,
    /// All users ended their initial sync, some failed.
    SyncedWithErrors,
    /// Synced users are being synced again.
    IncrementalSyncing,
    /// The final sync is under way.
    Completing,
    /// Done.
    Completed,
    /// Done, some users failed.
    CompletedWithErrors,
    /// Being stopped.
    Stopping,
    /// Stopped by a person.
    Stopped,
    /// Could not go on at all.
    Failed,
    /// Being removed.
    Removing,
    /// Its record cannot be read.
    Corrupted,
}

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchEvent {
    /// A person starts or resumes it, or retries its failed users.
    Start,
    /// It has to wait before it can run.
    Wait,
    /// Work begins, or goes on after a wait: first syncs are under way.
    Run,
    /// Work goes on after a wait: what is synced is synced again.
    RunAgain,
    /// Work goes on after a wait: the last syncs are under way.
    RunLast,
    /// A person asks for a sync of synced users, or the interval is over.
    Sync,
    /// A person completes it.
    Complete,
    /// A person stops it.
    Stop,
    /// Its last user has come to rest: judged by [`BatchStatus::settled`].
    Settle(BatchStatusOutcome),
    /// Its last user has come to rest, and some that are synced are not completed.
    SettleSynced(BatchStatusOutcome),
    /// Its last user has come to rest, and all are completed, one by one.
    SettleCompleted,
    /// It cannot go on at all.
    Fail,
    /// A person removes it.
    Remove,
    /// Its record cannot be read.
    Corrupt,
}

/// Whether all users of a batch came to rest well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchStatusOutcome {
    /// All did.
    Clean,
    /// Some failed.
    WithErrors,
}

impl BatchStatus {
    /// All 15.
    pub const ALL: [Self; 15] = [
        Self::Created,
        Self::Starting,
        Self::Waiting,
        Self::Syncing,
        Self::Synced,
        Self::SyncedWithErrors,
        Self::IncrementalSyncing,
        Self::Completing,
        Self::Completed,
        Self::CompletedWithErrors,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
        Self::Removing,
        Self::Corrupted,
    ];

    /// The status after an event; `None` if the event does not apply here.
    pub fn after(self, event: BatchEvent) -> Option<Self> {
        use BatchEvent as E;
        use BatchStatusOutcome::{Clean, WithErrors};
        Some(match (self, event) {
            (Self::Removing, _) => return None,
            (Self::Corrupted, E::Remove) => Self::Removing,
            (Self::Corrupted, _) => return None,
            (_, E::Corrupt) => Self::Corrupted,
            (_, E::Remove) => match self {
                Self::Starting
                | Self::Syncing
                | Self::IncrementalSyncing
                | Self::Completing
                | Self::Stopping => {
                    return None;
                }
                _ => Self::Removing,
            },
            (
                Self::Created
                | Self::Stopped
                | Self::Failed
                | Self::SyncedWithErrors
                | Self::CompletedWithErrors,
                E::Start,
            ) => Self::Starting,
            (Self::Starting | Self::Syncing | Self::IncrementalSyncing | Self::Completing, E::Wait) => {
                Self::Waiting
            }
            (Self::Starting | Self::Waiting, E::Run) => Self::Syncing,
            (Self::Waiting, E::RunAgain) => Self::IncrementalSyncing,
            (Self::Waiting, E::RunLast) => Self::Completing,
            (Self::Synced | Self::SyncedWithErrors, E::Sync) => Self::IncrementalSyncing,
            (Self::Synced | Self::SyncedWithErrors | Self::CompletedWithErrors, E::Complete) => {
                Self::Completing
            }
            (
                Self::Starting | Self::Waiting | Self::Syncing | Self::IncrementalSyncing | Self::Completing,
                E::Stop,
            ) => Self::Stopping,
            (Self::Stopping, E::Settle(_)) => Self::Stopped,
            (Self::Starting | Self::Syncing | Self::IncrementalSyncing, E::Settle(Clean)) => Self::Synced,
            (Self::Starting | Self::Syncing | Self::IncrementalSyncing, E::Settle(WithErrors)) => {
                Self::SyncedWithErrors
            }
            (Self::Completing, E::SettleSynced(Clean)) => Self::Synced,
            (Self::Completing, E::SettleSynced(WithErrors)) => Self::SyncedWithErrors,
            (Self::Starting | Self::Syncing | Self::IncrementalSyncing, E::SettleCompleted) => {
                Self::Completed
            }
            (Self::Completing, E::Settle(Clean)) => Self::Completed,
            (Self::Completing, E::Settle(WithErrors)) => Self::CompletedWithErrors,
            (
                Self::Starting | Self::Waiting | Self::Syncing | Self::IncrementalSyncing | Self::Completing,
                E::Fail,
            ) => Self::Failed,
            _ => return None,
        })
    }

    /// Whether all users are at rest, and how; `None` while some are active.
    pub fn settled(users: impl IntoIterator<Item = UserStatus>) -> Option<BatchStatusOutcome> {
        let mut outcome = BatchStatusOutcome::Clean;
        for user in users {
            if user.is_active() {
                return None;
            }
            if user.is_failure() {
                outcome = BatchStatusOutcome::WithErrors;
            }
        }
        Some(outcome)
    }

    /// What it is for a batch in this status that all its users are at rest; `None` while some are active.
    pub fn rest(self, users: &[UserStatus]) -> Option<BatchEvent> {
        let outcome = Self::settled(users.iter().copied())?;
        let is = |wanted| move |user: &UserStatus| user.summary() == wanted;
        Some(match self {
            // Whoever was stopped alone is not completed: the batch is not either.
            Self::Completing
                if users
                    .iter()
                    .any(|user| is(StatusSummary::Synced)(user) || is(StatusSummary::Stopped)(user)) =>
            {
                BatchEvent::SettleSynced(outcome)
            }
            Self::Starting | Self::Syncing | Self::IncrementalSyncing
                if !users.is_empty() && users.iter().all(is(StatusSummary::Completed)) =>
            {
                BatchEvent::SettleCompleted
            }
            _ => BatchEvent::Settle(outcome),
        })
    }

    /// Whether something is being done for it right now.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Starting
                | Self::Waiting
                | Self::Syncing
                | Self::IncrementalSyncing
                | Self::Completing
                | Self::Stopping
                | Self::Removing
        )
    }

    /// Whether it will still sign in to its endpoints without anybody asking: what is synced is synced again.
    pub fn needs_endpoints(self) -> bool {
        let rests = matches!(self, Self::Synced | Self::SyncedWithErrors);
        rests || (self.is_active() && !matches!(self, Self::Stopping | Self::Removing))
    }

    /// In the admin centre's spelling: "Synced with errors".
    pub fn label(self) -> String {
        super::user::spaced(&format!("{self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [BatchEvent; 16] = [
        BatchEvent::Start,
        BatchEvent::Wait,
        BatchEvent::Run,
        BatchEvent::RunAgain,
        BatchEvent::RunLast,
        BatchEvent::Sync,
        BatchEvent::Complete,
        BatchEvent::Stop,
        BatchEvent::Settle(BatchStatusOutcome::Clean),
        BatchEvent::Settle(BatchStatusOutcome::WithErrors),
        BatchEvent::SettleSynced(BatchStatusOutcome::Clean),
        BatchEvent::SettleSynced(BatchStatusOutcome::WithErrors),
        BatchEvent::SettleCompleted,
        BatchEvent::Fail,
        BatchEvent::Remove,
        BatchEvent::Corrupt,
    ];

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for status in BatchStatus::ALL {
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
        for status in BatchStatus::ALL {
            let reached = status == BatchStatus::Created
                || BatchStatus::ALL.iter().any(|s| EVENTS.iter().any(|e| s.after(*e) == Some(status)));
            assert!(reached, "{status:?}");
            let leaves = EVENTS.iter().any(|e| status.after(*e).is_some_and(|n| n != status));
            assert_eq!(leaves, status != BatchStatus::Removing, "{status:?}");
        }
    }

    #[test]
    fn a_batch_settles_when_its_last_user_does() {
        use UserStatus::*;
        assert_eq!(BatchStatus::settled([Synced, Syncing]), None);
        assert_eq!(BatchStatus::settled([Synced, Stopped]), Some(BatchStatusOutcome::Clean));
        assert_eq!(BatchStatus::settled([Synced, Failed]), Some(BatchStatusOutcome::WithErrors));
        assert_eq!(BatchStatus::SyncedWithErrors.label(), "Synced with errors");
    }

    #[test]
    fn a_completion_that_leaves_some_behind_leaves_the_batch_synced() {
        use BatchStatus as B;
        use UserStatus::*;
        for (batch, users, next) in [
            (B::Completing, &[Completed, IncrementalSynced][..], Some(B::Synced)),
            (B::Completing, &[CompletionFailed, Synced], Some(B::SyncedWithErrors)),
            (B::Completing, &[Completed, CompletedWithWarnings], Some(B::Completed)),
            (B::Completing, &[Completed, IncrementalStopped], Some(B::Synced)),
            (B::Completing, &[Completed, Stopped, CompletionFailed], Some(B::SyncedWithErrors)),
            (B::Completing, &[Completed, Completing], None),
            (B::IncrementalSyncing, &[Completed, IncrementalSynced], Some(B::Synced)),
            (B::IncrementalSyncing, &[Completed, Completed], Some(B::Completed)),
            (B::Starting, &[Completed, CompletionFailed], Some(B::SyncedWithErrors)),
        ] {
            let after = batch.rest(users).and_then(|event| batch.after(event));
            assert_eq!(after, next, "{batch:?} {users:?}");
        }
    }
}
