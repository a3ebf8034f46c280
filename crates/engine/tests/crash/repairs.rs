//! Items that are put under repairs: told with their words, and known again with a lost ledger.

use mailferry_lab::memory::World;
use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions, report::Findings};

use crate::harness::Play;

fn message(n: u32, body: &str) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\n{body}\r\n")
}

async fn pass(play: &Play) -> (u64, Findings) {
    match play.calm(&RunOptions::default(), PassKind::Completion, false).await {
        Ok(report) => (report.deeds.put, report.findings),
        Err(error) => panic!("{error}"),
    }
}

/// A bare LF, a NUL, both, and neither.
fn worlds() -> (World, World) {
    let (source, target) = (World::able(), World::able());
    for (n, body) in (0..).zip(["one\ntwo", "a\0b", "one\ntwo\0three", "sound"]) {
        source.deliver("INBOX", &message(n, body), Flags::default());
    }
    ["\0", "one\ntwo"].into_iter().for_each(|fault| target.refuse(fault));
    (source, target)
}

#[tokio::test(start_paused = true)]
async fn each_repair_is_told() {
    let (source, target) = worlds();
    let play = Play::begin(source, target.clone());
    let (put, found) = pass(&play).await;
    assert_eq!(
        (put, found.skipped.len(), found.missing.len(), found.rewritten.len()),
        (4, 0, 0, 3),
        "{found:?}"
    );
    let words = |n: usize| found.rewritten[n].reason.as_str();
    assert!(words(0).contains("line feeds") && !words(0).contains("NUL"), "{}", words(0));
    assert!(words(2).contains("line feeds") && words(2).contains("NUL"), "{}", words(2));
    assert_eq!(pass(&play).await.1.rewritten.len(), 3);
    assert_eq!(target.numbers("INBOX").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_put_under_two_repairs_is_known_again_with_a_lost_ledger() {
    let (source, target) = worlds();
    let play = Play::begin(source, target.clone());
    pass(&play).await;
    for _ in 0..2 {
        play.lose_ledger();
        let (put, found) = pass(&play).await;
        assert_eq!((put, found.rewritten.len(), found.doubled.len()), (0, 3, 0), "{found:?}");
        assert_eq!(target.numbers("INBOX").len(), 4);
    }
}

/// A third fault is one too many.
#[tokio::test(start_paused = true)]
async fn what_two_repairs_do_not_mend_is_skipped_and_put_nowhere() {
    let (source, target) = worlds();
    target.refuse("three");
    let (put, found) = pass(&Play::begin(source, target.clone())).await;
    assert_eq!((put, found.skipped.len(), target.numbers("INBOX").len()), (3, 1, 3), "{found:?}");
    assert!(found.skipped[0].reason.contains("refuses"), "{:?}", found.skipped);
}
