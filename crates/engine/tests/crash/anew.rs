//! Target folders that were made or numbered anew: that is no act of a user on items.

use mailferry_lab::memory::World;
use mailferry_model::{
    flags::Flags,
    job::PassKind,
    mapping::RunOptions,
    report::{Findings, Score},
};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

/// Four messages in two folders, copied once.
async fn copied() -> (World, World, Play) {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    (0..3).for_each(|n| _ = source.deliver("INBOX", &message(n), Flags::default()));
    source.deliver("Work", &message(3), Flags::default());
    let play = Play::begin(source.clone(), target.clone());
    later(&play).await;
    (source, target, play)
}

async fn later(play: &Play) -> Findings {
    match play.calm(&RunOptions::default(), PassKind::Incremental, false).await {
        Ok(report) => report.findings,
        Err(error) => panic!("{error}"),
    }
}

fn told(findings: &Findings) -> (usize, usize, u64) {
    (findings.missing.len(), findings.changed_at_target.len(), findings.placed)
}

#[tokio::test(start_paused = true)]
async fn an_emptied_store_never_looks_good() {
    let (source, target, play) = copied().await;
    target.make_anew();
    let findings = play.verify().await.expect("verification").findings;
    assert_eq!((told(&findings), findings.score()), ((4, 0, 0), Score::Poor));
    assert!(findings.missing.iter().all(|m| m.code == "ITEM_MISSING"), "{findings:?}");
    assert!(!findings.sentence().contains("looks good"), "{}", findings.sentence());
    assert_eq!(told(&later(&play).await), (0, 0, 4));
    assert_eq!(target.seen(), source.seen());
}

#[tokio::test(start_paused = true)]
async fn a_folder_numbered_anew_is_there_as_before() {
    let (source, target, play) = copied().await;
    target.new_epoch("INBOX");
    assert_eq!(told(&play.verify().await.expect("verification").findings), (0, 0, 4));
    let writes = target.traffic();
    assert_eq!(told(&later(&play).await), (0, 0, 4));
    assert_eq!((target.seen(), target.traffic()), (source.seen(), writes), "nothing is put again");
}

#[tokio::test(start_paused = true)]
async fn what_a_user_deleted_before_stays_so_when_its_folder_is_numbered_anew() {
    let (_, target, play) = copied().await;
    target.remove("INBOX", 2);
    assert_eq!(told(&later(&play).await).1, 1);
    target.new_epoch("INBOX");
    assert_eq!(told(&play.verify().await.expect("verification").findings).1, 1);
    later(&play).await;
    assert_eq!(target.numbers("INBOX").len(), 2, "not put again");
    assert_eq!(told(&play.verify().await.expect("verification").findings), (0, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn half_of_a_folder_from_a_backup_is_made_whole_and_nothing_is_doubled() {
    let (source, target, play) = copied().await;
    target.make_anew();
    target.deliver("INBOX", &message(1), Flags::default());
    assert_eq!(told(&later(&play).await), (0, 0, 4));
    assert_eq!(target.seen(), source.seen());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_a_user_removed_at_the_target_stays_removed() {
    let (source, target, play) = copied().await;
    target.drop_folder("Work");
    assert_eq!(told(&play.verify().await.expect("verification").findings), (0, 1, 4));
    source.deliver("Work", &message(4), Flags::default());
    later(&play).await;
    assert_eq!(target.numbers("Work").len(), 1, "what is new comes, what was removed does not");
    assert_eq!(told(&play.verify().await.expect("verification").findings), (0, 1, 5));
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_a_user_renamed_at_the_target_is_not_put_again() {
    let (_, target, play) = copied().await;
    target.rename("Work", "Projects");
    assert_eq!(told(&later(&play).await).0, 0);
    assert_eq!(target.numbers("Projects").len(), 1);
    assert_eq!(target.numbers("Work").len(), 0, "it lies where its user moved it");
    let findings = play.verify().await.expect("verification").findings;
    assert_eq!(told(&findings), (0, 1, 4), "{findings:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_user_moved_at_the_target_is_not_put_again_when_it_is_moved_at_the_source() {
    let (source, target, play) = copied().await;
    target.remove("INBOX", 1);
    later(&play).await;
    source.shift("INBOX", 1, "Work");
    later(&play).await;
    assert_eq!(target.find("Work", "<0@x>"), None, "its user removed it");
}

#[tokio::test(start_paused = true)]
async fn of_equal_messages_in_two_folders_each_keeps_its_own() {
    let (source, target, play) = copied().await;
    source.deliver("INBOX", &message(3), Flags::default());
    later(&play).await;
    // Found there, so that no digest of theirs is known.
    play.lose_ledger();
    later(&play).await;
    let lost = target.find("INBOX", "<3@x>").unwrap_or_default();
    target.new_epoch("Work");
    target.remove("INBOX", lost);
    target.new_epoch("INBOX");
    later(&play).await;
    assert_eq!(target.seen(), source.seen());
}

#[tokio::test(start_paused = true)]
async fn of_equal_messages_that_were_found_there_the_one_that_is_missing_is_put() {
    let (source, target) = (World::able(), World::able());
    for world in [&source, &target] {
        world.create("Twins");
        (0..2).for_each(|_| _ = world.deliver("Twins", &message(7), Flags::default()));
    }
    let play = Play::begin(source.clone(), target.clone());
    later(&play).await;
    target.remove("Twins", target.numbers("Twins")[0]);
    target.new_epoch("Twins");
    later(&play).await;
    assert_eq!(target.numbers("Twins").len(), 2);
    assert_eq!(told(&play.verify().await.expect("verification").findings), (0, 0, 2));
}
