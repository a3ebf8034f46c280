//! Sequence sets as they stand on the wire: ranges in the order given, `*` allowed.
//!
//! Order matters where two sets answer each other number by number (COPYUID); for sets that are only asked about use
//! [`UidSet`](super::UidSet), which is sorted and merged.

use std::fmt;

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A message number or UID, never 0.
    Number(u32),
    /// `*`, the highest in the mailbox.
    Last,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edge::Number(n) => write!(f, "{n}"),
            Edge::Last => f.write_str("*"),
        }
    }
}

/// A sequence set. RFC 9051 §9 `sequence-set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceSet {
    ranges: Vec<(Edge, Edge)>,
}

impl SequenceSet {
    /// Everything: `1:*`.
    pub fn all() -> Self {
        Self::from_number_on(1)
    }

    /// `first:*`. Beware: on the wire `5:*` names the last message even when its number is below 5.
    pub fn from_number_on(first: u32) -> Self {
        Self { ranges: vec![(Edge::Number(first.max(1)), Edge::Last)] }
    }

    /// One range.
    pub fn range(from: Edge, to: Edge) -> Self {
        Self { ranges: vec![(from, to)] }
    }

    /// Adds a range at the end.
    pub fn push(&mut self, from: Edge, to: Edge) {
        self.ranges.push((from, to));
    }

    /// The ranges in their order.
    pub fn ranges(&self) -> &[(Edge, Edge)] {
        &self.ranges
    }

    /// Whether there is no range at all (which is not valid in a command).
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Reads a set; empty parts between commas are skipped, 0 and other text are refused.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut set = Self::default();
        for part in text.split(|b| *b == b',').filter(|part| !part.is_empty()) {
            let (from, to) = match memchr::memchr(b':', part) {
                Some(colon) => (edge(&part[..colon])?, edge(&part[colon + 1..])?),
                None => (edge(part)?, edge(part)?),
            };
            set.push(from, to);
        }
        (!set.is_empty()).then_some(set)
    }

    /// The numbers in their order, each range upwards; `None` when the set contains `*`.
    pub fn numbers(&self) -> Option<impl Iterator<Item = u32> + '_> {
        let plain = self.ranges.iter().all(|(a, b)| *a != Edge::Last && *b != Edge::Last);
        plain.then(|| self.ranges.iter().flat_map(|(a, b)| bounds(*a, *b, 0)).flat_map(|(lo, hi)| lo..=hi))
    }

    /// The ranges as numbers, `*` taken as `last`; ends are put in order.
    // RFC 9051 §9 seq-range: "2:4 and 4:2 are equivalent"; `*` in an empty mailbox names nothing.
    pub fn resolve(&self, last: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.ranges.iter().filter_map(move |(a, b)| bounds(*a, *b, last))
    }

    /// Whether `number` is in the set when the highest is `last`.
    pub fn contains(&self, number: u32, last: u32) -> bool {
        self.resolve(last).any(|(lo, hi)| (lo..=hi).contains(&number))
    }
}

fn bounds(a: Edge, b: Edge, last: u32) -> Option<(u32, u32)> {
    let number = |edge| match edge {
        Edge::Number(n) => n,
        Edge::Last => last,
    };
    let (a, b) = (number(a), number(b));
    (a != 0 && b != 0).then(|| (a.min(b), a.max(b)))
}

fn edge(text: &[u8]) -> Option<Edge> {
    if text == b"*" {
        return Some(Edge::Last);
    }
    match std::str::from_utf8(text).ok()?.parse::<u32>().ok()? {
        0 => None,
        n => Some(Edge::Number(n)),
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (from, to)) in self.ranges.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            if from == to { write!(f, "{from}")? } else { write!(f, "{from}:{to}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for text in ["1", "1:*", "*", "5,3,9:11", "4:2", "4294967295"] {
            assert_eq!(SequenceSet::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        for text in ["", "0", "a", "1:", "1-2", "4294967296", ":", "+1:2x"] {
            assert!(SequenceSet::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn order_and_star() {
        let set = SequenceSet::parse(b"9,4:2").unwrap();
        assert_eq!(set.numbers().unwrap().collect::<Vec<_>>(), [9, 2, 3, 4]);
        assert!(SequenceSet::all().numbers().is_none());
        let tail = SequenceSet::from_number_on(10);
        assert!(tail.contains(7, 7), "n:* names the last message");
        assert!(!tail.contains(6, 7));
        assert_eq!(tail.resolve(0).count(), 0);
    }
}
