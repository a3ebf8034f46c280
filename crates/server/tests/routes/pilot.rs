//! A pilot: what it lacks, who signs off, and that nobody else's mailboxes are signed off.

use mailferry_model::{report::Score, status::UserStatus};
use serde_json::json;

use super::batch::with_endpoints;

#[tokio::test]
async fn a_pilot_is_signed_off_mailbox_by_mailbox_and_by_name() {
    let house = with_endpoints().await;
    let csv = "EmailAddress,Password,TargetPassword\na@x,p,q\n";
    let batch = json!({ "name": "first", "source": "old", "target": "new", "csv": csv, "pilot": true });
    assert_eq!(house.post("/batches", batch).await.1["pilot"], true);
    let other = json!({ "name": "rest", "source": "old", "target": "new", "csv": csv.replace("a@x", "b@x") });
    assert_eq!(house.post("/batches", other).await.1["pilot"], false);
    let id = house.store.batch("first").await.unwrap().id;
    let mut user = house.store.users(id).await.unwrap().remove(0);
    (user.status, user.score) = (UserStatus::Synced, Some(Score::Perfect));
    house.store.set_user(&user).await.unwrap();
    let path = "/batches/first/users/a@x/sign-off";
    let lacks = async || house.get("/batches/first").await.1["pilotLacks"].to_string();
    assert!(lacks().await.contains("1 mailbox not signed off for mail-flow, calendar"));
    let would = house.post(path, json!({ "dryRun": true })).await.1;
    assert_eq!(would["signOffs"].as_array().unwrap().len(), 5);
    assert!(lacks().await.contains("mail-flow"), "a dry run changes nothing");
    let body = json!({ "checks": ["mail-flow", "desktop"], "comment": "tried at nine" });
    let (code, signed) = house.post(path, body).await;
    assert_eq!((code, &signed["signOffs"][0]["check"]), (200, &json!("mail-flow")));
    assert!(signed["signOffs"][0]["by"].is_string() && signed["signOffs"][0]["comment"] == "tried at nine");
    assert!(signed["notices"].to_string().contains("calendar, mobile, shared-mailboxes"), "{signed}");
    house.post(path, json!({})).await;
    assert_eq!(lacks().await, "null");
    house.post(path, json!({ "checks": ["mobile"], "withdraw": true })).await;
    assert!(lacks().await.contains("for mobile"));
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("user.sign-off") && audit.contains("tried at nine"), "{audit}");
    let (code, told) = house.post("/batches/rest/users/b@x/sign-off", json!({})).await;
    assert_eq!((code, &told["code"]), (409, &json!("NO_PILOT")));
    assert_eq!(house.post(path, json!({ "checks": ["smoke"] })).await.0, 422);
}
