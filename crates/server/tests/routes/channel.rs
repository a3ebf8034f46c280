//! Channels for notices: what is shown of them, and what never is.

use axum::http::Method;
use serde_json::{Value, json};

use super::house::House;

const ADDRESS: &str = "https://hooks.example/canary-path?sig=canary-sig";

async fn with_webhook() -> (House, String) {
    let house = House::fresh().await;
    let body = json!({ "name": "Ops", "kind": "webhook", "url": ADDRESS });
    let (status, made) = house.post("/channels", body).await;
    assert_eq!((status, &made["site"]), (201, &json!("https://hooks.example")), "{made}");
    (house, made["signingKey"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_key_is_shown_once_and_an_address_never() {
    let (house, key) = with_webhook().await;
    assert!(key.starts_with("whsec_") && key.len() == 50, "{}", key.len());
    let (status, again) = house.post("/channels/ops/rotate", json!({})).await;
    let fresh = again["signingKey"].as_str().unwrap().to_owned();
    assert!(status == 200 && fresh != key);
    let id = house.store.channel("ops").await.unwrap().id.0;
    let kept = house.store.unseal(id).await.unwrap();
    let kept: Vec<&str> = kept.iter().map(|(_, secret)| secret.expose().as_str()).collect();
    assert_eq!(kept, [fresh.as_str(), key.as_str(), ADDRESS], "both keys sign");
    house.post("/channels/ops/rotate", json!({ "end": true })).await;
    assert_eq!(house.store.unseal(id).await.unwrap().len(), 2, "the key before signs no longer");
    assert_eq!(house.post("/channels/ops/test", json!({})).await.0, 202);
    let mut told = String::new();
    for path in ["/channels", "/channels/OPS", "/channels/ops/deliveries", "/audit"] {
        let (status, body) = house.get(path).await;
        assert_eq!(status, 200, "{path}");
        told += &body.to_string();
    }
    assert!(told.contains("channel.rotate") && told.contains("waiting"), "{told}");
    for secret in [key.as_str(), fresh.as_str(), "canary"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_a_code() {
    let (house, _) = with_webhook().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "name": "n", "kind": "teams", "url": ADDRESS });
        body[field] = value;
        body
    };
    for (body, code) in [
        (with("name", json!("a/b")), "CHANNEL_NAME"),
        (with("url", json!("http://h/canary")), "CHANNEL_ADDRESS"),
        (with("url", json!("https://me:canary@h/")), "CHANNEL_ADDRESS"),
        (with("events", json!(["batch.done"])), "CHANNEL_EVENTS"),
        (with("events", json!([])), "CHANNEL_EVENTS"),
    ] {
        let (status, told) = house.post("/channels", body).await;
        assert_eq!((status, &told["code"]), (422, &json!(code)), "{told}");
        assert!(!told.to_string().contains("canary"), "{told}");
    }
    assert_eq!(house.post("/channels", with("name", json!("oPS"))).await.0, 409);
    assert_eq!(house.post("/channels", with("name", json!("card"))).await.0, 201);
    assert_eq!(house.post("/channels/card/rotate", json!({})).await.1["code"], "CHANNEL_UNSIGNED");
}

#[tokio::test]
async fn a_channel_is_changed_and_removed_with_its_secrets() {
    let (house, _) = with_webhook().await;
    let changes = json!({ "events": ["batch.*"], "muted": true });
    let (status, now) = house.ask(Method::PATCH, "/channels/ops", changes).await;
    assert_eq!((status, &now["muted"], &now["version"]), (200, &json!(true), &json!(2)), "{now}");
    let id = house.store.channel("ops").await.unwrap().id.0;
    assert_eq!(house.ask(Method::DELETE, "/channels/ops", Value::Null).await.0, 204);
    assert!(house.store.unseal(id).await.unwrap().is_empty());
    assert_eq!(house.get("/channels/ops").await.0, 404);
}
