//! What is said at the end: counts, named items, the score and the sentence.

pub mod delimited;
pub mod reconciliation;
pub mod rollback;
pub mod sheet;
pub mod skipped;
pub mod summary;
pub mod users;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{filter::Filter, id::MailboxId};

/// What has moved so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Items at the source that shall move.
    pub identified: u64,
    /// Items known to be at the target.
    pub placed: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Bytes identified.
    pub bytes_identified: u64,
    /// Items skipped, each listed.
    pub skipped: u64,
}

/// An item named in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// Its folder at the source (for `doubled`: at the target).
    pub folder: String,
    /// Its id as the system shows it: an IMAP UID, a file name.
    pub uid: String,
    /// Its Message-ID, where it has one.
    pub message_id: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Catalogue code.
    pub code: String,
    /// One sentence.
    pub reason: String,
    /// Of a folder that could not be read: how many of its items are not at the target, 0 where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// When it arrived at the source, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Timestamp>,
    /// How often it was tried and refused, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
}

impl Named {
    /// How many items it stands for: itself, or those of a folder, of which there is at least one.
    pub fn weight(&self) -> u64 {
        self.items.unwrap_or(1).max(1)
    }
}

fn count(named: &[Named]) -> u64 {
    named.iter().map(Named::weight).sum()
}

/// Code of a target folder that could not be looked at: nobody has seen whether its items are there.
pub const FOLDER_UNSEEN: &str = "FOLDER_UNSEEN";

/// The data consistency score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Score {
    /// Nothing skipped, missing or doubled.
    Perfect,
    /// Only skipped, each with its reason, at most 1 %.
    Good,
    /// At most 5 % skipped and at most 0.1 % missing, and nothing doubled; or a folder of unknown size unread, or a
    /// target folder that could not be looked at.
    Investigate,
    /// More than 5 % skipped, or more than 0.1 % missing, or anything doubled.
    Poor,
}

impl Score {
    /// What mailboxes that failed make of a batch: what holds for missing items holds for them.
    pub fn of_failed(failed: usize, mailboxes: usize) -> Option<Self> {
        match failed {
            0 => None,
            _ if failed * 1000 <= mailboxes => Some(Self::Investigate),
            _ => Some(Self::Poor),
        }
    }
}

/// What is worth a look and changes neither score nor exit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Catalogue code.
    pub code: Cow<'static, str>,
    /// The folder that it is about; empty where it is about the mailbox.
    pub folder: String,
    /// The mailbox, in what is said of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// One sentence.
    pub message: String,
}

impl Warning {
    /// Nothing to move is no fault, and often the wrong mailbox.
    pub fn of_empty_source(mailbox: &str, findings: &Findings, filter: &Filter) -> Option<Self> {
        let why = match *filter == Filter::default() {
            true => "its source has no items; is it the right mailbox?",
            false => "nothing at its source matches --include, --exclude, --since, --before and --max-size.",
        };
        let warning = || Self {
            code: "SOURCE_EMPTY".into(),
            folder: String::new(),
            user: None,
            message: format!("{mailbox}: {why}"),
        };
        (findings.identified == 0).then(warning)
    }

    /// The same as one of many mailboxes.
    #[must_use]
    pub fn of_user(self, user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..self }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// Items at the source that shall move.
    pub identified: u64,
    /// Items found at the target.
    pub placed: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Refused or unreadable, each with its reason.
    pub skipped: Vec<Named>,
    /// Should be there and are not, or are something else.
    pub missing: Vec<Named>,
    /// There more often than they should be.
    pub doubled: Vec<Named>,
    /// Moved, edited or deleted at the target by people since.
    pub changed_at_target: Vec<Named>,
    /// Changed by the target itself or by a named repair: dates, line ends.
    pub rewritten: Vec<Named>,
    /// What the target has no place for: folders left out, settings.
    pub not_migratable: Vec<Named>,
}

impl Findings {
    /// The score under the published thresholds.
    pub fn score(&self) -> Score {
        let (skipped, missing) = (count(&self.skipped), count(&self.missing));
        let unknown = self.skipped.iter().any(|named| named.items == Some(0)) || self.unseen() > 0;
        let at_most = |part: u64, permille: u64| part * 1000 <= self.identified * permille;
        if !self.doubled.is_empty() || !at_most(skipped, 50) || !at_most(missing, 1) {
            Score::Poor
        } else if missing > 0 || unknown || !at_most(skipped, 10) {
            Score::Investigate
        } else if skipped > 0 {
            Score::Good
        } else {
            Score::Perfect
        }
    }

    /// Items in target folders that could not be looked at.
    fn unseen(&self) -> u64 {
        self.skipped.iter().filter(|named| named.code == FOLDER_UNSEEN).map(Named::weight).sum()
    }

    /// The closing sentence.
    pub fn sentence(&self) -> String {
        let n = self.identified;
        let (skipped, missing, doubled) = (count(&self.skipped), count(&self.missing), count(&self.doubled));
        let told = self.placed + skipped + missing;
        let mut sentence = match self.score() {
            // Only a run that shall change nothing leaves items unaccounted for.
            _ if told < n => return self.dry_run_sentence(n - told, 0),
            Score::Perfect => {
                format!("The migration looks good: all {n} identified items of the source are on the target.")
            }
            Score::Good => format!(
                "The migration looks good: all {n} identified items of the source are on the target, \
                 except {skipped} skipped, each with its reason."
            ),
            _ => format!(
                "The migration does NOT look good: of {n} identified items of the source, {missing} {} missing on \
                 the target, {skipped} {} skipped and {doubled} {} there too often.",
                are(missing),
                if skipped == 1 { "was" } else { "were" },
                are(doubled)
            ),
        };
        for (count, what) in [
            (self.unseen() as usize, "could not be looked at at the target"),
            (self.changed_at_target.len(), "changed at the target by its users"),
            (self.rewritten.len(), "rewritten by the target"),
            (self.not_migratable.len(), "not migratable"),
        ] {
            if count > 0 {
                sentence.push_str(&format!(" {count} {what}."));
            }
        }
        sentence
    }

    /// What a run says that changed nothing: no migration looks good by it.
    pub fn dry_run_sentence(&self, put: u64, removed: u64) -> String {
        let n = self.identified;
        let removed = match removed {
            0 => String::new(),
            n => format!(" {n} would be removed at the target;"),
        };
        let mut sentence = format!(
            "A dry run: of {n} identified items of the source, {put} would be put;{removed} nothing was changed."
        );
        let (skipped, left) = (count(&self.skipped), self.not_migratable.len());
        if skipped > 0 {
            sentence.push_str(&format!(" {skipped} would be skipped, each with its reason."));
        }
        if left > 0 {
            sentence.push_str(&format!(" {left} not migratable."));
        }
        sentence
    }

    /// The counts of the mailbox.
    pub fn totals(&self) -> Totals {
        Totals {
            identified: self.identified,
            placed: self.placed,
            bytes: self.bytes,
            bytes_identified: self.bytes,
            skipped: count(&self.skipped),
        }
    }

    /// Whether everything is as it should be: exit code 0; otherwise 3.
    pub fn is_clean(&self) -> bool {
        self.skipped.is_empty() && self.missing.is_empty() && self.doubled.is_empty()
    }

    /// A folder could not be read: what it holds and nobody knows was identified, and is skipped.
    pub fn skip_folder(&mut self, folder: Named) {
        self.identified += folder.items.unwrap_or(0);
        self.skipped.push(folder);
    }

    /// Adds the findings of another mailbox.
    pub fn add(&mut self, other: Findings) {
        self.identified += other.identified;
        self.placed += other.placed;
        self.bytes += other.bytes;
        self.skipped.extend(other.skipped);
        self.missing.extend(other.missing);
        self.doubled.extend(other.doubled);
        self.changed_at_target.extend(other.changed_at_target);
        self.rewritten.extend(other.rewritten);
        self.not_migratable.extend(other.not_migratable);
    }
}

fn are(n: u64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// The findings of a mailbox's last pass, kept so that people can ask later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Whose ledger.
    pub mailbox: MailboxId,
    /// How people know the mailbox: its address at the source.
    pub user: String,
    /// When the pass ended.
    pub at: Timestamp,
    /// What it found.
    pub findings: Findings,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(identified: u64, skipped: usize, missing: usize, doubled: usize) -> Findings {
        let named = Named {
            folder: "INBOX".into(),
            uid: "1".into(),
            message_id: None,
            size: 1,
            code: "X".into(),
            reason: "x".into(),
            items: None,
            date: None,
            tries: None,
        };
        Findings {
            identified,
            placed: identified - (skipped + missing) as u64,
            skipped: vec![named.clone(); skipped],
            missing: vec![named.clone(); missing],
            doubled: vec![named; doubled],
            ..Findings::default()
        }
    }

    #[test]
    fn a_dry_run_claims_nothing() {
        let would = Findings { identified: 43, placed: 3, ..Findings::default() };
        assert!(
            would.sentence().starts_with("A dry run: of 43 identified items of the source, 40 would be put")
        );
    }

    #[test]
    fn one_is_not_many() {
        let one = findings(1, 0, 1, 0).sentence();
        assert!(
            one.ends_with("1 is missing on the target, 0 were skipped and 0 are there too often."),
            "{one}"
        );
    }

    #[test]
    fn failed_mailboxes_count_as_missing_items_do() {
        for (failed, mailboxes, score) in [
            (0, 3, None),
            (1, 3, Some(Score::Poor)),
            (1, 999, Some(Score::Poor)),
            (1, 1000, Some(Score::Investigate)),
        ] {
            assert_eq!(Score::of_failed(failed, mailboxes), score, "{failed} of {mailboxes}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_read_counts_with_all_its_items() {
        let unread = |items| {
            let mut found = findings(1000, 1, 0, 0);
            found.skipped[0].items = Some(items);
            found.placed = 1000 - items.max(1);
            found
        };
        for (items, score) in [(10, Score::Good), (11, Score::Investigate), (300, Score::Poor)] {
            assert_eq!(unread(items).score(), score, "{items}");
        }
        assert_eq!(unread(0).score(), Score::Investigate, "nobody knows how many");
        assert!(unread(300).sentence().contains("NOT look good: of 1000"), "{}", unread(300).sentence());
        assert!(unread(10).sentence().contains("except 10 skipped"), "{}", unread(10).sentence());
    }

    #[test]
    fn what_nobody_has_seen_never_looks_good() {
        let mut found = findings(1000, 1, 0, 0);
        (found.skipped[0].items, found.skipped[0].code) = (Some(1), FOLDER_UNSEEN.to_owned());
        assert_eq!(found.score(), Score::Investigate);
        let sentence = found.sentence();
        assert!(sentence.contains("NOT look good"), "{sentence}");
        assert!(sentence.ends_with(" 1 could not be looked at at the target."), "{sentence}");
    }

    #[test]
    fn the_thresholds_are_the_published_ones() {
        for (identified, skipped, missing, doubled, score) in [
            (1000, 0, 0, 0, Score::Perfect),
            (0, 0, 0, 0, Score::Perfect),
            (1000, 10, 0, 0, Score::Good),
            (1000, 11, 0, 0, Score::Investigate),
            (1000, 50, 0, 0, Score::Investigate),
            (1000, 51, 0, 0, Score::Poor),
            (1000, 0, 1, 0, Score::Investigate),
            (1000, 0, 2, 0, Score::Poor),
            (999, 0, 1, 0, Score::Poor),
            (1000, 0, 0, 1, Score::Poor),
        ] {
            let found = findings(identified, skipped, missing, doubled);
            assert_eq!(found.score(), score, "{identified} {skipped} {missing} {doubled}");
            assert_eq!(found.sentence().contains("looks good"), score <= Score::Good);
        }
    }
}
