//! Sides that hang up: what a source gave before, and what it still gives elsewhere, is put in the same pass; what a
//! target left unanswered is waited for as long as it is slow.

use std::time::Duration;

use mailferry_lab::{
    fault::{Faults, Strike},
    memory::{Ability, World},
};
use mailferry_model::{Kind, flags::Flags, job::PassKind, mapping::RunOptions};

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

#[tokio::test(start_paused = true)]
async fn a_slow_target_gets_longer_to_finish_what_it_did_not_answer() {
    let moved_in = async |faults: Faults| {
        let (source, target) = (World::able(), World::able());
        (0..9).for_each(|n| _ = source.deliver("INBOX", &large(&format!("no{n}.")), Flags::default()));
        target.slow_down(Duration::from_secs(3));
        let report = Play::begin(source.clone(), target.clone()).struck(&faults).await.unwrap();
        assert_eq!(target.seen(), source.seen());
        report.moved_in
    };
    let (calm, struck) =
        (moved_in(Faults::default()).await, moved_in(Faults::at(Strike::PutUnsure, 1)).await);
    assert!(
        struck >= calm + Duration::from_secs(12),
        "{struck:?} after {calm:?}: four puts, not the five seconds"
    );
}

/// A target that keeps a message, says NO and asks for an hour of rest: nothing more is put, and the next pass looks
/// before it puts.
#[tokio::test(start_paused = true)]
async fn what_is_kept_in_spite_of_a_no_for_an_hour_is_not_doubled() {
    for abilities in [vec![], vec![Ability::TellsIds]] {
        let (source, target) = (World::able(), World::with(abilities.clone()));
        (0..9).for_each(|n| _ = source.deliver("INBOX", &large(&format!("no{n}.")), Flags::default()));
        target.deny("no0.");
        let play = Play::begin(source.clone(), target.clone());
        let ended = play.calm(&RunOptions::default(), PassKind::Initial, false).await;
        assert_eq!(ended.err().map(|e| e.kind()), Some(Kind::Throttled), "{abilities:?}");
        let under_way = 4 * 3;
        assert!(target.numbers("INBOX").len() < under_way.min(9), "nothing is put during the rest");
        let report = play.calm(&RunOptions::default(), PassKind::Initial, false).await.unwrap();
        assert_eq!(target.seen(), source.seen(), "{abilities:?}");
        assert!(report.findings.doubled.is_empty(), "{:?}", report.findings);
    }
}
