//! A target that says OK and stores nothing, and folders that nobody can read: never "looks good".

use mailferry_lab::{
    fault::Strike,
    memory::{Ability, World},
};
use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions, report::Score};

use crate::harness::Play;

fn message(word: &str) -> String {
    format!("Message-ID: <{word}@x>\r\nSubject: {word}\r\n\r\nthe text of {word}\r\n")
}

#[expect(clippy::unwrap_used, reason = "a pass that cannot run has failed")]
async fn told(play: &Play, kind: PassKind) -> (Score, Vec<(String, String)>) {
    let report = play.calm(&RunOptions::default(), kind, false).await.unwrap();
    let named = report.findings.missing.into_iter().map(|n| (n.uid, n.code)).collect();
    (report.score, named)
}

/// Found in the pass that put it, whether the target tells ids or not.
#[tokio::test(start_paused = true)]
async fn what_a_later_pass_put_and_is_not_there_is_missing() {
    for abilities in [vec![], vec![Ability::TellsIds]] {
        let (source, target) = (World::able(), World::with(abilities.clone()));
        let play = Play::begin(source.clone(), target.clone());
        source.deliver("INBOX", &message("first"), Flags::default());
        assert_eq!(told(&play, PassKind::Initial).await, (Score::Perfect, vec![]));
        target.swallow("second");
        source.deliver("INBOX", &message("second"), Flags::default());
        for pass in ["the pass that put it", "the next one"] {
            let (score, missing) = told(&play, PassKind::Incremental).await;
            assert_eq!((score, missing.len()), (Score::Poor, 1), "{pass}, {abilities:?}");
        }
    }
}

/// A pass that dies has verified nothing: the next one looks at what it wrote.
#[tokio::test(start_paused = true)]
async fn what_a_pass_put_that_died_is_verified_by_the_next() {
    for nth in 0..6 {
        let (source, target) = (World::able(), World::able());
        source.deliver("INBOX", &message("first"), Flags::default());
        let play = Play::begin(source.clone(), target.clone());
        assert_eq!(told(&play, PassKind::Initial).await, (Score::Perfect, vec![]));
        target.swallow("second");
        ["second", "third", "fourth"]
            .iter()
            .for_each(|word| _ = source.deliver("INBOX", &message(word), Flags::default()));
        play.dies(PassKind::Incremental, Strike::CommitDone, nth).await;
        let (score, missing) = told(&play, PassKind::Incremental).await;
        assert_eq!((score, missing.len()), (Score::Poor, 1), "it died after commit {nth}");
    }
}

/// A source that lists a message and gives no body of it: named, and carried once it gives it. Nobody tells of it again.
#[tokio::test(start_paused = true)]
async fn what_the_source_leaves_out_is_owed_until_it_gives_it() {
    for abilities in [vec![], vec![Ability::TellsIds, Ability::TellsRemovals, Ability::FlagFingerprints]] {
        let (source, target) = (World::with(abilities.clone()), World::with(abilities.clone()));
        (0..5).for_each(|n| _ = source.deliver("INBOX", &message(&format!("no{n}.")), Flags::default()));
        source.leave_out("no2.");
        let play = Play::begin(source.clone(), target.clone());
        let report = play.calm(&RunOptions::default(), PassKind::Initial, false).await.unwrap();
        let found = report.findings;
        assert_eq!((found.identified, found.placed, found.skipped.len()), (5, 4, 1), "{found:?}");
        source.give_all();
        assert_eq!(told(&play, PassKind::Incremental).await, (Score::Perfect, vec![]), "{abilities:?}");
        assert_eq!(target.seen(), source.seen());
    }
}

/// What was deleted between its listing and its reading is nobody's loss.
#[tokio::test(start_paused = true)]
async fn what_is_gone_when_it_is_read_is_not_named() {
    let (source, target) = (World::able(), World::able());
    (0..3).for_each(|n| _ = source.deliver("INBOX", &message(&format!("no{n}.")), Flags::default()));
    source.vanish("no1.");
    let play = Play::begin(source.clone(), target.clone());
    assert_eq!(told(&play, PassKind::Initial).await, (Score::Perfect, vec![]));
    assert_eq!(target.seen(), source.seen());
}

/// A whole folder that is deleted in that moment stops nothing and is nobody's loss either.
#[tokio::test(start_paused = true)]
async fn a_folder_that_is_gone_when_it_is_read_stops_nothing() {
    let (source, target) = (World::able(), World::able());
    source.create("Gone");
    for folder in ["Gone", "INBOX"] {
        (0..3).for_each(|n| _ = source.deliver(folder, &message(&format!("{folder}{n}.")), Flags::default()));
    }
    source.vanish_with_folder("Gone1.");
    let play = Play::begin(source.clone(), target.clone());
    told(&play, PassKind::Initial).await;
    assert_eq!(target.numbers("INBOX").len(), 3);
    assert_eq!(told(&play, PassKind::Incremental).await, (Score::Perfect, vec![]));
}

#[tokio::test(start_paused = true)]
async fn an_equal_message_elsewhere_does_not_stand_for_one_that_was_never_seen() {
    let (source, target) = (World::able(), World::able());
    source.create("Archive");
    source.deliver("Archive", &message("twice"), Flags::default());
    source.deliver("INBOX", &message("other"), Flags::default());
    target.deliver("INBOX", &message("twice"), Flags::default());
    target.swallow("twice");
    let play = Play::begin(source.clone(), target.clone());
    let (score, missing) = told(&play, PassKind::Initial).await;
    assert_eq!((score, missing.len()), (Score::Poor, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_is_missing_and_not_skipped() {
    let (source, target) = (World::able(), World::able());
    (0..200).for_each(|n| _ = source.deliver("INBOX", &message(&format!("no{n}.")), Flags::default()));
    target.swallow("no7.");
    let play = Play::begin(source.clone(), target.clone());
    let (score, missing) = told(&play, PassKind::Initial).await;
    assert_eq!((score, missing.len()), (Score::Poor, 1));
    let verified = play.verify().await.unwrap();
    let found = (verified.findings.skipped.len(), verified.findings.missing.len());
    assert_eq!((verified.score, found), (Score::Poor, (0, 1)), "verify says what the pass said");
    assert_eq!(verified.findings.identified, 200);
    assert_eq!(verified.findings.missing[0].code, "ITEM_MISSING", "its put was answered");
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_does_not_open_counts_with_all_its_items() {
    let (source, target) = (World::able(), World::able());
    source.create("Closed");
    (0..10).for_each(|n| _ = source.deliver("INBOX", &message(&format!("no{n}.")), Flags::default()));
    (0..30).for_each(|n| _ = source.deliver("Closed", &message(&format!("c{n}.")), Flags::default()));
    source.close("Closed");
    let play = Play::begin(source.clone(), target.clone());
    let report = play.calm(&RunOptions::default(), PassKind::Initial, false).await.unwrap();
    assert_eq!(report.findings.skipped.len(), 1, "{:?}", report.findings);
    let (found, verified) = (report.findings, play.verify().await.unwrap().findings);
    for found in [&found, &verified] {
        assert_eq!((found.identified, found.placed, found.skipped[0].items), (40, 10, Some(30)));
        assert_eq!(found.score(), Score::Poor);
    }
}
