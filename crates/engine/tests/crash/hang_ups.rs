//! A source that hangs up: what it gave before, and what it still gives elsewhere, is put in the same pass.

use mailferry_lab::memory::World;
use mailferry_model::{flags::Flags, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

/// A message of a quarter of a megabyte: four of them are asked for together.
fn large(word: &str) -> String {
    format!("Message-ID: <{word}@x>\r\nSubject: {word}\r\n\r\n{}\r\n", "0123456789abcde ".repeat(15_000))
}

#[tokio::test(start_paused = true)]
async fn what_another_connection_still_gives_is_put() {
    let (source, target) = (World::able(), World::able());
    let play = Play::begin(source.clone(), target.clone());
    source.deliver("INBOX", &large("first"), Flags::default());
    play.calm(&RunOptions::default(), PassKind::Initial, false).await.unwrap();
    (0..24).for_each(|n| _ = source.deliver("INBOX", &large(&format!("no{n}.")), Flags::default()));
    source.hang_up("no3.");
    let ended = play.calm(&RunOptions::default(), PassKind::Incremental, false).await;
    assert!(ended.is_err(), "the pass goes on without those that were not read");
    let placed = target.numbers("INBOX").len() - 1;
    assert!(placed >= 3 + 4, "{placed} placed: three before the end, four asked for elsewhere");
    play.calm(&RunOptions::default(), PassKind::Incremental, false).await.unwrap();
    assert_eq!(target.seen(), source.seen());
}
