//! When a batch does what by itself: begins, syncs again, completes; the hours in which its mailboxes move, and how much
//! may be moved when.
//!
//! Pure: the time is an argument. Times are kept in UTC; the zone in which somebody thinks of them is kept beside them,
//! so that they are shown in it.

mod moment;
mod rate;
mod timetable;
mod windows;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{batch::Batch, intent::Action, status::BatchStatus};

pub use moment::{moment, shown, zone};
pub use rate::{rate, size};
pub use timetable::{Holds, Timetable};
pub use windows::Windows;

/// The longest time between two syncs, in hours.
pub const LONGEST_INTERVAL: u32 = 24 * 60;

/// When a batch does what by itself.
// Exchange: New-MigrationBatch: StartAfter, CompleteAfter, AllowIncrementalSyncs, TimeZone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// Its mailboxes do not begin before.
    pub start_after: Option<Timestamp>,
    /// What is synced then, or later, is completed.
    pub complete_after: Option<Timestamp>,
    /// So many hours after the last sync what is synced is synced again; 0: never.
    pub sync_every_hours: u32,
    /// The hours in which its mailboxes move; always, if there are none.
    pub windows: Option<Windows>,
    /// The zone in which times are shown and windows are meant, a name of the IANA database; else UTC.
    pub time_zone: Option<String>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { start_after: None, complete_after: None, sync_every_hours: 24, windows: None, time_zone: None }
    }
}

/// Why the clock does something, for the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// [`Schedule::complete_after`] has come.
    CompleteAfter,
    /// [`Schedule::sync_every_hours`] are over.
    SyncEvery,
}

impl Because {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::CompleteAfter => "CompleteAfter",
            Self::SyncEvery => "SyncEvery",
        }
    }
}

impl Schedule {
    /// Judges it by itself.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        zone(self.time_zone.as_deref())?;
        if self.sync_every_hours > LONGEST_INTERVAL {
            return Err(format!("syncEveryHours is a number from 0 (never) to {LONGEST_INTERVAL}."));
        }
        match (self.start_after, self.complete_after) {
            (Some(start), Some(complete)) if complete <= start => {
                Err("CompleteAfter is not later than StartAfter.".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What a batch in this status waits for at this hour, if for anything.
    pub fn waits_for(&self, status: BatchStatus, now: Timestamp) -> Option<Waits> {
        let begins = matches!(status, BatchStatus::Starting | BatchStatus::Waiting);
        let start = self.starts_at(now).filter(|_| begins).map(Waits::Start);
        start.or(self.opens_at(now).filter(|_| status != BatchStatus::Stopping).map(Waits::Window))
    }

    /// Until when its mailboxes do not begin; `None` if they may.
    pub fn starts_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.start_after.filter(|start| *start > now)
    }

    /// When the next window opens; `None` if one is open or there are none.
    pub fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone(self.time_zone.as_deref()).ok()?;
        self.windows.as_ref()?.opens_at(now, &zone)
    }

    /// When the window closes that is open; `None` if nothing closes.
    pub fn closes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone(self.time_zone.as_deref()).ok()?;
        self.windows.as_ref()?.closes_at(now, &zone)
    }
}

/// What a batch waits for that is under way, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Its start (StartAfter).
    Start(Timestamp),
    /// Its hours.
    Window(Timestamp),
}

/// What the clock wants of a batch at rest now, and why: the first that moves anything.
pub fn due(batch: &Batch, now: Timestamp) -> Vec<(Action, Because)> {
    let schedule = &batch.schedule;
    let rests = matches!(batch.status, BatchStatus::Synced | BatchStatus::SyncedWithErrors);
    if !rests || batch.paused_for.is_some() || schedule.opens_at(now).is_some() {
        return Vec::new();
    }
    let completes = schedule.complete_after.is_some_and(|at| at <= now);
    let complete = completes.then_some((Action::Complete, Because::CompleteAfter));
    let sync = is_old(batch, now).then_some((Action::Sync, Because::SyncEvery));
    complete.into_iter().chain(sync).collect()
}

/// Whether the last sync is so long ago that the next one is due.
fn is_old(batch: &Batch, now: Timestamp) -> bool {
    let interval = SignedDuration::from_hours(i64::from(batch.schedule.sync_every_hours));
    let last = batch.last_synced.or(batch.synced);
    !interval.is_zero() && last.is_some_and(|last| last.duration_until(now) >= interval)
}
