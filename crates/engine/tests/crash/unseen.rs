//! A target folder that does not open while it is verified: named with its items, never "looks good", and all others
//! are verified.

use mailferry_lab::memory::World;
use mailferry_model::{
    flags::Flags,
    job::PassKind,
    mapping::RunOptions,
    report::{FOLDER_UNSEEN, Findings, Score},
};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

/// So many messages in INBOX and in Work, copied once.
async fn copied(inbox: u32, work: u32) -> (World, World, Play) {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    (0..inbox).for_each(|n| _ = source.deliver("INBOX", &message(n), Flags::default()));
    (0..work).for_each(|n| _ = source.deliver("Work", &message(1000 + n), Flags::default()));
    let play = Play::begin(source.clone(), target.clone());
    assert_eq!(pass(&play, PassKind::Initial).await.score(), Score::Perfect);
    (source, target, play)
}

async fn pass(play: &Play, kind: PassKind) -> Findings {
    match play.calm(&RunOptions::default(), kind, false).await {
        Ok(report) => report.findings,
        Err(error) => panic!("{kind:?}: {error}"),
    }
}

fn is_named(found: &Findings, items: u64, score: Score) {
    let named: Vec<_> = found.skipped.iter().map(|n| (n.folder.as_str(), n.code.as_str(), n.items)).collect();
    assert_eq!(named, [("Work", FOLDER_UNSEEN, Some(items))], "{found:?}");
    assert!(found.skipped[0].reason.contains("it does not open"), "{}", found.skipped[0].reason);
    assert_eq!((found.missing.len(), found.doubled.len(), found.score()), (0, 0, score));
    assert!(found.sentence().contains("NOT look good"), "{}", found.sentence());
}

#[tokio::test(start_paused = true)]
async fn a_target_folder_that_does_not_open_is_named_and_the_others_are_verified() {
    let (_, target, play) = copied(20, 30).await;
    target.shut("Work");
    target.remove("INBOX", 1);
    for kind in [PassKind::Completion, PassKind::Incremental, PassKind::Incremental] {
        let found = pass(&play, kind).await;
        is_named(&found, 30, Score::Poor);
        assert_eq!((found.identified, found.placed), (50, 20), "{kind:?}");
        let first = kind == PassKind::Completion;
        assert_eq!(found.changed_at_target.len(), usize::from(first), "the other folder was looked at");
    }
    let verified = play.verify().await.unwrap().findings;
    is_named(&verified, 30, Score::Poor);
    assert_eq!((verified.identified, verified.placed, verified.changed_at_target.len()), (50, 20, 1));
    target.unlock();
    let seen = pass(&play, PassKind::Incremental).await;
    assert_eq!((seen.score(), seen.skipped.len(), seen.placed), (Score::Perfect, 0, 50));
    assert_eq!(play.verify().await.unwrap().score, Score::Perfect);
}

#[tokio::test(start_paused = true)]
async fn one_unseen_among_a_thousand_does_not_look_good_either() {
    let (_, target, play) = copied(999, 1).await;
    target.shut("Work");
    is_named(&pass(&play, PassKind::Completion).await, 1, Score::Investigate);
    is_named(&play.verify().await.unwrap().findings, 1, Score::Investigate);
}

/// What a pass put elsewhere moves all the same, and what lies in the folder is neither put again nor lost.
#[tokio::test(start_paused = true)]
async fn a_pass_beside_it_carries_on() {
    let (source, target, play) = copied(3, 3).await;
    target.shut("Work");
    source.deliver("INBOX", &message(9), Flags::default());
    is_named(&pass(&play, PassKind::Incremental).await, 3, Score::Poor);
    target.unlock();
    assert_eq!(pass(&play, PassKind::Completion).await.score(), Score::Perfect);
    assert_eq!(target.seen(), source.seen());
}

/// Nothing is said of a folder that holds nothing of ours.
#[tokio::test(start_paused = true)]
async fn an_empty_one_is_nobodys_loss() {
    let (_, target, play) = copied(3, 0).await;
    target.shut("Work");
    assert_eq!(pass(&play, PassKind::Completion).await.score(), Score::Perfect);
}
