//! A trial moves a few items of each folder; the full run after it moves the rest, and doubles nothing.

use std::collections::BTreeMap;

use mailferry_lab::{
    fault::Strike,
    memory::{Ability, World},
};
use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions, mode::RunMode, report::Score};

use crate::harness::{Play, strikes};

const ABILITIES: [&[Ability]; 2] =
    [&[Ability::TellsIds, Ability::TellsRemovals, Ability::FlagFingerprints, Ability::Moves], &[]];

fn message(folder: &str, n: u32) -> String {
    format!("Message-ID: <{folder}{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

/// An inbox with 25 messages, of which the first is as large as that, and a folder with three.
fn town(abilities: &[Ability], largest: usize) -> World {
    let world = World::with(abilities.iter().copied());
    world.create("Few");
    world.deliver("INBOX", &format!("{}{}", message("i", 0), "x".repeat(largest)), Flags::default());
    (1..25).for_each(|n| _ = world.deliver("INBOX", &message("i", n), Flags::default()));
    (0..3).for_each(|n| _ = world.deliver("Few", &message("f", n), Flags::default()));
    world
}

fn counts(world: &World) -> BTreeMap<String, usize> {
    world.seen().into_iter().map(|(name, items)| (name, items.len())).collect()
}

fn of(inbox: usize, few: usize) -> BTreeMap<String, usize> {
    [("INBOX".to_owned(), inbox), ("Few".to_owned(), few)].into()
}

#[tokio::test(start_paused = true)]
async fn a_trial_moves_ten_items_of_each_folder_and_a_full_run_the_rest() {
    for abilities in ABILITIES {
        let (source, target) = (town(abilities, 6 << 20), World::with(abilities.iter().copied()));
        let play = Play::begin(source.clone(), target.clone());
        let trial = RunMode::Trial.on(RunOptions::default());
        assert_eq!(play.would(&trial).await.unwrap().deeds.put, 13, "a dry run tells as much");
        let report = play.calm(&trial, PassKind::Initial, false).await.unwrap();
        assert_eq!((report.deeds.put, report.score), (13, Score::Perfect));
        assert_eq!(counts(&target), of(10, 3));
        let again = play.calm(&trial, PassKind::Incremental, false).await.unwrap();
        assert_eq!((again.deeds.put, counts(&target)), (0, of(10, 3)));
        source.remove("INBOX", 3);
        source.deliver("INBOX", &message("i", 99), Flags::default());
        let more = play.calm(&trial, PassKind::Incremental, false).await.unwrap();
        assert!(more.deeds.put <= 1, "one is gone, so one may follow: {}", more.deeds.put);
        let full = play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
        assert_eq!(full.score, Score::Perfect);
        assert_eq!(counts(&target), of(26, 3), "all of the source, and the copy of what is gone there");
        let quiet = play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
        assert_eq!((quiet.deeds.put, counts(&target)), (0, of(26, 3)));
    }
}

/// Of a full run that died a trial knows nothing it could narrow away: what that had put is found, whatever is chosen.
#[tokio::test(start_paused = true)]
async fn a_run_that_died_before_or_in_a_trial_leaves_nothing_twice() {
    for abilities in ABILITIES {
        for (strike, nth) in strikes(6, 3).into_iter().filter(|(s, _)| *s != Strike::PutZombie) {
            let (source, target) = (town(abilities, 0), World::with(abilities.iter().copied()));
            let play = Play::begin(source.clone(), target.clone());
            let trial = RunMode::Trial.on(RunOptions::default());
            play.dies(PassKind::Initial, strike, nth).await;
            play.calm(&trial, PassKind::Initial, true).await.unwrap();
            play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
            assert_eq!(counts(&target), counts(&source), "{strike:?} {nth}");
        }
    }
}
