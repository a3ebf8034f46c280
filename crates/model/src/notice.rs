//! Notices: what of the audit trail somebody who is not looking should be told. An entry gives at most one, so that
//! there is one for each cause, never one for each mailbox.
//!
//! Reads nothing: the users of a batch are arguments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{approval::NEEDS_APPROVAL, audit::AuditEntry, status::BatchStatus, user::User};

/// All events.
pub const EVENTS: [&str; 6] = [
    "endpoint.needs_to_connect",
    "stall.escalated",
    "batch.state_changed",
    "batch.needs_approval",
    "batch.completed",
    "test",
];

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which event.
    pub event: String,
    /// When it happened.
    pub at: Timestamp,
    /// It, in one line. Names no mailbox.
    pub title: String,
    /// The details, for programs. Names no mailbox either.
    pub data: Value,
}

impl Notice {
    /// What an entry of the audit trail is to be told as; most are not.
    pub fn of(no: u64, entry: &AuditEntry) -> Option<Self> {
        let change: Value =
            entry.change.as_deref().and_then(|c| serde_json::from_str(c).ok()).unwrap_or_default();
        let name = entry.subject.split_once(' ').map_or(entry.subject.as_str(), |(_, name)| name);
        let word = |field: &str| change[field].as_str().unwrap_or_default().to_owned();
        let (event, title, mut data) = match entry.action.as_str() {
            "endpoint.needs-to-connect" => (
                "endpoint.needs_to_connect",
                format!("{name}: needs a person before it can connect"),
                json!({ "endpoint": name, "code": change["code"] }),
            ),
            "stall.escalated" => (
                "stall.escalated",
                format!(
                    "{}: {} mailboxes wait too long ({})",
                    entry.subject,
                    change["mailboxes"],
                    word("code")
                ),
                json!({
                    "about": entry.subject, "code": change["code"], "mailboxes": change["mailboxes"],
                    "since": change["since"], "nextStep": change["nextStep"],
                }),
            ),
            "batch.status" => {
                let after = word("after");
                let event =
                    if after.starts_with("Completed") { "batch.completed" } else { "batch.state_changed" };
                let data = json!({ "batch": name, "before": change["before"], "after": after.as_str() });
                let status: Option<BatchStatus> = serde_json::from_value(change["after"].clone()).ok();
                (event, format!("{name}: {}", status.map_or(after, BatchStatus::label)), data)
            }
            _ => return None,
        };
        data["auditNumber"] = no.into();
        Some(Self { event: event.to_owned(), at: entry.at, title, data })
    }

    /// The batch that it is about.
    pub fn batch(&self) -> Option<&str> {
        self.data["batch"].as_str()
    }

    /// The same with what its users came to: how many are how far, and how many failed of which cause. A batch that came
    /// to rest while some wait for an approval asks for that.
    #[must_use]
    pub fn counting(mut self, users: &[User]) -> Self {
        let failed = |user: &&User| user.status.is_failure();
        let (of, n) = (users.len(), users.iter().filter(failed).count());
        let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
        for user in users.iter().filter(failed) {
            *causes
                .entry(user.detail.as_ref().map_or("unknown", |detail| detail.code.as_str()))
                .or_default() += 1;
        }
        let waiting =
            users.iter().filter(|u| u.detail.as_ref().is_some_and(|d| d.code == NEEDS_APPROVAL)).count();
        let after = self.data["after"].as_str().unwrap_or_default();
        if after.starts_with("Synced") && waiting > 0 {
            "batch.needs_approval".clone_into(&mut self.event);
        }
        if after.starts_with("Synced") || after.starts_with("Completed") {
            self.title = format!("{} - {} of {of}, {n} failed", self.title, of - n);
        }
        if waiting > 0 {
            self.title = format!("{}, {waiting} with items to approve", self.title);
        }
        let (mailboxes, failures) = (json!(of), json!(causes));
        self.data["mailboxes"] = mailboxes;
        self.data["failed"] = n.into();
        self.data["failures"] = failures;
        self.data["needApproval"] = waiting.into();
        self
    }

    /// One that tries a channel.
    pub fn test(channel: &str, at: Timestamp) -> Self {
        let title = format!("A test of the channel {channel}: it works");
        Self { event: "test".to_owned(), at, title, data: json!({ "channel": channel }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(action: &str, subject: &str, change: Value) -> AuditEntry {
        let (at, actor) = (Timestamp::UNIX_EPOCH, "worker".to_owned());
        let change = Some(change.to_string());
        AuditEntry { at, actor, action: action.to_owned(), subject: subject.to_owned(), change }
    }

    #[test]
    fn an_entry_gives_one_notice_or_none() {
        let change = json!({ "before": "Completing", "after": "CompletedWithErrors" });
        let done = Notice::of(7, &entry("batch.status", "batch Wave-02 Sales", change)).unwrap();
        assert_eq!((done.event.as_str(), done.batch()), ("batch.completed", Some("Wave-02 Sales")));
        assert_eq!(done.title, "Wave-02 Sales: Completed with errors");
        let counted = done.counting(&[]);
        assert_eq!(counted.title, "Wave-02 Sales: Completed with errors - 0 of 0, 0 failed");
        let change = json!({ "why": "no mailbox words", "code": "SIGN_IN_REFUSED" });
        let parked = Notice::of(8, &entry("endpoint.needs-to-connect", "endpoint old", change)).unwrap();
        assert_eq!(parked.data, json!({ "endpoint": "old", "code": "SIGN_IN_REFUSED", "auditNumber": 8 }));
        assert_eq!(Notice::of(9, &entry("user.approve", "user a@x of batch w", json!({}))), None);
    }
}
