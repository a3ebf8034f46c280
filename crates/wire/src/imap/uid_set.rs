//! A set of UIDs: sorted, merged, cheap for a million, printed in the shortest form.
//!
//! Knows no `*`: it is a set of messages that were seen, not a question about a mailbox.

use super::sequence_set::{Edge, SequenceSet};
use std::fmt;

/// UIDs as sorted, disjoint, non-adjacent ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    pub const fn empty() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many UIDs it names.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(lo, hi)| u64::from(hi - lo) + 1).sum()
    }

    /// The ranges, sorted, both ends included.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// All UIDs upwards.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|(lo, hi)| *lo..=*hi)
    }

    /// Whether `uid` is in the set.
    pub fn contains(&self, uid: u32) -> bool {
        let next = self.ranges.partition_point(|(lo, _)| *lo <= uid);
        next > 0 && self.ranges[next - 1].1 >= uid
    }

    /// Adds one UID.
    pub fn insert(&mut self, uid: u32) {
        self.insert_range(uid, uid);
    }

    /// Adds a range, ends in any order; adding upwards is constant time.
    pub fn insert_range(&mut self, from: u32, to: u32) {
        let (mut lo, mut hi) = (from.min(to), from.max(to));
        // All ranges that overlap or touch [lo, hi] become one.
        let first = self.ranges.partition_point(|(_, end)| end.saturating_add(1) < lo);
        let after = first + self.ranges[first..].partition_point(|(start, _)| *start <= hi.saturating_add(1));
        if first < after {
            lo = lo.min(self.ranges[first].0);
            hi = hi.max(self.ranges[after - 1].1);
        }
        self.ranges.splice(first..after, [(lo, hi)]);
    }

    /// Removes one UID; whether it was there.
    pub fn remove(&mut self, uid: u32) -> bool {
        let next = self.ranges.partition_point(|(lo, _)| *lo <= uid);
        let Some((lo, hi)) = next.checked_sub(1).map(|i| self.ranges[i]).filter(|(_, hi)| *hi >= uid) else {
            return false;
        };
        let below = (lo < uid).then(|| (lo, uid - 1));
        let above = (uid < hi).then(|| (uid + 1, hi));
        self.ranges.splice(next - 1..next, below.into_iter().chain(above));
        true
    }

    /// Reads a set without `*`, ranges in any order.
    pub fn parse(text: &[u8]) -> Option<Self> {
        SequenceSet::parse(text)?.try_into().ok()
    }

    /// Cuts the set so that no printed part is longer than `octets` (at least one range a part).
    // RFC 7162 §4 recommends lines of at most 8192 octets; RFC 2683 §3.2.1.5 at most 1000 to old servers.
    pub fn split_by_length(&self, octets: usize) -> Vec<UidSet> {
        let mut parts: Vec<UidSet> = Vec::new();
        let mut used = 0;
        for range in &self.ranges {
            let length = range_length(*range) + 1;
            match parts.last_mut() {
                Some(part) if used + length <= octets + 1 => {
                    part.ranges.push(*range);
                    used += length;
                }
                _ => {
                    parts.push(UidSet { ranges: vec![*range] });
                    used = length;
                }
            }
        }
        parts
    }

    /// Cuts the set so that no part names more than `count` UIDs.
    // RFC 9738 §3.1: a server with MESSAGELIMIT works on that many messages a command.
    pub fn split_by_count(&self, count: u32) -> Vec<UidSet> {
        let count = count.max(1);
        let (mut parts, mut part, mut room) = (Vec::new(), UidSet::empty(), count);
        for &(mut lo, hi) in &self.ranges {
            loop {
                let end = hi.min(lo.saturating_add(room - 1));
                part.ranges.push((lo, end));
                room -= end - lo + 1;
                if room == 0 {
                    parts.push(std::mem::take(&mut part));
                    room = count;
                }
                if end == hi {
                    break;
                }
                lo = end + 1;
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
        parts
    }
}

fn range_length((lo, hi): (u32, u32)) -> usize {
    let digits = |n: u32| n.checked_ilog10().unwrap_or(0) as usize + 1;
    if lo == hi { digits(lo) } else { digits(lo) + 1 + digits(hi) }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SequenceSet::from(self).fmt(f)
    }
}

impl From<&UidSet> for SequenceSet {
    fn from(set: &UidSet) -> Self {
        let mut out = SequenceSet::default();
        for (lo, hi) in &set.ranges {
            out.push(Edge::Number(*lo), Edge::Number(*hi));
        }
        out
    }
}

/// The set contains `*`, which names no known UID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the set contains `*`")]
pub struct Unbounded;

impl TryFrom<SequenceSet> for UidSet {
    type Error = Unbounded;
    fn try_from(set: SequenceSet) -> Result<Self, Unbounded> {
        if set.ranges().iter().any(|(a, b)| *a == Edge::Last || *b == Edge::Last) {
            return Err(Unbounded);
        }
        let mut out = UidSet::empty();
        // Sorted first: inserting upwards is cheap, and a hostile server may send a million ranges downwards.
        let mut ranges: Vec<_> = set.resolve(0).collect();
        ranges.sort_unstable();
        for (lo, hi) in ranges {
            out.insert_range(lo, hi);
        }
        Ok(out)
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut set = Self::empty();
        set.extend(uids);
        set
    }
}

impl Extend<u32> for UidSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, uids: I) {
        let mut uids: Vec<u32> = uids.into_iter().collect();
        uids.sort_unstable();
        for uid in uids {
            self.insert(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn merges_and_prints() {
        let set: UidSet = [5, 1, 2, 3, 9, 4, 11, 10].into_iter().collect();
        assert_eq!(set.to_string(), "1:5,9:11");
        assert_eq!(set.len(), 8);
        assert_eq!(UidSet::parse(b"4:2,3,u32"), None);
        assert_eq!(UidSet::parse(b"1:*"), None);
        assert_eq!(UidSet::parse(b"4294967295,1").unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn is_a_set(uids in prop::collection::vec(1u32..60, 0..80), gone in prop::collection::vec(1u32..60, 0..20), length in 1usize..30, count in 1u32..9) {
            let mut set: UidSet = uids.iter().copied().collect();
            let mut model: BTreeSet<u32> = uids.into_iter().collect();
            for uid in gone {
                prop_assert_eq!(set.remove(uid), model.remove(&uid));
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert!((0..70).all(|uid| set.contains(uid) == model.contains(&uid)));
            prop_assert!(set.ranges().windows(2).all(|w| w[0].1 + 1 < w[1].0));
            for parts in [set.split_by_length(length), set.split_by_count(count)] {
                prop_assert!(parts.iter().flat_map(|part| part.iter()).eq(model.iter().copied()));
            }
            prop_assert!(set.split_by_length(length).iter().all(|p| p.ranges().len() == 1 || p.to_string().len() <= length));
            prop_assert!(set.split_by_count(count).iter().all(|p| p.len() <= u64::from(count)));
            if !set.is_empty() {
                prop_assert_eq!(UidSet::parse(set.to_string().as_bytes()).unwrap(), set);
            }
        }
    }
}
