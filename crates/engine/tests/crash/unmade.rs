//! A folder that the target does not make is left out and named with its items; all others move.

use mailferry_lab::memory::World;
use mailferry_model::{Kind, flags::Flags, job::PassKind, mapping::RunOptions, report::Score};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

fn counts(world: &World) -> Vec<String> {
    world.seen().into_iter().map(|(name, items)| format!("{name}: {}", items.len())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_the_target_does_not_make_is_left_out_and_all_others_move() {
    for why in [Kind::Forbidden, Kind::QuotaExceeded, Kind::Malformed, Kind::Busy, Kind::Unsupported] {
        let (source, target) = (World::able(), World::able());
        for folder in ["INBOX", "Other", "Work", "Work/below", "Zoo"] {
            source.create(folder);
            (0..3).for_each(|n| _ = source.deliver(folder, &message(n), Flags::default()));
        }
        target.refuse_to_make("Work", why);
        let play = Play::begin(source.clone(), target.clone());
        let pass = async || play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
        for put in [12, 0] {
            let report = pass().await;
            let findings = &report.findings;
            assert_eq!(counts(&target), ["INBOX: 3", "Other: 3", "Work/below: 3", "Zoo: 3"], "{why:?}");
            let told: Vec<_> = findings.skipped.iter().map(|n| (n.folder.as_str(), n.items)).collect();
            assert_eq!(told, [("Work", Some(3))], "{why:?}");
            assert!(findings.skipped[0].reason.contains("does not make"), "{}", findings.skipped[0].reason);
            assert_eq!((findings.identified, findings.placed, report.deeds.put), (15, 12, put), "{why:?}");
            assert_eq!(report.score, Score::Poor, "{why:?}");
            let verified = play.verify().await.unwrap().findings;
            assert_eq!(verified, report.findings, "verify says what the pass said");
        }
        target.relent();
        let report = pass().await;
        assert_eq!(
            (report.deeds.put, report.score),
            (3, Score::Perfect),
            "{why:?}: the next pass tries again"
        );
        assert_eq!(target.seen(), source.seen(), "{why:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_removed_there_and_is_not_made_again_ends_no_pass() {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    source.deliver("Work", &message(1), Flags::default());
    let play = Play::begin(source.clone(), target.clone());
    let pass = async || play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
    pass().await;
    target.drop_folder("Work");
    target.refuse_to_make("Work", Kind::Forbidden);
    source.deliver("INBOX", &message(2), Flags::default());
    let findings = pass().await.findings;
    let told: Vec<_> = findings.skipped.iter().map(|n| (n.folder.as_str(), n.items)).collect();
    assert_eq!((counts(&target), told), (vec!["INBOX: 1".to_owned()], vec![("Work", Some(1))]));
    assert_eq!(play.verify().await.unwrap().findings, findings);
    assert_eq!((findings.identified, findings.placed), (2, 1));
}

/// What the source moves into a folder that is not made, or cannot be read, is gone from no other: its copy stays.
#[tokio::test(start_paused = true)]
async fn with_delete_nothing_goes_that_may_lie_in_a_folder_that_is_left_out() {
    for is_made in [true, false] {
        let (source, target) = (World::able(), World::able());
        (0..2).for_each(|n| _ = source.deliver("INBOX", &message(n), Flags::default()));
        let options = RunOptions { delete: true, ..RunOptions::default() };
        let play = Play::begin(source.clone(), target.clone());
        let pass = async || play.calm(&options, PassKind::Incremental, false).await.unwrap();
        pass().await;
        source.create("New");
        match is_made {
            true => source.close("New"),
            false => target.refuse_to_make("New", Kind::Forbidden),
        }
        source.shift("INBOX", source.find("INBOX", "<1@x>").unwrap(), "New");
        for _ in 0..2 {
            assert_eq!(pass().await.findings.skipped.len(), 1, "the folder");
            assert_eq!(counts(&target)[0], "INBOX: 2", "made: {is_made}");
        }
        source.open("New");
        target.relent();
        assert_eq!(pass().await.score, Score::Perfect);
        assert_eq!(target.seen(), source.seen(), "made: {is_made}");
    }
}

/// What the ledger keeps of it is no folder that could vanish, and not in the way of one of the same name.
#[tokio::test(start_paused = true)]
async fn one_that_was_never_made_may_go_and_come_back_at_the_source() {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    source.deliver("Work", &message(1), Flags::default());
    source.deliver("INBOX", &message(2), Flags::default());
    target.refuse_to_make("Work", Kind::Forbidden);
    let options = RunOptions { delete: true, ..RunOptions::default() };
    let play = Play::begin(source.clone(), target.clone());
    let pass = async || play.calm(&options, PassKind::Incremental, false).await.unwrap();
    assert_eq!(pass().await.findings.skipped.len(), 1);
    source.drop_folder("Work");
    for _ in 0..2 {
        assert_eq!(pass().await.score, Score::Perfect);
        assert_eq!(play.verify().await.unwrap().score, Score::Perfect);
    }
    target.relent();
    source.create("Work");
    source.deliver("Work", &message(3), Flags::default());
    assert_eq!((pass().await.score, play.verify().await.unwrap().score), (Score::Perfect, Score::Perfect));
    assert_eq!(target.seen(), source.seen());
}

/// A folder that is made by hand meanwhile is verified like any other.
#[tokio::test(start_paused = true)]
async fn one_that_is_there_by_now_is_looked_at() {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    source.deliver("Work", &message(1), Flags::default());
    target.refuse_to_make("Work", Kind::Forbidden);
    let play = Play::begin(source.clone(), target.clone());
    play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
    target.create("Work");
    let found = play.verify().await.unwrap().findings;
    assert_eq!((found.skipped.len(), found.missing.len()), (0, 1), "{found:?}");
}

/// The target says OK to making it, and it is not there: named, also where nothing would be put into it.
#[tokio::test(start_paused = true)]
async fn a_folder_that_the_target_only_says_to_have_made_is_named() {
    for items in [0, 2] {
        let (source, target) = (World::able(), World::able());
        source.create("Work");
        (0..items).for_each(|n| _ = source.deliver("Work", &message(n), Flags::default()));
        source.deliver("INBOX", &message(9), Flags::default());
        target.fake("Work");
        let play = Play::begin(source.clone(), target.clone());
        let pass = async || play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
        for _ in 0..2 {
            let found = pass().await.findings;
            let told: Vec<_> = found.skipped.iter().map(|n| (n.folder.as_str(), n.items)).collect();
            assert_eq!(told, [("Work", Some(u64::from(items)))], "{found:?}");
            assert_eq!(found.skipped[0].code, "FOLDER_NOT_MADE");
            assert_eq!(counts(&target), ["INBOX: 1"]);
            let verified = play.verify().await.unwrap().findings;
            assert_eq!(verified, found, "verify says what the pass said");
        }
        target.relent();
        assert_eq!(pass().await.score, Score::Perfect);
        assert_eq!(target.seen(), source.seen());
    }
}
