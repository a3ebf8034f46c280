//! Certificates of endpoints that end soon: told once for each certificate and threshold, as tests saw them.
//!
//! Judges no certificate: a test does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, TestResult};

/// So many days before the end it is told, and when it has ended.
const THRESHOLDS: [i64; 5] = [0, 1, 7, 14, 30];
const DAY: i64 = 24 * 60 * 60;

/// What was told last: of which certificate, and at which threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    fingerprint: String,
    days: i64,
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Its SHA-256.
    pub fingerprint: String,
    /// When it ends.
    pub ends: Timestamp,
    /// In so many whole days; below zero it has ended.
    pub days: i64,
}

/// Whether the certificate that ends first of those that a test saw is to be told now; it then counts as told.
pub fn expiring(told: &mut Option<Told>, test: &TestResult, now: Timestamp) -> Option<Expiring> {
    let seen = |row: &Finding| {
        let text = |name: &str| row.seen.get(name)?.as_str().map(str::to_owned);
        Some((text("certificateEnds")?.parse::<Timestamp>().ok()?, text("certificateFingerprint")?))
    };
    let (ends, fingerprint) = test.steps.iter().filter_map(seen).min()?;
    let days = (ends.as_second() - now.as_second()).div_euclid(DAY);
    let threshold = THRESHOLDS.into_iter().find(|threshold| days < *threshold)?;
    let before = told.as_ref().filter(|told| told.fingerprint == fingerprint);
    if before.is_some_and(|told| told.days <= threshold) {
        return None;
    }
    *told = Some(Told { fingerprint: fingerprint.clone(), days: threshold });
    Some(Expiring { fingerprint, ends, days })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn test(fingerprint: &str, ends_day: i64) -> TestResult {
        let ends = Timestamp::from_second(ends_day * DAY).unwrap().to_string();
        let row = json!({
            "id": "certificate", "step": "tls", "title": "Certificate", "outcome": "pass", "native": "pass",
            "fix": [], "evidence": "", "elapsedMs": 1, "cause": null, "code": null, "docs": null,
            "certificateEnds": ends, "certificateFingerprint": fingerprint,
        });
        serde_json::from_value(json!({ "result": "Success", "native": "Success", "steps": [row] })).unwrap()
    }

    #[test]
    fn each_threshold_of_each_certificate_is_told_once() {
        let mut told = None;
        let mut on = |day: i64, fingerprint: &str, ends: i64| {
            let now = Timestamp::from_second(day * DAY).unwrap();
            expiring(&mut told, &test(fingerprint, ends), now).map(|expiring| expiring.days)
        };
        assert_eq!(on(0, "aa", 100), None);
        assert_eq!(on(71, "aa", 100), Some(29));
        assert_eq!(on(72, "aa", 100), None);
        assert_eq!(on(94, "aa", 100), Some(6), "a threshold may be missed");
        assert_eq!(on(95, "aa", 100), None);
        assert_eq!(on(99, "aa", 100), None);
        assert_eq!(on(100, "aa", 100), Some(0));
        assert_eq!(on(101, "aa", 100), Some(-1));
        assert_eq!(on(102, "aa", 100), None);
        assert_eq!(on(102, "bb", 110), Some(8), "another certificate");
        assert_eq!(on(102, "cc", 400), None);
    }

    #[test]
    fn a_test_without_a_certificate_tells_nothing() {
        let result =
            serde_json::from_value(json!({ "result": "Success", "native": "Success", "steps": [] })).unwrap();
        assert_eq!(expiring(&mut None, &result, Timestamp::UNIX_EPOCH), None);
    }
}
