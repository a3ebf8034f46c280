//! Tests that are ordered: what is refused, what is kept sealed, and what a finished one is good for.

use std::time::Duration;

use mailferry_model::{
    endpoint_test::{MAILBOX_SECRET, TestState},
    finding::TestResult,
};
use serde_json::json;

use super::{endpoint::post_office, house::House};

#[tokio::test]
async fn what_is_no_test_is_refused_and_stored_nowhere() {
    let house = House::fresh().await;
    house.post("/endpoints", post_office("old")).await;
    for (order, status) in [
        (json!({}), 422),
        (json!({ "endpoint": "old", "type": "post" }), 422),
        (json!({ "endpoint": "old", "settings": { "port": "9" } }), 422),
        (json!({ "endpoint": "nobody" }), 404),
        (json!({ "type": "smoke" }), 422),
        (json!({ "type": "post", "settings": { "colour": "red" } }), 422),
        (json!({ "endpoint": "old", "repeatSeconds": 0 }), 422),
        (json!({ "endpoint": "old", "repeatSeconds": 5, "discovery": true }), 422),
        (json!({ "endpoint": "old", "as": "spare" }), 422),
    ] {
        let (answered, problem) = house.post("/endpoint-tests", order.clone()).await;
        assert_eq!((answered, problem["code"].is_string()), (status, true), "{order}: {problem}");
    }
    assert_eq!(house.get("/endpoint-tests").await.1, json!([]));
    assert_eq!(house.get("/endpoint-tests/7").await.0, 404);
}

#[tokio::test]
async fn secrets_are_sealed_for_the_worker_and_shown_to_nobody() {
    let house = House::fresh().await;
    let mut order = post_office("old");
    order.as_object_mut().unwrap().remove("name");
    order["mailbox"] = json!({ "address": "a@x", "password": "canary-mailbox" });
    order["as"] = json!("target");
    let (status, test) = house.post("/endpoint-tests", order).await;
    assert_eq!((status, &test["state"], &test["as"]), (202, &json!("Ordered"), &json!("target")), "{test}");
    let id = test["id"].as_str().unwrap();
    let shown = house.get(&format!("/endpoint-tests/{id}")).await.1;
    assert_eq!(shown, test);
    assert_eq!(house.get("/endpoint-tests").await.1, json!([test]));
    assert!(!format!("{shown}{}", house.get("/audit").await.1).contains("canary"));
    let kept = house.store.endpoint_tests().await.unwrap().remove(0);
    let sealed = house.store.unseal(kept.id.0).await.unwrap();
    assert!(sealed.iter().any(|(name, s)| name == MAILBOX_SECRET && s.expose() == "canary-mailbox"));
}

/// An endpoint that is made of settings which were tested begins with what that found.
#[tokio::test]
async fn a_test_goes_along_with_the_endpoint_that_is_made_of_its_settings() {
    let house = House::fresh().await;
    let mut order = post_office("old");
    order.as_object_mut().unwrap().remove("name");
    let id = house.post("/endpoint-tests", order).await.1["id"].clone();
    let mut made = post_office("old");
    made["tested"] = id;
    assert_eq!(house.post("/endpoints", made.clone()).await.0, 422, "it has no result yet");
    let owner = house.store.new_id();
    let mut test = house.store.claim_endpoint_test(owner, Duration::from_secs(60)).await.unwrap().unwrap();
    (test.state, test.result) = (TestState::Done, Some(TestResult::of(Vec::new())));
    house.store.end_endpoint_test(&test, owner).await.unwrap();
    let mut other = made.clone();
    other["settings"]["port"] = json!("9");
    assert_eq!(house.post("/endpoints", other).await.0, 422, "other settings");
    let (status, shown) = house.post("/endpoints", made).await;
    assert_eq!((status, &shown["lastTest"]["result"]), (201, &json!("Failed")), "{shown}");
}
