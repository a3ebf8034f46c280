//! Approvals: a named person says that an item may stay behind. And the data-consistency gate that asks for them.
//!
//! Pure. An approval is of one item with one reason, as the source knows it, and of nothing else: what is skipped later,
//! or for another reason, is approved by nobody. One whose item is no longer skipped counts for nothing and says nothing.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    batch::Batch,
    id::MailboxId,
    report::{Findings, Named, Score},
    user::{Detail, User},
};

/// The detail of a mailbox that the gate holds back.
pub const NEEDS_APPROVAL: &str = "NeedsApproval";

/// Which item, and why it stays behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovedItem {
    /// Its folder at the source.
    pub folder: String,
    /// Its id as the system shows it.
    pub uid: String,
    /// Its Message-ID, where it has one: an id that is given anew is another item's.
    pub message_id: Option<String>,
    /// Catalogue code.
    pub code: String,
}

impl ApprovedItem {
    /// Of an item that a report names.
    pub fn of(named: &Named) -> Self {
        Self {
            folder: named.folder.clone(),
            uid: named.uid.clone(),
            message_id: named.message_id.clone(),
            code: named.code.clone(),
        }
    }
}

/// Somebody's word that an item may stay behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Whose ledger.
    pub mailbox: MailboxId,
    /// Which item, and why it stays behind.
    pub item: ApprovedItem,
    /// Of a folder: how many items of it were known to stay behind, 0 where nobody knew.
    pub items: Option<u64>,
    /// Why it may.
    pub comment: String,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Approval {
    /// Whether it is of this item: a folder of which more stays behind than was known is another matter.
    fn covers(&self, named: &Named) -> bool {
        match (self.items, named.items) {
            (None | Some(0), items) => items == self.items,
            (Some(most), Some(items)) => (1..=most).contains(&items),
            (Some(_), None) => false,
        }
    }
}

/// The approvals of a mailbox, to be asked.
#[derive(Clone, Debug, Default)]
pub struct Approvals(HashMap<ApprovedItem, Approval>);

impl Approvals {
    /// Of a mailbox.
    pub fn of(approvals: Vec<Approval>) -> Self {
        Self(approvals.into_iter().map(|approval| (approval.item.clone(), approval)).collect())
    }

    /// The one of an item, if somebody gave it.
    pub fn find(&self, named: &Named) -> Option<&Approval> {
        self.0.get(&ApprovedItem::of(named)).filter(|approval| approval.covers(named))
    }

    /// How many of what can be approved nobody has approved.
    pub fn lacking(&self, findings: &Findings) -> u64 {
        approvable(findings).filter(|named| self.find(named).is_none()).map(Named::weight).sum()
    }

    /// Items that count against a limit: skipped, and approved by nobody.
    fn skipped<'a>(&'a self, findings: &'a Findings) -> impl Iterator<Item = &'a Named> {
        findings.skipped.iter().filter(|named| self.find(named).is_none())
    }
}

/// What can be approved: what stays behind. What is there too often is removed, not approved.
pub fn approvable(findings: &Findings) -> impl Iterator<Item = &Named> {
    findings.skipped.iter().chain(&findings.missing)
}

/// Which items somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// All that stay behind now.
    All,
    /// Those with these codes, written in any case.
    Codes(Vec<String>),
    /// One, by folder and id.
    One {
        /// Its folder at the source.
        folder: String,
        /// Its id.
        uid: String,
    },
}

impl Meant {
    /// Whether an item is meant.
    pub fn fits(&self, named: &Named) -> bool {
        match self {
            Self::All => true,
            Self::Codes(codes) => codes.iter().any(|code| code.eq_ignore_ascii_case(&named.code)),
            Self::One { folder, uid } => named.folder == *folder && named.uid == *uid,
        }
    }
}

/// Whether a batch completes mailboxes whatever their score is.
// Exchange: Complete-MigrationBatch, DataConsistencyScore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataConsistency {
    /// Perfect and Good are completed; Investigate once everything that stays behind is approved; Poor with a reason.
    #[default]
    Gate,
    /// All are.
    Off,
}

impl std::str::FromStr for DataConsistency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_lowercase().as_str() {
            "gate" => Ok(Self::Gate),
            "off" => Ok(Self::Off),
            _ => Err("write gate or off".to_owned()),
        }
    }
}

/// Why the gate does not let a mailbox complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its score is Investigate, and so many items that stay behind are approved by nobody.
    Unapproved(u64),
    /// Its score is Poor.
    Poor,
}

/// Whether the gate holds a mailbox back, by what its last pass found.
pub fn held(batch: &Batch, user: &User) -> Option<Held> {
    if batch.data_consistency == DataConsistency::Off || user.despite_score.is_some() {
        return None;
    }
    match user.score? {
        Score::Perfect | Score::Good => None,
        // Nobody has counted what an older version found: all of it is unapproved.
        Score::Investigate => {
            let n = user.unapproved.unwrap_or(user.totals.skipped.max(1));
            (n > 0).then_some(Held::Unapproved(n))
        }
        Score::Poor => Some(Held::Poor),
    }
}

impl Held {
    /// In one sentence, with what to do.
    pub fn sentence(self, address: &str, batch: &str) -> String {
        let look = format!("mailferry item list --user {address}");
        match self {
            Self::Unapproved(n) => {
                let (items, are) = if n == 1 { ("1 item", "is") } else { (&*format!("{n} items"), "are") };
                format!(
                    "its score is Investigate, and {items} that would stay behind {are} approved by nobody: \
                     look at {look}, then mailferry user approve {address} --batch {batch} --all --comment WHY"
                )
            }
            Self::Poor => format!(
                "its score is Poor: look at {look} and mend the causes, or complete it all the same with \
                 mailferry user complete {address} --batch {batch} --despite-score REASON"
            ),
        }
    }

    /// As the detail of a mailbox.
    pub fn detail(self, user: &User, batch: &Batch, now: Timestamp) -> Detail {
        let since = user.detail.as_ref().filter(|d| d.code == NEEDS_APPROVAL).map_or(now, |d| d.since);
        let text = self.sentence(&user.address, &batch.name);
        Detail::fresh(NEEDS_APPROVAL, text, since)
    }
}

/// The user with the detail that the gate gives it, or without; another detail stays.
pub fn with_gate(mut user: User, batch: &Batch, now: Timestamp) -> User {
    let is_ours = user.detail.as_ref().is_none_or(|detail| detail.code == NEEDS_APPROVAL);
    if is_ours {
        let rests = user.status.summary() == crate::status::StatusSummary::Synced;
        user.detail = held(batch, &user).filter(|_| rests).map(|held| held.detail(&user, batch, now));
    }
    user
}

/// How many skipped items a mailbox may have before it fails.
// Exchange: New-MigrationBatch, BadItemLimit; LargeItemLimit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "LimitText", try_from = "LimitText")]
pub enum ItemLimit {
    /// So many.
    AtMost(u32),
    /// Any number.
    Unlimited,
}

/// How a limit is written: a number, or `Unlimited`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LimitText {
    Number(u32),
    Word(String),
}

impl From<ItemLimit> for LimitText {
    fn from(limit: ItemLimit) -> Self {
        match limit {
            ItemLimit::AtMost(n) => Self::Number(n),
            ItemLimit::Unlimited => Self::Word("Unlimited".to_owned()),
        }
    }
}

impl TryFrom<LimitText> for ItemLimit {
    type Error = String;

    fn try_from(text: LimitText) -> Result<Self, String> {
        match text {
            LimitText::Number(n) => n.to_string().parse(),
            LimitText::Word(word) => word.parse(),
        }
    }
}

impl std::str::FromStr for ItemLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("unlimited") {
            return Ok(Self::Unlimited);
        }
        let number = text.parse::<u32>().ok().filter(|n| *n <= i32::MAX as u32);
        number.map(Self::AtMost).ok_or_else(|| "write a number from 0 to 2147483647, or Unlimited".to_owned())
    }
}

/// The limits of a batch, or of one mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemLimits {
    /// Items skipped for whatever reason but their size; no limit where none is given.
    pub bad_item_limit: Option<ItemLimit>,
    /// Items skipped for their size.
    pub large_item_limit: Option<ItemLimit>,
}

impl ItemLimits {
    /// Those of a mailbox before those of its batch.
    #[must_use]
    pub fn or(self, batch: Self) -> Self {
        Self {
            bad_item_limit: self.bad_item_limit.or(batch.bad_item_limit),
            large_item_limit: self.large_item_limit.or(batch.large_item_limit),
        }
    }

    /// The code and the sentence of the limit that is passed, if one is. What is approved does not count.
    pub fn passed(self, findings: &Findings, approvals: &Approvals) -> Option<(&'static str, String)> {
        let count = |large: &dyn Fn(&str) -> bool| -> u64 {
            approvals.skipped(findings).filter(|named| large(&named.code)).map(Named::weight).sum()
        };
        let is_large = |code: &str| code.ends_with("_TOO_LARGE");
        let bad = (count(&|code| !is_large(code)), self.bad_item_limit, "ITEM_LIMIT_BAD", "BadItemLimit");
        let large = (count(&is_large), self.large_item_limit, "ITEM_LIMIT_LARGE", "LargeItemLimit");
        [bad, large].into_iter().find_map(|(n, limit, code, name)| match limit {
            Some(ItemLimit::AtMost(most)) if n > u64::from(most) => {
                Some((code, format!("{n} items are skipped and approved by nobody; {name} is {most}")))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
