//! Single users of batches: started, tried again, synced, stopped, given passwords, removed.

use axum::http::Method;
use mailferry_model::status::{BatchStatus, UserStatus};
use serde_json::{Value, json};

use super::{batch::with_wave, house::House};

const A: &str = "/batches/wave/users/a@x";

/// What workers would do.
async fn becomes(house: &House, batch: BatchStatus, users: [UserStatus; 2]) {
    let mut wave = house.store.batch("wave").await.unwrap();
    wave.status = batch;
    house.store.set_batch(&wave).await.unwrap();
    for (mut user, status) in house.store.users(wave.id).await.unwrap().into_iter().zip(users) {
        user.status = status;
        house.store.set_user(&user).await.unwrap();
    }
}

/// The batch and its users now.
async fn stands(house: &House) -> (BatchStatus, Vec<UserStatus>) {
    let wave = house.store.batch("wave").await.unwrap();
    let users = house.store.users(wave.id).await.unwrap();
    (wave.status, users.into_iter().map(|u| u.status).collect())
}

#[tokio::test]
async fn a_word_about_one_user_leaves_all_others() {
    use BatchStatus as B;
    use UserStatus as U;
    let house = with_wave().await;
    for (batch, [one, other], action, (next, then)) in [
        (B::Syncing, [U::Stopped, U::Syncing], "start", (B::Syncing, U::Queued)),
        (B::Stopped, [U::Stopped, U::Stopped], "start", (B::Starting, U::Queued)),
        (B::Synced, [U::Stopped, U::Synced], "start", (B::IncrementalSyncing, U::Queued)),
        (B::Synced, [U::Synced, U::Synced], "start", (B::Synced, U::Synced)),
        (B::SyncedWithErrors, [U::Failed, U::Failed], "retry", (B::Starting, U::Queued)),
        (B::Syncing, [U::Failed, U::Syncing], "retry", (B::Syncing, U::Queued)),
        (
            B::CompletedWithErrors,
            [U::CompletionFailed, U::Completed],
            "retry",
            (B::Starting, U::IncrementalSyncing),
        ),
        (B::Synced, [U::Synced, U::Synced], "sync", (B::IncrementalSyncing, U::IncrementalSyncing)),
        (B::Syncing, [U::Synced, U::Syncing], "sync", (B::Syncing, U::IncrementalSyncing)),
        (B::Syncing, [U::Syncing, U::Syncing], "stop", (B::Syncing, U::Stopping)),
        (B::Completing, [U::Completing, U::Completing], "stop", (B::Completing, U::IncrementalStopped)),
        (B::Stopped, [U::Stopped, U::Stopped], "stop", (B::Stopped, U::Stopped)),
    ] {
        becomes(&house, batch, [one, other]).await;
        let (status, told) = house.post(&format!("{A}/{action}"), json!({})).await;
        assert_eq!(
            (status, &told["emailAddress"]),
            (202, &json!("a@x")),
            "{batch:?} {one:?} {action}: {told}"
        );
        assert_eq!(stands(&house).await, (next, vec![then, other]), "{batch:?} {one:?} {action}");
    }
    let audit = house.get("/audit").await.1.to_string();
    for word in ["user.start", "user.retry", "user.sync", "user.stop", "user a@x of batch wave"] {
        assert!(audit.contains(word), "{word}");
    }
}

#[tokio::test]
async fn what_does_not_apply_is_refused_and_changes_nothing() {
    use BatchStatus as B;
    use UserStatus as U;
    let house = with_wave().await;
    for (batch, one, action) in [
        (B::Created, U::Queued, "start"),
        (B::Created, U::Queued, "stop"),
        (B::Synced, U::Synced, "retry"),
        (B::Synced, U::Synced, "stop"),
        (B::Syncing, U::Queued, "sync"),
        (B::Completing, U::IncrementalStopped, "sync"),
        (B::Stopping, U::Stopped, "start"),
        (B::Completed, U::Stopped, "start"),
    ] {
        becomes(&house, batch, [one, U::Synced]).await;
        let (status, problem) = house.post(&format!("{A}/{action}"), json!({})).await;
        assert_eq!((status, &problem["code"]), (409, &json!("WRONG_STATE")), "{batch:?} {one:?} {action}");
        assert_eq!(stands(&house).await, (batch, vec![one, U::Synced]));
    }
    assert_eq!(house.post("/batches/wave/users/nobody@x/start", json!({})).await.0, 404);
    assert_eq!(house.post("/batches/nothing/users/a@x/start", json!({})).await.0, 404);
    let path = format!("{}{A}/stop", mailferry_server::PREFIX);
    let headers = [("content-type", "application/json"), ("if-match", "\"9999\"")];
    assert_eq!(house.send("POST", &path, &headers, "{}").await.problem().0, 412);
}

/// A batch that rests while one of its users was stopped alone goes on with it.
#[tokio::test]
async fn a_batch_takes_up_what_was_stopped_alone() {
    let house = with_wave().await;
    becomes(&house, BatchStatus::Synced, [UserStatus::Stopped, UserStatus::Synced]).await;
    assert_eq!(house.post("/batches/wave/start", json!({})).await.0, 202);
    let (batch, users) = stands(&house).await;
    assert_eq!(
        (batch, users[0], users[1]),
        (BatchStatus::IncrementalSyncing, UserStatus::Queued, UserStatus::Synced)
    );
}

#[tokio::test]
async fn passwords_are_given_anew_and_shown_to_nobody() {
    let house = with_wave().await;
    let body = json!({ "password": "canary-new" });
    let (status, told) = house.ask(Method::PATCH, A, body).await;
    assert_eq!((status, &told["emailAddress"]), (200, &json!("a@x")), "{told}");
    let mut shown = house.get(A).await.1;
    for told_of_one in ["why", "statistics"] {
        shown.as_object_mut().unwrap().remove(told_of_one).unwrap();
    }
    assert_eq!(shown, told);
    let user = house.store.users_by_address("a@x").await.unwrap().remove(0);
    let kept = house.store.unseal(user.id.0).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|(name, secret)| (name.as_str(), secret.expose().as_str())).collect();
    assert_eq!(kept, [("source-password", "canary-new"), ("target-password", "canary-2")]);
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("user.set") && !format!("{audit}{told}").contains("canary"), "{audit}");
    for body in [json!({}), json!({ "password": "" }), json!({ "targetAddress": "b@y" })] {
        assert_eq!(house.ask(Method::PATCH, A, body.clone()).await.0, 422, "{body}");
    }
}

#[tokio::test]
async fn one_is_taken_out_of_its_batch_but_not_the_last() {
    let house = with_wave().await;
    becomes(&house, BatchStatus::Syncing, [UserStatus::Syncing, UserStatus::Syncing]).await;
    let remove = async |path: &str| house.ask(Method::DELETE, path, Value::Null).await;
    assert_eq!(remove(A).await.1["code"], "WRONG_STATE");
    becomes(&house, BatchStatus::Syncing, [UserStatus::Stopped, UserStatus::Syncing]).await;
    let version = house.get("/batches/wave").await.1["version"].as_u64();
    let pretend = format!("{A}?dryRun=true");
    assert_eq!(remove(&pretend).await.0, 204);
    assert_eq!(house.get("/batches/wave").await.1["version"].as_u64(), version, "nothing was done");
    assert_eq!(remove(A).await.0, 204);
    assert_eq!(remove(A).await.0, 404);
    assert_eq!(remove(&pretend).await.0, 404);
    let wave = house.get("/batches/wave").await.1;
    assert_eq!((&wave["total"], wave["version"].as_u64()), (&json!(1), version.map(|v| v + 1)));
    becomes(&house, BatchStatus::Synced, [UserStatus::Synced; 2]).await;
    assert_eq!(remove("/batches/wave/users/b@x").await.1["code"], "WRONG_STATE", "the last one");
    assert_eq!(remove("/batches/wave/users/b@x?dryRun=true").await.1["code"], "WRONG_STATE");
    assert_eq!(remove("/batches/wave?dryRun=true").await.0, 204);
    assert_eq!(remove("/batches/wave").await.0, 204, "it is still there");
    assert_eq!(remove("/batches/wave?dryRun=true").await.0, 404);
}

#[tokio::test]
async fn a_misspelt_filter_is_refused_and_not_passed_over() {
    let house = with_wave().await;
    for (path, names) in [
        ("/users?stauts=Failed", "there is batch, cursor, limit, status"),
        ("/batches?limit=1&colour=red", "there is cursor, limit, status"),
        ("/batches/wave?x", "there is none"),
        ("/audit?tail=3", "there is after, last, limit"),
    ] {
        let (status, problem) = house.get(path).await;
        assert_eq!((status, &problem["code"]), (422, &json!("REQUEST_MALFORMED")), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(names), "{path}: {problem}");
    }
    let (status, users) = house.get("/users?status=Failed&batch=wave&limit=5").await;
    assert_eq!((status, users.as_array().map(Vec::len)), (200, Some(0)));
}
