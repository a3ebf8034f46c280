//! What the clock does to batches.

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    batch::Batch,
    config::Config,
    id::BatchId,
    port::Meter,
    report::Score,
    schedule::Schedule,
    status::{BatchStatus, UserStatus},
};

use super::town::Town;

async fn scheduled(town: &Town, batch: BatchId, schedule: Schedule) {
    let batch = Batch { schedule, ..town.batch(batch).await };
    town.store.set_batch(&batch).await.unwrap();
}

fn later(town: &Town, millis: i64) -> Timestamp {
    town.now() + SignedDuration::from_millis(millis)
}

#[tokio::test]
async fn a_batch_waits_for_its_start_and_is_tested_then() {
    let town = Town::of(2).await;
    let batch = town.begin_untested().await;
    let start = later(&town, 2500);
    let zone = Some("Europe/Berlin".to_owned());
    scheduled(&town, batch, Schedule { start_after: Some(start), time_zone: zone, ..Schedule::default() })
        .await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Waiting }).await;
    let told = town.batch(batch).await.detail.unwrap();
    assert!(told.starts_with("WaitingForStart: it begins 2026-01-01 01:00 CET"), "{told}");
    assert_eq!(town.sign_ins(), 0);
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    assert!(town.now() >= start);
    assert_eq!(town.connector.tests.load(std::sync::atomic::Ordering::SeqCst), 2, "both endpoints");
    let trail = town.store.audit(0).await.unwrap();
    let waited = trail.iter().filter_map(|(_, entry)| entry.change.as_deref());
    assert!(
        waited.clone().any(|change| change.contains(r#""waited":"WaitingForStart: it begins"#)),
        "{trail:?}"
    );
}

#[tokio::test]
async fn what_is_synced_completes_at_its_time_and_the_trail_says_why() {
    let town = Town::of(2).await;
    let batch = town.begin().await;
    let worker = town.worker();
    let time = later(&town, 3000);
    scheduled(&town, batch, Schedule { complete_after: Some(time), ..Schedule::default() }).await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Completed }).await;
    assert!(town.now() >= time, "not before");
    assert!(town.users(batch).await.iter().all(|u| u.status == UserStatus::Completed));
    let trail = town.store.audit(0).await.unwrap();
    let completed = trail.iter().find(|(_, entry)| entry.action == "batch.complete").unwrap();
    assert_eq!(completed.1.change.as_deref(), Some(r#"{"because":"CompleteAfter"}"#));
}

#[tokio::test]
async fn what_is_synced_is_synced_again_when_its_interval_is_over() {
    let town = Town::of(1).await;
    let batch = town.begin().await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let before =
        Batch { last_synced: Some(town.now() - SignedDuration::from_hours(25)), ..town.batch(batch).await };
    let never = Schedule { sync_every_hours: 0, ..Schedule::default() };
    town.store.set_batch(&Batch { schedule: never, ..before.clone() }).await.unwrap();
    let signed_in = town.sign_ins();
    let enough = later(&town, 2000);
    town.until(&worker, || async { town.now() > enough }).await;
    assert_eq!(town.sign_ins(), signed_in, "never, if so wanted");
    let version = town.batch(batch).await.version;
    town.store.set_batch(&Batch { version, ..before }).await.unwrap();
    town.until(&worker, || async { town.users(batch).await[0].status == UserStatus::IncrementalSynced })
        .await;
    let rests = || async { town.batch(batch).await.status == BatchStatus::Synced };
    town.until(&worker, rests).await;
    assert_eq!(town.sign_ins(), signed_in + 1, "once, and then not before the next day");
}

#[tokio::test]
async fn outside_its_hours_a_batch_moves_nothing() {
    let town = Town::of(2).await;
    let batch = town.begin().await;
    let windows = Some("Mon-Sun 03:00-05:00".parse().unwrap());
    scheduled(&town, batch, Schedule { windows, ..Schedule::default() }).await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Waiting }).await;
    let told = town.batch(batch).await.detail.unwrap();
    assert_eq!(told, "StalledDueToWindow: its hours begin 2026-01-01 03:00 UTC");
    assert_eq!(town.sign_ins(), 0);
    let windows = Some("Thu".parse().unwrap());
    scheduled(&town, batch, Schedule { windows, ..Schedule::default() }).await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
}

#[tokio::test]
async fn what_the_gate_holds_back_completes_by_itself_once_it_is_approved() {
    let town = Town::of(2).await;
    let batch = town.begin().await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let lacking = async |n: u64| {
        let mut user = town.users(batch).await.remove(0);
        (user.score, user.unapproved) = (Some(Score::Investigate), Some(n));
        town.store.set_user(&user).await.unwrap();
    };
    lacking(1).await;
    scheduled(&town, batch, Schedule { complete_after: Some(town.now()), ..Schedule::default() }).await;
    let status = async |n: usize| town.users(batch).await[n].status;
    town.until(&worker, || async { status(1).await == UserStatus::Completed }).await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let enough = later(&town, 2000);
    town.until(&worker, || async { town.now() > enough }).await;
    let held = town.users(batch).await.remove(0);
    assert_eq!((held.status, held.detail.unwrap().code.as_str()), (UserStatus::Synced, "NeedsApproval"));
    let trail = town.store.audit(0).await.unwrap();
    let asked = trail.iter().filter(|(_, entry)| entry.action == "batch.complete").count();
    assert_eq!(asked, 1, "it is not asked again and again");
    lacking(0).await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Completed }).await;
    assert_eq!(status(0).await, UserStatus::Completed);
}

#[tokio::test]
async fn a_mailbox_with_a_time_of_its_own_completes_then_and_not_with_its_batch() {
    let town = Town::of(3).await;
    let batch = town.begin().await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let mut users = town.users(batch).await;
    users[0].complete_after = Some(town.now());
    users[1].complete_after = Some(later(&town, 20_000));
    for user in &users[..2] {
        town.store.set_user(user).await.unwrap();
    }
    let status = async |n: usize| town.users(batch).await[n].status;
    town.until(&worker, || async { status(0).await == UserStatus::Completed }).await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    assert_eq!([status(1).await, status(2).await], [UserStatus::Synced; 2], "alone");
    scheduled(&town, batch, Schedule { complete_after: Some(town.now()), ..Schedule::default() }).await;
    town.until(&worker, || async { status(2).await == UserStatus::Completed }).await;
    assert_eq!(status(1).await, UserStatus::Synced, "its own time goes first");
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Completed }).await;
    assert!(town.users(batch).await.iter().all(|user| user.complete_after.is_none()));
}

#[tokio::test]
async fn the_bandwidth_timetable_is_followed_within_seconds() {
    let town = Town::of(1).await;
    // It is midnight; in a moment another rate begins, and then the table is taken away.
    let second = |at: Timestamp| at.strftime("%H:%M").to_string();
    let now = second(town.now());
    let config = |bandwidth: &str| Config { bandwidth: bandwidth.parse().ok(), ..Config::default() };
    town.store.set_config(&config(&format!("{now},1K 12:00,off"))).await.unwrap();
    let worker = town.worker();
    town.until(&worker, || async { town.meter.at_once() == Some(1024) }).await;
    town.store.set_config(&config(&format!("{now},2K"))).await.unwrap();
    town.until(&worker, || async { town.meter.at_once() == Some(2048) }).await;
    town.store.set_config(&Config::default()).await.unwrap();
    town.until(&worker, || async { town.meter.at_once().is_none() }).await;
}
