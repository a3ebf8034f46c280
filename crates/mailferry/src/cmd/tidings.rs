//! What is told of single mailboxes while somebody waits for a batch: the same whether a worker of this process says it
//! or it is seen in the answers of a service.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Asked;
use crate::progress::Display;

/// Says what became of a mailbox: a line for people, a document for programs that follow.
pub fn tell(asked: &Asked<'_>, display: &Display, (address, what, code): (&str, &str, Option<&str>)) {
    asked.out.event(&json!({ "type": "mailbox", "user": address, "state": what, "code": code }));
    if asked.out.is_for_people() {
        let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
        display.note(&format!("{address}: {what}{code}"));
    }
}

/// What was seen of the mailboxes of a batch at a service.
#[derive(Default)]
pub struct Tidings(HashMap<String, Seen>);

/// What tells one end of a pass from another.
#[derive(PartialEq)]
struct Seen {
    status: Value,
    detail: Value,
    last_synced: Value,
}

impl Tidings {
    /// As they are before anything is asked for: nothing of it is news.
    pub fn before(users: &Value) -> Self {
        let mut tidings = Self::default();
        tidings.fresh(users);
        tidings
    }

    /// What is new since the last look, in the words of workers: address, what it is or why it waits, code.
    pub fn fresh(&mut self, users: &Value) -> Vec<(String, String, Option<String>)> {
        let mut fresh = Vec::new();
        for user in users.as_array().into_iter().flatten() {
            let Some(address) = user["emailAddress"].as_str() else { continue };
            let seen = Seen {
                status: user["status"].clone(),
                detail: user["detail"].clone(),
                last_synced: user["lastSynced"].clone(),
            };
            let before = self.0.get(address);
            if before == Some(&seen) {
                continue;
            }
            let status = seen.status.as_str().unwrap_or_default();
            let summary = user["statusSummary"].as_str().unwrap_or_default();
            let news = match (seen.detail["code"].as_str(), summary) {
                // The same reason, at another status on the way there, is no news.
                (Some(_), _) if summary != "Failed" && before.is_some_and(|b| b.detail == seen.detail) => {
                    None
                }
                (Some(code), "Failed") => Some((status.to_owned(), Some(code.to_owned()))),
                (Some(code), _) => {
                    let text = seen.detail["text"].as_str().unwrap_or(status);
                    Some((text.to_owned(), Some(code.to_owned())))
                }
                (None, "Synced" | "Completed")
                    if before.is_none_or(|b| b.last_synced != seen.last_synced) =>
                {
                    Some((status.to_owned(), None))
                }
                _ => None,
            };
            fresh.extend(news.map(|(what, code)| (address.to_owned(), what, code)));
            self.0.insert(address.to_owned(), seen);
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_a_pass_is_told_once() {
        let user = |status: &str, summary: &str, code: Option<&str>, synced: Option<&str>| {
            let detail = code.map(|code| json!({ "code": code, "text": "words" }));
            let one = json!({ "emailAddress": "a@x", "status": status, "statusSummary": summary,
                              "detail": detail, "lastSynced": synced });
            json!([one])
        };
        let mut tidings = Tidings::before(&user("Queued", "Active", None, None));
        for (users, told) in [
            (user("Syncing", "Active", None, None), None),
            (user("Syncing", "Active", Some("STALLED"), None), Some(("words", Some("STALLED")))),
            (user("Syncing", "Active", Some("STALLED"), None), None),
            (user("Synced", "Synced", None, Some("1")), Some(("Synced", None))),
            (user("Synced", "Synced", None, Some("1")), None),
            (user("IncrementalSyncing", "Active", None, Some("1")), None),
            (user("IncrementalSynced", "Synced", None, Some("2")), Some(("IncrementalSynced", None))),
            (
                user("Failed", "Failed", Some("SOURCE_AUTH_FAILED"), Some("2")),
                Some(("Failed", Some("SOURCE_AUTH_FAILED"))),
            ),
        ] {
            let fresh = tidings.fresh(&users);
            let words = fresh.first().map(|(_, what, code)| (what.as_str(), code.as_deref()));
            assert_eq!(words, told, "{users}");
        }
    }
}
