//! What people do to folders and messages at the target, and what they take back: it stays so, loses nothing and is
//! no copy too many.

use mailferry_lab::memory::World;
use mailferry_model::{
    flags::{Flags, SystemFlag},
    job::PassKind,
    mapping::RunOptions,
    report::{Findings, Score},
};

use crate::harness::Play;

fn message(word: &str) -> String {
    format!("Message-ID: <{word}@x>\r\nSubject: {word}\r\n\r\nthe text of {word}\r\n")
}

/// Folders A, B, B/K and C, two messages in A and one in each of the others but C; copied once.
async fn copied() -> (World, World, Play) {
    let (source, target) = (World::able(), World::able());
    ["A", "B", "B/K", "C"].iter().for_each(|folder| _ = source.create(folder));
    for (folder, word) in [("A", "a0"), ("A", "a1"), ("B", "b0"), ("B/K", "k0"), ("INBOX", "i0")] {
        source.deliver(folder, &message(word), Flags::default());
    }
    let play = Play::begin(source.clone(), target.clone());
    pass(&play, &RunOptions::default()).await;
    (source, target, play)
}

async fn pass(play: &Play, options: &RunOptions) -> Findings {
    match play.calm(options, PassKind::Incremental, false).await {
        Ok(report) => report.findings,
        Err(error) => panic!("{error}"),
    }
}

fn deleting() -> RunOptions {
    RunOptions { delete: true, ..RunOptions::default() }
}

/// How often a message lies at the target, in all folders.
fn count(target: &World, word: &str) -> usize {
    let all = target.seen();
    all.values().flatten().filter(|(body, _)| body.contains(&format!("<{word}@x>"))).count()
}

fn shift(world: &World, from: &str, word: &str, to: &str) {
    let number = world.find(from, &format!("<{word}@x>")).unwrap_or_default();
    assert!(world.shift(from, number, to).is_some(), "{word} does not lie in {from}");
}

/// A folder that is gone from both sides has no mark: it must not keep what is new elsewhere from being put.
#[tokio::test(start_paused = true)]
async fn a_folder_gone_from_both_sides_stops_nothing() {
    for options in [RunOptions::default(), deleting()] {
        for other in ["B/K", "C"] {
            let (source, target, play) = copied().await;
            source.drop_folder(other);
            target.drop_folder(other);
            for (n, word) in ["new", "newer"].into_iter().enumerate() {
                source.deliver("INBOX", &message(word), Flags::default());
                assert_eq!(pass(&play, &options).await.score(), Score::Perfect, "{other}, pass {n}");
                assert_eq!(count(&target, word), 1, "{other}, pass {n}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_left_with_a_renamed_folder_is_not_put_again_when_the_source_moves_it() {
    for options in [RunOptions::default(), deleting()] {
        let (source, target, play) = copied().await;
        target.rename("A", "Au");
        shift(&source, "A", "a0", "C");
        pass(&play, &options).await;
        assert_eq!((count(&target, "a0"), count(&target, "a1")), (1, 1), "{:?}", target.seen());
        let found = pass(&play, &options).await;
        assert_eq!((count(&target, "a0"), found.score()), (1, Score::Perfect));
    }
}

#[tokio::test(start_paused = true)]
async fn what_its_user_deleted_before_renaming_its_folder_does_not_come_back() {
    let (source, target, play) = copied().await;
    target.remove("A", target.find("A", "<a0@x>").unwrap_or_default());
    target.rename("A", "Au");
    shift(&source, "A", "a0", "C");
    pass(&play, &RunOptions::default()).await;
    assert_eq!((count(&target, "a0"), count(&target, "a1")), (0, 1), "{:?}", target.seen());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_its_user_moved_away_and_back_is_there_once() {
    for depth in [PassKind::Incremental, PassKind::Completion] {
        let (source, target, play) = copied().await;
        shift(&target, "A", "a0", "C");
        shift(&target, "C", "a0", "A");
        source.deliver("A", &message("new"), Flags::default());
        let passed = play.calm(&RunOptions::default(), depth, false).await.map(|r| r.findings);
        let verified = play.verify().await.map(|r| r.findings);
        for found in [passed, verified] {
            let found = found.unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((found.score(), found.doubled.len()), (Score::Perfect, 0), "{found:?}");
        }
        assert_eq!(target.seen(), source.seen());
    }
}

/// Of two equal messages that come to other folders at once, each copy goes the way of the one with its date.
#[tokio::test(start_paused = true)]
async fn equal_messages_of_two_dates_keep_them_when_they_move() {
    for swapped in [false, true] {
        let (source, target, play) = copied().await;
        let numbers =
            [1_600_000_000, 1_500_000_000].map(|date| source.deliver_on("A", &message("twin"), date));
        pass(&play, &RunOptions::default()).await;
        let places = if swapped { ["C", "B"] } else { ["B", "C"] };
        numbers.iter().zip(places).for_each(|(number, to)| _ = source.shift("A", *number, to));
        assert_eq!(pass(&play, &RunOptions::default()).await.score(), Score::Perfect);
        for folder in ["A", "B", "C"] {
            assert_eq!(target.dates(folder), source.dates(folder), "{folder}");
        }
    }
}

/// Flags of what its user moved are not carried: said, never counted as done.
#[tokio::test(start_paused = true)]
async fn flags_that_find_no_copy_are_told() {
    let (source, target, play) = copied().await;
    shift(&target, "A", "a0", "C");
    let flagged = Flags::default().with(SystemFlag::Flagged);
    source.flag("A", source.find("A", "<a0@x>").unwrap_or_default(), flagged);
    let report = play.calm(&RunOptions::default(), PassKind::Incremental, false).await;
    let report = report.unwrap_or_else(|e| panic!("{e}"));
    let told = report.findings.changed_at_target;
    assert_eq!((report.deeds.flagged, told.len()), (0, 1), "{told:?}");
    assert!(told[0].reason.starts_with("its flags changed at the source"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_its_user_moved_to_where_an_equal_one_lies_is_not_there_too_often() {
    let (source, target) = (World::able(), World::able());
    source.create("A");
    ["A", "INBOX"].iter().for_each(|f| _ = source.deliver(f, &message("same"), Flags::default()));
    let play = Play::begin(source.clone(), target.clone());
    pass(&play, &RunOptions::default()).await;
    shift(&target, "INBOX", "same", "A");
    let verified = play.verify().await.map(|r| r.findings).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((verified.score(), verified.doubled.len()), (Score::Perfect, 0), "{verified:?}");
    assert_eq!(verified.changed_at_target.len(), 1, "{verified:?}");
    // One more of it is one too many.
    target.deliver("A", &message("same"), Flags::default());
    let verified = play.verify().await.map(|r| r.findings).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((verified.score(), verified.doubled.len()), (Score::Poor, 1), "{verified:?}");
}

/// A quick pass looks at few folders: what their users moved out of the others explains what lies there too often.
#[tokio::test(start_paused = true)]
async fn what_was_moved_out_of_a_folder_that_nobody_looked_at_is_not_there_too_often() {
    for noticed in [false, true] {
        for kind in [PassKind::Incremental, PassKind::Completion] {
            let (source, target, play) = copied().await;
            source.deliver("INBOX", &message("i1"), Flags::default());
            pass(&play, &RunOptions::default()).await;
            shift(&target, "A", "a0", "INBOX");
            if noticed {
                pass(&play, &RunOptions::default()).await;
            }
            source.rename("A", "New");
            source.deliver("INBOX", &message("a0"), Flags::default());
            pass(&play, &RunOptions::default()).await;
            shift(&target, "INBOX", "i0", "B");
            let found =
                play.calm(&RunOptions::default(), kind, false).await.unwrap_or_else(|e| panic!("{e}"));
            let found = found.findings;
            assert_eq!((found.score(), found.doubled.len()), (Score::Perfect, 0), "{kind:?}: {found:?}");
            assert_eq!(count(&target, "a0"), 2);
            // One more of it is one too many, and so it is when nobody moved anything.
            target.deliver("INBOX", &message("a0"), Flags::default());
            target.remove("INBOX", target.find("INBOX", "<i1@x>").unwrap_or_default());
            target.remove("INBOX", target.find("INBOX", "<a0@x>").unwrap_or_default());
            target.deliver("INBOX", &message("a0"), Flags::default());
            let found = play.verify().await.map(|r| r.findings).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(found.doubled.len(), 1, "{kind:?}: {found:?}");
        }
    }
}

/// Two equal messages that were put and not heard of, and whose copies changed places: each is known by the flags that
/// it was put with, and the flag that the source took from one of them meanwhile goes.
#[tokio::test(start_paused = true)]
async fn of_equal_messages_after_a_crash_each_is_known_by_its_flags() {
    let (source, target) = (World::able(), World::able());
    let flagged = Flags::default().with(SystemFlag::Flagged);
    let first = source.deliver("INBOX", &message("twin"), flagged);
    source.deliver("INBOX", &message("twin"), Flags::default());
    (0..2).for_each(|_| target.deny("twin"));
    let play = Play::begin(source.clone(), target.clone());
    let ended = play.calm(&RunOptions::default(), PassKind::Initial, false).await;
    assert!(ended.is_err() && count(&target, "twin") == 2);
    let away = target.numbers("INBOX")[0];
    target.create("Away");
    let away = target.shift("INBOX", away, "Away").unwrap();
    target.shift("Away", away, "INBOX").unwrap();
    target.drop_folder("Away");
    source.flag("INBOX", first, Flags::default());
    for _ in 0..2 {
        pass(&play, &RunOptions::default()).await;
        assert_eq!(target.seen(), source.seen());
    }
}
