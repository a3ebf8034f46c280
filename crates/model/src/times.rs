//! How long a mailbox waited, moved, rested and stood still: counted whenever its record is written.
//!
//! It reads no clock. What was written before times were counted begins with its next change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::status::{StatusSummary, UserStatus};

/// What a mailbox is at, as durations are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Waits for its turn.
    Queued,
    /// Is worked on.
    InProgress,
    /// Up to date, and not completed.
    Synced,
    /// Waits for a reason that has a name.
    Stalled,
    /// Completed, failed or stopped: nothing is counted.
    Resting,
}

impl Phase {
    /// By status, and whether there is a reason that it waits for.
    pub fn of(status: UserStatus, waits: bool) -> Self {
        match status.summary() {
            StatusSummary::Synced => Self::Synced,
            StatusSummary::Completed | StatusSummary::Failed | StatusSummary::Stopped => Self::Resting,
            StatusSummary::Active if waits => Self::Stalled,
            StatusSummary::Active => match status {
                UserStatus::Queued | UserStatus::Starting => Self::Queued,
                _ => Self::InProgress,
            },
        }
    }
}

/// The milliseconds of each phase that are over, and since when the present one lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    #[serde(default)]
    phase: Option<(Phase, Timestamp)>,
    #[serde(default)]
    queued_ms: u64,
    #[serde(default)]
    in_progress_ms: u64,
    #[serde(default)]
    synced_ms: u64,
    #[serde(default)]
    stalled_ms: u64,
    /// When it was first worked on.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// When it was completed.
    #[serde(default)]
    pub completed: Option<Timestamp>,
}

/// Durations in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// Waiting for its turn.
    pub queued_seconds: u64,
    /// Worked on.
    pub in_progress_seconds: u64,
    /// Up to date, and not completed.
    pub synced_seconds: u64,
    /// Waiting for a reason that has a name.
    pub stalled_seconds: u64,
}

impl Times {
    /// Counts what is over, where the phase is another one from now on.
    pub fn turn(&mut self, status: UserStatus, waits: bool, now: Timestamp) {
        let phase = Phase::of(status, waits);
        if phase == Phase::InProgress {
            self.started.get_or_insert(now);
        }
        match status.summary() {
            StatusSummary::Completed => _ = self.completed.get_or_insert(now),
            _ => self.completed = None,
        }
        if self.phase.is_some_and(|(before, _)| before == phase) {
            return;
        }
        self.add(now);
        self.phase = Some((phase, now));
    }

    fn add(&mut self, now: Timestamp) {
        let Some((phase, since)) = self.phase else { return };
        let part = u64::try_from(now.duration_since(since).as_millis()).unwrap_or(0);
        let sum = match phase {
            Phase::Queued => &mut self.queued_ms,
            Phase::InProgress => &mut self.in_progress_ms,
            Phase::Synced => &mut self.synced_ms,
            Phase::Stalled => &mut self.stalled_ms,
            Phase::Resting => return,
        };
        *sum += part;
    }

    /// Seconds in which it was worked on, but for a stretch that is not over.
    pub fn worked_seconds(&self) -> u64 {
        self.in_progress_ms / 1000
    }

    /// The durations at a time, with the present phase so far.
    pub fn at(mut self, now: Timestamp) -> Durations {
        self.add(now);
        Durations {
            queued_seconds: self.queued_ms / 1000,
            in_progress_seconds: self.in_progress_ms / 1000,
            synced_seconds: self.synced_ms / 1000,
            stalled_seconds: self.stalled_ms / 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_second_counts_in_one_phase() {
        let mut times = Times::default();
        for (second, status, waits) in [
            (0, UserStatus::Queued, false),
            (10, UserStatus::Syncing, false),
            (15, UserStatus::Syncing, false),
            (30, UserStatus::Syncing, true),
            (100, UserStatus::Syncing, false),
            (103, UserStatus::Synced, true),
            (1103, UserStatus::Completing, false),
            (1110, UserStatus::Completed, false),
        ] {
            times.turn(status, waits, at(second));
        }
        let told = times.at(at(9999));
        let counted =
            (told.queued_seconds, told.in_progress_seconds, told.synced_seconds, told.stalled_seconds);
        assert_eq!(counted, (10, 20 + 3 + 7, 1000, 70));
        assert_eq!((times.started, times.completed), (Some(at(10)), Some(at(1110))));
    }

    #[test]
    fn the_present_phase_counts_so_far_and_a_clock_that_goes_back_takes_nothing_away() {
        let mut times = Times::default();
        times.turn(UserStatus::Syncing, false, at(100));
        assert_eq!(times.at(at(160)).in_progress_seconds, 60);
        assert_eq!(times.at(at(40)).in_progress_seconds, 0);
        times.turn(UserStatus::Completed, false, at(200));
        times.turn(UserStatus::Completing, false, at(300));
        assert_eq!(times.completed, None, "it is no longer");
    }
}
