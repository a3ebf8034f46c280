//! Mailboxes one after another in a number of slots, and hours that pass while windows are shut.

use std::{cmp::Reverse, collections::BinaryHeap};

use jiff::{SignedDuration, Timestamp};

use crate::schedule::Schedule;

/// How long the slots are busy when each takes the next mailbox as soon as it is free.
pub(super) fn busy(seconds: &[u64], slots: u32) -> u64 {
    let slots = usize::try_from(slots).unwrap_or(1).clamp(1, seconds.len().max(1));
    let mut free: BinaryHeap<Reverse<u64>> = std::iter::repeat_n(Reverse(0), slots).collect();
    let mut last = 0;
    for one in seconds {
        let Reverse(from) = free.pop().unwrap_or(Reverse(0));
        let ends = from.saturating_add(*one);
        last = last.max(ends);
        free.push(Reverse(ends));
    }
    last
}

/// When so many seconds of work are over that begin then and rest while windows are shut; none where that is further away
/// than `longest`.
pub(super) fn ends_at(
    schedule: &Schedule,
    begins: Timestamp,
    seconds: u64,
    longest: SignedDuration,
) -> Option<Timestamp> {
    let limit = begins.checked_add(longest).ok()?;
    let mut left = SignedDuration::from_secs(i64::try_from(seconds).ok()?);
    let mut at = schedule.opens_at(begins).unwrap_or(begins);
    while let Some(closes) = schedule.closes_at(at) {
        let open = at.duration_until(closes);
        if left <= open {
            break;
        }
        left -= open;
        at = schedule.opens_at(closes).unwrap_or(closes);
        if at > limit {
            return None;
        }
    }
    at.checked_add(left).ok().filter(|end| *end <= limit)
}
