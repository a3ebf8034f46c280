//! A user of a batch: one mailbox on its way, with what people need to know about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    completion::LastPass,
    csv::Overrides,
    id::{BatchId, MailboxId, UserId},
    pilot::SignOff,
    report::{Score, Totals},
    settings::MailboxAddress,
    status::{StatusSummary, UserStatus},
    times::Times,
};

/// One mailbox of a batch. Its passwords lie apart, sealed, owned by its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Grows with each change; a stale writer is refused.
    pub version: u64,
    /// Its batch.
    pub batch: BatchId,
    /// The address people know it by.
    pub address: String,
    /// The mailbox at the source.
    pub source: MailboxAddress,
    /// The mailbox at the target.
    pub target: MailboxAddress,
    /// Its ledger, once a pass has begun.
    pub mailbox: Option<MailboxId>,
    /// The native status.
    pub status: UserStatus,
    /// The finer reason: a stall, an error, what it waits for.
    pub detail: Option<Detail>,
    /// What has moved.
    pub totals: Totals,
    /// The verdict of the last verification.
    pub score: Option<Score>,
    /// When the last sync ended in order.
    pub last_synced: Option<Timestamp>,
    /// When anything last moved.
    pub last_progress: Option<Timestamp>,
    /// Whether its next pass tries once more what earlier ones skipped.
    #[serde(default)]
    pub retry_skipped: bool,
    /// What its row says beside what the batch does.
    #[serde(default)]
    pub overrides: Overrides,
    /// How many items that stay behind are approved by nobody; none where nobody has counted.
    #[serde(default)]
    pub unapproved: Option<u64>,
    /// Why it completes although the data-consistency gate would hold it back.
    #[serde(default)]
    pub despite_score: Option<String>,
    /// When it is completed by itself; its own time goes before its batch's.
    #[serde(default)]
    pub complete_after: Option<Timestamp>,
    /// What its last pass took.
    #[serde(default)]
    pub last_pass: Option<LastPass>,
    /// How long it was in which phase.
    #[serde(default)]
    pub times: Times,
    /// Tries in a row that failed and moved nothing.
    #[serde(default)]
    pub failures: u32,
    /// Of a pilot's mailbox: what somebody says works.
    #[serde(default)]
    pub sign_offs: Vec<SignOff>,
    /// What people have ticked since it was completed.
    #[serde(default)]
    pub acceptance: Vec<SignOff>,
}

impl User {
    /// How much of it is synced, by bytes; all of what is up to date, and nothing where its size is not known.
    pub fn share(&self) -> f64 {
        let totals = self.totals;
        match self.status.summary() {
            StatusSummary::Synced | StatusSummary::Completed => 1.0,
            _ if totals.bytes_identified == 0 => 0.0,
            _ => (totals.bytes as f64 / totals.bytes_identified as f64).min(1.0),
        }
    }

    /// One that was just added: nothing of it has moved.
    pub fn queued(
        id: UserId,
        batch: BatchId,
        address: String,
        (source, target): (MailboxAddress, MailboxAddress),
    ) -> Self {
        Self {
            id,
            version: 1,
            batch,
            address,
            source,
            target,
            mailbox: None,
            status: UserStatus::Queued,
            detail: None,
            totals: Totals::default(),
            score: None,
            last_synced: None,
            last_progress: None,
            retry_skipped: false,
            overrides: Overrides::default(),
            unapproved: None,
            despite_score: None,
            complete_after: None,
            last_pass: None,
            times: Times::default(),
            failures: 0,
            sign_offs: Vec::new(),
            acceptance: Vec::new(),
        }
    }

    /// Counts its time by what it is now; whoever changes status or detail calls this before it is written.
    pub fn keep_time(&mut self, now: Timestamp) {
        self.times.turn(self.status, self.detail.is_some(), now);
    }

    /// The same with its time counted.
    #[must_use]
    pub fn timed(mut self, now: Timestamp) -> Self {
        self.keep_time(now);
        self
    }
}

/// The finer reason of a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// A stall code, an error code, or one of `WaitingForUser`, `WaitingForEndpoint`, `NeedsApproval`.
    pub code: String,
    /// One plain sentence with the other side's words.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again by itself, if it is.
    pub next_try: Option<Timestamp>,
    /// Whether somebody was told that it has lasted too long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub escalated: bool,
}

impl Detail {
    /// One that has just come up.
    pub fn fresh(code: &str, text: String, since: Timestamp) -> Self {
        Self { code: code.to_owned(), text, since, next_try: None, escalated: false }
    }

    /// Whether it is a stall: what waits and goes on by itself.
    pub fn is_stall(&self) -> bool {
        self.code.starts_with("StalledDueTo")
    }
}

/// The users of a batch, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// How many have which status, each above zero.
    pub users: Vec<(UserStatus, u64)>,
    /// How many have work that waits or runs.
    pub jobs: u64,
}
