//! The kind exists, judges its settings, and claims nothing.

use mailferry_model::{port::Connector, settings::Settings};

use super::M365 as Subject;

#[tokio::test]
async fn nothing_is_asked_and_the_test_says_so() {
    crate::testing::claims_nothing(&Subject).await;
}

#[test]
fn settings_are_judged() {
    let manifest = Subject.manifest();
    assert!(!manifest.check(&Settings::default()).is_empty());
    let bad = Settings::default().with("graph-base", "no url");
    assert!(Subject.check(&bad).is_err());
    assert!(Subject.check(&Settings::default()).is_ok());
}
