//! Acceptance: ticks for completed mailboxes alone, with name and time; all of a batch; and what they say of the source.

use mailferry_model::status::UserStatus;
use serde_json::json;

use super::{batch::with_endpoints, house::House};

/// A batch of three, of which the first two are completed.
async fn completed() -> House {
    let house = with_endpoints().await;
    let csv = "EmailAddress,Password,TargetPassword\na@x,p,q\nb@x,p,q\nc@x,p,q\n";
    let batch = json!({ "name": "w", "source": "old", "target": "new", "csv": csv });
    assert_eq!(house.post("/batches", batch).await.0, 201);
    let id = house.store.batch("w").await.unwrap().id;
    for mut user in house.store.users(id).await.unwrap() {
        if user.address != "c@x" {
            user.status = UserStatus::Completed;
            house.store.set_user(&user).await.unwrap();
        }
    }
    house
}

#[tokio::test]
async fn a_completed_mailbox_is_ticked_by_name_and_taken_back() {
    let house = completed().await;
    let path = "/batches/w/users/a@x/accept";
    let would = house.post(path, json!({ "ticks": ["mail-flow"], "dryRun": true })).await.1;
    assert_eq!(would["acceptance"][0]["check"], "mail-flow");
    assert_eq!(
        house.get("/batches/w/users/a@x").await.1["acceptance"],
        json!([]),
        "a dry run changes nothing"
    );
    let body = json!({ "ticks": ["mobile", "mail-flow"], "comment": "tried at nine" });
    let (code, told) = house.post(path, body).await;
    assert_eq!((code, &told["accepted"]), (200, &json!(false)));
    assert_eq!(told["notices"], json!(["a@x still lacks: calendar."]));
    house.post(path, json!({ "ticks": ["calendar"] })).await;
    let user = house.get("/batches/w/users/a@x").await.1;
    assert_eq!(user["accepted"], true);
    let first = &user["acceptance"][0];
    assert!(first["by"].is_string() && first["at"].is_string() && first["comment"] == "tried at nine");
    let batch = house.get("/batches/w").await.1;
    assert_eq!((&batch["accepted"], &batch["ticks"]["calendar"]), (&json!(1), &json!(1)));
    house.post(path, json!({ "ticks": ["calendar"], "takeBack": true })).await;
    assert_eq!(house.get("/batches/w").await.1["accepted"], 0);
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("user.accept") && audit.contains("tried at nine"), "{audit}");
}

#[tokio::test]
async fn what_is_not_completed_is_not_accepted_and_what_is_no_tick_is_refused() {
    let house = completed().await;
    let (code, told) = house.post("/batches/w/users/c@x/accept", json!({ "ticks": ["mobile"] })).await;
    assert_eq!((code, &told["code"]), (409, &json!("NOT_COMPLETED")));
    for ticks in [json!([]), json!(["desktop"]), json!(["smoke"])] {
        let (code, told) = house.post("/batches/w/users/a@x/accept", json!({ "ticks": ticks })).await;
        assert_eq!(code, 422);
        assert!(told["detail"].as_str().unwrap().contains("mail-flow, calendar, mobile"), "{told}");
    }
}

#[tokio::test]
async fn a_batch_is_ticked_at_once_and_keeps_its_source_until_all_is_accepted() {
    let house = completed().await;
    let all = json!({ "ticks": ["mail-flow", "calendar", "mobile"] });
    house.post("/batches/w/users/a@x/accept", json!({ "ticks": ["mobile"], "comment": "own word" })).await;
    let told = house.post("/batches/w/accept", all.clone()).await.1;
    assert_eq!(told["notices"][0], "2 of 3 mailboxes are ticked, 2 are accepted; 1 not completed yet.");
    assert_eq!(told["sourceKept"], "Keep the source as it is: 1 mailbox not completed.");
    let one = house.get("/batches/w/users/a@x").await.1["acceptance"].to_string();
    assert!(one.contains("own word"), "a tick that stands stays: {one}");
    assert_eq!(house.get("/batches/w/users/c@x").await.1["acceptance"], json!([]));
    let id = house.store.batch("w").await.unwrap().id;
    let mut last = house.store.users(id).await.unwrap().pop().unwrap();
    last.status = UserStatus::Completed;
    house.store.set_user(&last).await.unwrap();
    let told = house.post("/batches/w/accept", all.clone()).await.1;
    assert_eq!((&told["accepted"], &told["sourceKept"]), (&json!(3), &json!(null)));
    let before = house.get("/audit").await.1.as_array().unwrap().len();
    let told = house.post("/batches/w/accept", all).await.1;
    assert!(told["notices"][0].as_str().unwrap().starts_with("0 of 3"), "{told}");
    assert_eq!(house.get("/audit").await.1.as_array().unwrap().len(), before, "nothing new, nothing told");
    let back = house.post("/batches/w/accept", json!({ "ticks": ["mobile"], "takeBack": true })).await.1;
    assert!(back["sourceKept"].is_string() && back["accepted"] == 0, "{back}");
    let csv = String::from_utf8(house.file("/batches/w/reports/users.csv").await.1).unwrap();
    assert!(csv.lines().next().unwrap().ends_with("MobileTickedBy,MobileTickedUtc"), "{csv}");
}
