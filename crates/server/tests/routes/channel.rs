//! Channels for notices: what is shown of them, and what never is.

use axum::http::Method;
use serde_json::{Value, json};

use super::{batch::with_endpoints, house::House};

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

fn mail() -> Value {
    json!({ "name": "people", "kind": "mail", "mail": {
        "server": "mail.example.org", "username": "ferry", "password": "canary-password",
        "from": "ferry@example.org", "to": ["ops@example.org"], "failureTo": ["on-call@example.org"],
    } })
}

#[tokio::test]
async fn a_channel_of_mail_shows_its_way_and_never_its_password() {
    let house = House::fresh().await;
    let (status, made) = house.post("/channels", mail()).await;
    assert_eq!((status, &made["site"]), (201, &json!("smtp://mail.example.org:587")), "{made}");
    assert_eq!(made["mail"]["security"], "starttls");
    assert_eq!(made["events"], json!(["endpoint.*", "stall.escalated", "batch.*", "audit.alert"]));
    let (status, told) = house.post("/channels/people/test", json!({})).await;
    assert_eq!((status, &told["to"]), (202, &json!(["ops@example.org", "on-call@example.org"])), "{told}");
    let id = house.store.channel("people").await.unwrap().id.0;
    let changes = json!({ "mail": { "failureTo": [], "digestEveryHours": 24 } });
    let (status, now) = house.ask(Method::PATCH, "/channels/people", changes).await;
    assert_eq!(
        (status, &now["mail"]["digestEveryHours"], &now["mail"]["failureTo"]),
        (200, &json!(24), &json!([]))
    );
    assert_eq!(house.store.unseal(id).await.unwrap().len(), 1, "the password stays");
    let mut told = String::new();
    for path in ["/channels", "/channels/people", "/channels/people/deliveries", "/audit"] {
        told += &house.get(path).await.1.to_string();
    }
    assert!(told.contains("channel.set") && !told.contains("canary"), "{told}");
    let nobody = json!({ "mail": { "username": "", "security": "none" } });
    let (status, now) = house.ask(Method::PATCH, "/channels/people", nobody).await;
    assert_eq!(
        (status, &now["mail"]["port"], &now["mail"]["username"]),
        (200, &json!(25), &Value::Null),
        "{now}"
    );
    assert!(house.store.unseal(id).await.unwrap().is_empty(), "nobody signs in: no password is kept");
}

#[tokio::test]
async fn a_kept_password_goes_to_no_other_server() {
    let house = House::fresh().await;
    house.post("/channels", mail()).await;
    for field in [json!({ "server": "evil.example" }), json!({ "port": 2525 }), json!({ "security": "tls" })]
    {
        let (status, told) = house.ask(Method::PATCH, "/channels/people", json!({ "mail": field })).await;
        assert_eq!((status, &told["code"]), (422, &json!("CHANNEL_PASSWORD_AGAIN")), "{told}");
    }
    let again = json!({ "mail": { "server": "new.example", "password": "canary-2" } });
    let (status, now) = house.ask(Method::PATCH, "/channels/people", again).await;
    assert_eq!((status, &now["mail"]["server"]), (200, &json!("new.example")), "{now}");
    let id = house.store.channel("people").await.unwrap().id.0;
    let kept = house.store.unseal(id).await.unwrap();
    assert_eq!(kept.iter().map(|(_, secret)| secret.expose().as_str()).collect::<Vec<_>>(), ["canary-2"]);
}

#[tokio::test]
async fn mail_that_cannot_work_is_refused_with_a_code() {
    let (house, _) = with_webhook().await;
    let with = |field: &str, value: Value| {
        let mut body = mail();
        body["mail"][field] = value;
        body
    };
    let mut both = mail();
    both["url"] = json!(ADDRESS);
    let none = json!({ "name": "n", "kind": "mail" });
    let foreign = json!({ "name": "n", "kind": "teams", "url": ADDRESS, "mail": {} });
    for (body, code) in [
        (with("server", json!("")), "CHANNEL_MAIL"),
        (with("security", json!("none")), "CHANNEL_MAIL"),
        (with("to", json!(["a@x\r\nBcc: b@y"])), "CHANNEL_MAIL"),
        (with("from", json!("nobody")), "CHANNEL_MAIL"),
        (with("username", json!("")), "CHANNEL_MAIL"),
        (with("ca", json!("no pem")), "CHANNEL_MAIL"),
        (with("digestEveryHours", json!(9999)), "CHANNEL_MAIL"),
        (both, "CHANNEL_NOT_MAIL"),
        (none, "CHANNEL_NOT_MAIL"),
        (foreign, "CHANNEL_NOT_MAIL"),
    ] {
        let (status, told) = house.post("/channels", body).await;
        assert_eq!((status, &told["code"]), (422, &json!(code)), "{told}");
        assert!(!told.to_string().contains("canary"), "{told}");
    }
    let (_, told) = house.ask(Method::PATCH, "/channels/ops", json!({ "mail": {} })).await;
    assert_eq!(told["code"], "CHANNEL_NOT_MAIL");
}

#[tokio::test]
async fn a_batch_names_who_is_told_and_hears_that_nothing_sends_mail_yet() {
    let house = with_endpoints().await;
    let wave = |name: &str, to: &str| {
        let csv = format!("EmailAddress,Password,TargetPassword\n{name}@x,p,q\n");
        json!({ "name": name, "source": "old", "target": "new", "csv": csv, "notificationEmails": [to] })
    };
    let (status, told) = house.post("/batches", wave("first", "a@x\r\nBcc: b@y")).await;
    assert_eq!((status, &told["code"]), (422, &json!("BATCH_NOTIFY")), "{told}");
    let (status, made) = house.post("/batches", wave("first", "anna@example.org")).await;
    assert_eq!((status, &made["notificationEmails"]), (201, &json!(["anna@example.org"])), "{made}");
    assert!(made["notices"].to_string().contains("no channel of mail"), "{made}");
    house.post("/channels", mail()).await;
    let (_, made) = house.post("/batches", wave("second", "anna@example.org")).await;
    assert_eq!(made["notices"], Value::Null, "{made}");
    let changes = json!({ "notificationEmails": [], "notificationFailureEmails": ["on-call@example.org"] });
    let (status, now) = house.ask(Method::PATCH, "/batches/first", changes).await;
    assert_eq!((status, &now["notificationEmails"]), (200, &json!([])), "{now}");
    assert_eq!(now["notificationFailureEmails"], json!(["on-call@example.org"]));
    assert!(
        house.get("/audit").await.1.to_string().contains("on-call@example.org"),
        "who changed it is told"
    );
}
