//! What a first pass reads ahead, while the target's folders are made: it is used, or given up, and read once.

use std::time::Duration;

use futures_util::future::join;
use mailferry_lab::memory::World;
use mailferry_model::{error::Kind, flags::Flags, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

fn mail(word: &str) -> String {
    format!("Message-ID: <{word}@x>\r\nSubject: {word}\r\n\r\n{word}\r\n")
}

fn name(folder: usize) -> String {
    format!("Folder {}", char::from(b'A' + folder as u8))
}

/// A source with so many folders of three messages each.
fn town(folders: usize) -> World {
    let source = World::able();
    for folder in 0..folders {
        let name = name(folder);
        source.create(&name);
        (0..3).for_each(|n| _ = source.deliver(&name, &mail(&format!("f{folder}n{n}")), Flags::default()));
    }
    source
}

#[tokio::test(start_paused = true)]
async fn first_bodies_come_while_folders_are_made_and_each_once() {
    let (source, target) = (town(12), World::able());
    target.make_slowly(Duration::from_secs(2));
    let play = Play::begin(source.clone(), target.clone());
    let options = RunOptions::default();
    let look = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (source.traffic().0, target.seen().values().map(Vec::len).sum::<usize>())
    };
    let (pass, (bodies, placed)) = join(play.calm(&options, PassKind::Initial, false), look).await;
    pass.unwrap();
    assert!(bodies > 0, "no body was asked for before the folders stood");
    assert_eq!(placed, 0, "nothing can be put before");
    assert_eq!(target.seen(), source.seen());
    assert_eq!(source.traffic().0, 36, "each body is read once");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_ahead_for_a_folder_that_is_not_made_holds_up_nobody() {
    let (source, target) = (town(12), World::able());
    (0..8).for_each(|n| target.refuse_to_make(&name(n), Kind::Forbidden));
    let play = Play::begin(source.clone(), target.clone());
    let options = RunOptions::default();
    let pass = play.calm(&options, PassKind::Initial, false);
    tokio::time::timeout(Duration::from_secs(600), pass).await.expect("the pass hangs").unwrap();
    for n in 8..12 {
        assert_eq!(target.numbers(&name(n)).len(), 3, "{}", name(n));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_ahead_of_what_the_target_may_have() {
    let (source, target) = (town(2), World::able());
    for folder in 0..2 {
        target.create(&name(folder));
        (0..3).for_each(|n| {
            target.deliver(&name(folder), &mail(&format!("f{folder}n{n}")), Flags::default());
        });
    }
    let play = Play::begin(source.clone(), target.clone());
    play.calm(&RunOptions::default(), PassKind::Initial, false).await.unwrap();
    assert_eq!(target.seen(), source.seen());
    assert_eq!(
        source.traffic().0,
        6,
        "all of it was there: read by the first of two looks for its digest, and no more"
    );
}
