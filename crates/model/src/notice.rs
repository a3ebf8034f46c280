//! Notices: what of the audit trail somebody who is not looking should be told. An entry gives at most one, so that
//! there is one for each cause, never one for each mailbox.
//!
//! Reads nothing: the users of a batch are arguments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{approval::NEEDS_APPROVAL, audit::AuditEntry, status::BatchStatus, user::User};

/// The event of single mailboxes.
pub const USER_FAILED: &str = "user.failed";

/// All events.
pub const EVENTS: [&str; 11] = [
    "endpoint.needs_to_connect",
    "endpoint.recovered",
    "endpoint.certificate_expiring",
    "report.ready",
    USER_FAILED,
    "audit.alert",
    "stall.escalated",
    "batch.state_changed",
    "batch.needs_approval",
    "batch.completed",
    "test",
];

/// So many mailboxes are named by a notice about mailboxes.
const MOST_NAMED: usize = 100;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which event.
    pub event: String,
    /// When it happened.
    pub at: Timestamp,
    /// It, in one line. Names no mailbox.
    pub title: String,
    /// The details, for programs. Names no mailbox either, but where mailboxes are what it is about.
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
            "endpoint.recovered" => {
                ("endpoint.recovered", format!("{name}: can connect again"), json!({ "endpoint": name }))
            }
            "endpoint.certificate-expiring" => (
                "endpoint.certificate_expiring",
                format!("{name}: {}", ends(&change)),
                json!({
                    "endpoint": name, "ends": change["ends"], "days": change["days"],
                    "fingerprint": change["fingerprint"],
                }),
            ),
            "report.ready" => (
                "report.ready",
                format!("{}: a {} has ended", entry.subject, word("of")),
                json!({ "about": entry.subject, "of": change["of"], "id": change["id"] }),
            ),
            USER_FAILED => (
                USER_FAILED,
                format!("{}: a mailbox failed ({})", word("batch"), word("code")),
                json!({
                    "batch": change["batch"], "code": change["code"], "mailboxes": 1, "users": [change["user"]],
                }),
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

    /// Whether it tells that something went wrong.
    pub fn is_failure(&self) -> bool {
        const BAD: [&str; 5] = [
            "endpoint.needs_to_connect",
            "endpoint.certificate_expiring",
            "stall.escalated",
            USER_FAILED,
            "audit.alert",
        ];
        let after = self.data["after"].as_str().unwrap_or_default();
        let is_bad = after.ends_with("WithErrors") || matches!(after, "Failed" | "Corrupted");
        BAD.contains(&self.event.as_str()) || is_bad || self.data["failed"].as_u64().is_some_and(|n| n > 0)
    }

    /// Whether it tells of a state of a batch that another one follows by itself.
    pub fn is_passing(&self) -> bool {
        self.event == "batch.state_changed" && !self.has_tables()
    }

    /// Whether a batch came to rest, so that its tables tell what is.
    pub fn has_tables(&self) -> bool {
        const RESTS: [&str; 6] =
            ["Synced", "SyncedWithErrors", "Completed", "CompletedWithErrors", "Failed", "Stopped"];
        self.data["after"].as_str().is_some_and(|after| RESTS.contains(&after))
    }

    /// That many sign-ins were refused, with the entry with which they became many.
    pub fn of_refusals(no: u64, entry: &AuditEntry, count: u64) -> Self {
        let title = format!("{count} sign-ins were refused within a quarter of an hour");
        let data = json!({ "reason": "sign-ins", "refused": count, "auditNumber": no });
        Self { event: "audit.alert".to_owned(), at: entry.at, title, data }
    }

    /// That the audit trail does not fit from an entry on. It comes from no entry: one more would change what is to be
    /// looked at.
    pub fn of_fault(first_fault: u64, at: Timestamp) -> Self {
        let title = format!("The audit trail was changed: entry {first_fault} does not fit, or is missing");
        let data = json!({ "reason": "trail", "firstFault": first_fault });
        Self { event: "audit.alert".to_owned(), at, title, data }
    }

    /// Takes in another one about mailboxes of the same batch that failed for the same reason: it is one notice then.
    /// Whether it was one.
    pub fn takes_in(&mut self, other: &Self) -> bool {
        let cause = |notice: &Self| {
            let named = notice.event == USER_FAILED;
            named.then(|| (notice.data["batch"].clone(), notice.data["code"].clone()))
        };
        if cause(self).is_none() || cause(self) != cause(other) {
            return false;
        }
        let sum =
            self.data["mailboxes"].as_u64().unwrap_or(1) + other.data["mailboxes"].as_u64().unwrap_or(1);
        if let (Some(ours), Some(theirs)) =
            (self.data["users"].as_array_mut(), other.data["users"].as_array())
        {
            let room = MOST_NAMED.saturating_sub(ours.len());
            ours.extend(theirs.iter().take(room).cloned());
        }
        self.data["mailboxes"] = sum.into();
        let word = |field: &str| self.data[field].as_str().unwrap_or_default();
        self.title = format!("{}: {sum} mailboxes failed ({})", word("batch"), word("code"));
        true
    }

    /// Whether it tells how a batch stands, with what its users came to.
    pub fn counts_users(&self) -> bool {
        self.event.starts_with("batch.")
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

/// When a certificate ends, in words.
fn ends(change: &Value) -> String {
    let at: Option<Timestamp> = serde_json::from_value(change["ends"].clone()).ok();
    let day = at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    match change["days"].as_i64().unwrap_or_default() {
        days if days < 0 => format!("its certificate ended on {day}"),
        days => format!("its certificate ends on {day}, in {days} days"),
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

    #[test]
    fn what_is_new_to_tell_is_told_of_the_trail() {
        let told = |action: &str, subject: &str, change: Value| {
            let notice = Notice::of(1, &entry(action, subject, change)).unwrap();
            assert!(EVENTS.contains(&notice.event.as_str()), "{}", notice.event);
            (notice.event, notice.title)
        };
        let ends = json!({ "ends": "2026-12-24T00:00:00Z", "days": 13, "fingerprint": "ab" });
        for (action, subject, change, event, title) in [
            ("endpoint.recovered", "endpoint old", json!({}), "endpoint.recovered", "old: can connect again"),
            (
                "endpoint.certificate-expiring",
                "endpoint old",
                ends,
                "endpoint.certificate_expiring",
                "old: its certificate ends on 2026-12-24, in 13 days",
            ),
            (
                "report.ready",
                "batch w",
                json!({ "of": "verification", "id": "x" }),
                "report.ready",
                "batch w: a verification has ended",
            ),
        ] {
            assert_eq!(told(action, subject, change), (event.to_owned(), title.to_owned()));
        }
    }

    #[test]
    fn mailboxes_that_fail_for_one_reason_are_one_notice() {
        let failed = |user: &str, code: &str| {
            let change = json!({ "batch": "w", "user": user, "code": code });
            Notice::of(1, &entry("user.failed", &format!("user {user} of batch w"), change)).unwrap()
        };
        let mut one = failed("a@x", "SOURCE_NOT_FOUND");
        assert!(!one.title.contains("a@x") && one.is_failure() && !one.counts_users());
        assert!(one.takes_in(&failed("b@x", "SOURCE_NOT_FOUND")));
        assert!(!one.takes_in(&failed("c@x", "SOURCE_TOO_LARGE")));
        assert_eq!(one.title, "w: 2 mailboxes failed (SOURCE_NOT_FOUND)");
        assert_eq!(one.data["users"], json!(["a@x", "b@x"]));
        let mut other = Notice::test("x", Timestamp::UNIX_EPOCH);
        assert!(!other.takes_in(&Notice::test("x", Timestamp::UNIX_EPOCH)));
    }
}
