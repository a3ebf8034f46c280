//! Endpoints.

use axum::http::Method;
use mailferry_model::account::Role;
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
async fn a_proxys_password_at_the_wrong_place_is_refused_and_kept_nowhere() {
    let house = House::fresh().await;
    let proxy = json!("http://u:canary-proxy@h.example:3128");
    let mut body = post_office("old");
    body["settings"]["proxy"] = proxy.clone();
    let (status, refused) = house.post("/endpoints", body).await;
    assert_eq!((status, refused["code"].as_str()), (422, Some("SETTINGS_REFUSED")), "{refused}");
    assert_eq!(house.post("/endpoints", post_office("old")).await.0, 201);
    let change = json!({ "settings": { "proxy": proxy } });
    let (status, unchanged) = house.ask(Method::PATCH, "/endpoints/old", change).await;
    assert_eq!((status, unchanged["code"].as_str()), (422, Some("SETTINGS_REFUSED")), "{unchanged}");
    let kept = house.get("/endpoints/old").await.1;
    let audit = house.store.audit(0).await.unwrap();
    assert!(refused.to_string().contains("proxy-password"), "{refused}");
    assert!(!format!("{refused}{unchanged}{kept}{audit:?}").contains("canary"));
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
    let both = json!({ "name": "a", "type": "shelf", "maxConcurrentIncrementalSyncs": 50 });
    let fix = house.post("/endpoints", both).await.1["fix"].clone();
    let raise = "Raise both at once: --max-concurrent-migrations 50 --max-concurrent-incremental-syncs 50";
    assert_eq!(fix[0], raise, "{fix}");
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

/// A bug once: whoever may change an endpoint had its password sent to a server of his own.
#[tokio::test]
async fn a_kept_secret_does_not_go_elsewhere_unless_it_is_given_again() {
    let (house, inside) = (House::listening().await, House::fresh().await);
    let token = house.token_of(Role::Administrator).await;
    let patch = async |body: Value| house.as_token(&token, "PATCH", "/endpoints/old", body).await;
    assert_eq!(house.as_token(&token, "POST", "/endpoints", post_office("old")).await.status, 201);
    for settings in [
        json!({ "remote-server": "evil.example" }),
        json!({ "port": "1993" }),
        json!({ "security": "none" }),
        json!({ "remote-server": "evil.example", "username": "u" }),
    ] {
        let told = patch(json!({ "settings": settings })).await;
        assert_eq!(told.problem(), (422, "ENDPOINT_SECRET_AGAIN".to_owned()), "{settings}");
        let problem = told.json();
        assert!(problem["detail"].as_str().unwrap().contains("give password again"), "{problem}");
        assert!(problem["fix"][0].as_str().unwrap().contains("--password-file"), "{problem}");
        let told = patch(json!({ "settings": settings, "secrets": { "password": null } })).await;
        assert_eq!(told.status, 200, "without the secret it may go anywhere");
        let back = json!({ "settings": post_office("old")["settings"], "secrets": { "password": "again" } });
        let mut back = back;
        back["settings"]["port"] = Value::Null;
        back["settings"]["security"] = Value::Null;
        assert_eq!(patch(back).await.status, 200, "given again");
    }
    assert_eq!(patch(json!({ "settings": { "username": "u" } })).await.status, 200, "it stays where it is");
    assert_eq!(patch(json!({ "settings": { "remote-server": "H.example" } })).await.status, 422);
    assert_eq!(inside.post("/endpoints", post_office("old")).await.0, 201);
    let change = json!({ "settings": { "remote-server": "other.example" } });
    let (status, changed) = inside.ask(Method::PATCH, "/endpoints/old", change).await;
    assert_eq!(
        (status, &changed["secrets"]),
        (200, &json!(["password"])),
        "who has the data folder has it already"
    );
}

/// The same for what was given with a batch: nobody can give that again, so administrators alone move it.
#[tokio::test]
async fn passwords_of_mailboxes_are_sent_elsewhere_by_administrators_alone() {
    let house = House::listening().await;
    let (operator, administrator) =
        (house.token_of(Role::Operator).await, house.token_of(Role::Administrator).await);
    for name in ["old", "new", "next"] {
        let settings = json!({ "remote-server": format!("{name}.example") });
        let body = json!({ "name": name, "type": "post", "settings": settings });
        assert_eq!(house.as_token(&operator, "POST", "/endpoints", body).await.status, 201);
    }
    let csv = "EmailAddress,Password,TargetPassword\na@x,canary-1,canary-2\n";
    let body = json!({ "name": "wave", "source": "old", "target": "new", "csv": csv });
    assert_eq!(house.as_token(&operator, "POST", "/batches", body).await.status, 201);
    let mut next = house.store.endpoint("next").await.unwrap();
    let passed = json!({ "result": "Success", "native": "Success", "steps": [] });
    _ = next.keep_test(&mut serde_json::from_value(passed).unwrap());
    house.store.set_endpoint(&next).await.unwrap();
    let aimed = json!({ "settings": { "remote-server": "evil.example" } });
    for (method, path, body) in
        [("PATCH", "/endpoints/old", aimed), ("POST", "/endpoints/new/replace", json!({ "with": "next" }))]
    {
        let told = house.as_token(&operator, method, path, body.clone()).await;
        assert_eq!(told.problem(), (403, "ACCOUNT_ROLE".to_owned()), "{path}");
        assert_eq!(house.as_token(&administrator, method, path, body).await.status, 200, "{path}");
    }
}

/// Nothing that is not there is taken away, and what changes nothing is not told as a change.
#[tokio::test]
async fn secrets_are_taken_away_by_name_and_no_change_is_none() {
    let house = House::fresh().await;
    house.post("/endpoints", post_office("old")).await;
    let patch = async |body: Value| house.ask(Method::PATCH, "/endpoints/old", body).await;
    for body in [
        json!({ "settings": { "bogus": null } }),
        json!({ "settings": { "password": null } }),
        json!({ "secrets": { "bogus": null } }),
        json!({ "secrets": { "username": null } }),
    ] {
        let (status, problem) = patch(body).await;
        assert_eq!((status, &problem["code"]), (422, &json!("SETTINGS_REFUSED")), "{problem}");
    }
    for body in [json!({}), json!({ "settings": { "remote-server": "h.example" } })] {
        assert_eq!(patch(body).await.1["version"], 1);
    }
    assert_eq!(house.store.audit_end().await.unwrap(), 1, "nothing was done");
    let (status, changed) = patch(json!({ "secrets": { "password": null } })).await;
    assert_eq!((status, &changed["secrets"]), (200, &json!([])), "{changed}");
    let told = house.store.audit(1).await.unwrap().remove(0).1.change.unwrap();
    assert!(told.contains(r#""secretsRemoved":["password"]"#), "{told}");
}

/// What cannot be read as what it is, is nobody's name and no setting.
#[tokio::test]
async fn names_and_settings_hold_no_character_that_cannot_be_shown() {
    let house = House::fresh().await;
    for c in ['\0', '\n', '\u{202E}', '\u{2066}'] {
        let (status, problem) = house.post("/endpoints", post_office(&format!("a{c}b"))).await;
        assert_eq!((status, &problem["code"]), (422, &json!("ENDPOINT_NAME")));
        let mut body = post_office("a");
        body["settings"]["remote-server"] = json!(format!("h.example{c}x"));
        let (status, problem) = house.post("/endpoints", body).await;
        assert_eq!((status, &problem["code"]), (422, &json!("SETTINGS_REFUSED")));
    }
}

#[tokio::test]
async fn a_kind_or_status_that_is_none_is_refused() {
    let house = House::fresh().await;
    for (query, code) in [
        ("/endpoints?type=bogus", 422),
        ("/endpoints?status=bogus", 422),
        ("/batches?status=bogus", 422),
        ("/endpoints?type=POST&status=nottested", 200),
        ("/batches?status=completed", 200),
    ] {
        let (status, answer) = house.get(query).await;
        assert_eq!(status, code, "{query}: {answer}");
    }
}
