//! A bandwidth limit holds for whatever is sent: a large body, many messages, one message, a repair.

use std::time::Duration;

use mailferry_lab::memory::World;
use mailferry_model::{Kind, flags::Flags, item::Body, job::PassKind, mapping::RunOptions};

use crate::harness::Play;

/// A message of about so many bytes.
fn message(word: &str, bytes: usize) -> String {
    format!("Message-ID: <{word}@x>\r\nSubject: {word}\r\n\r\n{}\r\n", "0123456789abcdef".repeat(bytes / 16))
}

/// The time that a first pass takes to move these under a limit, until everything is placed.
async fn moved_in(bytes_per_second: u64, messages: &[usize]) -> mailferry_model::Result<Duration> {
    let (source, target) = (World::able(), World::able());
    source.create("Sent");
    for (n, bytes) in messages.iter().enumerate() {
        source.deliver(["INBOX", "Sent"][n % 2], &message(&format!("no{n}."), *bytes), Flags::default());
    }
    let play = Play::begin(source.clone(), target.clone()).limited(bytes_per_second);
    let report = play.calm(&RunOptions::default(), PassKind::Initial, false).await?;
    assert_eq!(target.seen(), source.seen());
    Ok(report.moved_in)
}

/// No faster than the limit allows but for a second's worth, and not much slower.
fn assert_paced(took: Duration, bytes: u64, bytes_per_second: u64) {
    let due = Duration::from_secs_f64(bytes as f64 / bytes_per_second as f64);
    let least = due.saturating_sub(Duration::from_millis(1500));
    assert!((least..=due + Duration::from_secs(5)).contains(&took), "{took:?} for {due:?}");
}

#[tokio::test(start_paused = true)]
async fn one_large_body_is_paced_piece_by_piece() {
    let bytes = 4 * Body::IN_MEMORY;
    assert_paced(moved_in(2_000_000, &[bytes as usize]).await.unwrap(), bytes, 2_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_short_run_of_small_messages_is_paced() {
    assert_paced(moved_in(100_000, &[20_000; 50]).await.unwrap(), 1_000_000, 100_000);
}

#[tokio::test(start_paused = true)]
async fn one_message_in_memory_is_paced() {
    assert_paced(moved_in(100_000, &[2_000_000]).await.unwrap(), 2_000_000, 100_000);
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_the_limit() {
    for bytes in [2_000_000, 2 * Body::IN_MEMORY as usize] {
        let (source, target) = (World::able(), World::able());
        source.deliver("INBOX", &message("first", bytes), Flags::default());
        source.deliver("INBOX", &message("second", bytes), Flags::default());
        let play = Play::begin(source.clone(), target.clone()).limited(10_000);
        let cancel = play.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            cancel.cancel();
        });
        let ended = play.calm(&RunOptions::default(), PassKind::Initial, false).await;
        assert_eq!(ended.unwrap_err().kind(), Kind::Cancelled);
        assert!(play.elapsed() < Duration::from_secs(22), "{:?}", play.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_while_paced_is_judged_whole() {
    let (source, target) = (World::able(), World::able());
    target.refuse("POISON");
    source.deliver("INBOX", &message("POISON", 50_000), Flags::default());
    source.deliver("INBOX", &message("sound", 50_000), Flags::default());
    let play = Play::begin(source, target.clone()).limited(10_000);
    let report = play.calm(&RunOptions::default(), PassKind::Initial, false).await.unwrap();
    assert_eq!((report.findings.skipped.len(), target.numbers("INBOX").len()), (1, 1));
}
