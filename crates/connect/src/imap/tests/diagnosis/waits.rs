//! Servers that keep us waiting: silent behind their greeting, in drips, or with signs of life and without an end. Each
//! has its word, and each wait its end.

use std::time::Duration;

use futures_util::future::join_all;
use mailferry_lab::fake::{Dialogue, Door, Reply};
use mailferry_model::finding::{Step, Verdict};

use super::{Case, Pace};
use crate::testing::HASTE;

#[tokio::test]
async fn an_answer_that_does_not_come_is_named_where_it_is_missed() {
    for (verb, security, step) in [
        ("CAPABILITY", "none", Step::Protocol),
        ("STARTTLS", "tls", Step::Tls),
        ("LIST", "none", Step::Permission),
        ("EXAMINE", "none", Step::Mailbox),
    ] {
        let dialogue = Dialogue::default().with(verb, Reply::Silence);
        let case = Case::says(dialogue).await.with("security", security).in_a_hurry();
        case.fails(step, "IMAP_FELL_SILENT").await;
    }
}

#[tokio::test]
async fn silence_in_the_middle_of_a_sign_in_ends_when_the_settings_say() {
    let silent = || Dialogue::default().with("LOGIN", Reply::Silence);
    let told = [("answer-timeout", "10", "10 s"), ("connect-timeout", "10", "45 s")];
    let told = told.map(async |(name, value, limit)| {
        let case = Case::says(silent()).await.with(name, value).at(Pace::Hastened);
        let result = case.fails(Step::Auth, "IMAP_SIGN_IN_HELD").await;
        let row = result.steps.iter().find(|r| r.outcome == Verdict::Fail).unwrap();
        assert!(row.cause.as_ref().unwrap().contains(limit) && row.evidence.contains(limit), "{row:?}");
    });
    join_all(told).await;
    for value in ["0", "46", "soon"] {
        let case = Case::says(silent()).await.with("answer-timeout", value);
        let row = case.test().await.steps[0].clone();
        assert_eq!(row.code.as_deref(), Some("SETTINGS_REFUSED"), "{row:?}");
    }
}

#[tokio::test]
async fn an_octet_now_and_then_is_a_drip() {
    let drip = || Reply::Drip("*".to_owned(), Duration::from_millis(40));
    let greeting = Dialogue { greeting: Some(drip()), ..Dialogue::default() };
    Case::says(greeting).await.in_a_hurry().fails(Step::Protocol, "IMAP_DRIPS").await;
    for (verb, step) in [("CAPABILITY", Step::Protocol), ("LOGIN", Step::Auth)] {
        let case = Case::says(Dialogue::default().with(verb, drip())).await.in_a_hurry();
        case.fails(step, "IMAP_DRIPS").await;
    }
}

#[tokio::test]
async fn signs_of_life_without_an_end_keep_a_test_no_longer_than_a_minute() {
    let every = Duration::from_secs(5) / HASTE;
    let tried = [
        (Reply::Drip("* OK still at it\r\n".to_owned(), every), "IMAP_NO_END", "60 s"),
        (Reply::Drip("*".to_owned(), every), "IMAP_NO_END", "60 s"),
        // Silence is told from it, however long an answer may take elsewhere.
        (Reply::Silence, "IMAP_FELL_SILENT", "45 s"),
    ];
    let tried = tried.map(async |(reply, code, limit)| {
        let case = Case::says(Dialogue::default().with("EXAMINE", reply)).await.at(Pace::Hastened);
        let result = case.fails(Step::Mailbox, code).await;
        let row = result.steps.last().unwrap();
        assert!(row.evidence.contains(limit) && row.elapsed_ms < 70_000, "{row:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_handshake_that_takes_long_is_a_warning_with_its_time() {
    let slow = |tls| Door::Slow(tls, Duration::from_secs(6) / HASTE);
    let case = Case::certified_behind(slow).await.at(Pace::Hastened);
    let result = case.test().await;
    let row = result.steps.iter().find(|r| r.id == "tls-trusted").unwrap();
    assert_eq!((row.outcome, row.code.as_deref()), (Verdict::Warn, Some("TLS_SLOW")), "{:#?}", result.steps);
    assert!(row.evidence.starts_with("the handshake took ") && row.seen.contains_key("certificateEnds"));
    assert_eq!(result.result, "Success");
}
