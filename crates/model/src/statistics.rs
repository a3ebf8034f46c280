//! Numbers of one mailbox that people ask for: its rate, and how long it may still take.
//!
//! What cannot be known is none, never a guess dressed as a number.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    completion::Range,
    status::UserStatus,
    times::{Durations, Phase},
    user::User,
};

/// A mailbox has to be worked on for so long before its rate foretells anything.
const LEAST_SECONDS: u64 = 10;
/// The far end of what is foretold: twice as long is nothing unusual.
const SLOWER: u64 = 2;

/// Rate, durations, and how long it may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Bytes at the target for each minute in which it was worked on; none before the first second is over.
    pub rate_bytes_per_minute: Option<u64>,
    /// How long it was in which phase.
    #[serde(flatten)]
    pub durations: Durations,
    /// Seconds until its first sync ends; none where nobody can know.
    pub eta_seconds: Option<Range>,
}

impl Statistics {
    /// Of a mailbox at a time.
    pub fn of(user: &User, now: Timestamp) -> Self {
        let durations = user.times.at(now);
        let worked = durations.in_progress_seconds;
        let rate = (worked > 0).then(|| per_minute(user.totals.bytes, worked));
        Self { rate_bytes_per_minute: rate, durations, eta_seconds: eta(user, worked) }
    }
}

fn per_minute(bytes: u64, seconds: u64) -> u64 {
    u64::try_from(u128::from(bytes) * 60 / u128::from(seconds)).unwrap_or(u64::MAX)
}

/// Only of a first sync that moves: what a later one will carry is not known, and what stands still has no end.
fn eta(user: &User, worked: u64) -> Option<Range> {
    let totals = user.totals;
    let moves = user.status == UserStatus::Syncing
        && Phase::of(user.status, user.detail.is_some()) == Phase::InProgress;
    let left = totals.bytes_identified.checked_sub(totals.bytes).filter(|left| *left > 0)?;
    if !moves || worked < LEAST_SECONDS || totals.bytes == 0 {
        return None;
    }
    let seconds = u128::from(left) * u128::from(worked) / u128::from(totals.bytes);
    let from = u64::try_from(seconds).ok()?;
    Some(Range { from, to: from.checked_mul(SLOWER)?.checked_add(60)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{BatchId, UserId},
        report::Totals,
        settings::MailboxAddress,
        user::Detail,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn syncing(bytes: u64) -> User {
        let nobody = MailboxAddress::default();
        let ends = (nobody.clone(), nobody);
        let mut user =
            User::queued(UserId(uuid::Uuid::nil()), BatchId(uuid::Uuid::nil()), "a@x".into(), ends);
        user.status = UserStatus::Syncing;
        user.totals = Totals { bytes, bytes_identified: 10_000, ..Totals::default() };
        user.timed(at(0))
    }

    #[test]
    fn a_mailbox_that_moves_has_a_rate_and_an_end_between_two_times() {
        let told = Statistics::of(&syncing(2_500), at(100));
        assert_eq!(told.rate_bytes_per_minute, Some(1_500));
        assert_eq!(told.eta_seconds, Some(Range { from: 300, to: 660 }));
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let eta = |user: &User, second| Statistics::of(user, at(second)).eta_seconds;
        assert_eq!(eta(&syncing(2_500), 9), None, "too early");
        assert_eq!(eta(&syncing(0), 100), None, "nothing moved");
        assert_eq!(eta(&syncing(10_000), 100), None, "nothing is left");
        assert_eq!(Statistics::of(&syncing(5), at(0)).rate_bytes_per_minute, None);
        let detail = Detail::fresh("x", "x".into(), at(50));
        let stalled = User { detail: Some(detail), ..syncing(2_500) };
        assert_eq!(eta(&stalled, 100), None, "it stands still");
        assert_eq!(eta(&User { status: UserStatus::Completing, ..syncing(2_500) }, 100), None);
    }
}
