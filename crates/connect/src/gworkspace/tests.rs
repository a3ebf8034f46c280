//! The kind exists, judges its settings, and claims nothing.

use mailferry_model::{
    Kind, Side,
    finding::{TestResult, TestedAs, Verdict},
    port::Connector,
    settings::{MailboxAddress, Settings},
};

use super::GoogleWorkspace as Subject;
use crate::testing::cx;

#[tokio::test]
async fn nothing_is_asked_and_the_test_says_so() {
    let settings = Settings::default();
    let mut rows = Vec::new();
    for probe in Subject.probes(&settings, None) {
        rows.push(probe.ask(&cx(Side::Source)).await);
    }
    assert!(rows.iter().all(|r| r.outcome == Verdict::NotRun && r.code.as_deref() == Some("KIND_NOT_YET")));
    let result = TestResult::of(rows);
    assert_eq!((result.result.as_str(), result.exit_code(TestedAs::Target)), ("Failed", 7));
    let error = Subject.source(&cx(Side::Source), &settings, &MailboxAddress::default()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unsupported);
}

#[test]
fn settings_are_judged() {
    let manifest = Subject.manifest();
    assert!(!manifest.check(&Settings::default()).is_empty());
    let bad = Settings::default().with("token-uri", "no url");
    assert!(Subject.check(&bad).is_err());
    assert!(Subject.check(&Settings::default()).is_ok());
}
