//! What a scan found in all its mailboxes together, and whether that looks like a hybrid project.

use serde::{Deserialize, Serialize};

use super::{Assessment, Count, LargeItem, ScanMailbox, ScanOutcome};

/// All mailboxes together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    /// Mailboxes that were read.
    pub assessed: u64,
    /// Those that could not be.
    pub failed: u64,
    /// Folders that would move.
    pub folders: u64,
    /// Messages.
    pub mail: Count,
    /// What is above the limit.
    pub oversize: Count,
    /// Folder names that targets refuse, change or merge.
    pub bad_names: u64,
    /// Folders that could not be read.
    pub unread: u64,
    /// The largest item.
    pub largest: Option<LargeItem>,
    /// The largest mailbox.
    pub largest_mailbox: Option<String>,
    /// How many bytes that holds.
    pub largest_mailbox_bytes: u64,
    /// The newest date of an item, in seconds since 1970.
    pub last_activity: Option<i64>,
    /// Mailboxes that see public folders.
    pub with_public: u64,
    /// Mailboxes that see shared folders or those of other users.
    pub with_shared: u64,
    /// How long their reading took together.
    pub milliseconds: u64,
}

impl Total {
    /// Adds a mailbox; one at which nobody has looked changes nothing.
    pub fn add(&mut self, mailbox: &ScanMailbox) {
        match &mailbox.outcome {
            None => {}
            Some(ScanOutcome::Failed(_)) => self.failed += 1,
            Some(ScanOutcome::Assessed(found)) => self.add_assessed(&mailbox.source.address, found),
        }
    }

    fn add_assessed(&mut self, address: &str, found: &Assessment) {
        self.assessed += 1;
        self.folders += found.folders;
        for (sum, count) in [(&mut self.mail, found.mail), (&mut self.oversize, found.oversize)] {
            sum.items = sum.items.saturating_add(count.items);
            sum.bytes = sum.bytes.saturating_add(count.bytes);
        }
        self.bad_names += found.bad_names;
        self.unread += found.unread_folders;
        let size = |item: &Option<LargeItem>| item.as_ref().map_or(0, |item| item.size);
        if found.largest.is_some() && (self.largest.is_none() || size(&found.largest) > size(&self.largest)) {
            self.largest.clone_from(&found.largest);
        }
        if self.largest_mailbox.is_none() || found.mail.bytes > self.largest_mailbox_bytes {
            (self.largest_mailbox, self.largest_mailbox_bytes) = (Some(address.to_owned()), found.mail.bytes);
        }
        self.last_activity = self.last_activity.max(found.last_activity);
        self.with_public += u64::from(found.left_out.public > 0);
        self.with_shared += u64::from(found.left_out.shared + found.left_out.other_users > 0);
        self.milliseconds = self.milliseconds.saturating_add(found.milliseconds);
    }
}

/// Why a project looks hybrid: people on both sides will share something while it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hybrid {
    /// What was seen.
    pub reasons: Vec<String>,
    /// In one sentence.
    pub sentence: String,
}

/// Whether it looks so, by what was seen: none without evidence. `servers` is how many endpoints mail comes from.
pub fn looks_hybrid(total: &Total, servers: usize) -> Option<Hybrid> {
    let mailboxes = |n: u64| if n == 1 { "1 mailbox sees".to_owned() } else { format!("{n} mailboxes see") };
    let mut reasons = Vec::new();
    if servers > 1 {
        reasons.push(format!("mailboxes come from {servers} servers"));
    }
    if total.with_public > 0 {
        reasons.push(format!("{} public folders", mailboxes(total.with_public)));
    }
    if total.with_shared > 0 {
        reasons.push(format!("{} folders of others", mailboxes(total.with_shared)));
    }
    if reasons.is_empty() {
        return None;
    }
    let sentence = format!(
        "This looks like a hybrid project: {}. People on both sides will need each other's folders and free/busy \
         times while it goes on; move those who share in one wave.",
        reasons.join("; ")
    );
    Some(Hybrid { reasons, sentence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_hybrid_only_with_a_reason() {
        assert_eq!(looks_hybrid(&Total::default(), 1), None);
        let total = Total { with_public: 1, with_shared: 3, ..Total::default() };
        let hybrid = looks_hybrid(&total, 2).unwrap();
        assert_eq!(hybrid.reasons.len(), 3);
        assert!(hybrid.sentence.contains("1 mailbox sees public folders; 3 mailboxes see"), "{hybrid:?}");
    }
}
