//! Two mailboxes never move into one: neither in a file nor of two batches that are not over.

use axum::http::Method;
use mailferry_model::status::BatchStatus;
use serde_json::{Value, json};

use super::{
    batch::{batch_becomes, with_endpoints},
    house::House,
};

const HEADER: &str = "EmailAddress,Password,TargetUserName,TargetPassword\n";

fn batch(name: &str, rows: &str, skip: bool) -> Value {
    let csv = format!("{HEADER}{rows}");
    json!({ "name": name, "source": "old", "target": "new", "csv": csv, "skipRejected": skip })
}

#[tokio::test]
async fn the_second_row_with_the_same_target_is_rejected() {
    let house = with_endpoints().await;
    let rows = "a@x,p,both,q\nb@x,p,Both,q\nc@x,p,,q\nd@x,p,C@X,q\n";
    let (status, problem) = house.post("/batches", batch("wave", rows, false)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("CSV_ROWS_REJECTED")), "{problem}");
    let told = |row: &Value| (row["rowNumber"].clone(), row["errorCode"].clone());
    let rows_told: Vec<_> = problem["rows"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(
        rows_told,
        [(json!(3), json!("CSV_SAME_TARGET")), (json!(5), json!("CSV_SAME_TARGET"))],
        "{problem}"
    );
    assert_eq!(problem["rows"][0]["errorMessage"], "b@x would go into the same mailbox as row 2.");
    assert_eq!(house.post("/batches", batch("wave", rows, true)).await.1["total"], 2);
}

/// Two batches into places of their own, of which a@x and b@x go into a mailbox of the same name.
async fn apart() -> House {
    let house = with_endpoints().await;
    let body = json!({ "name": "far", "type": "post", "settings": { "remote-server": "far.example" } });
    assert_eq!(house.post("/endpoints", body).await.0, 201);
    assert_eq!(house.post("/batches", batch("wave", "a@x,p,both,q\n", false)).await.0, 201);
    let mut next = batch("next", "b@x,p,BOTH,q\nc@x,p,,q\n", false);
    next["target"] = json!("far");
    assert_eq!(house.post("/batches", next).await.0, 201);
    house
}

#[tokio::test]
async fn an_endpoint_that_leads_where_others_move_is_refused() {
    let house = apart().await;
    let at = |server: &str| json!({ "settings": { "remote-server": server } });
    for (server, dry_run) in [("new.example", true), ("NEW.example.", false)] {
        let mut body = at(server);
        body["dryRun"] = json!(dry_run);
        let (status, problem) = house.ask(Method::PATCH, "/endpoints/far", body).await;
        assert_eq!((status, &problem["code"]), (409, &json!("ENDPOINT_TARGET_TAKEN")), "{problem}");
        assert_eq!(problem["blockers"], json!(["b@x of batch next and a@x of batch wave"]), "{problem}");
    }
    assert_eq!(house.ask(Method::PATCH, "/endpoints/far", at("other.example")).await.0, 200);
    assert_eq!(
        house.ask(Method::PATCH, "/endpoints/old", at("else.example")).await.0,
        200,
        "a source is none"
    );
    batch_becomes(&house, BatchStatus::Completed).await;
    assert_eq!(
        house.ask(Method::PATCH, "/endpoints/far", at("new.example")).await.0,
        200,
        "that batch is over"
    );
}

#[tokio::test]
async fn a_successor_into_which_others_move_is_refused() {
    let house = apart().await;
    let by = |dry_run| json!({ "with": "new", "dryRun": dry_run });
    let (status, problem) = house.post("/endpoints/far/replace", by(true)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("ENDPOINT_TARGET_TAKEN")), "{problem}");
    assert_eq!(problem["blockers"], json!(["b@x of batch next and a@x of batch wave"]), "{problem}");
    batch_becomes(&house, BatchStatus::Completed).await;
    assert_eq!(house.post("/endpoints/far/replace", by(true)).await.0, 200, "that batch is over");
}

#[tokio::test]
async fn a_target_of_another_batch_is_rejected_until_that_is_over() {
    let house = with_endpoints().await;
    assert_eq!(house.post("/batches", batch("wave", "a@x,p,both,q\n", false)).await.0, 201);
    let next = || batch("next", "b@x,p,BOTH,q\nc@x,p,,q\n", false);
    let (status, problem) = house.post("/batches", next()).await;
    let row = &problem["rows"][0];
    assert_eq!(
        (status, &row["rowNumber"], &row["errorCode"]),
        (422, &json!(2), &json!("CSV_TARGET_IN_ANOTHER_BATCH")),
        "{problem}"
    );
    assert_eq!(row["errorMessage"], "b@x would go into the mailbox into which a@x of batch wave moves.");
    batch_becomes(&house, BatchStatus::Completed).await;
    assert_eq!(house.post("/batches", next()).await.0, 201, "that batch is over");
}
