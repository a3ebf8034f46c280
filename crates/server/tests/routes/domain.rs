//! Domains that are to be looked at: what is refused, and what is shown before anybody has looked.

use axum::http::Method;
use serde_json::{Value, json};

use super::house::House;

#[tokio::test]
async fn a_look_is_ordered_shown_and_forgotten() {
    let house = House::fresh().await;
    let order =
        json!({ "name": "Example.ORG", "to": "microsoft-365", "wanted": { "spf": "include:own.example" } });
    let (status, told) = house.post("/domains", order.clone()).await;
    assert_eq!((status, &told["name"]), (202, &json!("example.org")), "{told}");
    assert_eq!(told["wanted"]["spf"], "include:own.example", "what is given goes first");
    assert_eq!(told["wanted"]["mx"], json!(["example-org.mail.protection.outlook.com"]));
    assert!(told["asked"].is_string() && told["records"] == json!([]), "{told}");
    assert_eq!(house.post("/domains", order).await.0, 202, "once more");
    assert_eq!(house.get("/domains").await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(house.ask(Method::DELETE, "/domains/EXAMPLE.org", Value::Null).await.0, 204);
    assert_eq!(house.get("/domains/example.org").await.0, 404);
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("domain.check") && audit.contains("domain.remove"), "{audit}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let house = House::fresh().await;
    for (order, status, code) in [
        (json!({ "name": "not a domain" }), 422, "DOMAIN_NAME"),
        (json!({ "name": "a.org", "to": "mars" }), 422, "REQUEST_MALFORMED"),
        (json!({ "name": "a.org", "batch": "none" }), 404, "OWN_NOT_FOUND"),
        (json!({ "name": "a.org", "wanted": { "dkim": { "a b": "" } } }), 422, "DOMAIN_NAME"),
        (json!({ "name": "a.org", "wanted": { "mx": ["a\u{1b}[31m"] } }), 422, "REQUEST_MALFORMED"),
        (json!({ "name": "a.org", "wanted": { "mx": vec!["a.org"; 21] } }), 422, "REQUEST_MALFORMED"),
    ] {
        let (answered, problem) = house.post("/domains", order.clone()).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{order}: {problem}");
    }
    assert_eq!(house.get("/domains").await.1, json!([]));
}
