//! What reports tell: the last one tells all, whatever the ones before it told; and what finding it out costs.

use mailferry_lab::memory::World;
use std::sync::atomic::Ordering;

use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions, report::Score};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

#[tokio::test(start_paused = true)]
async fn the_completion_pass_tells_what_earlier_passes_told() {
    let (source, target) = (World::able(), World::able());
    target.redate();
    (0..3).for_each(|n| _ = source.deliver("INBOX", &message(n), Flags::default()));
    let play = Play::begin(source.clone(), target.clone());
    let options = RunOptions::default();
    let told = async |kind| {
        let findings = play.calm(&options, kind, false).await.unwrap().findings;
        (findings.rewritten.len(), findings.changed_at_target.len(), findings.missing.len())
    };
    assert_eq!(told(PassKind::Initial).await, (3, 0, 0));
    target.remove("INBOX", 2);
    source.deliver("INBOX", &message(3), Flags::default());
    told(PassKind::Incremental).await;
    told(PassKind::Incremental).await;
    assert_eq!(
        told(PassKind::Completion).await,
        (3, 1, 0),
        "two of the first, the later one, and what a user removed"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_skipped_stays_so_until_it_is_asked_for_again() {
    let (source, target) = (World::able(), World::able());
    (0..3).for_each(|n| _ = source.deliver("INBOX", &message(n), Flags::default()));
    target.refuse("no 1");
    let play = Play::begin(source.clone(), target.clone());
    let pass = async || play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
    assert_eq!(pass().await.findings.skipped.len(), 1);
    let reads = source.traffic().0;
    target.relent();
    assert_eq!(
        (pass().await.findings.skipped.len(), source.traffic().0),
        (1, reads),
        "no body is read again"
    );
    play.retries.store(true, Ordering::SeqCst);
    let report = pass().await;
    assert_eq!((report.findings.skipped.len(), report.deeds.put), (0, 1));
    assert_eq!((report.score, target.seen()), (Score::Perfect, source.seen()));
    target.refuse("no 3");
    source.deliver("INBOX", &message(3), Flags::default());
    for _ in 0..2 {
        assert_eq!(pass().await.findings.skipped.len(), 1, "refused as often as it is tried, and named once");
    }
}

#[tokio::test(start_paused = true)]
async fn first_contact_with_a_filled_target_asks_for_the_digests_of_a_folder_in_one_call() {
    let (source, target) = (World::able(), World::able());
    for folder in ["INBOX", "Work", "Home"] {
        source.create(folder);
        (0..20).for_each(|n| _ = source.deliver(folder, &message(n), Flags::default()));
    }
    let play = Play::begin(source.clone(), target.clone());
    let options = RunOptions::default();
    play.calm(&options, PassKind::Initial, false).await.unwrap();
    play.ledger.lose();
    let before = (source.digest_calls(), target.digest_calls());
    let report = play.calm(&options, PassKind::Initial, false).await.unwrap();
    assert_eq!(report.deeds.found, 60);
    let calls = (source.digest_calls() - before.0, target.digest_calls() - before.1);
    assert_eq!(calls, (3, 3), "the first of two looks asks once for each of three folders");
}

#[tokio::test(start_paused = true)]
async fn a_keyword_that_is_refused_in_a_later_change_is_told_then_and_at_completion() {
    let (source, target) = (World::able(), World::able());
    target.refuse_keyword("odd");
    let first = source.deliver("INBOX", &message(0), Flags::default());
    source.deliver("INBOX", &message(1), Flags::from_parts(0, ["odd".into()]));
    let play = Play::begin(source.clone(), target.clone());
    let told = async |kind| {
        let findings = play.calm(&RunOptions::default(), kind, false).await.unwrap().findings;
        let words = "the target does not take its keyword odd";
        assert!(findings.rewritten.iter().all(|named| named.reason == words), "{findings:?}");
        findings.rewritten.into_iter().map(|named| (named.uid, named.code)).collect::<Vec<_>>()
    };
    let named = |uid: &str| (format!("100.{uid}"), "KEYWORD_REFUSED".to_owned());
    assert_eq!(told(PassKind::Initial).await, [named("2")]);
    source.flag("INBOX", first, Flags::from_parts(0, ["odd".into(), "even".into()]));
    assert_eq!(told(PassKind::Incremental).await, [named("1")]);
    assert_eq!(told(PassKind::Incremental).await, []);
    assert_eq!(told(PassKind::Completion).await, [named("1"), named("2")]);
    source.flag("INBOX", first, Flags::from_parts(0, ["even".into()]));
    assert_eq!(told(PassKind::Completion).await, [named("2")], "it has none that is refused any more");
}
