//! Verifications that are ordered: what is refused, what is shown of one under way and of one that ended.

use std::time::Duration;

use axum::http::Method;
use mailferry_model::{
    Error, Kind, Side,
    verification::{Ended, Outcome, Sum, Verification, VerificationState},
};
use serde_json::{Value, json};

use super::{batch::with_wave, house::House};

const MINUTE: Duration = Duration::from_secs(60);

/// Claims what is ordered and ends it so.
async fn ends(house: &House, outcome: Outcome) {
    let owner = house.store.new_id();
    let claimed = house.store.claim_verification(owner, MINUTE).await.unwrap().unwrap();
    let ended =
        Verification { state: VerificationState::Done, looked_at: 2, outcome: Some(outcome), ..claimed };
    house.store.end_verification(&ended, owner, None).await.unwrap();
}

#[tokio::test]
async fn what_names_no_mailbox_is_refused_and_stored_nowhere() {
    let house = with_wave().await;
    for (order, status) in [
        (json!({}), 422),
        (json!({ "deep": true }), 422),
        (json!({ "batch": "wave", "colour": "red" }), 422),
        (json!({ "batch": "nothing" }), 404),
        (json!({ "user": "nobody@x" }), 404),
        (json!({ "batch": "wave", "user": "nobody@x" }), 404),
    ] {
        let (answered, problem) = house.post("/verifications", order.clone()).await;
        assert_eq!((answered, problem["code"].is_string()), (status, true), "{order}: {problem}");
    }
    assert_eq!(house.get("/verifications").await.1, json!([]));
    assert_eq!(house.get("/verifications/7").await.0, 404);
}

#[tokio::test]
async fn it_is_ordered_made_by_a_worker_told_and_forgotten() {
    let house = with_wave().await;
    let (status, told) = house.post("/verifications", json!({ "batch": "Wave", "deep": true })).await;
    assert_eq!((status, &told["state"], &told["batch"]), (202, &json!("Ordered"), &json!("wave")), "{told}");
    let path = format!("/verifications/{}", told["id"].as_str().unwrap());
    assert_eq!(house.get(&path).await.1, told);
    let mut sum = Sum::default();
    sum.fail("a@x", &Error::new(Kind::Unreachable, Side::Source, "connect", "nobody there"));
    ends(&house, Outcome::Verified(Box::new(sum.verified(Some("wave".into()), None)))).await;
    let told = house.get(&path).await.1;
    let result = &told["result"];
    assert_eq!(
        (&told["state"], &told["lookedAt"], &told["error"]),
        (&json!("Done"), &json!(2), &Value::Null)
    );
    assert_eq!((&result["exitCode"], &result["failed"][0]["user"]), (&json!(3), &json!("a@x")), "{told}");
    assert_eq!(house.get("/verifications").await.1[0]["result"], Value::Null, "lists leave it out");

    let (_, second) = house.post("/verifications", json!({ "batch": "wave", "user": "A@x" })).await;
    let error = Error::new(Kind::Unauthenticated, Side::Target, "sign in", "not this password");
    ends(&house, Outcome::Ended(Ended::of(&error))).await;
    let second = house.get(&format!("/verifications/{}", second["id"].as_str().unwrap())).await.1;
    assert_eq!((&second["error"]["code"], &second["result"]), (&json!("TARGET_AUTH_FAILED"), &Value::Null));

    assert_eq!(house.ask(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(house.ask(Method::DELETE, &path, Value::Null).await.0, 404);
    let audit = house.get("/audit").await.1.to_string();
    for word in ["verification.new", "verification.remove", "batch wave", "user A@x of batch wave"] {
        assert!(audit.contains(word), "{word}: {audit}");
    }
}

#[tokio::test]
async fn a_key_orders_one_once_and_too_many_wait_for_nobody() {
    let house = with_wave().await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let path = format!("{}/verifications", mailferry_server::PREFIX);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let told = house.send("POST", &path, &headers, r#"{"batch":"wave"}"#).await;
        assert_eq!(told.status, 202, "{}", told.text);
        ids.push(told.json()["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    for n in 1..50 {
        assert_eq!(house.post("/verifications", json!({ "batch": "wave" })).await.0, 202, "{n}");
    }
    let (status, problem) = house.post("/verifications", json!({ "batch": "wave" })).await;
    assert_eq!((status, &problem["code"]), (429, &json!("VERIFICATION_QUEUE_FULL")));
}
