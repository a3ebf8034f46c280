//! Replacing an endpoint (R3, F1): dependents pause, are repointed and resumed; or stay, when asked.

use axum::http::Method;
use mailferry_model::status::{BatchStatus, UserStatus};
use serde_json::{Value, json};

use crate::house::House;

/// Endpoints `old` and `new` with a batch that has begun and one that has not.
async fn scene() -> House {
    let house = House::fresh().await;
    for name in ["old", "next", "new"] {
        let body = json!({
            "name": name, "type": "post",
            "settings": { "remote-server": format!("{name}.example") }, "secrets": { "password": "canary-4711" },
        });
        assert_eq!(house.post("/endpoints", body).await.0, 201);
    }
    for (name, address) in [("begun", "a@x"), ("planned", "b@x")] {
        let csv = format!("EmailAddress\n{address}\n");
        let body = json!({ "name": name, "source": "old", "target": "new", "csv": csv });
        assert_eq!(house.post("/batches", body).await.0, 201);
    }
    let mut begun = house.store.batch("begun").await.unwrap();
    begun.status = BatchStatus::Syncing;
    house.store.set_batch(&begun).await.unwrap();
    for mut user in house.store.users(begun.id).await.unwrap() {
        user.status = UserStatus::Syncing;
        house.store.set_user(&user).await.unwrap();
    }
    house
}

async fn test_passes(house: &House, name: &str) {
    let result = json!({ "result": "Success", "native": "Success", "steps": [] });
    let mut endpoint = house.store.endpoint(name).await.unwrap();
    _ = endpoint.keep_test(&mut serde_json::from_value(result).unwrap());
    house.store.set_endpoint(&endpoint).await.unwrap();
}

async fn source_of(house: &House, batch: &str) -> Value {
    house.get(&format!("/batches/{batch}")).await.1["source"].clone()
}

#[tokio::test]
async fn dependents_are_paused_repointed_and_resumed() {
    let house = scene().await;
    let with = json!({ "with": "next" });
    let (status, problem) = house.post("/endpoints/old/replace", with.clone()).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("ENDPOINT_UNTESTED")), "{problem}");
    test_passes(&house, "next").await;
    let (status, done) = house.post("/endpoints/old/replace", with).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["repointed"], json!(["begun", "planned"]));
    assert_eq!(
        (&done["paused"], &done["resumed"], &done["waiting"]),
        (&json!(["begun"]), &json!(["begun"]), &json!([]))
    );
    assert_eq!(
        (source_of(&house, "begun").await, source_of(&house, "planned").await),
        (json!("next"), json!("next"))
    );
    assert!(house.store.batch("begun").await.unwrap().status.is_active());
    assert_eq!(house.store.batch("planned").await.unwrap().status, BatchStatus::Created);
    assert_eq!(house.ask(Method::DELETE, "/endpoints/old", Value::Null).await.0, 204);
}

#[tokio::test]
async fn a_batch_in_a_workers_hands_is_waited_for() {
    let house = scene().await;
    test_passes(&house, "next").await;
    let begun = house.store.batch("begun").await.unwrap();
    let user = house.store.users(begun.id).await.unwrap().remove(0);
    let now = jiff::Timestamp::from_second(1_767_225_600).unwrap();
    let job = mailferry_model::job::JobSpec {
        user: user.id,
        batch: begun.id,
        source: begun.source,
        target: begun.target,
        kind: mailferry_model::job::PassKind::Initial,
        run_at: now,
    };
    house.store.add_job(&job).await.unwrap();
    let claimed =
        house.store.claim(house.store.new_id(), now, std::time::Duration::from_secs(60)).await.unwrap();
    let claimed = claimed.unwrap();
    let (_, first) = house.post("/endpoints/old/replace", json!({ "with": "next" })).await;
    assert_eq!((&first["waiting"], &first["paused"]), (&json!(["begun"]), &json!(["begun"])), "{first}");
    assert_eq!(source_of(&house, "begun").await, json!("old"));
    house.store.end_job(&claimed, None).await.unwrap();
    // Whoever asks next: the batch knows why it rests.
    let (_, second) = house.post("/endpoints/old/replace", json!({ "with": "next" })).await;
    assert_eq!(
        (&second["repointed"], &second["resumed"]),
        (&json!(["begun"]), &json!(["begun"])),
        "{second}"
    );
}

#[tokio::test]
async fn a_batch_that_somebody_stops_meanwhile_stays_stopped() {
    let house = scene().await;
    test_passes(&house, "next").await;
    let mut begun = house.store.batch("begun").await.unwrap();
    (begun.status, begun.paused_for) = (BatchStatus::Stopped, Some(begun.source));
    house.store.set_batch(&begun).await.unwrap();
    assert_eq!(house.post("/batches/begun/start", json!({})).await.0, 202);
    assert_eq!(house.post("/batches/begun/stop", json!({})).await.0, 202);
    let (_, done) = house.post("/endpoints/old/replace", json!({ "with": "next" })).await;
    assert_eq!((&done["resumed"], &done["paused"]), (&json!([]), &json!([])), "{done}");
    assert!(!house.store.batch("begun").await.unwrap().status.is_active());
}

#[tokio::test]
async fn with_keep_running_only_those_not_started_are_repointed() {
    let house = scene().await;
    test_passes(&house, "next").await;
    let (_, done) =
        house.post("/endpoints/old/replace", json!({ "with": "next", "keepRunning": true })).await;
    assert_eq!((&done["repointed"], &done["kept"]), (&json!(["planned"]), &json!(["begun"])), "{done}");
    assert_eq!(source_of(&house, "begun").await, json!("old"));
    assert_eq!(house.store.batch("begun").await.unwrap().status, BatchStatus::Syncing);
    let (status, problem) = house.ask(Method::DELETE, "/endpoints/old", Value::Null).await;
    assert_eq!((status, &problem["blockers"]), (409, &json!(["begun"])), "{problem}");
}

#[tokio::test]
async fn a_successor_that_cannot_do_it_is_refused() {
    let house = scene().await;
    house.post("/endpoints", json!({ "name": "shelf", "type": "shelf" })).await;
    test_passes(&house, "shelf").await;
    let (_, refused) = house.post("/endpoints/new/replace", json!({ "with": "shelf" })).await;
    assert_eq!(refused["code"], "BATCH_ROLE", "{refused}");
    let (_, same) = house.post("/endpoints/old/replace", json!({ "with": "old" })).await;
    assert_eq!(same["code"], "ENDPOINT_SAME", "{same}");
    assert_eq!(house.post("/endpoints/old/replace", json!({ "with": "nobody" })).await.0, 404);
}

/// What would make source and target of a mailbox one is refused, and nothing was paused for it.
#[tokio::test]
async fn a_successor_that_is_the_other_side_already_is_refused() {
    let house = scene().await;
    test_passes(&house, "new").await;
    let (status, problem) = house.post("/endpoints/old/replace", json!({ "with": "new" })).await;
    assert_eq!((status, &problem["code"]), (409, &json!("ENDPOINT_SAME_MAILBOX")), "{problem}");
    assert_eq!(problem["blockers"], json!(["a@x"]));
    assert_eq!(house.store.batch("begun").await.unwrap().status, BatchStatus::Syncing);
    let change = json!({ "settings": { "remote-server": "new.example" } });
    let (status, problem) = house.ask(Method::PATCH, "/endpoints/old", change).await;
    assert_eq!((status, &problem["code"]), (409, &json!("ENDPOINT_SAME_MAILBOX")), "{problem}");
}

#[tokio::test]
async fn what_batches_write_to_was_tested_by_writing() {
    let house = scene().await;
    let mut next = house.store.endpoint("next").await.unwrap();
    let result = json!({ "result": "Success", "native": "Success", "steps": [], "roles": ["source"] });
    _ = next.keep_test(&mut serde_json::from_value(result.clone()).unwrap());
    house.store.set_endpoint(&next).await.unwrap();
    let with = json!({ "with": "next" });
    let (status, problem) = house.post("/endpoints/new/replace", with.clone()).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("ENDPOINT_UNTESTED")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("--as target"), "{problem}");
    let (status, done) = house.post("/endpoints/old/replace", with).await;
    assert_eq!(status, 200, "who is read need not be written: {done}");
}
