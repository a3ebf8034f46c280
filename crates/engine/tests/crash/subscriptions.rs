//! Subscriptions follow the source three ways: its differences are carried, what people did at the target stays.

use mailferry_lab::memory::{
    Ability,
    Subscribed::{No, Yes},
    World,
};
use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

fn message(n: u32) -> String {
    format!("Message-ID: <{n}@x>\r\nSubject: no {n}\r\n\r\nthe text of {n}\r\n")
}

/// Three folders, the first two subscribed to at the source; copied once.
async fn copied(abilities: &[Ability]) -> (World, World, Play) {
    let (source, target) = (World::with(abilities.iter().copied()), World::able());
    for (n, folder) in ["A", "B", "C"].into_iter().enumerate() {
        source.create(folder);
        source.deliver(folder, &message(n as u32), Flags::default());
    }
    source.subscribe("A", Yes);
    source.subscribe("B", Yes);
    let play = Play::begin(source.clone(), target.clone());
    pass(&play).await;
    assert_eq!(target.subscribed(), ["A", "B"]);
    (source, target, play)
}

async fn pass(play: &Play) {
    if let Err(error) = play.calm(&RunOptions::default(), PassKind::Incremental, false).await {
        panic!("{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_the_source_takes_away_goes_at_the_target_too() {
    let (source, target, play) = copied(&[]).await;
    source.subscribe("A", No);
    source.subscribe("C", Yes);
    for _ in 0..2 {
        pass(&play).await;
        assert_eq!(target.subscribed(), ["B", "C"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_people_do_at_the_target_stays() {
    let (source, target, play) = copied(&[]).await;
    target.subscribe("A", No);
    target.subscribe("C", Yes);
    pass(&play).await;
    assert_eq!(target.subscribed(), ["B", "C"]);
    source.subscribe("A", No);
    source.subscribe("C", Yes);
    pass(&play).await;
    source.subscribe("C", No);
    pass(&play).await;
    assert_eq!(target.subscribed(), ["B"], "the source had it by then, and took it away");
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_another_name_is_subscribed_to_as_it_is_at_the_source() {
    for abilities in [&[Ability::Identities][..], &[]] {
        let (source, target, play) = copied(abilities).await;
        source.rename("A", "R");
        source.subscribe("R", Yes);
        target.drop_folder("B");
        pass(&play).await;
        assert_eq!(target.subscribed(), ["B", "R"], "{abilities:?}: made anew, too");
    }
}

/// Without the ledger nobody knows what the source had.
#[tokio::test(start_paused = true)]
async fn with_a_lost_ledger_nothing_is_taken_away() {
    let (source, target, play) = copied(&[]).await;
    source.subscribe("A", No);
    play.lose_ledger();
    pass(&play).await;
    assert_eq!(target.subscribed(), ["A", "B"]);
}
