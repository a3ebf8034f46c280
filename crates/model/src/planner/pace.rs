//! How fast one mailbox moves: by bytes and by items, the best and the worst of the middle half of what was measured.

use serde::Serialize;

use crate::{status::StatusSummary, user::User};

/// Bytes, and items, that count as measured: less says nothing but how long a sign-in takes.
const LEAST_ITEMS: u64 = 10;
/// So long it has to have moved.
const LEAST_SECONDS: u64 = 2;

/// One mailbox at a time, in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Bytes.
    pub bytes_per_hour: u64,
    /// Items: many small ones take their time too.
    pub items_per_hour: u64,
}

/// Between which paces it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Paces {
    /// When it goes well.
    pub fast: Pace,
    /// When it does not.
    pub slow: Pace,
    /// Of how many mailboxes; 0: assumed.
    pub measured: usize,
}

/// What one mailbox took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its items that were placed.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Seconds in which it was worked on.
    pub seconds: u64,
}

impl Sample {
    /// Of a user whose first sync is over; none where nothing can be learnt from it.
    pub fn of(user: &User) -> Option<Self> {
        let is_over = matches!(user.status.summary(), StatusSummary::Synced | StatusSummary::Completed);
        let seconds = user.times.worked_seconds();
        let sample = Self { items: user.totals.placed, bytes: user.totals.bytes, seconds };
        (is_over && seconds >= LEAST_SECONDS && sample.items >= LEAST_ITEMS && sample.bytes > 0)
            .then_some(sample)
    }
}

impl Pace {
    /// How long a mailbox takes: as long as its bytes or its items do, whichever is longer.
    pub fn seconds(&self, items: u64, bytes: u64) -> u64 {
        let hours = |amount: u64, an_hour: u64| {
            let seconds = (u128::from(amount) * 3600).div_ceil(u128::from(an_hour.max(1)));
            u64::try_from(seconds).unwrap_or(u64::MAX)
        };
        hours(bytes, self.bytes_per_hour).max(hours(items, self.items_per_hour))
    }
}

impl Default for Paces {
    /// What is assumed where nothing was measured: from a small server far away to a large one nearby.
    fn default() -> Self {
        let slow = Pace { bytes_per_hour: 300 << 20, items_per_hour: 5_000 };
        let fast = Pace { bytes_per_hour: 3 << 30, items_per_hour: 100_000 };
        Self { fast, slow, measured: 0 }
    }
}

impl Paces {
    /// From what mailboxes took: the middle half of them, so that neither an empty mailbox nor one that stalled decides.
    pub fn of(samples: &[Sample]) -> Self {
        let between = |amount: fn(&Sample) -> u64| {
            let mut all: Vec<u64> = samples.iter().map(|s| per_hour(amount(s), s.seconds)).collect();
            all.sort_unstable();
            let at = |place: usize| all.get(place).copied();
            let last = all.len().checked_sub(1)?;
            Some((at(last / 4)?, at(last - last / 4)?))
        };
        match (between(|s| s.bytes), between(|s| s.items)) {
            (Some(bytes), Some(items)) => {
                // Few tell little of how far the others may be from them.
                let doubt = if samples.len() < 4 { 2 } else { 1 };
                let slow = Pace { bytes_per_hour: bytes.0 / doubt, items_per_hour: items.0 / doubt };
                let fast = Pace { bytes_per_hour: bytes.1, items_per_hour: items.1 };
                Self { fast, slow, measured: samples.len() }
            }
            _ => Self::default(),
        }
    }
}

fn per_hour(amount: u64, seconds: u64) -> u64 {
    u64::try_from(u128::from(amount) * 3600 / u128::from(seconds.max(1))).unwrap_or(u64::MAX)
}
