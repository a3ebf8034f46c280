//! Bodies that are shorter than the source listed them, by more than servers are known to count wrong: asked for once
//! more, then the source's word. Says nothing of what is put.

use std::{collections::HashSet, sync::atomic::Ordering};

use bytes::Bytes;
use mailferry_model::id::ItemId;

use crate::imap::client::{pool::Pool, quirk::Quirk};

/// So many answers one after the other that were no longer when asked for again: the server counts wrong.
const IN_VAIN: usize = 8;
/// Octets of a line in mail, rather less.
pub(super) const LINE: u64 = 40;
/// What servers add to the size of each message.
const OVER: u64 = 64;

/// The listed size, where what came is shorter by much. Some servers count each line end as two octets and give one.
pub(super) fn of(listed: u64, given: u64, line_ends: impl Fn() -> u64) -> Option<u64> {
    let little = OVER + listed / 16;
    let lacking = listed.saturating_sub(given);
    (lacking > little && lacking > little + line_ends()).then_some(listed)
}

/// How many lines end in these.
pub(super) fn line_ends(pieces: &[Bytes]) -> u64 {
    pieces.iter().flat_map(|piece| piece.iter()).filter(|octet| **octet == b'\n').count() as u64
}

/// What one fetch asks for again.
#[derive(Default)]
pub(super) struct Short {
    asked: HashSet<ItemId>,
    again: bool,
}

impl Short {
    /// Whether a short body is worth another question: its first, unless the server is known to count wrong.
    pub fn asks_again(&mut self, pool: &Pool, id: &ItemId) -> bool {
        if self.asked.contains(id) {
            if pool.asked_in_vain.fetch_add(1, Ordering::Relaxed) + 1 >= IN_VAIN {
                pool.quirks.note(Quirk::SizesTooLarge);
            }
            return false;
        }
        self.again = !pool.quirks.has(Quirk::SizesTooLarge) && self.asked.len() < IN_VAIN;
        if self.again {
            self.asked.insert(id.clone());
        }
        self.again
    }

    /// One that was asked for again came whole, or it was never short.
    pub fn came(&self, pool: &Pool, id: &ItemId) {
        if self.asked.contains(id) {
            pool.asked_in_vain.store(0, Ordering::Relaxed);
        }
    }

    /// Whether the question is open; it is asked now.
    pub fn take(&mut self) -> bool {
        std::mem::take(&mut self.again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_is_nothing_and_line_ends_are_not_much() {
        let of = |listed, given, ends| of(listed, given, || ends);
        assert_eq!(of(1000, 1000, 20), None);
        assert_eq!(of(1000, 900, 0), None, "what servers add");
        assert_eq!(of(10_000, 9_000, 600), None, "a line end of two octets, given as one");
        assert_eq!(of(10_000, 9_000, 100), Some(10_000));
        assert_eq!(of(300, 150, 6), Some(300), "half a short message");
        assert_eq!(of(100, 4000, 10), None, "longer");
        assert_eq!(line_ends(&[Bytes::from_static(b"a\r\nb\n"), Bytes::from_static(b"\n")]), 3);
    }
}
