//! The readiness checklist: which there are, what ticks itself, what people tick, and who may not.

use mailferry_model::status::UserStatus;
use serde_json::{Value, json};

use super::{batch::with_endpoints, house::House};

async fn point(house: &House, of: &str, point: &str) -> Value {
    let (code, lists) = house.get(&format!("/readiness?of={of}")).await;
    assert_eq!((code, lists.as_array().map(Vec::len)), (200, Some(1)), "{lists}");
    let points = lists[0]["points"].as_array().unwrap();
    points.iter().find(|one| one["point"] == point).unwrap_or_else(|| panic!("no {point}")).clone()
}

async fn with_batches() -> House {
    let house = with_endpoints().await;
    let csv_of = |address: &str| format!("EmailAddress,Password,TargetPassword\n{address},p,q\n");
    for (name, address, pilot) in [("first", "p@x", true), ("w", "a@x", false)] {
        let wanted =
            json!({ "csv": csv_of(address), "name": name, "pilot": pilot, "source": "old", "target": "new" });
        assert_eq!(house.post("/batches", wanted).await.0, 201);
    }
    house
}

#[tokio::test]
async fn there_is_one_for_a_batch_for_each_pair_and_for_what_stands_alone() {
    let house = with_batches().await;
    let all = house.get("/readiness").await.1;
    let pair = all.as_array().unwrap().iter().find(|list| list["source"] == "old").unwrap();
    assert_eq!((&pair["target"], &pair["batches"]), (&json!("new"), &json!(["first", "w"])));
    assert_eq!((&pair["batch"], &pair["verdict"]), (&json!(null), &json!("not ready")));
    assert_eq!(pair["points"].as_array().map(Vec::len), Some(11));
    assert_eq!(house.get("/readiness?of=NEW").await.1[0]["batches"], json!(["first", "w"]));
    assert_eq!(house.get("/readiness?of=W").await.1[0]["batch"], "w");
    assert_eq!(house.get("/readiness?of=nothing").await.0, 404);
    let servers = point(&house, "w", "servers-answer").await;
    assert_eq!(servers["state"], "unknown");
    assert!(servers["how"].to_string().contains("mailferry endpoint test old"), "{servers}");
}

#[tokio::test]
async fn tests_pilots_and_mailboxes_tick_it() {
    let house = with_batches().await;
    let pilot = point(&house, "w", "pilot-clean").await;
    assert_eq!((&pilot["state"], &pilot["blocks"]), (&json!("open"), &json!(true)));
    assert!(pilot["evidence"].as_str().unwrap().starts_with("first: 1 mailbox not synced yet"), "{pilot}");
    let rows: Vec<Value> = ["tls", "protocol", "auth", "permission", "mailbox"]
        .map(|step| {
            json!({ "step": step, "id": step, "title": step, "outcome": "pass", "native": "unknown", "evidence": "",
                "elapsedMs": 1, "cause": null, "code": null, "fix": [] })
        })
        .into();
    for (name, role) in [("old", "source"), ("new", "target")] {
        let mut end = house.store.endpoint(name).await.unwrap();
        let test = json!({ "result": "Success", "native": "Unknown", "steps": rows, "roles": [role], "at": end.modified });
        end.last_test = Some(serde_json::from_value(test).unwrap());
        house.store.set_endpoint(&end).await.unwrap();
    }
    let id = house.store.batch("first").await.unwrap().id;
    let mut user = house.store.users(id).await.unwrap().remove(0);
    user.status = UserStatus::Synced;
    house.store.set_user(&user).await.unwrap();
    house.post("/batches/first/users/p@x/sign-off", json!({})).await;
    for done in
        ["servers-answer", "certificate-lasts", "sample-mailbox", "kind-fits", "permissions", "pilot-clean"]
    {
        assert_eq!(point(&house, "w", done).await["state"], "done", "{done}");
    }
    let opened = point(&house, "w", "mailboxes-open").await;
    assert_eq!((&opened["evidence"], &opened["state"]), (&json!("0 of 1"), &json!("open")));
}

#[tokio::test]
async fn people_tick_what_people_say_for_a_batch_or_for_all_and_it_is_audited() {
    let house = with_batches().await;
    let path = "/readiness/help-desk-ready/tick";
    house.post(path, json!({ "dryRun": true })).await;
    assert_eq!(point(&house, "w", "help-desk-ready").await["state"], "open", "a dry run changes nothing");
    let (code, lists) = house.post(path, json!({ "batch": "w", "comment": "eight people" })).await;
    assert_eq!((code, &lists[0]["batch"]), (200, &json!("w")));
    let desk = point(&house, "w", "help-desk-ready").await;
    assert_eq!((&desk["state"], &desk["evidence"]), (&json!("done"), &json!("eight people")));
    assert!(desk["by"].is_string() && desk["at"].is_string());
    assert_eq!(point(&house, "first", "help-desk-ready").await["state"], "open");
    house.post(path, json!({})).await;
    assert_eq!(point(&house, "first", "help-desk-ready").await["state"], "done");
    house.post(path, json!({ "takeBack": true })).await;
    assert_eq!(point(&house, "first", "help-desk-ready").await["state"], "open");
    assert_eq!(point(&house, "w", "help-desk-ready").await["state"], "done", "its own stays");
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("readiness.tick") && audit.contains("eight people"), "{audit}");
    let (code, told) = house.post("/readiness/kind-fits/tick", json!({})).await;
    assert_eq!((code, &told["code"]), (409, &json!("READINESS_TICKS_ITSELF")));
    assert_eq!(house.post("/readiness/smoke/tick", json!({})).await.0, 404);
    assert_eq!(house.post(path, json!({ "batch": "none" })).await.0, 404);
}
