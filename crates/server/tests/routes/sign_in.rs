//! Signing in: the first account, passwords, second factors, sessions, limits.

use mailferry_model::account::Role;
use mailferry_server::{PREFIX, fresh_setup_code};
use serde_json::{Value, json};

use super::house::{House, Told};

const PASSWORD: &str = "canary horse battery";

/// A service whose first administrator is anna.
async fn set_up() -> House {
    let house = House::listening().await;
    let code = fresh_setup_code(&*house.store).await.unwrap().unwrap();
    let body = json!({ "code": code.expose(), "name": "anna", "password": PASSWORD });
    assert_eq!(house.as_nobody("POST", "/setup", body).await.status, 201);
    house
}

async fn sign_in(house: &House, name: &str, password: &str, code: Option<&str>) -> Told {
    let body = json!({ "name": name, "password": password, "code": code, "as": "token" });
    house.as_nobody("POST", "/sessions", body).await
}

async fn session(house: &House, name: &str, password: &str) -> String {
    let told = sign_in(house, name, password, None).await;
    assert_eq!(told.status, 201, "{}", told.text);
    told.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_set_up_code_works_once_and_an_older_one_never() {
    let house = House::listening().await;
    assert_eq!(house.as_nobody("GET", "/setup", Value::Null).await.json(), json!({ "done": false }));
    let old = fresh_setup_code(&*house.store).await.unwrap().unwrap();
    let code = fresh_setup_code(&*house.store).await.unwrap().unwrap();
    let with = |code: &str, password: &str| json!({ "code": code, "name": "anna", "password": password });
    let told = house.as_nobody("POST", "/setup", with(old.expose(), PASSWORD)).await;
    assert_eq!(told.problem(), (403, "SETUP_CODE".into()));
    let told = house.as_nobody("POST", "/setup", with(code.expose(), "short")).await;
    assert_eq!(told.problem(), (422, "PASSWORD_WEAK".into()));
    let told = house.as_nobody("POST", "/setup", with(code.expose(), PASSWORD)).await;
    assert_eq!((told.status, &told.json()["role"]), (201, &json!("administrator")));
    let told = house.as_nobody("POST", "/setup", with(code.expose(), PASSWORD)).await;
    assert_eq!(told.problem(), (409, "SETUP_DONE".into()));
    assert!(fresh_setup_code(&*house.store).await.unwrap().is_none());
    assert_eq!(house.as_nobody("GET", "/setup", Value::Null).await.json(), json!({ "done": true }));
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_told_alike_and_slowed_down() {
    let house = set_up().await;
    let wrong = sign_in(&house, "anna", "canary wrong wrong", None).await;
    let unknown = sign_in(&house, "nobody", "canary wrong wrong", None).await;
    let told = |t: &Told| (t.problem(), t.json()["detail"].clone());
    assert_eq!(told(&wrong), told(&unknown));
    assert_eq!(wrong.problem(), (401, "SIGN_IN_REFUSED".into()));
    for _ in 0..4 {
        assert_eq!(sign_in(&house, "anna", "canary wrong wrong", None).await.status, 401);
    }
    let slowed = sign_in(&house, "anna", PASSWORD, None).await;
    assert_eq!(slowed.problem(), (429, "SIGN_IN_TOO_OFTEN".into()), "even the right one");
    let wait: i64 = slowed.header("retry-after").parse().unwrap();
    assert!(wait >= 1);
    house.clock.forward(wait);
    assert_eq!(sign_in(&house, "anna", PASSWORD, None).await.status, 201);
    assert_eq!(sign_in(&house, "a\0b", PASSWORD, None).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_with_its_account() {
    let house = set_up().await;
    let one = session(&house, "ANNA", PASSWORD).await;
    let me = house.as_token(&one, "GET", "/me", Value::Null).await.json();
    assert_eq!((&me["actor"], &me["role"]), (&json!("anna"), &json!("administrator")));
    assert_eq!(house.as_token(&one, "DELETE", "/sessions/current", Value::Null).await.status, 204);
    assert_eq!(house.as_token(&one, "GET", "/me", Value::Null).await.status, 401);
    let idle = session(&house, "anna", PASSWORD).await;
    house.clock.forward(11 * 3600);
    assert_eq!(house.as_token(&idle, "GET", "/me", Value::Null).await.status, 200, "used in time");
    house.clock.forward(11 * 3600);
    assert_eq!(house.as_token(&idle, "GET", "/me", Value::Null).await.status, 200, "and again");
    house.clock.forward(12 * 3600 + 1);
    assert_eq!(house.as_token(&idle, "GET", "/me", Value::Null).await.status, 401, "idle for too long");
    let admin = session(&house, "anna", PASSWORD).await;
    let body = json!({ "name": "ben", "role": "viewer", "password": PASSWORD });
    assert_eq!(house.as_token(&admin, "POST", "/accounts", body).await.status, 201);
    let ben = session(&house, "ben", PASSWORD).await;
    let all = house.as_token(&admin, "GET", "/sessions", Value::Null).await.json();
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    assert_eq!(
        house.as_token(&ben, "GET", "/sessions", Value::Null).await.json().as_array().unwrap().len(),
        1
    );
    let off = json!({ "disabled": true });
    assert_eq!(house.as_token(&admin, "PATCH", "/accounts/ben", off).await.status, 200);
    assert_eq!(house.as_token(&ben, "GET", "/me", Value::Null).await.status, 401);
    assert_eq!(sign_in(&house, "ben", PASSWORD, None).await.problem().0, 401);
}

#[tokio::test]
async fn a_cookie_is_for_this_place_alone_and_writes_from_elsewhere_are_refused() {
    let house = set_up().await;
    let body = json!({ "name": "anna", "password": PASSWORD });
    let told = house.as_nobody("POST", "/sessions", body).await;
    assert!(told.json()["token"].is_null(), "a script must not see it");
    let cookie = told.header("set-cookie").to_owned();
    let flags: Vec<&str> = cookie.split("; ").skip(1).collect();
    assert_eq!(flags, ["Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Strict", "Secure"]);
    let pair = cookie.split(';').next().unwrap();
    assert!(pair.starts_with("__Host-mailferry=mfs_"));
    let path = format!("{PREFIX}/endpoints");
    let post = async |origin: Option<&str>| {
        let mut headers =
            vec![("cookie", pair), ("host", "ferry.example"), ("content-type", "application/json")];
        headers.extend(origin.map(|o| ("origin", o)));
        house.send("POST", &path, &headers, "{}").await.problem()
    };
    assert_eq!(house.send("GET", &path, &[("cookie", pair)], "").await.status, 200);
    for foreign in [None, Some("https://evil.example"), Some("null"), Some("https://ferry.example.evil")] {
        assert_eq!(post(foreign).await, (403, "REQUEST_ORIGIN".into()), "{foreign:?}");
    }
    assert_eq!(post(Some("https://ferry.example")).await.0, 422, "let in, and refused for its body");
    let headers = [("origin", "https://evil.example"), ("host", "ferry.example")];
    let told = house.send("POST", &format!("{PREFIX}/sessions"), &headers, "{}").await;
    assert_eq!(told.problem(), (403, "REQUEST_ORIGIN".into()), "nobody signs others in");
}

#[tokio::test]
async fn the_form_of_the_page_signs_in_and_out() {
    let house = set_up().await;
    let filled = format!("name=anna&password={}&code=", PASSWORD.replace(' ', "+"));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let ours = [form, ("host", "ferry.example"), ("origin", "https://ferry.example")];
    let told = house.send("POST", "/sign-in", &ours, filled.clone()).await;
    assert_eq!((told.status, told.header("location")), (303, "/"), "{}", told.text);
    let cookie = told.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = house.send("GET", "/", &[("cookie", &cookie)], "").await;
    assert!(page.text.contains("anna (administrator)"), "{}", page.text);
    let foreign = [form, ("host", "ferry.example"), ("origin", "https://evil.example"), ("cookie", &cookie)];
    assert_eq!(house.send("POST", "/sign-in", &foreign, filled).await.problem().0, 403);
    assert_eq!(house.send("POST", "/sign-out", &foreign, "").await.problem().0, 403);
    let ours = [("host", "ferry.example"), ("origin", "https://ferry.example"), ("cookie", cookie.as_str())];
    assert_eq!(house.send("POST", "/sign-out", &ours, "").await.status, 303);
    assert!(house.send("GET", "/", &[("cookie", &cookie)], "").await.text.contains("Sign in"));
}

/// The code of an authenticator, computed apart from the product's own way.
fn code_of(secret: &str, second: i64) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let value = |c: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
    let bits: String = secret.chars().map(|c| format!("{:05b}", value(c))).collect();
    let key: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).unwrap())
        .collect();
    let mut mac = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&key).unwrap();
    mac.update(&u64::try_from(second / 30).unwrap().to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[tokio::test]
async fn a_second_factor_is_confirmed_asked_for_and_taken_once() {
    use mailferry_model::port::Clock;
    let house = set_up().await;
    let token = session(&house, "anna", PASSWORD).await;
    let now = || house.clock.now().as_second();
    let wrong = json!({ "password": "canary wrong wrong" });
    let told = house.as_token(&token, "POST", "/me/second-factor", wrong).await;
    assert_eq!(told.problem(), (403, "SIGN_IN_REFUSED".into()));
    let begun =
        house.as_token(&token, "POST", "/me/second-factor", json!({ "password": PASSWORD })).await.json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["address"].as_str().unwrap().starts_with("otpauth://totp/mailferry:anna?secret="));
    assert_eq!(sign_in(&house, "anna", PASSWORD, None).await.status, 201, "not confirmed yet");
    let confirm =
        async |code: &str| house.as_token(&token, "PUT", "/me/second-factor", json!({ "code": code })).await;
    assert_eq!(confirm("000000").await.problem(), (422, "SIGN_IN_CODE".into()));
    let first = code_of(&secret, now());
    assert_eq!(confirm(&first).await.status, 204);
    assert_eq!(confirm(&first).await.problem().0, 409);
    assert_eq!(sign_in(&house, "anna", PASSWORD, None).await.problem(), (401, "SIGN_IN_CODE".into()));
    assert_eq!(
        sign_in(&house, "anna", "canary wrong", None).await.problem(),
        (401, "SIGN_IN_REFUSED".into())
    );
    assert_eq!(sign_in(&house, "anna", PASSWORD, Some(&first)).await.problem().0, 401, "taken already");
    house.clock.forward(60);
    let next = code_of(&secret, now());
    assert_eq!(sign_in(&house, "anna", PASSWORD, Some(&next)).await.status, 201);
    assert_eq!(sign_in(&house, "anna", PASSWORD, Some(&next)).await.problem().0, 401, "once");
    let told = house.as_token(&token, "DELETE", "/me/second-factor", json!({ "password": PASSWORD })).await;
    assert_eq!(told.status, 204);
    house.clock.forward(60);
    assert_eq!(sign_in(&house, "anna", PASSWORD, None).await.status, 201);
}

#[tokio::test]
async fn a_new_password_ends_other_sessions_and_a_token_cannot_set_one() {
    let house = set_up().await;
    let (one, other) = (session(&house, "anna", PASSWORD).await, session(&house, "anna", PASSWORD).await);
    let made =
        house.as_token(&one, "POST", "/tokens", json!({ "name": "ci", "role": "operator" })).await.json();
    let token = made["token"].as_str().unwrap();
    let change = json!({ "old": PASSWORD, "new": "canary other battery" });
    assert_eq!(house.as_token(token, "PUT", "/me/password", change.clone()).await.problem().0, 403);
    assert_eq!(house.as_token(token, "POST", "/tokens", json!({ "name": "more" })).await.problem().0, 403);
    assert_eq!(house.as_token(&one, "PUT", "/me/password", change).await.status, 204);
    assert_eq!(house.as_token(&one, "GET", "/me", Value::Null).await.status, 200);
    assert_eq!(house.as_token(&other, "GET", "/me", Value::Null).await.status, 401);
    assert_eq!(sign_in(&house, "anna", PASSWORD, None).await.status, 401);
    assert_eq!(sign_in(&house, "anna", "canary other battery", None).await.status, 201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(house.as_token(&one, "DELETE", &format!("/tokens/{id}"), Value::Null).await.status, 204);
    assert_eq!(house.as_token(token, "GET", "/me", Value::Null).await.status, 401);
}

#[tokio::test]
async fn the_last_administrator_stays_and_tokens_have_no_more_than_their_account() {
    let house = set_up().await;
    let admin = session(&house, "anna", PASSWORD).await;
    for (method, body) in [
        ("DELETE", Value::Null),
        ("PATCH", json!({ "role": "operator" })),
        ("PATCH", json!({ "disabled": true })),
    ] {
        let told = house.as_token(&admin, method, "/accounts/anna", body).await;
        assert_eq!(told.problem(), (409, "ACCOUNT_LAST".into()), "{method}");
    }
    let body = json!({ "name": "ben", "role": "operator", "password": PASSWORD });
    let made = house.as_token(&admin, "POST", "/accounts", body).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    let ben = session(&house, "ben", PASSWORD).await;
    let above = json!({ "name": "t", "role": "administrator" });
    assert_eq!(house.as_token(&ben, "POST", "/tokens", above).await.problem(), (422, "ACCOUNT_ROLE".into()));
    let others = json!({ "name": "t", "account": "anna" });
    assert_eq!(house.as_token(&ben, "POST", "/tokens", others).await.problem(), (403, "ACCOUNT_ROLE".into()));
    let token = house.as_token(&ben, "POST", "/tokens", json!({ "name": "t" })).await.json();
    let token = token["token"].as_str().unwrap().to_owned();
    let down = json!({ "role": "viewer" });
    assert_eq!(house.as_token(&admin, "PATCH", "/accounts/ben", down).await.status, 200);
    let me = house.as_token(&token, "GET", "/me", Value::Null).await.json();
    assert_eq!(me["role"], json!(Role::Viewer.word()), "the token goes down with its account");
    house.clock.forward(366 * 24 * 3600);
    assert_eq!(house.as_token(&token, "GET", "/me", Value::Null).await.status, 401, "its time is over");
}

#[tokio::test]
async fn no_password_token_or_code_is_in_any_answer_or_in_the_audit_trail() {
    let house = House::listening().await;
    let code = fresh_setup_code(&*house.store).await.unwrap().unwrap();
    let body = json!({ "code": code.expose(), "name": "anna", "password": PASSWORD });
    let mut said = house.as_nobody("POST", "/setup", body).await.text;
    said += &sign_in(&house, "anna", "canary wrong wrong", Some("424242")).await.text;
    let admin = session(&house, "anna", PASSWORD).await;
    let endpoint = json!({
        "name": "old", "type": "post", "settings": { "remote-server": "h" }, "secrets": { "password": "canary-1" },
    });
    said += &house.as_token(&admin, "POST", "/endpoints", endpoint).await.text;
    let bad = json!({ "name": "x", "type": "post", "secrets": { "password": "canary-2" } });
    said += &house.as_token(&admin, "POST", "/endpoints", bad).await.text;
    let ben = json!({ "name": "ben", "role": "viewer", "password": "canary canary canary" });
    said += &house.as_token(&admin, "POST", "/accounts", ben).await.text;
    let made = house.as_token(&admin, "POST", "/tokens", json!({ "name": "ci" })).await.json();
    let token = made["token"].as_str().unwrap();
    for path in
        ["/accounts", "/accounts/anna", "/sessions", "/tokens", "/me", "/audit", "/endpoints", "/status"]
    {
        let told = house.as_token(&admin, "GET", path, Value::Null).await;
        assert_eq!(told.status, 200, "{path}");
        said += &told.text;
    }
    said += &format!("{:?}", house.store.audit(0).await.unwrap());
    said += &format!("{:?}", house.store.accounts().await.unwrap());
    said += &format!("{:?}{:?}", house.store.sessions().await.unwrap(), house.store.tokens().await.unwrap());
    for secret in ["canary", "argon2", "mfs_", "mft_", "424242", code.expose(), &admin, token] {
        assert!(!said.contains(secret), "{secret} is in what was said");
    }
}

/// A bug once: nobody was told of passwords that were guessed.
#[tokio::test]
async fn refused_sign_ins_are_told_to_the_audit_trail_and_do_not_flood_it() {
    let house = set_up().await;
    let token = session(&house, "anna", PASSWORD).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&house, "anna", "canary guess", None).await.status, 401);
        assert_eq!(sign_in(&house, "canary-typed", "canary guess", None).await.status, 401);
    }
    let refused = async || {
        let told = house.as_token(&token, "GET", "/audit", Value::Null).await;
        assert!(!told.text.contains("canary"), "{}", told.text);
        let all = told.json().as_array().unwrap().clone();
        let ours = all.into_iter().filter(|e| e["action"] == "session.refused");
        let mut ours: Vec<(String, String)> = ours
            .map(|e| {
                let change: Value = serde_json::from_str(e["change"].as_str().unwrap()).unwrap();
                (e["subject"].as_str().unwrap().to_owned(), change["count"].to_string())
            })
            .collect();
        ours.sort();
        ours
    };
    let told = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    while refused().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(refused().await, told(&[("account anna", "1"), ("no account", "1")]));
    house.clock.forward(61);
    let both = [("account anna", "1"), ("account anna", "2"), ("no account", "1"), ("no account", "2")];
    assert_eq!(refused().await, told(&both), "what was held back is there for whoever looks");
}

#[tokio::test]
async fn a_password_that_is_guessed_at_once_is_nobodys() {
    let house = set_up().await;
    let token = session(&house, "anna", PASSWORD).await;
    for (name, password) in [("ben", "123456789012"), ("benjamin-the-second", "Benjamin-the-Second")] {
        let body = json!({ "name": name, "role": "viewer", "password": password });
        let told = house.as_token(&token, "POST", "/accounts", body).await;
        assert_eq!(told.problem(), (422, "PASSWORD_WEAK".into()), "{password}");
    }
    let change = json!({ "old": PASSWORD, "new": "password1234" });
    assert_eq!(house.as_token(&token, "PUT", "/me/password", change).await.problem().1, "PASSWORD_WEAK");
}

#[tokio::test]
async fn a_restart_is_no_way_around_the_limits() {
    let mut house = set_up().await;
    for _ in 0..6 {
        sign_in(&house, "anna", "canary wrong wrong", None).await;
    }
    // What was held back for a minute is told with the next one.
    house.clock.forward(61);
    assert_eq!(sign_in(&house, "anna", "canary wrong wrong", None).await.status, 401);
    let told = async || {
        let entries = house.store.audit(0).await.unwrap();
        entries.iter().filter(|(_, e)| e.action == "session.refused").count()
    };
    while told().await < 2 {
        tokio::task::yield_now().await;
    }
    house.restart().await;
    let slowed = sign_in(&house, "anna", PASSWORD, None).await;
    assert_eq!(slowed.problem(), (429, "SIGN_IN_TOO_OFTEN".into()));
    house.clock.forward(901);
    house.restart().await;
    assert_eq!(sign_in(&house, "anna", PASSWORD, None).await.status, 201, "that was long ago");
}

#[tokio::test]
async fn inside_the_own_process_nobody_signs_in_whatever_is_sent() {
    let house = House::fresh().await;
    for body in [json!({}), json!({ "name": "anna", "password": "x" })] {
        let (status, problem) = house.post("/sessions", body).await;
        assert_eq!((status, &problem["code"]), (409, &json!("SERVICE_LOCAL_ONLY")));
    }
}
