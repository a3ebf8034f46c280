//! Removals carried with `--delete` reach only folders that the filter chooses, and all of those in one run.

use mailferry_lab::memory::{Ability, World};
use mailferry_model::{flags::Flags, folder::Role, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

/// These folders with a message each, copied once.
async fn copied(abilities: &[Ability], folders: &[&str]) -> (World, World, Play) {
    let (source, target) =
        (World::with(abilities.iter().copied()), World::with([Ability::TellsIds, Ability::Moves]));
    for (n, folder) in folders.iter().enumerate() {
        source.create(folder);
        source.deliver(folder, &message(n as u32), Flags::default());
    }
    let play = Play::begin(source.clone(), target.clone());
    pass(&play, &RunOptions::default()).await;
    (source, target, play)
}

async fn pass(play: &Play, options: &RunOptions) -> u64 {
    match play.calm(options, PassKind::Incremental, false).await {
        Ok(report) => report.deeds.removed,
        Err(error) => panic!("{error}"),
    }
}

fn deleting(include: &[&str], exclude: &[&str]) -> RunOptions {
    let mut options = RunOptions { delete: true, ..RunOptions::default() };
    options.filter.include = include.iter().filter_map(|p| p.parse().ok()).collect();
    options.filter.exclude = exclude.iter().filter_map(|p| p.parse().ok()).collect();
    options
}

fn counts(world: &World) -> Vec<String> {
    world.seen().into_iter().map(|(name, items)| format!("{name}: {}", items.len())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_filter_leaves_out_stays_when_it_vanishes() {
    for (include, exclude, left) in [
        (&[][..], &["L"][..], &["INBOX: 0", "K: 1", "L: 1"][..]),
        (&["K"], &[], &["INBOX: 0", "K: 1", "L: 1", "L/sub: 1"]),
        (&[], &["L/*"], &["INBOX: 0", "K: 1", "L: 1", "L/sub: 1"]),
    ] {
        let (source, target, play) = copied(&[Ability::TellsRemovals], &["K", "L", "L/sub"]).await;
        source.drop_folder("L/sub");
        source.drop_folder("L");
        let options = deleting(include, exclude);
        pass(&play, &options).await;
        assert_eq!(counts(&target), left, "{include:?} {exclude:?}");
        pass(&play, &deleting(&[], &[])).await;
        assert_eq!(counts(&target), ["INBOX: 0", "K: 1"], "it goes once nothing leaves it out");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vanished_folder_is_left_out_by_what_it_was_for() {
    let (source, target, play) = copied(&[], &["K", "Gesendet"]).await;
    target.set_role("Gesendet", Role::Sent);
    source.drop_folder("Gesendet");
    pass(&play, &deleting(&[], &["#SentItems#"])).await;
    assert_eq!(counts(&target), ["Gesendet: 1", "INBOX: 0", "K: 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_renamed_to_a_name_that_is_left_out_stays() {
    for abilities in [&[Ability::Identities][..], &[]] {
        let (source, target, play) = copied(abilities, &["K", "L"]).await;
        source.rename("K", "X");
        let options = deleting(&[], &["X"]);
        pass(&play, &options).await;
        assert_eq!(counts(&target), ["INBOX: 0", "K: 1", "L: 1"], "{abilities:?}");
        pass(&play, &deleting(&[], &[])).await;
        assert_eq!(counts(&target), ["INBOX: 0", "L: 1", "X: 1"], "{abilities:?}: followed when chosen");
    }
}

#[tokio::test(start_paused = true)]
async fn one_run_removes_all_that_vanished() {
    let (source, target, play) = copied(&[], &["Old", "Old/below", "Old/below/more"]).await;
    for folder in ["Old/below/more", "Old/below", "Old"] {
        source.drop_folder(folder);
    }
    pass(&play, &deleting(&[], &[])).await;
    assert_eq!(counts(&target), ["INBOX: 0"], "what lies below goes first");
    assert_eq!(pass(&play, &deleting(&[], &[])).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_folder_that_was_renamed_goes_in_the_first_run() {
    let (source, target) = (World::with([]), World::able());
    source.create("C");
    let play = Play::begin(source.clone(), target.clone());
    pass(&play, &RunOptions::default()).await;
    source.rename("C", "D");
    source.deliver("INBOX", &message(1), Flags::default());
    pass(&play, &deleting(&[], &[])).await;
    assert_eq!(counts(&target), ["D: 0", "INBOX: 1"]);
    let before = target.traffic();
    assert_eq!((pass(&play, &deleting(&[], &[])).await, target.traffic()), (0, before));
}

#[tokio::test(start_paused = true)]
async fn what_vanished_below_a_renamed_folder_goes_too() {
    for abilities in [&[Ability::Identities][..], &[]] {
        let (source, target, play) = copied(abilities, &["B", "B/F"]).await;
        source.drop_folder("B/F");
        source.rename("B", "R");
        pass(&play, &deleting(&[], &[])).await;
        assert_eq!(
            counts(&target),
            ["INBOX: 0", "R: 1"],
            "{abilities:?}: it lies below the new name by then"
        );
    }
}

/// The source moves a message into a folder that passes read, out of one that they leave out: the older copy goes once
/// that is read again, however many passes later.
#[tokio::test(start_paused = true)]
async fn a_move_out_of_a_folder_that_several_passes_leave_out() {
    for passes in 0..4 {
        let (source, target, play) = copied(&[Ability::TellsRemovals], &["K", "L"]).await;
        pass(&play, &RunOptions::default()).await;
        let number = source.numbers("K")[0];
        source.shift("K", number, "L");
        let only = RunOptions { delete: false, ..deleting(&["L"], &[]) };
        for _ in 0..passes {
            pass(&play, &only).await;
        }
        pass(&play, &RunOptions::default()).await;
        assert_eq!(target.seen(), source.seen(), "after {passes} passes without K");
    }
}

/// A copy that is older than the last look at the folder is a copy, not a move.
#[tokio::test(start_paused = true)]
async fn a_copy_that_lay_beside_is_no_move() {
    let (source, target, play) = copied(&[Ability::TellsRemovals], &["K", "L"]).await;
    source.deliver("L", &message(0), Flags::default());
    for _ in 0..3 {
        pass(&play, &RunOptions::default()).await;
    }
    source.remove("K", source.numbers("K")[0]);
    pass(&play, &RunOptions::default()).await;
    assert_eq!(counts(&target), ["INBOX: 0", "K: 1", "L: 2"]);
}

/// The same when the old place is read before the new one, and does not change any more.
#[tokio::test(start_paused = true)]
async fn a_move_whose_new_place_is_read_later() {
    for known in [false, true] {
        let (source, target) = (World::able(), World::able());
        source.create("K");
        source.deliver("K", &message(1), Flags::default());
        let play = Play::begin(source.clone(), target.clone());
        if known {
            source.create("L");
        }
        pass(&play, &RunOptions::default()).await;
        source.create("L");
        source.shift("K", source.numbers("K")[0], "L");
        for exclude in [&["L"][..], &["L"], &[]] {
            pass(&play, &RunOptions { delete: false, ..deleting(&[], exclude) }).await;
        }
        assert_eq!(target.seen(), source.seen(), "known before: {known}");
    }
}

/// The newer copy lies in a folder that the pass leaves out in which the older one is found to be gone.
#[tokio::test(start_paused = true)]
async fn a_move_into_a_folder_that_the_next_pass_leaves_out() {
    let (source, target, play) = copied(&[Ability::TellsRemovals], &["K", "L"]).await;
    pass(&play, &RunOptions::default()).await;
    let number = source.numbers("K")[0];
    source.shift("K", number, "L");
    for include in [["L"], ["K"]] {
        pass(&play, &RunOptions { delete: false, ..deleting(&include, &[]) }).await;
    }
    assert_eq!(target.seen(), source.seen());
}
