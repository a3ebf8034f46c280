//! Who may do what: every route, every role, and nobody; and the document of all routes.

use std::collections::BTreeSet;

use mailferry_model::account::Role;
use mailferry_server::{ACCESS, Access, PREFIX, document};
use serde_json::Value;

use super::house::House;

/// All operations of the document: method, path below the prefix, what it says.
fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.strip_prefix(PREFIX).unwrap().to_owned();
            all.push((method.to_uppercase(), path, operation.clone()));
        }
    }
    all
}

#[test]
fn the_table_of_roles_has_exactly_the_routes_that_there_are() {
    let routes: BTreeSet<_> = operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let table: BTreeSet<_> = ACCESS.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(routes, table);
    assert_eq!(ACCESS.len(), table.len(), "a route stands twice in the table");
    assert!(routes.len() >= 40, "{}", routes.len());
}

#[test]
fn every_operation_has_id_summary_tag_and_problems() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let at = format!("{method} {path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{at}: the id is another's"
        );
        assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty() && !s.ends_with('.')), "{at}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|s| s.starts_with('2')), "{at}");
        let problems = responses.iter().filter(|(s, _)| s.starts_with('4') || s.starts_with('5'));
        let content = |r: &Value| r["content"]["application/problem+json"]["schema"]["$ref"].clone();
        let problems: Vec<Value> = problems.map(|(_, r)| content(r)).collect();
        assert!(problems.len() >= 2, "{at}");
        assert!(problems.iter().all(|p| p == "#/components/schemas/Problem"), "{at}: {problems:?}");
    }
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    let document = serde_json::to_value(document()).unwrap();
    fn check(value: &Value, schemas: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                    let name = name.strip_prefix("#/components/schemas/").unwrap();
                    assert!(schemas[name].is_object(), "{name} is missing");
                }
                fields.values().for_each(|v| check(v, schemas));
            }
            Value::Array(items) => items.iter().for_each(|v| check(v, schemas)),
            _ => {}
        }
    }
    check(&document, &document["components"]["schemas"]);
}

#[tokio::test]
async fn every_route_refuses_whoever_may_less_and_lets_in_whoever_may() {
    let house = House::listening().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((role, house.token_of(role).await));
    }
    for (method, path, access) in ACCESS {
        let path = ["{name}", "{kind}", "{code}", "{address}", "{id}", "{file}", "{point}"]
            .iter()
            .fold((*path).to_owned(), |p, part| p.replace(part, "nothing"));
        let at = format!("{method} {path}");
        if path == "/events" {
            // It does not end by itself: tried in its own test.
            assert_eq!(house.as_nobody(method, &path, Value::Null).await.problem().0, 401);
            continue;
        }
        let nobody = house.as_nobody(method, &path, Value::Null).await;
        let is_way_in = ["/setup", "/sessions"].contains(&path.as_str());
        let Access::From(least) = access else {
            assert!(![401, 403].contains(&nobody.status) || is_way_in, "{at}: {}", nobody.text);
            continue;
        };
        assert_eq!(nobody.problem(), (401, "SIGN_IN_MISSING".to_owned()), "{at}");
        assert_eq!(nobody.header("www-authenticate"), "Bearer");
        for (role, token) in &tokens {
            let told = house.as_token(token, method, &path, Value::Null).await;
            match role < least {
                true => assert_eq!(told.problem(), (403, "ACCOUNT_ROLE".to_owned()), "{at} as {role:?}"),
                // Some things a token may not do whatever its role: that is told in other words.
                false => assert!(
                    told.status < 500 && told.status != 401 && !told.text.contains("; this takes "),
                    "{at} as {role:?}: {}",
                    told.text
                ),
            }
        }
    }
}

#[tokio::test]
async fn strange_disabled_and_late_tokens_are_nobodys() {
    let house = House::listening().await;
    let token = house.token_of(Role::Viewer).await;
    assert_eq!(house.as_token(&token, "GET", "/me", Value::Null).await.status, 200);
    for wrong in ["", "mft_", "mfs_x", &token[..20], "ü"] {
        assert_eq!(house.as_token(wrong, "GET", "/me", Value::Null).await.problem().0, 401, "{wrong}");
    }
    let mut account = house.store.accounts().await.unwrap().remove(0);
    account.disabled = true;
    house.store.set_account(&account).await.unwrap();
    assert_eq!(house.as_token(&token, "GET", "/me", Value::Null).await.problem().0, 401);
}
