//! Folders renamed at the source whose new name is no place at the target: they never merge, and are reported.

use mailferry_lab::{
    fault::Strike,
    memory::{Ability, World},
};
use mailferry_model::{Kind, flags::Flags, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

/// A folder `Work` with one message, copied once.
async fn copied() -> (World, World, Play) {
    let (source, target) = (World::able(), World::able());
    source.create("Work");
    source.deliver("Work", &message(1), Flags::default());
    let play = Play::begin(source.clone(), target.clone());
    later(&play).await;
    (source, target, play)
}

async fn later(play: &Play) {
    if let Err(error) = play.calm(&RunOptions::default(), PassKind::Incremental, false).await {
        panic!("{error}");
    }
}

fn counts(world: &World) -> Vec<String> {
    world.seen().into_iter().map(|(name, items)| format!("{name}: {}", items.len())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_other_name_is_kept_and_reported_and_what_is_new_goes_below_it() {
    let (source, target, play) = copied().await;
    target.create("Office");
    source.rename("Work", "Office");
    later(&play).await;
    assert_eq!(counts(&target), ["INBOX: 0", "Office: 0", "Office (2): 1"]);
    assert_eq!(play.renamed().await, ["Office > Office (2): Office is the place of another folder"]);
    source.create("Office/New");
    source.deliver("Office/New", &message(2), Flags::default());
    source.deliver("Office", &message(3), Flags::default());
    later(&play).await;
    assert_eq!(counts(&target), ["INBOX: 0", "Office: 0", "Office (2): 2", "Office (2)/New: 1"]);
    assert_eq!(play.renamed().await.len(), 1, "still told");
    source.rename("Office", "Desk");
    later(&play).await;
    assert_eq!(counts(&target), ["Desk: 2", "Desk/New: 1", "INBOX: 0", "Office: 0"]);
    assert_eq!(play.renamed().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_folders_of_the_source_never_merge() {
    let (source, target, play) = copied().await;
    target.set_role("Work", mailferry_model::folder::Role::Archive);
    source.create("Old");
    source.set_role("Old", mailferry_model::folder::Role::Archive);
    source.deliver("Old", &message(2), Flags::default());
    later(&play).await;
    assert_eq!(counts(&target), ["INBOX: 0", "Work: 1", "Work (2): 1"]);
    source.rename("Work", "Work (2)");
    later(&play).await;
    assert_eq!(target.seen().values().filter(|items| items.len() == 1).count(), 2, "{:?}", counts(&target));
}

#[tokio::test(start_paused = true)]
async fn where_the_target_renames_nothing_a_folder_stays_and_that_is_reported() {
    let (source, target, play) = copied().await;
    target.refuse_renames(Kind::Forbidden);
    source.rename("Work", "Office");
    source.deliver("Office", &message(2), Flags::default());
    later(&play).await;
    assert_eq!(counts(&target), ["INBOX: 0", "Work: 2"]);
    assert_eq!(play.renamed().await, ["Office > Work: the target does not rename it: no renames here"]);
}

/// Busy for now is not never: later passes ask again.
#[tokio::test(start_paused = true)]
async fn a_renaming_that_is_put_off_is_asked_for_again_by_later_passes() {
    let (source, target, play) = copied().await;
    target.refuse_renames(Kind::Busy);
    source.rename("Work", "Office");
    source.create("Office/New");
    for _ in 0..2 {
        later(&play).await;
        assert_eq!(counts(&target), ["INBOX: 0", "Work: 1", "Work/New: 0"]);
        assert_eq!(play.renamed().await.len(), 1, "{:?}", play.renamed().await);
    }
    target.relent();
    source.deliver("Office", &message(2), Flags::default());
    later(&play).await;
    assert_eq!(counts(&target), ["INBOX: 0", "Office: 2", "Office/New: 0"]);
    assert_eq!(play.renamed().await.len(), 0);
    let before = target.traffic();
    later(&play).await;
    assert_eq!(target.traffic(), before, "and not once more");
}

/// Where the source takes it back meanwhile there is nothing left to ask for.
#[tokio::test(start_paused = true)]
async fn a_renaming_that_was_put_off_and_taken_back_is_forgotten() {
    let (source, target, play) = copied().await;
    target.refuse_renames(Kind::Busy);
    source.rename("Work", "Office");
    later(&play).await;
    target.relent();
    source.rename("Office", "Work");
    for _ in 0..2 {
        later(&play).await;
        assert_eq!(counts(&target), ["INBOX: 0", "Work: 1"]);
        assert_eq!(play.renamed().await.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_folder_below_a_renamed_one_is_known_by_its_new_place() {
    let (source, target) = (World::with([]), World::able());
    source.create("Work");
    source.deliver("Work", &message(1), Flags::default());
    source.create("Work/Empty");
    let play = Play::begin(source.clone(), target.clone());
    later(&play).await;
    source.rename("Work", "Office");
    source.deliver("Office/Empty", &message(2), Flags::default());
    later(&play).await;
    assert_eq!(counts(&target), ["INBOX: 0", "Office: 1", "Office/Empty: 1"]);
}

/// Two folders that change names after a crash: what was put and not heard of is found, and follows.
#[tokio::test(start_paused = true)]
async fn two_folders_that_change_names_after_a_crash_lose_and_double_nothing() {
    use Ability::*;
    for abilities in
        [vec![], vec![TellsIds], vec![TellsIds, TellsRemovals, FlagFingerprints, Identities, Moves]]
    {
        for nth in 0..3 {
            let (source, target) = (World::with(abilities.clone()), World::with(abilities.clone()));
            for (folder, n) in [("A", 1), ("B", 2)] {
                source.create(folder);
                source.deliver(folder, &message(n), Flags::default());
            }
            let play = Play::begin(source.clone(), target.clone());
            later(&play).await;
            for (folder, n) in [("A", 3), ("B", 4), ("A", 5), ("B", 6)] {
                source.deliver(folder, &message(n), Flags::default());
            }
            play.dies(PassKind::Incremental, Strike::PutAnswerLost, nth).await;
            for (from, to) in [("A", "T"), ("B", "A"), ("T", "B")] {
                source.rename(from, to);
            }
            for _ in 0..2 {
                later(&play).await;
                assert_eq!(target.seen(), source.seen(), "{abilities:?}, put {nth}");
            }
        }
    }
}
