//! What a report says first: counts of a batch's mailboxes, and one sentence. Mailboxes are added one by one.

use std::collections::BTreeMap;

use super::{Named, Score};
use crate::{
    status::{StatusSummary, UserStatus},
    user::User,
};

const MILLION: f64 = 1_000_000.0;

/// Counts of mailboxes exclude each other; `total` is their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All.
    pub total: u64,
    /// Wait for their turn.
    pub queued: u64,
    /// Are worked on, or wait for a reason.
    pub syncing: u64,
    /// Are up to date, and not completed.
    pub synced: u64,
    /// Are completed.
    pub completed: u64,
    /// Were stopped.
    pub stopped: u64,
    /// Failed.
    pub failed: u64,
    /// Items at the source that shall move.
    pub identified: u64,
    /// Items at the target.
    pub placed: u64,
    /// Items that were skipped.
    pub skipped: u64,
    /// Bytes at the target.
    pub bytes: u64,
    /// Bytes at the source.
    pub bytes_identified: u64,
    /// Their shares of being synced, in millionths of a mailbox.
    parts: u64,
    /// The worst score of a mailbox.
    pub score: Option<Score>,
    /// Why items stayed behind, by code.
    pub reasons: BTreeMap<String, Group>,
}

/// Items that stayed behind for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub items: u64,
    /// Their bytes, where known.
    pub bytes: u64,
    /// Of how many mailboxes.
    pub mailboxes: u64,
    /// What was said of the first one.
    pub example: String,
}

impl Summary {
    /// One mailbox more.
    pub fn add(&mut self, user: &User) {
        self.total += 1;
        let count = match user.status.summary() {
            _ if user.status == UserStatus::Queued => &mut self.queued,
            StatusSummary::Active => &mut self.syncing,
            StatusSummary::Synced => &mut self.synced,
            StatusSummary::Completed => &mut self.completed,
            StatusSummary::Stopped => &mut self.stopped,
            StatusSummary::Failed => &mut self.failed,
        };
        *count += 1;
        self.identified += user.totals.identified;
        self.placed += user.totals.placed;
        self.skipped += user.totals.skipped;
        self.bytes += user.totals.bytes;
        self.bytes_identified += user.totals.bytes_identified;
        self.parts += (user.share() * MILLION).round() as u64;
        self.score = self.score.max(user.score);
    }

    /// What stayed behind of one mailbox.
    pub fn add_left<'a>(&mut self, left: impl Iterator<Item = &'a Named>) {
        let mut of_mailbox: BTreeMap<&str, Group> = BTreeMap::new();
        for named in left {
            let group = of_mailbox.entry(&named.code).or_default();
            group.items += named.weight();
            group.bytes += named.size;
            if group.example.is_empty() {
                group.example.clone_from(&named.reason);
            }
        }
        for (code, group) in of_mailbox {
            let sum = self.reasons.entry(code.to_owned()).or_default();
            sum.items += group.items;
            sum.bytes += group.bytes;
            sum.mailboxes += 1;
            if sum.example.is_empty() {
                sum.example = group.example;
            }
        }
    }

    /// The worst score, with mailboxes that failed.
    pub fn verdict(&self) -> Option<Score> {
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        self.score.max(Score::of_failed(count(self.failed), count(self.total)))
    }

    /// How much is synced, in thousandths: by bytes where they are known; a mailbox whose size is not known yet counts as
    /// nothing of an average one, and what is up to date as a whole one.
    pub fn permille(&self) -> u64 {
        match self.total {
            0 => 0,
            total => (self.parts as f64 / MILLION / total as f64 * 1000.0).round() as u64,
        }
    }

    fn done(&self) -> u64 {
        self.synced + self.completed
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let Self { total, failed, identified, placed, skipped, .. } = self;
        let verdict = match (self.done() == *total, self.verdict()) {
            _ if *total == 0 => return "There are no mailboxes in this batch.".to_owned(),
            (_, Some(Score::Investigate | Score::Poor)) => "The migration does NOT look good:",
            (true, _) => "The migration looks good:",
            (false, _) => "The migration is under way:",
        };
        let done = self.done();
        format!(
            "{verdict} {done} of {total} mailboxes are synced or completed and {failed} failed; {placed} of {identified} \
             identified items are on the target, and {skipped} were skipped, each with its reason."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{BatchId, UserId},
        report::Totals,
        settings::MailboxAddress,
    };

    fn user(status: UserStatus, score: Option<Score>) -> User {
        let ends = (MailboxAddress::default(), MailboxAddress::default());
        let user = User::queued(UserId(uuid::Uuid::nil()), BatchId(uuid::Uuid::nil()), "a@x".into(), ends);
        let totals = Totals { identified: 10, placed: 9, bytes: 900, bytes_identified: 1000, skipped: 1 };
        User { status, score, totals, ..user }
    }

    #[test]
    fn counts_exclude_each_other_and_the_worst_decides() {
        let mut summary = Summary::default();
        assert_eq!(summary.sentence(), "There are no mailboxes in this batch.");
        for status in UserStatus::ALL {
            summary.add(&user(status, Some(Score::Good)));
        }
        let Summary { total, queued, syncing, synced, completed, stopped, failed, .. } = summary;
        assert_eq!(queued + syncing + synced + completed + stopped + failed, total);
        assert_eq!(total, UserStatus::ALL.len() as u64);
        assert_eq!(summary.verdict(), Some(Score::Poor), "mailboxes failed");
        assert!(
            summary.sentence().starts_with("The migration does NOT look good: 4 of"),
            "{}",
            summary.sentence()
        );
        let done = synced + completed;
        let parts = (done * 1000 + (total - done) * 900) as f64 / total as f64;
        assert_eq!(
            summary.permille(),
            parts.round() as u64,
            "what is up to date counts whole, the rest nine tenths"
        );
    }

    #[test]
    fn what_is_well_is_called_so_only_when_all_of_it_is_done() {
        let mut summary = Summary::default();
        summary.add(&user(UserStatus::Completed, Some(Score::Good)));
        assert!(summary.sentence().starts_with("The migration looks good: 1 of 1"));
        summary.add(&user(UserStatus::Syncing, None));
        assert!(summary.sentence().starts_with("The migration is under way: 1 of 2"));
        summary.add(&user(UserStatus::Synced, Some(Score::Investigate)));
        assert!(summary.sentence().starts_with("The migration does NOT look good"));
    }

    #[test]
    fn reasons_count_items_and_mailboxes() {
        let named = |code: &str, items| Named {
            folder: "INBOX".into(),
            uid: "1".into(),
            message_id: None,
            size: 5,
            code: code.into(),
            reason: "words".into(),
            items,
            date: None,
            tries: None,
        };
        let mut summary = Summary::default();
        summary.add_left([named("TARGET_TOO_LARGE", None), named("SOURCE_FORBIDDEN", Some(7))].iter());
        summary.add_left([named("TARGET_TOO_LARGE", None), named("TARGET_TOO_LARGE", None)].iter());
        let told: Vec<_> = summary.reasons.iter().map(|(c, g)| (c.as_str(), g.items, g.mailboxes)).collect();
        assert_eq!(told, [("SOURCE_FORBIDDEN", 7, 1), ("TARGET_TOO_LARGE", 3, 2)]);
    }
}
