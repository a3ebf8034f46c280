//! An endpoint: a persistent connection profile with two throttles. Its secrets lie apart, sealed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    certificate,
    finding::{TestResult, TestedAs},
    id::EndpointId,
    limits::Limits,
    settings::Settings,
};

/// A connection profile that serves many batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Grows with each change; a stale writer is refused.
    pub version: u64,
    /// The name that batches refer to.
    pub name: String,
    /// The connector's kind, such as `imap`.
    pub kind: String,
    /// What the connector was told, without secrets.
    pub settings: Settings,
    /// The two throttles.
    pub limits: Limits,
    /// Why its batches wait for a person, if they do (`NeedsToConnect`).
    pub needs_to_connect: Option<String>,
    /// The last test.
    pub last_test: Option<TestResult>,
    /// The last test in which nothing failed.
    #[serde(default)]
    pub last_good_test: Option<TestResult>,
    /// Whether it was told that it waits, and not yet that it no longer does: settings that somebody changed prove nothing.
    #[serde(default)]
    pub told_waiting: bool,
    /// What was told last of its certificate's end.
    #[serde(default)]
    pub certificate_told: Option<certificate::Told>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

impl Endpoint {
    /// Keeps what a test found, which is told what is different since the last good one. A passed test lets waiting
    /// batches go on, a refused sign-in makes them wait: why they do, where they did not before.
    pub fn keep_test(&mut self, result: &mut TestResult) -> Option<String> {
        if let Some(good) = &self.last_good_test {
            (result.changes, result.since) = (result.changes_since(good), good.at);
        }
        let waited = self.needs_to_connect.is_some();
        if result.result == "Success" && !result.is_without_sign_in() {
            self.needs_to_connect = None;
            self.told_waiting = false;
        }
        if let Some(row) = result.refusal() {
            self.told_waiting = true;
            self.needs_to_connect = Some(row.cause.clone().unwrap_or_else(|| row.evidence.clone()));
        }
        if result.result != "Failed" {
            self.last_good_test = Some(result.clone());
        }
        self.last_test = Some(result.clone());
        self.needs_to_connect.clone().filter(|_| !waited)
    }

    /// When it was last tested in that role; of tests that do not say in which, any counts.
    pub fn tested_as(&self, role: TestedAs) -> Option<Timestamp> {
        let test = self.last_test.as_ref()?;
        test.at.filter(|_| test.is_of(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(word: &str, code: Option<&str>) -> TestResult {
        let row = serde_json::json!({
            "id": "sign-in", "step": "auth", "title": "Signs in", "outcome": "fail", "native": "fail",
            "code": code, "cause": "not this one", "fix": [], "evidence": "", "elapsedMs": 1,
        });
        let steps = code.map(|_| row).into_iter().collect::<Vec<_>>();
        let (word, signed_in) = word.split_once(' ').map_or((word, true), |(word, _)| (word, false));
        let all =
            serde_json::json!({ "result": word, "native": word, "steps": steps, "signedIn": signed_in });
        serde_json::from_value(all).unwrap()
    }

    /// What a person has to mend makes batches wait, and is said once; what passes by itself does not.
    #[test]
    fn a_refused_sign_in_makes_batches_wait_and_a_passed_test_lets_them_go_on() {
        let text = r#"{ "id": "00000000-0000-0000-0000-000000000001", "version": 1, "name": "a", "kind": "imap",
            "settings": {}, "limits": { "MaxConcurrentMigrations": 20, "MaxConcurrentIncrementalSyncs": 10 },
            "needs_to_connect": null, "last_test": null, "created": "2026-01-01T00:00:00Z",
            "modified": "2026-01-01T00:00:00Z" }"#;
        let mut endpoint: Endpoint = serde_json::from_str(text).unwrap();
        let mut keep = |word, code| {
            let told = endpoint.keep_test(&mut result(word, code));
            (told, endpoint.needs_to_connect.clone(), endpoint.last_good_test.is_some())
        };
        let why = Some("not this one".to_owned());
        assert_eq!(keep("Failed", Some("IMAP_BUSY")), (None, None, false));
        assert_eq!(keep("Failed", Some("SOURCE_AUTH_FAILED")), (why.clone(), why.clone(), false));
        assert_eq!(keep("Failed", Some("SOURCE_AUTH_FAILED")), (None, why.clone(), false));
        assert_eq!(keep("Success unsigned", None), (None, why.clone(), true), "nobody signed in");
        assert_eq!(keep("Warning", None), (None, why, true), "as programs before wrote that");
        assert_eq!(keep("Success", None), (None, None, true));
        endpoint.keep_test(&mut result("Failed", Some("SOURCE_AUTH_FAILED")));
        endpoint.needs_to_connect = None;
        assert!(endpoint.told_waiting, "somebody changed its settings");
        endpoint.keep_test(&mut result("Success", None));
        assert!(!endpoint.told_waiting, "a test shows that they are right");
    }
}
