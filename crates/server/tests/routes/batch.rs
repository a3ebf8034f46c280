//! Batches, their users and items.

use axum::http::Method;
use mailferry_model::{
    id::MailboxId,
    report::{Findings, Kept, Named},
    status::UserStatus,
};
use serde_json::{Value, json};

use super::house::House;

pub async fn with_endpoints() -> House {
    let house = House::fresh().await;
    for name in ["old", "new"] {
        let server = format!("{name}.example");
        let body = json!({ "name": name, "type": "post", "settings": { "remote-server": server } });
        assert_eq!(house.post("/endpoints", body).await.0, 201);
    }
    house
}

fn wave(csv: &str) -> Value {
    json!({ "name": "wave", "source": "old", "target": "new", "csv": csv })
}

const TWO: &str = "EmailAddress,Password,TargetPassword\na@x,canary-1,canary-2\nb@x,canary-3,canary-4\n";

/// A house with a batch `wave` of a@x and b@x.
pub async fn with_wave() -> House {
    let house = with_endpoints().await;
    assert_eq!(house.post("/batches", wave(TWO)).await.0, 201);
    house
}

/// What workers would do to every user, so that the next word of a person applies.
async fn users_become(house: &House, status: UserStatus) {
    let batch = house.store.batch("wave").await.unwrap();
    for mut user in house.store.users(batch.id).await.unwrap() {
        user.status = status;
        house.store.set_user(&user).await.unwrap();
    }
}

pub async fn batch_becomes(house: &House, status: mailferry_model::status::BatchStatus) {
    let mut batch = house.store.batch("wave").await.unwrap();
    batch.status = status;
    house.store.set_batch(&batch).await.unwrap();
}

#[tokio::test]
async fn made_from_a_csv_with_sealed_passwords() {
    let house = with_endpoints().await;
    let (status, made) = house.post("/batches", wave(TWO)).await;
    assert_eq!(
        (status, &made["status"], &made["total"], &made["queued"]),
        (201, &json!("Created"), &json!(2), &json!(2))
    );
    let users = house.get("/users?batch=wave").await.1;
    assert_eq!(users[1]["emailAddress"], "b@x");
    let batch = house.store.batch("wave").await.unwrap();
    let user = &house.store.users(batch.id).await.unwrap()[0];
    let names: Vec<String> =
        house.store.unseal(user.id.0).await.unwrap().into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["source-password", "target-password"]);
    assert!(!format!("{made}{users}").contains("canary"));
    assert_eq!(house.get("/users/a@x").await.1[0]["batch"], "wave");
    assert_eq!(house.get("/users/nobody@x").await.0, 404);
    assert_eq!(house.get("/users?status=Active").await.1.as_array().map(Vec::len), Some(2));
    assert_eq!(house.post("/batches", wave(TWO)).await.0, 409, "the name is taken");
}

/// Between endpoints that are one server only what goes to another mailbox moves.
#[tokio::test]
async fn a_row_whose_mailbox_would_be_copied_into_itself_is_refused() {
    let house = with_endpoints().await;
    let twin = json!({ "name": "twin", "type": "post", "settings": { "remote-server": "OLD.example" } });
    assert_eq!(house.post("/endpoints", twin).await.0, 201);
    let csv =
        "EmailAddress,Password,TargetAddress,TargetPassword\na@x,p,A@X,p\nb@x,p,archive@x,p\nc@x,p,,p\n";
    for target in ["old", "twin"] {
        let mut body = json!({ "name": "wave", "source": "old", "target": target, "csv": csv });
        let (status, problem) = house.post("/batches", body.clone()).await;
        assert_eq!((status, &problem["code"]), (422, &json!("CSV_ROWS_REJECTED")), "{problem}");
        let rows = problem["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["errorCode"] == "CSV_SAME_MAILBOX"), "{problem}");
        assert_eq!((rows.len(), &rows[0]["rowNumber"], &rows[1]["rowNumber"]), (2, &json!(2), &json!(4)));
        body["skipRejected"] = json!(true);
        body["name"] = json!(format!("to {target}"));
        body["dryRun"] = json!(true);
        assert_eq!(house.post("/batches", body).await.1["total"], 1);
    }
}

#[tokio::test]
async fn faulty_rows_are_named_and_can_be_left_out() {
    let house = with_endpoints().await;
    let csv = format!("{TWO}c@x,canary-5,\n");
    let (status, problem) = house.post("/batches", wave(&csv)).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("CSV_ROWS_REJECTED")), "{problem}");
    assert_eq!(
        (&problem["rows"][0]["rowNumber"], &problem["rows"][0]["errorCode"]),
        (&json!(4), &json!("CSV_NO_PASSWORD"))
    );
    assert!(!problem.to_string().contains("canary"));
    let mut again = wave(&csv);
    again["skipRejected"] = json!(true);
    assert_eq!(house.post("/batches", again).await.1["total"], 2);
    let (_, unknown) = house
        .post(
            "/batches",
            json!({ "name": "x", "source": "old", "target": "new", "csv": "EmailAddress,Pasword\n" }),
        )
        .await;
    assert_eq!(unknown["code"], "CSV_UNKNOWN_COLUMN");
}

#[tokio::test]
async fn columns_that_mean_nothing_are_told_and_domains_become_others() {
    let house = with_endpoints().await;
    let csv = "EmailAddress,Password,TargetPassword,Pasword,UserRoot,BadItemLimit\na@old.example,p,q,x,/users/a,5\n";
    let mut body = json!({
        "name": "wave", "source": "old", "target": "new", "csv": csv, "dryRun": true,
        "allowUnknownColumns": true, "domainMap": ["old.example=new.example"],
    });
    let (status, judged) = house.post("/batches", body.clone()).await;
    assert_eq!((status, &judged["total"]), (200, &json!(1)), "{judged}");
    assert!(judged["notices"][0].as_str().unwrap().contains("\"Pasword\""), "{judged}");
    body["dryRun"] = json!(false);
    assert_eq!(house.post("/batches", body.clone()).await.0, 201);
    let user = house.get("/users/a@old.example").await.1[0].clone();
    assert_eq!(user["targetAddress"], "a@new.example");
    assert_eq!(user["overrides"], json!({ "userRoot": "users/a", "badItemLimit": 5 }));
    body["name"] = json!("other");
    body["domainMap"] = json!(["old.example"]);
    let (status, problem) = house.post("/batches", body).await;
    assert_eq!((status, &problem["code"]), (422, &json!("REQUEST_MALFORMED")), "{problem}");
}

#[tokio::test]
async fn a_mailbox_of_another_batch_is_rejected_until_that_is_over() {
    use mailferry_model::status::BatchStatus as B;
    let house = with_endpoints().await;
    assert_eq!(house.post("/batches", wave(TWO)).await.0, 201);
    let next = |more: Value| {
        let csv = format!("{}c@x,p,q\n", TWO.replace("a@x", "A@X"));
        let mut body = json!({ "name": "next", "source": "old", "target": "new", "csv": csv });
        more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        body
    };
    let (status, problem) = house.post("/batches", next(json!({}))).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("CSV_ROWS_REJECTED")), "{problem}");
    let row = &problem["rows"][0];
    assert_eq!((&row["rowNumber"], &row["errorCode"]), (&json!(2), &json!("CSV_IN_ANOTHER_BATCH")));
    assert_eq!(row["errorMessage"], "A@X is already included in migration batch wave.");
    let (status, judged) = house.post("/batches", next(json!({ "dryRun": true }))).await;
    assert_eq!((status, &judged["total"], &judged["rejected"]), (200, &json!(1), &problem["rows"]));
    assert_eq!(house.post("/batches", next(json!({ "skipRejected": true }))).await.1["total"], 1);
    let again = |name: &str| json!({ "name": name, "source": "old", "target": "new", "csv": TWO });
    assert_eq!(house.post("/batches", again("third")).await.0, 422);
    batch_becomes(&house, B::Completed).await;
    assert_eq!(house.post("/batches", again("third")).await.0, 201, "that batch is over");
    assert_eq!(house.ask(Method::DELETE, "/batches/third", Value::Null).await.0, 204);
    assert_eq!(house.post("/batches", again("fourth")).await.0, 201, "that batch is gone");
}

#[tokio::test]
async fn an_endpoint_in_use_or_in_the_wrong_role_is_refused() {
    let house = with_endpoints().await;
    house.post("/batches", wave(TWO)).await;
    let (status, problem) = house.ask(Method::DELETE, "/endpoints/old", Value::Null).await;
    assert_eq!(
        (status, &problem["code"], &problem["blockers"]),
        (409, &json!("ENDPOINT_IN_USE"), &json!(["wave"]))
    );
    house.post("/endpoints", json!({ "name": "shelf", "type": "shelf" })).await;
    let body = json!({ "name": "w2", "source": "old", "target": "shelf", "csv": TWO });
    assert_eq!(house.post("/batches", body).await.1["code"], "BATCH_ROLE");
}

#[tokio::test]
async fn a_persons_words_follow_the_table_and_saying_them_twice_changes_nothing() {
    use mailferry_model::status::BatchStatus as B;
    let house = with_endpoints().await;
    house.post("/batches", wave(TWO)).await;
    let (status, problem) = house.post("/batches/wave/complete", json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("WRONG_STATE")));
    assert_eq!(problem["blockers"][0], "a@x is Queued");
    for _ in 0..2 {
        let (status, started) = house.post("/batches/wave/start", json!({})).await;
        assert_eq!((status, started["status"].as_str()), (202, Some("Starting")));
    }
    users_become(&house, UserStatus::Synced).await;
    batch_becomes(&house, B::Synced).await;
    assert_eq!(house.post("/batches/wave/sync", json!({})).await.1["status"], "IncrementalSyncing");
    assert_eq!(house.get("/users").await.1[0]["status"], "IncrementalSyncing");
    users_become(&house, UserStatus::IncrementalSynced).await;
    batch_becomes(&house, B::Synced).await;
    for _ in 0..2 {
        assert_eq!(house.post("/batches/wave/complete", json!({})).await.1["status"], "Completing");
    }
    assert_eq!(house.post("/batches/wave/stop", json!({})).await.1["status"], "Stopping");
    assert_eq!(house.get("/users").await.1[0]["status"], "IncrementalStopped");
    let (status, problem) = house.ask(Method::DELETE, "/batches/wave", Value::Null).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("WRONG_STATE")));
    batch_becomes(&house, B::Stopped).await;
    assert_eq!(house.ask(Method::DELETE, "/batches/wave", Value::Null).await.0, 204);
    assert_eq!(house.post("/batches/wave/dance", json!({})).await.0, 404);
}

#[tokio::test]
async fn items_and_the_report_come_from_the_last_passes() {
    let house = with_endpoints().await;
    house.post("/batches", wave(TWO)).await;
    let batch = house.store.batch("wave").await.unwrap();
    let mut user = house.store.users(batch.id).await.unwrap().remove(0);
    let mailbox = MailboxId(house.store.new_id());
    user.mailbox = Some(mailbox);
    house.store.set_user(&user).await.unwrap();
    let named = Named {
        folder: "INBOX".into(),
        uid: "7".into(),
        message_id: None,
        size: 5,
        code: "TARGET_TOO_LARGE".into(),
        reason: "too large".into(),
        items: None,
        date: None,
        tries: None,
    };
    let findings = Findings { identified: 1000, placed: 999, skipped: vec![named], ..Findings::default() };
    let at = jiff::Timestamp::UNIX_EPOCH;
    let kept = Kept { mailbox, user: "a@x".into(), at, findings };
    house.reports.0.lock().unwrap().push(kept);
    let report = house.get("/batches/wave/report").await.1;
    assert_eq!((&report["score"], &report["skipped"][0]["user"]), (&json!("Good"), &json!("a@x")));
    assert_eq!(house.get("/items?batch=wave&kind=skipped").await.1[0]["code"], "TARGET_TOO_LARGE");
    assert_eq!(house.get("/items?user=b@x").await.1, json!([]));
    assert_eq!(house.get("/batches/wave/work").await.1, json!([]));
}

#[tokio::test]
async fn notes_and_what_moves_change_and_what_ledgers_hang_on_does_not() {
    let house = with_wave().await;
    let set = async |body: Value| house.ask(Method::PATCH, "/batches/wave", body).await;
    let options =
        json!({ "filter": { "exclude": ["Trash"], "maxSize": 5 }, "delete": true, "connections": 2 });
    let (status, told) = set(json!({ "notes": "for Ben", "options": options })).await;
    assert_eq!((status, &told["notes"], &told["version"]), (200, &json!("for Ben"), &json!(2)), "{told}");
    assert_eq!(told["options"]["filter"]["exclude"], json!(["Trash"]));
    // Field by field: what is not named stays, null is as it comes.
    let (_, told) = set(json!({ "options": { "filter": { "maxSize": null }, "delete": null } })).await;
    let filter = &told["options"]["filter"];
    assert_eq!((&filter["exclude"], &filter["maxSize"]), (&json!(["Trash"]), &Value::Null), "{told}");
    let others = (&told["options"]["delete"], &told["options"]["connections"], &told["notes"]);
    assert_eq!(others, (&json!(false), &json!(2), &json!("for Ben")));
    assert_eq!(set(json!({ "options": { "delete": false } })).await.1["version"], 3, "it is so already");
    assert_eq!(set(json!({ "notes": "x", "dryRun": true })).await.1["notes"], "x");
    assert_eq!(set(json!({ "notes": "" })).await.1["notes"], Value::Null);
    let audit = house.get("/audit").await.1.to_string();
    assert_eq!(audit.matches("batch.set").count(), 3, "{audit}");

    let map = json!({ "options": { "map": [{ "from": ["Sent"], "to": ["Old"] }] } });
    for (body, status, code) in [
        (json!({ "name": "x" }), 422, "BATCH_FIXED"),
        (json!({ "source": "new" }), 422, "BATCH_FIXED"),
        (json!({ "csv": "EmailAddress" }), 422, "BATCH_FIXED"),
        (json!({ "options": { "colour": 1 } }), 422, "REQUEST_MALFORMED"),
        (json!({ "options": { "filter": { "colour": 1 } } }), 422, "REQUEST_MALFORMED"),
        (json!({ "options": { "filter": 1 } }), 422, "REQUEST_MALFORMED"),
        (json!({ "options": { "filter": { "since": "yesterday" } } }), 422, "REQUEST_MALFORMED"),
        (json!({ "options": { "connections": 65 } }), 422, "REQUEST_MALFORMED"),
        (json!({ "options": { "graceSeconds": 3601 } }), 422, "REQUEST_MALFORMED"),
        (json!({ "notes": "a\nb" }), 422, "REQUEST_MALFORMED"),
        (json!({ "notes": "a".repeat(1001) }), 422, "REQUEST_MALFORMED"),
        (json!({ "version": 2, "notes": "late" }), 409, "OWN_CONFLICT"),
    ] {
        let (answered, problem) = set(body.clone()).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{body}: {problem}");
    }
    let headers = [("content-type", "application/json"), ("if-match", "\"2\"")];
    let path = format!("{}/batches/wave", mailferry_server::PREFIX);
    assert_eq!(house.send("PATCH", &path, &headers, "{}").await.problem().0, 412);
    assert_eq!(set(map.clone()).await.0, 200, "before the first start");
    assert_eq!(house.post("/batches/wave/start", json!({})).await.0, 202);
    let other = json!({ "options": { "map": [] } });
    assert_eq!(set(other).await.1["code"], "BATCH_FIXED", "afterwards");
    assert_eq!(set(map).await.0, 200, "it is so already");
    assert_eq!(set(json!({ "options": { "delete": true } })).await.0, 200, "while it runs");
    batch_becomes(&house, mailferry_model::status::BatchStatus::Completed).await;
    assert_eq!(set(json!({ "options": { "delete": false } })).await.1["code"], "WRONG_STATE");
    assert_eq!(set(json!({ "notes": "done" })).await.0, 200);
}

#[tokio::test]
async fn a_store_that_is_out_of_order_is_told_of_batches_that_would_be_worked_on() {
    let house = with_wave().await;
    house.trouble.is(Some("database or disk is full".to_owned()));
    let detail = async || house.get("/batches/wave").await.1["statusDetail"].clone();
    assert_eq!(detail().await, json!(null), "nobody works on it");
    assert_eq!(house.post("/batches/wave/start", json!({})).await.0, 202);
    assert_eq!(detail().await, "StoreOutOfOrder: database or disk is full");
    house.trouble.is(None);
    assert_eq!(detail().await, json!(null));
}

#[tokio::test]
async fn a_batch_has_a_schedule_that_can_be_changed() {
    let house = with_endpoints().await;
    let mut body = wave(TWO);
    body["schedule"] = json!({ "startAfter": "2030-01-01T00:00:00Z", "timeZone": "Europe/Berlin" });
    let (status, made) = house.post("/batches", body.clone()).await;
    assert_eq!((status, &made["status"]), (201, &json!("Starting")), "{made}");
    assert_eq!(made["schedule"]["syncEveryHours"], 24);
    let set = |schedule: Value| json!({ "schedule": schedule });
    let (status, changed) = house
        .ask(
            Method::PATCH,
            "/batches/wave",
            set(json!({ "windows": "Sat-Sun", "syncEveryHours": 0, "startAfter": null })),
        )
        .await;
    assert_eq!(status, 200, "{changed}");
    let expected = json!({
        "startAfter": null, "completeAfter": null, "syncEveryHours": 0, "windows": "Sat-Sun", "timeZone": "Europe/Berlin",
    });
    assert_eq!(changed["schedule"], expected);
    for (wrong, code) in [
        (json!({ "timeZone": "Mars/Olympus" }), "BATCH_SCHEDULE"),
        (json!({ "syncEveryHours": 5000 }), "BATCH_SCHEDULE"),
        (
            json!({ "startAfter": "2030-01-01T00:00:00Z", "completeAfter": "2029-01-01T00:00:00Z" }),
            "BATCH_SCHEDULE",
        ),
        (json!({ "windows": "at night" }), "REQUEST_MALFORMED"),
        (json!({ "startBefore": null }), "REQUEST_MALFORMED"),
    ] {
        let (status, problem) = house.ask(Method::PATCH, "/batches/wave", set(wrong.clone())).await;
        assert_eq!((status, &problem["code"]), (422, &json!(code)), "{wrong} {problem}");
    }
}

#[tokio::test]
async fn further_mailboxes_come_to_a_batch_and_go_to_another() {
    use mailferry_model::status::BatchStatus as B;
    let house = with_wave().await;
    let more = |csv: &str| json!({ "csv": format!("EmailAddress,Password,TargetPassword\n{csv}") });
    let (status, told) = house.post("/batches/wave/users", more("a@x,p,q\nc@x,p,q\n")).await;
    assert_eq!((status, &told["rows"][0]["errorCode"]), (422, &json!("CSV_IN_ANOTHER_BATCH")), "{told}");
    let (status, told) = house.post("/batches/wave/users", more("c@x,canary-7,q\n")).await;
    assert_eq!((status, &told["total"], &told["status"]), (201, &json!(3), &json!("Created")), "{told}");
    batch_becomes(&house, B::Synced).await;
    let mut judged = more("d@x,p,q\n");
    judged["dryRun"] = json!(true);
    assert_eq!(house.post("/batches/wave/users", judged).await.1["total"], 1);
    let (status, told) = house.post("/batches/wave/users", more("d@x,p,q\n")).await;
    assert_eq!((status, &told["status"]), (201, &json!("IncrementalSyncing")), "it begins at once: {told}");
    batch_becomes(&house, B::Completed).await;
    let (status, told) = house.post("/batches/wave/users", more("e@x,p,q\n")).await;
    assert_eq!((status, &told["code"]), (409, &json!("WRONG_STATE")), "{told}");
    batch_becomes(&house, B::Created).await;
    let second = json!({ "name": "next", "source": "old", "target": "new", "csv": "EmailAddress,Password,TargetPassword\nz@x,p,q\n" });
    assert_eq!(house.post("/batches", second).await.0, 201);
    let go = async |query: &str, to: &str| {
        house.post(&format!("/batches/wave/users/c@x/move{query}"), json!({ "to": to })).await
    };
    assert_eq!(go("?dryRun=true", "next").await.1["batch"], "next");
    assert_eq!(house.get("/batches/wave").await.1["total"], 4, "nothing was done");
    assert_eq!(go("", "wave").await.0, 409);
    assert_eq!(go("", "nobody").await.0, 404);
    let (status, told) = go("", "next").await;
    assert_eq!((status, &told["batch"]), (200, &json!("next")), "{told}");
    assert_eq!(house.get("/batches/next").await.1["total"], 2);
    let kept = house.store.users_by_address("c@x").await.unwrap();
    assert_eq!(house.store.unseal(kept[0].id.0).await.unwrap().len(), 2, "its passwords go along");
}

#[tokio::test]
async fn a_batch_and_its_users_say_why_they_do_not_move() {
    use mailferry_model::status::BatchStatus as B;
    let house = with_wave().await;
    let why = async |path: &str| house.get(path).await.1["why"].as_str().unwrap_or_default().to_owned();
    assert_eq!(why("/batches/wave").await, "It has not been started: mailferry batch start wave.");
    let user = "/batches/wave/users/a@x";
    assert_eq!(why(user).await, "Its batch has not been started: mailferry batch start wave.");
    batch_becomes(&house, B::Syncing).await;
    let batch = house.store.batch("wave").await.unwrap();
    let users = house.store.users(batch.id).await.unwrap();
    let work = mailferry_model::job::JobSpec {
        user: users[0].id,
        batch: batch.id,
        source: batch.source,
        target: batch.target,
        kind: mailferry_model::job::PassKind::Initial,
        run_at: batch.created,
    };
    house.store.add_job(&work).await.unwrap();
    assert!(why(user).await.contains("as many mailboxes run as the limits allow"), "{}", why(user).await);
    assert_eq!(why("/batches/wave").await, "0 mailboxes under way, 2 queued. It has just begun.");
}

#[tokio::test]
async fn who_starts_a_batch_outside_its_hours_is_told_when_they_begin() {
    let house = with_wave().await;
    let hours = json!({ "schedule": { "windows": "Sat-Sun" } });
    assert_eq!(house.ask(Method::PATCH, "/batches/wave", hours).await.0, 200);
    let (status, told) = house.post("/batches/wave/start", json!({})).await;
    assert_eq!((status, &told["status"]), (202, &json!("Starting")), "{told}");
    let notice =
        told["notices"].as_array().and_then(|all| all.last()).and_then(Value::as_str).unwrap_or_default();
    assert!(notice.starts_with("The batch wave waits: its hours begin"), "{told}");
    let (_, told) = house.post("/batches/wave/stop", json!({})).await;
    assert!(!told["notices"].to_string().contains("waits"), "{told}");
}
