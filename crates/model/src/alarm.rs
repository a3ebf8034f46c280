//! Many refused sign-ins: told once when they become many, and again only after it was quiet.
//!
//! Counts what the audit trail tells, so that whoever counts comes to the same.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::audit::AuditEntry;

/// The action of entries about them.
pub const REFUSED: &str = "session.refused";
/// So many within [`WINDOW`] are many.
const MANY: u64 = 25;
/// What is counted together.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// What was refused lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(VecDeque<(Timestamp, u64)>);

impl Refusals {
    /// Counts an entry, in order; how many there were lately, if they have become many with it.
    pub fn count(&mut self, entry: &AuditEntry) -> Option<u64> {
        if entry.action != REFUSED {
            return None;
        }
        while self.0.front().is_some_and(|(at, _)| at.duration_until(entry.at) > WINDOW) {
            self.0.pop_front();
        }
        let before = self.sum();
        let change: Value =
            entry.change.as_deref().and_then(|change| serde_json::from_str(change).ok()).unwrap_or_default();
        self.0.push_back((entry.at, change["count"].as_u64().unwrap_or(1)));
        let now = self.sum();
        (before < MANY && now >= MANY).then_some(now)
    }

    fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_once_and_a_typing_error_never() {
        let entry = |minutes: i64, count: u64| AuditEntry {
            at: Timestamp::from_second(minutes * 60).unwrap(),
            actor: "nobody".to_owned(),
            action: REFUSED.to_owned(),
            subject: "no account".to_owned(),
            change: Some(serde_json::json!({ "from": "10.0.0.1", "count": count, "tried": 1 }).to_string()),
        };
        let mut refusals = Refusals::default();
        let mut count = |minutes, n| refusals.count(&entry(minutes, n));
        assert_eq!((count(0, 3), count(30, 3), count(60, 1)), (None, None, None));
        assert_eq!((count(61, 20), count(62, 30), count(63, 40)), (None, Some(51), None));
        assert_eq!(count(70, 500), None, "it goes on");
        assert_eq!(count(100, 26), Some(26), "again after it was quiet");
        let other = AuditEntry { action: "session.new".to_owned(), ..entry(101, 99) };
        assert_eq!(Refusals::default().count(&other), None);
    }
}
