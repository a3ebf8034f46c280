//! Endpoints.

use axum::http::Method;
use serde_json::{Value, json};

use super::house::House;

pub fn post_office(name: &str) -> Value {
    json!({
        "name": name, "type": "post",
        "settings": { "remote-server": "h.example" }, "secrets": { "password": "canary-4711" },
    })
}

#[tokio::test]
async fn made_shown_changed_and_removed_without_a_secret_in_any_answer() {
    let house = House::fresh().await;
    let (status, made) = house.post("/endpoints", post_office("old")).await;
    assert_eq!((status, made["status"].as_str()), (201, Some("NotTested")), "{made}");
    assert_eq!((&made["secrets"], &made["signsInForAll"]), (&json!(["password"]), &json!(true)));
    assert_eq!(
        (&made["MaxConcurrentMigrations"], &made["MaxConcurrentIncrementalSyncs"]),
        (&json!(20), &json!(10))
    );
    let change = json!({ "settings": { "port": "993" }, "secrets": { "password": "canary-4712" } });
    let (status, changed) = house.ask(Method::PATCH, "/endpoints/OLD", change).await;
    assert_eq!((status, &changed["settings"]["port"]), (200, &json!("993")), "{changed}");
    let stale = json!({ "version": 1, "settings": { "port": null } });
    let (status, problem) = house.ask(Method::PATCH, "/endpoints/old", stale).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("OWN_CONFLICT")), "{problem}");
    let (_, all) = house.get("/endpoints").await;
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let audit = house.store.audit(0).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|(_, e)| e.action.as_str()).collect();
    assert_eq!(actions, ["endpoint.new", "endpoint.set"]);
    assert!(!format!("{made}{changed}{all}{audit:?}").contains("canary"));
    assert_eq!(house.ask(Method::DELETE, "/endpoints/old", Value::Null).await.0, 204);
    assert_eq!(house.get("/endpoints/old").await.0, 404);
}

#[tokio::test]
async fn a_host_is_kept_without_the_roots_dot() {
    let house = House::fresh().await;
    let server = |host: &str| json!({ "settings": { "remote-server": host } });
    let body = json!({ "name": "old", "type": "post", "settings": { "remote-server": "h.example." } });
    let (status, made) = house.post("/endpoints", body).await;
    assert_eq!((status, &made["settings"]["remote-server"]), (201, &json!("h.example")), "{made}");
    let (status, changed) = house.ask(Method::PATCH, "/endpoints/old", server("g.example.")).await;
    assert_eq!((status, &changed["settings"]["remote-server"]), (200, &json!("g.example")), "{changed}");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_code() {
    let house = House::fresh().await;
    let mut bad = Vec::new();
    for (body, code) in [
        (json!({ "name": "a/b", "type": "post" }), "ENDPOINT_NAME"),
        (json!({ "name": "a", "type": "pigeon" }), "SETTINGS_UNKNOWN_KIND"),
        (json!({ "name": "a", "type": "post" }), "SETTINGS_REFUSED"),
        (json!({ "name": "a", "type": "shelf", "settings": { "color": "red" } }), "SETTINGS_REFUSED"),
        (json!({ "name": "a", "type": "shelf", "secrets": { "password": "x" } }), "SETTINGS_REFUSED"),
        (json!({ "name": "a", "type": "shelf", "maxConcurrentIncrementalSyncs": 50 }), "LIMITS_REFUSED"),
        (json!({ "name": "a", "type": "shelf", "maxConcurrentMigrations": 301 }), "LIMITS_REFUSED"),
        (json!({ "name": "a" }), "REQUEST_MALFORMED"),
        (json!({ "name": "a", "type": "shelf", "colour": 1 }), "REQUEST_MALFORMED"),
    ] {
        let (status, problem) = house.post("/endpoints", body).await;
        bad.push((status, problem["code"] == code));
        assert!(problem["title"].is_string() && problem["fix"].is_array(), "{problem}");
    }
    assert!(bad.iter().all(|b| *b == (422, true)), "{bad:?}");
    assert_eq!(house.get("/nothing").await.0, 404);
    house.post("/endpoints", post_office("old")).await;
    let (status, problem) = house.post("/endpoints", post_office("OLD")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("OWN_ALREADY_EXISTS")), "{problem}");
}

#[tokio::test]
async fn a_change_lets_waiting_batches_go_on() {
    let house = House::fresh().await;
    house.post("/endpoints", post_office("old")).await;
    let mut endpoint = house.store.endpoint("old").await.unwrap();
    endpoint.needs_to_connect = Some("refused".to_owned());
    house.store.set_endpoint(&endpoint).await.unwrap();
    assert_eq!(house.get("/endpoints/old").await.1["status"], "NeedsToConnect");
    let change = json!({ "secrets": { "password": "new" } });
    let (status, shown) = house.ask(Method::PATCH, "/endpoints/old", change).await;
    assert_eq!((status, &shown["needsToConnect"]), (200, &Value::Null), "{shown}");
}
