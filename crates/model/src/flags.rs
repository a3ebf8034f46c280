//! Flags and keywords of an item, and the three-way merge that respects what people did at the target.
//!
//! System flags are independent of any protocol; keywords compare without case, as IMAP servers do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The flags of an item: system flags as bits, keywords sorted and without doubles.
///
/// `\Recent` is not here: no client can set it.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags {
    bits: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<Box<str>>,
}

/// A system flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SystemFlag {
    /// Read.
    Seen = 1,
    /// Replied to.
    Answered = 2,
    /// Marked as important.
    Flagged = 4,
    /// Marked for removal; carried like any other flag.
    Deleted = 8,
    /// A draft.
    Draft = 16,
}

impl SystemFlag {
    /// All five, in the order in which they are written.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Flagged, Self::Deleted, Self::Seen, Self::Draft];

    /// The name as IMAP writes it. // RFC 9051 §2.3.2
    pub fn name(self) -> &'static str {
        match self {
            Self::Seen => "\\Seen",
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
        }
    }
}

impl Flags {
    /// Flags from bits (see [`SystemFlag`]) and keywords in any order.
    pub fn from_parts(bits: u8, keywords: impl IntoIterator<Item = Box<str>>) -> Self {
        let mut flags = Self { bits: bits & 31, keywords: Vec::new() };
        for keyword in keywords {
            flags.insert_keyword(keyword);
        }
        flags
    }

    /// Adds a system flag.
    #[must_use]
    pub fn with(mut self, flag: SystemFlag) -> Self {
        self.bits |= flag as u8;
        self
    }

    /// Whether a system flag is set.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.bits & flag as u8 != 0
    }

    /// Adds a keyword; one that differs only in case is the same.
    pub fn insert_keyword(&mut self, keyword: Box<str>) {
        if let Err(at) = self.find(&keyword) {
            self.keywords.insert(at, keyword);
        }
    }

    /// The bits, for packing.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The keywords, sorted without regard to case.
    pub fn keywords(&self) -> &[Box<str>] {
        &self.keywords
    }

    /// No flag at all.
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.keywords.is_empty()
    }

    /// Only those keywords that `keep` allows.
    #[must_use]
    pub fn retain_keywords(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.keywords.retain(|k| keep(k));
        self
    }

    /// What has to be added to and removed from `self` to make `new` of it.
    pub fn difference(&self, new: &Flags) -> Difference {
        let lacking = |of: &Flags, from: &Flags| {
            let keywords = from.keywords.iter().filter(|k| of.find(k).is_err()).cloned().collect();
            Flags { bits: from.bits & !of.bits, keywords }
        };
        Difference { add: lacking(self, new), remove: lacking(new, self) }
    }

    /// `self` after a difference was applied.
    #[must_use]
    pub fn apply(&self, difference: &Difference) -> Flags {
        let mut flags =
            Flags { bits: (self.bits & !difference.remove.bits) | difference.add.bits, ..self.clone() };
        flags.keywords.retain(|k| difference.remove.find(k).is_err());
        for keyword in &difference.add.keywords {
            flags.insert_keyword(keyword.clone());
        }
        flags
    }

    fn find(&self, keyword: &str) -> Result<usize, usize> {
        let folded = |s: &str| s.bytes().map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>();
        let wanted = folded(keyword);
        self.keywords.binary_search_by(|k| folded(k).cmp(&wanted))
    }
}

/// Flags to add and flags to remove: applied at the target as it is, whatever people set there meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// To be set.
    pub add: Flags,
    /// To be cleared.
    pub remove: Flags,
}

impl Difference {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({self})")
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<&str> =
            SystemFlag::ALL.into_iter().filter(|s| self.has(*s)).map(SystemFlag::name).collect();
        all.extend(self.keywords.iter().map(|k| &**k));
        f.write_str(&all.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(bits: u8, keywords: &[&str]) -> Flags {
        Flags::from_parts(bits, keywords.iter().map(|k| Box::from(*k)))
    }

    #[test]
    fn a_difference_applied_to_its_base_gives_the_new_flags() {
        let (base, new) = (flags(1, &["$Work", "old"]), flags(4, &["$WORK", "new"]));
        let difference = base.difference(&new);
        assert_eq!(difference, Difference { add: flags(4, &["new"]), remove: flags(1, &["old"]) });
        assert_eq!(base.apply(&difference).to_string(), "\\Flagged $Work new");
    }

    #[test]
    fn what_people_set_at_the_target_survives_the_merge() {
        let (base, source_now, target_now) = (flags(1, &[]), flags(1 | 2, &[]), flags(4, &["mine"]));
        let merged = target_now.apply(&base.difference(&source_now));
        assert_eq!(merged, flags(4 | 2, &["mine"]), "only the source's difference is applied");
    }

    #[test]
    fn keywords_that_differ_in_case_are_one() {
        assert_eq!(flags(0, &["Junk", "JUNK", "a"]).keywords().len(), 2);
    }
}
