//! What HTTP itself has: problems for everything, parts of lists, versions, keys of requests, events, the page.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use mailferry_model::account::Role;
use mailferry_server::PREFIX;
use serde_json::{Value, json};

use super::house::House;

fn post_office(name: &str) -> Value {
    json!({ "name": name, "type": "post", "settings": { "remote-server": "h.example" } })
}

async fn staffed() -> (House, String) {
    let house = House::listening().await;
    let token = house.token_of(Role::Operator).await;
    (house, token)
}

#[tokio::test]
async fn whatever_is_refused_is_a_problem_with_a_number() {
    let (house, token) = staffed().await;
    let bearer = format!("Bearer {token}");
    let auth = ("authorization", bearer.as_str());
    let json = ("content-type", "application/json");
    let big = "x".repeat(25 << 20);
    for (method, path, headers, body, status, code) in [
        ("GET", "/nothing", vec![auth], "", 404, "REQUEST_NOT_FOUND"),
        ("GET", "/endpoints/nothing", vec![auth], "", 404, "OWN_NOT_FOUND"),
        ("PUT", "/endpoints", vec![auth], "", 405, "REQUEST_METHOD"),
        ("TRACE", "/health", vec![], "", 405, "REQUEST_METHOD"),
        ("POST", "/endpoints", vec![auth], "{}", 415, "REQUEST_TYPE"),
        ("POST", "/endpoints", vec![auth, ("content-type", "text/plain")], "{}", 415, "REQUEST_TYPE"),
        ("POST", "/endpoints", vec![auth, ("content-type", "application/xml")], "<x/>", 415, "REQUEST_TYPE"),
        ("POST", "/endpoints", vec![auth, json], "{", 422, "REQUEST_MALFORMED"),
        ("POST", "/endpoints", vec![auth, json], &big, 413, "REQUEST_TOO_LARGE"),
        ("POST", "/endpoints", vec![auth, json, ("idempotency-key", "k")], &big, 413, "REQUEST_TOO_LARGE"),
        ("GET", "/endpoints?limit=0", vec![auth], "", 422, "REQUEST_MALFORMED"),
        ("GET", "/endpoints?limit=x", vec![auth], "", 422, "REQUEST_MALFORMED"),
        ("GET", "/endpoints?cursor=%21", vec![auth], "", 422, "REQUEST_MALFORMED"),
        ("GET", "/audit?after=-1", vec![], "", 401, "SIGN_IN_MISSING"),
        ("GET", "/events?after=x", vec![auth], "", 400, "REQUEST_MALFORMED"),
        ("GET", "/users/%FF", vec![auth], "", 400, "REQUEST_MALFORMED"),
        ("GET", "/users/a%00b", vec![auth], "", 422, "OWN_MALFORMED"),
    ] {
        let told = house.send(method, &format!("{PREFIX}{path}"), &headers, body.to_owned()).await;
        assert_eq!(told.problem(), (status, code.to_owned()), "{method} {path}: {}", told.text);
        assert_eq!(told.json()["correlationId"], told.header("x-request-id"));
        assert_eq!(told.header("cache-control"), "no-store");
        if status == 405 {
            assert!(told.header("allow").contains("GET"), "{}", told.header("allow"));
        }
    }
}

#[tokio::test]
async fn a_service_that_does_no_work_or_has_no_room_is_not_well() {
    let house = House::listening().await;
    let health = || house.as_nobody("GET", "/health", Value::Null);
    assert_eq!((health().await.status, health().await.json()), (200, json!({ "status": "ok" })));
    house.trouble.is(Some("database is locked".to_owned()));
    assert_eq!(health().await.problem(), (503, "STORE_OUT_OF_ORDER".to_owned()));
    *house.full.lock().unwrap() = Some("No space left on device".to_owned());
    assert_eq!(health().await.problem(), (507, "STORE_DISK_FAILS".to_owned()));
    assert_eq!(health().await.json()["detail"], "No space left on device");
    house.trouble.is(None);
    *house.full.lock().unwrap() = None;
    assert_eq!(health().await.status, 200);
}

#[tokio::test]
async fn a_list_comes_whole_or_in_parts_that_a_link_joins() {
    let (house, token) = staffed().await;
    for n in 0..7 {
        let told = house.as_token(&token, "POST", "/endpoints", post_office(&format!("E{n}"))).await;
        assert_eq!(told.status, 201, "{}", told.text);
    }
    let whole = house.as_token(&token, "GET", "/endpoints", Value::Null).await;
    assert_eq!((whole.json().as_array().unwrap().len(), whole.header("link")), (7, ""));
    let (mut names, mut path, mut parts) = (Vec::new(), "/endpoints?type=post&limit=3".to_owned(), 0);
    loop {
        let part = house.as_token(&token, "GET", &path, Value::Null).await;
        names.extend(part.json().as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()));
        parts += 1;
        if parts == 1 {
            // What was on an earlier part goes: nothing is left out or told twice.
            house.as_token(&token, "DELETE", "/endpoints/e1", Value::Null).await;
        }
        let Some(next) = part.header("link").strip_suffix("; rel=\"next\"") else { break };
        path = format!("/endpoints{}", next.trim_matches(['<', '>']));
        assert!(path.contains("type=post"), "{path}");
    }
    assert_eq!((names.join(" "), parts), ("E0 E1 E2 E3 E4 E5 E6".to_owned(), 3));
    let none = house.as_token(&token, "GET", "/endpoints?status=Connected", Value::Null).await;
    assert_eq!(none.json(), json!([]));
    let codes = house.as_token(&token, "GET", "/codes?limit=2", Value::Null).await;
    assert_eq!(codes.json().as_array().unwrap().len(), 2);
    assert!(codes.header("link").contains("cursor="));
}

#[tokio::test]
async fn a_change_for_another_version_is_refused() {
    let (house, token) = staffed().await;
    let made = house.as_token(&token, "POST", "/endpoints", post_office("old")).await;
    let tag = made.header("etag").to_owned();
    assert_eq!(made.json()["version"].to_string(), tag.trim_matches('"'));
    let bearer = format!("Bearer {token}");
    let change = async |method: &str, tag: &str| {
        let headers =
            [("authorization", bearer.as_str()), ("content-type", "application/json"), ("if-match", tag)];
        let body = if method == "PATCH" {
            json!({ "settings": { "port": "993" } }).to_string()
        } else {
            String::new()
        };
        house.send(method, &format!("{PREFIX}/endpoints/old"), &headers, body).await
    };
    assert_eq!(change("PATCH", "\"99\"").await.problem(), (412, "REQUEST_PRECONDITION".into()));
    let changed = change("PATCH", &format!("\"98\", {tag}")).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    let replace = json!({ "with": "old" }).to_string();
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("if-match", "\"99\"")];
    let told = house.send("POST", &format!("{PREFIX}/endpoints/old/replace"), &headers, replace).await;
    assert_eq!(told.problem(), (412, "REQUEST_PRECONDITION".into()));
    assert_eq!(change("DELETE", &tag).await.problem().0, 412);
    assert_eq!(change("DELETE", "W/\"2\"").await.problem().0, 412, "weak tags do not match");
    let shown = house.as_token(&token, "GET", "/endpoints/old", Value::Null).await;
    assert_eq!(shown.header("etag"), changed.header("etag"));
    assert_eq!(change("DELETE", "*").await.status, 204);
}

/// What several requests at once, all for one version, come to: how often each status is told.
async fn at_once(
    house: &House,
    token: &str,
    (method, path, tag): (&str, &str, &str),
    bodies: Vec<Value>,
) -> BTreeMap<u16, usize> {
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("if-match", tag)];
    let path = format!("{PREFIX}{path}");
    let all = bodies.iter().map(|body| house.send(method, &path, &headers, body.to_string()));
    let mut counts = BTreeMap::new();
    for told in futures_util::future::join_all(all).await {
        assert!(told.status != 412 || told.problem().1 == "REQUEST_PRECONDITION", "{}", told.text);
        *counts.entry(told.status).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn of_changes_at_once_for_one_version_one_is_made_and_all_others_are_told_412() {
    let house = House::listening().await;
    let token = house.token_of(Role::Administrator).await;
    for name in ["old", "new"] {
        let body = json!({ "name": name, "type": "post", "settings": { "remote-server": format!("{name}.example") } });
        assert_eq!(house.as_token(&token, "POST", "/endpoints", body).await.status, 201);
    }
    let csv = "EmailAddress,Password,TargetPassword\na@x,one,two\nb@x,one,two\n";
    let wave = json!({ "name": "wave", "source": "old", "target": "new", "csv": csv });
    assert_eq!(house.as_token(&token, "POST", "/batches", wave).await.status, 201);
    let person = json!({ "name": "anna", "role": "viewer", "password": "a long enough secret" });
    assert_eq!(house.as_token(&token, "POST", "/accounts", person).await.status, 201);
    let numbered = |make: fn(usize) -> Value| -> Vec<Value> { (0..12).map(|n| make(n + 1)).collect() };
    for (path, bodies, done) in [
        ("/endpoints/old", numbered(|n| json!({ "settings": { "port": n.to_string() } })), 200),
        ("/batches/wave", numbered(|n| json!({ "notes": n.to_string() })), 200),
        ("/batches/wave/users/a@x", numbered(|n| json!({ "password": n.to_string() })), 200),
        ("/accounts/anna", numbered(|_| json!({ "role": "operator" })), 200),
        ("/batches/wave/start", numbered(|_| json!({})), 202),
    ] {
        let noun = path.trim_end_matches("/start");
        let shown = house.as_token(&token, "GET", noun, Value::Null).await;
        let tag = shown.header("etag").to_owned();
        let method = if done == 202 { "POST" } else { "PATCH" };
        let counts = at_once(&house, &token, (method, path, &tag), bodies).await;
        assert_eq!(counts, BTreeMap::from([(done, 1), (412, 11)]), "{method} {path}");
    }
    // One that removes beside others that change.
    let tag = house.as_token(&token, "GET", "/accounts/anna", Value::Null).await.header("etag").to_owned();
    let stale = at_once(&house, &token, ("DELETE", "/accounts/anna", "\"1\""), vec![Value::Null; 6]).await;
    assert_eq!(stale, BTreeMap::from([(412, 6)]));
    let gone = at_once(&house, &token, ("DELETE", "/accounts/anna", &tag), vec![Value::Null; 6]).await;
    assert_eq!((gone.get(&204), gone.get(&409)), (Some(&1), None), "{gone:?}");
}

#[tokio::test]
async fn a_request_with_a_key_happens_once() {
    let (house, token) = staffed().await;
    let bearer = format!("Bearer {token}");
    let create = async |key: &str, body: Value| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        house.send("POST", &format!("{PREFIX}/endpoints"), &headers, body.to_string()).await
    };
    let first = create("k1", post_office("old")).await;
    let again = create("k1", post_office("old")).await;
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    assert_eq!(first.json(), again.json());
    assert_eq!((first.header("etag"), again.header("etag")), ("\"1\"", "\"1\""));
    assert_eq!(create("k1", post_office("other")).await.problem(), (422, "REQUEST_KEY_REUSED".into()));
    assert_eq!(create("k2", post_office("old")).await.problem().0, 409, "another key is another request");
    assert_eq!(create("k3", json!({ "name": "new" })).await.problem().0, 422);
    assert_eq!(create("k3", post_office("new")).await.status, 201, "what failed may be mended under its key");
    let stranger = house.token_of(Role::Operator).await;
    let bearer = format!("Bearer {stranger}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", "k1")];
    let body = post_office("third").to_string();
    let told = house.send("POST", &format!("{PREFIX}/endpoints"), &headers, body).await;
    assert_eq!(told.status, 201, "everybody has keys of his own");
    house.clock.forward(25 * 3600);
    assert_eq!(create("k1", post_office("old")).await.problem().0, 409, "after a day it is forgotten");
}

/// Of a token, too; but its secret is told once and kept nowhere.
#[tokio::test]
async fn a_token_with_a_key_is_made_once_and_told_once() {
    let house = House::fresh().await;
    house.post("/accounts", json!({ "name": "robot", "role": "operator" })).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let body = json!({ "name": "ci", "account": "robot" }).to_string();
    let path = format!("{PREFIX}/tokens");
    let create = || house.send("POST", &path, &headers, body.clone());
    let (first, again) = (create().await, create().await);
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    let secret = first.json()["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("mft_") && !again.text.contains(&secret), "{}", again.text);
    assert_eq!(first.json()["id"], again.json()["id"]);
}

/// What changed stands there as text and, where it is one, as an object.
#[tokio::test]
async fn a_change_in_the_audit_trail_is_an_object_as_well() {
    let house = House::fresh().await;
    let mut unverified = post_office("old");
    unverified["unverified"] = "no time".into();
    house.post("/endpoints", unverified).await;
    house.post("/accounts", json!({ "name": "robot", "role": "operator" })).await;
    let entries = house.get("/audit").await.1;
    let told = |action: &str| {
        let entry = entries.as_array().unwrap().iter().find(|e| e["action"] == action).unwrap();
        (entry["change"].as_str().unwrap().to_owned(), entry["details"].clone())
    };
    let (text, object) = told("endpoint.new");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), object);
    assert!(object.is_object(), "{text}");
    assert_eq!(told("account.new"), ("operator".to_owned(), Value::Null));
}

/// What heeds the version says so.
#[test]
fn the_document_names_if_match_where_it_is_heeded() {
    let document = serde_json::to_value(mailferry_server::document()).unwrap();
    for (path, method) in [
        ("/accounts/{name}", "patch"),
        ("/accounts/{name}", "delete"),
        ("/endpoints/{name}", "patch"),
        ("/batches/{name}", "delete"),
        ("/batches/{name}/users/{address}", "patch"),
    ] {
        let operation = &document["paths"][format!("{PREFIX}{path}")][method];
        let names = |p: &Value| p["name"] == "If-Match" && p["in"] == "header";
        assert!(operation["parameters"].as_array().unwrap().iter().any(names), "{method} {path}");
        assert!(operation["responses"]["412"].is_object(), "{method} {path}");
    }
}

#[tokio::test]
async fn events_go_on_where_they_were_left() {
    let (house, token) = staffed().await;
    for name in ["one", "two", "three"] {
        house.as_token(&token, "POST", "/endpoints", post_office(name)).await;
    }
    let all = house.stream(&token, "/events?after=0", &[], "three").await;
    assert!(all.contains("event: change\nid: 1\ndata: {"), "{all}");
    assert!(all.contains("\"action\":\"endpoint.new\"") && all.contains("endpoint two"), "{all}");
    let rest = house.stream(&token, "/events?after=0", &[("last-event-id", "2")], "three").await;
    assert!(!rest.contains("endpoint two") && rest.contains("id: 3\n"), "{rest}");
    let at_once = house.stream(&token, "/events", &[], "id: ").await;
    let stands = at_once.lines().find(|line| line.starts_with("id: ")).unwrap().to_owned();
    assert!(stands["id: ".len()..].parse::<u64>().unwrap() >= 3, "before anything happens: {at_once}");
    let beyond = house.stream(&token, "/events", &[("last-event-id", "999999")], "id: ").await;
    assert!(beyond.contains(&stands), "a trail that was longer once: {beyond}");
    let wrong = house.as_token(&token, "GET", "/events?after=0", Value::Null);
    house.closing.cancel();
    let ended = wrong.await;
    assert!(ended.text.contains("endpoint three"), "a stream ends with the service, and says what there is");
}

/// Of users, tests and verifications it is told how they stand when that is something new.
#[tokio::test]
async fn events_tell_of_users_tests_and_verifications() {
    let (house, token) = staffed().await;
    for name in ["old", "new"] {
        house.as_token(&token, "POST", "/endpoints", post_office(name)).await;
    }
    let csv = "EmailAddress,Password,TargetPassword,TargetAddress\na@x,p,p,a@y\n";
    let wave = json!({ "name": "wave", "source": "old", "target": "new", "csv": csv });
    assert_eq!(house.as_token(&token, "POST", "/batches", wave).await.status, 201);
    house.as_token(&token, "POST", "/batches/wave/start", json!({})).await;
    let test = house.as_token(&token, "POST", "/endpoint-tests", json!({ "endpoint": "old" })).await.json();
    let order = json!({ "batch": "wave" });
    let verification = house.as_token(&token, "POST", "/verifications", order).await.json();
    // Whatever the stream sees first, something changes after it.
    let changes = async {
        use mailferry_model::status::UserStatus;
        for status in [UserStatus::Syncing, UserStatus::Starting].into_iter().cycle() {
            let mut user = house.store.users_by_address("a@x").await.unwrap().remove(0);
            user.status = status;
            house.store.set_user(&user).await.unwrap();
        }
    };
    let stream = house.stream(&token, "/events", &[], "event: user");
    let told = tokio::select! {
        told = stream => told,
        () = changes => String::new(),
    };
    let state = |event: &str, id: &Value, state: &str| {
        let event = format!("event: {event}\n");
        let id = id.as_str().unwrap();
        told.split("\n\n").any(|e| e.contains(&event) && e.contains(id) && e.contains(state))
    };
    assert!(state("endpoint-test", &test["id"], "Ordered"), "{told}");
    assert!(state("verification", &verification["id"], "Ordered"), "{told}");
    assert!(
        told.contains("\"statusSummary\":\"Active\"") && told.contains("\"emailAddress\":\"a@x\""),
        "{told}"
    );
}

#[tokio::test]
async fn a_path_comes_over_the_network_only_below_an_allowed_folder() {
    let (house, token) = staffed().await;
    let shelf =
        |name: &str, path: &str| json!({ "name": name, "type": "shelf", "settings": { "path": path } });
    for path in ["/etc", "srv/mail", "/srv/mail/../../etc", "/srv/mailbox", "/"] {
        let told = house.as_token(&token, "POST", "/endpoints", shelf("x", path)).await;
        assert_eq!(told.problem(), (403, "ENDPOINT_PATH".into()), "{path}");
    }
    assert_eq!(house.as_token(&token, "POST", "/endpoints", shelf("x", "/srv/mail/anna")).await.status, 201);
    let change = json!({ "settings": { "path": "/etc" } });
    assert_eq!(house.as_token(&token, "PATCH", "/endpoints/x", change).await.problem().0, 403);
}

#[tokio::test]
async fn the_page_shows_nothing_to_strangers_and_escapes_what_it_shows() {
    let (house, token) = staffed().await;
    let bearer = format!("Bearer {token}");
    let evil = "<script>alert('x')</script>".replace('/', "\\");
    let told = house.as_token(&token, "POST", "/endpoints", post_office(&evil)).await;
    assert_eq!(told.status, 201, "{}", told.text);
    let stranger = house.send("GET", "/", &[], "").await;
    assert!(stranger.status == 200 && !stranger.text.contains("script") && stranger.text.contains("Sign in"));
    let page = house.send("GET", "/", &[("authorization", &bearer)], "").await;
    assert!(
        page.text.contains("&lt;script&gt;alert(&#39;x&#39;)") && !page.text.contains("<script"),
        "{}",
        page.text
    );
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(
        house.send("GET", "/status.css", &[], "").await.header("content-type"),
        "text/css; charset=utf-8"
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let told = house.send("POST", "/sign-in", &form, "name=anna&password=wrong").await;
    assert!(told.text.contains("Name, password or token is not right."), "{}", told.text);
}

/// A bug once: a client that left in the middle could not ask again for a day.
#[tokio::test]
async fn a_request_is_carried_to_its_end_when_the_client_goes_away() {
    let (house, token) = staffed().await;
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", "k")];
    let (path, body) = (format!("{PREFIX}/endpoints"), post_office("old").to_string());
    let left = house.send("POST", &path, &headers, body.clone()).now_or_never();
    assert!(left.is_none(), "it was under way");
    while house.store.endpoint("old").await.is_err() {
        tokio::task::yield_now().await;
    }
    let again = loop {
        let again = house.send("POST", &path, &headers, body.clone()).await;
        if again.status == 201 {
            break again;
        }
        assert_eq!(again.problem(), (409, "REQUEST_IN_PROGRESS".into()));
    };
    assert_eq!(again.header("idempotency-replayed"), "true");
}

/// A bug once: somebody who is not signed in held a connection for as long as he liked.
#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let house = House::with_patience(std::time::Duration::from_millis(50)).await;
    let token = house.token_of(Role::Operator).await;
    let bearer = format!("Bearer {token}");
    let never =
        || axum::body::Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    let json = ("content-type", "application/json");
    let auth = ("authorization", bearer.as_str());
    for (path, headers) in [
        (format!("{PREFIX}/sessions"), vec![json]),
        ("/sign-in".to_owned(), vec![("content-type", "application/x-www-form-urlencoded")]),
        (format!("{PREFIX}/endpoints"), vec![json, auth]),
        (format!("{PREFIX}/endpoints"), vec![json, auth, ("idempotency-key", "k")]),
    ] {
        let told = house.send("POST", &path, &headers, never()).await;
        assert_eq!(told.problem(), (408, "REQUEST_SLOW".into()), "{path}");
    }
    let told = house.send("POST", &format!("{PREFIX}/endpoints"), &[json], never()).await;
    assert_eq!(told.problem().0, 401, "who may not do it is told before");
    let told = house.send("POST", &format!("{PREFIX}/setup"), &[json], never()).await;
    assert_eq!(told.problem(), (409, "SETUP_DONE".into()), "where there are accounts nothing is read");
}

/// A bug once: a secret of another type than text stood in the answer.
#[tokio::test]
async fn what_is_malformed_is_refused_without_its_values() {
    let (house, token) = staffed().await;
    let endpoint = json!({ "name": "a", "type": "post", "secrets": { "password": 987_654_321 } });
    let session = json!({ "name": "a", "password": "canary", "code": 987_654_321 });
    let form = json!({ "name": "a", "password": "b", "as": "canary" });
    for (path, body) in [("/endpoints", endpoint), ("/sessions", session), ("/sessions", form)] {
        let told = house.as_token(&token, "POST", path, body).await;
        assert_eq!(told.problem(), (422, "REQUEST_MALFORMED".into()));
        assert!(!told.text.contains("987654321") && !told.text.contains("canary"), "{}", told.text);
    }
}
