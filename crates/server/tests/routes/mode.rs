//! In which mode a batch is started, what that refuses, and that only a full one is completed.

use mailferry_model::{
    report::{Score, Totals},
    status::{BatchStatus, UserStatus},
};
use serde_json::{Value, json};

use super::{
    batch::{batch_becomes, with_wave},
    house::House,
};

/// What workers would have written.
async fn rests(house: &House, status: BatchStatus, users: [UserStatus; 2]) {
    batch_becomes(house, status).await;
    let batch = house.store.batch("wave").await.unwrap();
    for (mut user, status) in house.store.users(batch.id).await.unwrap().into_iter().zip(users) {
        user.status = status;
        user.score = Some(Score::Perfect);
        house.store.set_user(&user).await.unwrap();
    }
}

async fn start(house: &House, query: &str) -> (u16, Value) {
    house.post(&format!("/batches/wave/start?{query}"), json!({})).await
}

async fn statuses(house: &House) -> Vec<String> {
    let users = house.get("/users?batch=wave").await.1;
    users.as_array().unwrap().iter().map(|user| user["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_trial_is_kept_until_a_start_in_full_and_is_never_completed() {
    let house = with_wave().await;
    assert_eq!(house.get("/batches/wave").await.1["mode"], "full");
    let would = start(&house, "mode=trial&dryRun=true").await;
    assert_eq!((would.0, &would.1["mode"]), (200, &json!("trial")));
    assert_eq!(house.get("/batches/wave").await.1["mode"], "full", "a dry run changes nothing");
    assert_eq!(start(&house, "mode=trial").await.1["mode"], "trial");
    let (code, told) = start(&house, "").await;
    assert_eq!(code, 409, "it is under way as a trial: {told}");
    rests(&house, BatchStatus::Synced, [UserStatus::Synced; 2]).await;
    let (code, told) = house.post("/batches/wave/complete", json!({})).await;
    assert!(code == 409 && told["detail"].as_str().unwrap().contains("trial"), "{told}");
    let (code, _) = house.post("/batches/wave/users/a@x/complete", json!({})).await;
    assert_eq!(code, 409);
    let plan = house.get("/batches/wave/completion").await.1;
    assert_eq!(plan["blockers"][0]["code"], "BATCH_MODE", "{plan}");
    let (code, full) = start(&house, "").await;
    assert_eq!((code, &full["mode"], &full["status"]), (202, &json!("full"), &json!("IncrementalSyncing")));
    assert_eq!(statuses(&house).await, ["IncrementalSyncing", "IncrementalSyncing"]);
    rests(&house, BatchStatus::Synced, [UserStatus::IncrementalSynced; 2]).await;
    let (code, told) = start(&house, "mode=trial").await;
    assert!(code == 409 && told["detail"].as_str().unwrap().contains("moved further"), "{told}");
    assert_eq!(house.post("/batches/wave/complete", json!({})).await.0, 202);
}

#[tokio::test]
async fn what_is_no_mode_is_refused_and_pre_stage_says_before_when() {
    let house = with_wave().await;
    for (query, word) in [
        ("mode=quick", "no such mode"),
        ("mode=pre-stage", "needs before"),
        ("before=2026-01-01T00:00:00Z", "belongs to"),
        ("mode=trial&before=2026-01-01T00:00:00Z", "belongs to"),
    ] {
        let (code, told) = start(&house, query).await;
        assert!(code == 422 && told["detail"].as_str().unwrap().contains(word), "{query}: {code} {told}");
    }
    let (code, told) = house.post("/batches/wave/sync?mode=trial", json!({})).await;
    assert_eq!(code, 422, "{told}");
    let (_, made) = start(&house, "mode=pre-stage&before=2026-01-01T00:00:00Z").await;
    assert_eq!((&made["mode"], &made["modeBefore"]), (&json!("pre-stage"), &json!("2026-01-01T00:00:00Z")));
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("pre-stage"), "{audit}");
}

#[tokio::test]
async fn only_what_failed_or_was_left_behind_is_tried_again() {
    let house = with_wave().await;
    assert_eq!(start(&house, "mode=retry-errors").await.1["status"], "Created", "nothing has failed yet");
    rests(&house, BatchStatus::Synced, [UserStatus::Synced; 2]).await;
    let (code, told) = start(&house, "mode=retry-errors").await;
    assert!(code == 202 && told["notices"].to_string().contains("nothing to start"), "{told}");
    rests(&house, BatchStatus::SyncedWithErrors, [UserStatus::Failed, UserStatus::Synced]).await;
    assert_eq!(start(&house, "mode=retry-errors").await.0, 202);
    assert_eq!(statuses(&house).await, ["Queued", "Synced"]);
    rests(&house, BatchStatus::Synced, [UserStatus::Synced; 2]).await;
    let batch = house.store.batch("wave").await.unwrap();
    let mut user = house.store.users(batch.id).await.unwrap().remove(1);
    user.totals = Totals { skipped: 1, ..user.totals };
    house.store.set_user(&user).await.unwrap();
    let (code, told) = start(&house, "mode=retry-errors").await;
    assert_eq!((code, &told["status"], &told["mode"]), (202, &json!("IncrementalSyncing"), &json!("full")));
    assert_eq!(statuses(&house).await, ["Synced", "IncrementalSyncing"]);
    assert!(house.store.user(user.id).await.unwrap().retry_skipped);
}
