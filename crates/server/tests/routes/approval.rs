//! Approvals of items that stay behind, and the gate that asks for them.

use axum::http::Method;
use mailferry_model::{
    port::{Clock, Reports},
    report::{Findings, Kept, Named, Score},
    status::{BatchStatus, UserStatus},
};
use serde_json::{Value, json};

use super::{batch::with_wave, house::House};

const A: &str = "/batches/wave/users/a@x";

fn named(uid: usize, code: &str) -> Named {
    Named {
        folder: "INBOX".into(),
        uid: uid.to_string(),
        message_id: None,
        size: 1,
        code: code.into(),
        reason: "words".into(),
        items: None,
        date: None,
        tries: None,
    }
}

/// A wave whose first mailbox is Investigate, with two items of one code, one of another and one that is missing; the
/// second is perfect.
async fn with_skipped() -> House {
    let house = with_wave().await;
    let wave = house.store.batch("wave").await.unwrap();
    for (n, mut user) in house.store.users(wave.id).await.unwrap().into_iter().enumerate() {
        let mailbox = house.store.mailbox(&user.address).await.unwrap();
        let mut findings = Findings { identified: 1000, placed: 1000, ..Findings::default() };
        if n == 0 {
            findings.skipped = vec![
                named(1, "SOURCE_MALFORMED"),
                named(2, "SOURCE_MALFORMED"),
                named(3, "TARGET_TOO_LARGE"),
            ];
            findings.missing = vec![named(4, "ITEM_MISSING")];
        }
        user.mailbox = Some(mailbox);
        (user.status, user.score) = (UserStatus::Synced, Some(findings.score()));
        user.unapproved = Some(if n == 0 { 4 } else { 0 });
        house.store.set_user(&user).await.unwrap();
        let kept = Kept { mailbox, user: user.address.clone(), at: house.clock.now(), findings };
        house.reports.keep_report(&kept).await.unwrap();
    }
    let mut wave = house.store.batch("wave").await.unwrap();
    wave.status = BatchStatus::Synced;
    house.store.set_batch(&wave).await.unwrap();
    house
}

async fn unapproved(house: &House) -> Value {
    let user = house.get(A).await.1;
    let batch = house.get("/batches/wave").await.1;
    assert_eq!(user["itemsUnapproved"], batch["itemsUnapproved"]);
    user["itemsUnapproved"].clone()
}

async fn statuses(house: &House) -> (BatchStatus, Vec<UserStatus>) {
    let wave = house.store.batch("wave").await.unwrap();
    let users = house.store.users(wave.id).await.unwrap();
    (wave.status, users.into_iter().map(|user| user.status).collect())
}

#[tokio::test]
async fn one_a_class_or_all_are_approved_and_taken_back() {
    let house = with_skipped().await;
    assert_eq!(unapproved(&house).await, 4);
    let say = async |path: &str, body: Value| {
        let (status, told) = house.post(path, body.clone()).await;
        assert_eq!(status, 200, "{path} {body}: {told}");
        told["notices"][0].as_str().unwrap_or_default().to_owned()
    };
    let user = format!("{A}/approve");
    let one = json!({ "folder": "INBOX", "uid": "3", "comment": "a film" });
    assert_eq!(say(&user, one).await, "1 item of 1 mailbox is approved.");
    assert_eq!(unapproved(&house).await, 3);
    let class = json!({ "codes": ["source_malformed"], "comment": "newsletters" });
    let pretended = json!({ "codes": ["SOURCE_MALFORMED"], "comment": "x", "dryRun": true });
    assert_eq!(say("/batches/wave/approve", pretended).await, "2 items of 1 mailbox would be approved.");
    assert_eq!(unapproved(&house).await, 3, "nothing was done");
    assert_eq!(say("/batches/wave/approve", class.clone()).await, "2 items of 1 mailbox are approved.");
    assert_eq!(say("/batches/wave/approve", class).await, "There is nothing to approve.");
    assert_eq!(unapproved(&house).await, 1);
    let items = house.get("/items?kind=skipped").await.1;
    let told: Vec<_> =
        items.as_array().unwrap().iter().map(|i| (&i["approved"], &i["approvalComment"])).collect();
    let yes = json!(true);
    let comments = [json!("newsletters"), json!("newsletters"), json!("a film")];
    assert_eq!(told, comments.iter().map(|comment| (&yes, comment)).collect::<Vec<_>>());
    assert!(items[0]["approvedBy"].is_string() && items[0]["approvedAt"].is_string(), "{items}");
    assert_eq!(house.get("/items?kind=missing").await.1[0]["approved"], json!(false));
    assert_eq!(
        say("/batches/wave/unapprove", json!({ "all": true })).await,
        "3 items of 1 mailbox are no longer approved."
    );
    assert_eq!(unapproved(&house).await, 4);
    say(&user, json!({ "all": true, "comment": "agreed" })).await;
    assert_eq!(
        say(&format!("{A}/unapprove"), json!({ "folder": "INBOX", "uid": "4" })).await,
        "1 item of 1 mailbox is no longer approved."
    );
    let audit = house.get("/audit").await.1.to_string();
    for word in
        ["user.approve", "batch.approve", "batch.unapprove", "user.unapprove", "newsletters", "a film"]
    {
        assert!(audit.contains(word), "{word}: {audit}");
    }
}

#[tokio::test]
async fn what_is_not_meant_or_not_explained_is_refused() {
    let house = with_skipped().await;
    for body in [
        json!({ "comment": "x" }),
        json!({ "all": true }),
        json!({ "all": true, "comment": " " }),
        json!({ "all": true, "codes": ["ITEM_MISSING"], "comment": "x" }),
        json!({ "folder": "INBOX", "comment": "x" }),
        json!({ "codes": ["NO_SUCH_CODE"], "comment": "x" }),
    ] {
        let (status, problem) = house.post(&format!("{A}/approve"), body.clone()).await;
        assert_eq!((status, &problem["code"]), (422, &json!("REQUEST_MALFORMED")), "{body}");
    }
    let one = json!({ "folder": "INBOX", "uid": "3", "comment": "x" });
    assert_eq!(house.post("/batches/wave/approve", one).await.0, 422, "one item is of one user");
    let nothing = json!({ "folder": "INBOX", "uid": "99", "comment": "x" });
    assert_eq!(house.post(&format!("{A}/approve"), nothing).await.0, 404);
    let all = json!({ "all": true, "comment": "x" });
    assert_eq!(house.post("/batches/wave/users/nobody@x/approve", all.clone()).await.0, 404);
    assert_eq!(house.post("/batches/nothing/approve", all).await.0, 404);
    assert_eq!(unapproved(&house).await, 4);
}

#[tokio::test]
async fn an_approval_is_of_the_item_and_survives_later_passes() {
    let house = with_skipped().await;
    let class = json!({ "codes": ["SOURCE_MALFORMED"], "comment": "newsletters" });
    assert_eq!(house.post("/batches/wave/approve", class).await.0, 200);
    // A later pass: one of the two has moved after all, and another one is skipped, listed first.
    let mut kept = house.reports.0.lock().unwrap()[0].clone();
    kept.findings.skipped = vec![named(9, "SOURCE_MALFORMED"), named(2, "SOURCE_MALFORMED")];
    house.reports.keep_report(&kept).await.unwrap();
    let items = house.get("/items?kind=skipped").await.1;
    assert_eq!((&items[0]["uid"], &items[0]["approved"]), (&json!("9"), &json!(false)));
    assert_eq!((&items[1]["uid"], &items[1]["approved"]), (&json!("2"), &json!(true)));
}

#[tokio::test]
async fn a_batch_completes_what_looks_good_and_what_is_approved() {
    use BatchStatus as B;
    use UserStatus as U;
    let house = with_skipped().await;
    let (status, would) = house.post("/batches/wave/complete?dryRun=true", json!({})).await;
    let notices = would["notices"].to_string();
    assert!(
        status == 200 && notices.contains("1 of 2 mailboxes") && notices.contains("a@x is held back"),
        "{notices}"
    );
    let plan = house.get("/batches/wave/completion").await.1;
    assert_eq!(
        (&plan["ready"], &plan["open"], &plan["seconds"]),
        (&json!(1), &json!(2), &Value::Null),
        "{plan}"
    );
    let blocker = &plan["blockers"][0];
    assert_eq!((&blocker["subject"], &blocker["code"]), (&json!("a@x"), &json!("NeedsApproval")), "{plan}");
    let (status, told) = house.post("/batches/wave/complete", json!({})).await;
    assert_eq!(status, 202);
    assert!(told["notices"][0].as_str().unwrap().contains("user approve a@x --batch wave"), "{told}");
    assert_eq!(statuses(&house).await, (B::Completing, vec![U::Synced, U::Completing]));
    let user = house.get(A).await.1;
    assert_eq!(user["detail"]["code"], "NeedsApproval");
    assert!(user["why"].as_str().unwrap().starts_with("Waits for an approval:"), "{user}");
    // What a worker would do.
    let mut wave = house.store.batch("wave").await.unwrap();
    wave.status = B::Synced;
    house.store.set_batch(&wave).await.unwrap();
    assert!(house.get("/batches/wave").await.1["why"].as_str().unwrap().contains("[NeedsApproval]: 1 of 2"));
    let report = house.get("/batches/wave/report").await.1;
    assert_eq!(report["heldBack"][0]["user"], "a@x");
    assert_eq!(house.post(&format!("{A}/approve"), json!({ "all": true, "comment": "x" })).await.0, 200);
    assert_eq!(house.get(A).await.1["detail"], Value::Null);
    assert_eq!(house.post("/batches/wave/complete", json!({})).await.0, 202);
    assert_eq!(statuses(&house).await.1[0], U::Completing);
}

#[tokio::test]
async fn poor_completes_with_a_reason_alone_and_never_by_an_approval() {
    let house = with_skipped().await;
    let mut user = house.store.users_by_address("a@x").await.unwrap().remove(0);
    user.score = Some(Score::Poor);
    house.store.set_user(&user).await.unwrap();
    house.post("/batches/wave/approve", json!({ "all": true, "comment": "x" })).await;
    let (status, problem) = house.post(&format!("{A}/complete"), json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("WRONG_STATE")));
    assert!(problem["blockers"][0].as_str().unwrap().contains("--despite-score"), "{problem}");
    assert_eq!(house.post(&format!("{A}/complete?despiteScore="), json!({})).await.0, 422);
    assert_eq!(house.post(&format!("{A}/sync?despiteScore=x"), json!({})).await.0, 422);
    assert_eq!(house.post(&format!("{A}/complete?despiteScore=agreed%20by%20Anna"), json!({})).await.0, 202);
    assert_eq!(
        statuses(&house).await,
        (BatchStatus::IncrementalSyncing, vec![UserStatus::Completing, UserStatus::Synced])
    );
    assert_eq!(house.get(A).await.1["despiteScore"], "agreed by Anna");
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("user.complete") && audit.contains("agreed by Anna"), "{audit}");
}

#[tokio::test]
async fn a_batch_without_the_gate_completes_as_it_always_did() {
    let house = with_skipped().await;
    let change = async |body: Value| house.ask(Method::PATCH, "/batches/wave", body).await;
    assert_eq!(change(json!({ "dataConsistency": "sometimes" })).await.0, 422);
    let (status, told) =
        change(json!({ "dataConsistency": "off", "itemLimits": { "badItemLimit": "unlimited" } })).await;
    assert_eq!(
        (status, &told["dataConsistency"], &told["heldBack"]),
        (200, &json!("off"), &json!(0)),
        "{told}"
    );
    assert_eq!(told["itemLimits"], json!({ "badItemLimit": "Unlimited", "largeItemLimit": null }));
    assert_eq!(house.post("/batches/wave/complete", json!({})).await.0, 202);
    assert_eq!(statuses(&house).await, (BatchStatus::Completing, vec![UserStatus::Completing; 2]));
}
