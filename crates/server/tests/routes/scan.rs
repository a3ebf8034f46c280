//! Scans that are ordered: what is refused, what is shown of one that waits and of one that ended.

use std::time::Duration;

use axum::http::Method;
use mailferry_model::{
    Error, Kind, Side,
    folder::{Folder, FolderPath, Namespace},
    id::FolderId,
    scan::{Assessment, Scan, ScanOutcome, ScanState},
    verification::Ended,
};
use serde_json::{Value, json};

use super::{
    batch::{with_endpoints, with_wave},
    house::House,
};

const CSV: &str = "EmailAddress,Password,Department\na@x,canary-1,Sales\nb@x,canary-2,\n";

/// What a worker finds: one mailbox that sees public folders, all others refused.
async fn ends(house: &House) {
    let owner = house.store.new_id();
    let scan = house.store.claim_scan(owner, Duration::from_secs(60), None).await.unwrap().unwrap();
    let mut found = Assessment { milliseconds: 500, ..Assessment::above(10, "this scan") };
    found.mail.items = 100;
    found.leave_out(&Folder {
        id: FolderId::from_bytes("p"),
        path: FolderPath::of(["p"]),
        role: None,
        namespace: Namespace::Public,
        selectable: true,
        subscribed: None,
        identity: None,
        epoch: None,
        items: None,
    });
    let error = Error::new(Kind::Unreachable, Side::Source, "connect", "nobody there");
    for mailbox in house.store.scan_mailboxes_left(scan.id, 9).await.unwrap() {
        let outcome = match mailbox.number {
            1 => ScanOutcome::Assessed(Box::new(found.clone())),
            _ => ScanOutcome::Failed(Ended::of(&error)),
        };
        house.store.keep_scanned(scan.id, owner, &mailbox, &outcome).await.unwrap();
    }
    house.store.end_scan(&Scan { state: ScanState::Done, ..scan }, owner, None).await.unwrap();
}

#[tokio::test]
async fn what_names_no_mailboxes_is_refused_and_stored_nowhere() {
    let house = with_wave().await;
    for (order, status, code) in [
        (json!({}), 422, "REQUEST_MALFORMED"),
        (json!({ "source": "old" }), 422, "REQUEST_MALFORMED"),
        (json!({ "batch": "wave", "target": "new" }), 422, "REQUEST_MALFORMED"),
        (json!({ "batch": "wave", "maxSize": 0 }), 422, "REQUEST_MALFORMED"),
        (json!({ "batch": "nothing" }), 404, "OWN_NOT_FOUND"),
        (json!({ "source": "nowhere", "csv": CSV }), 404, "OWN_NOT_FOUND"),
        (json!({ "source": "old", "target": "nowhere", "csv": CSV }), 404, "OWN_NOT_FOUND"),
        (json!({ "source": "old", "csv": "EmailAddress\na@x\n" }), 422, "CSV_ROWS_REJECTED"),
    ] {
        let (answered, problem) = house.post("/scans", order.clone()).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{order}: {problem}");
    }
    assert_eq!(house.get("/scans").await.1, json!([]));
    for path in ["/scans/7", "/scans/7/mailboxes"] {
        assert_eq!(house.get(path).await.0, 404);
    }
}

#[tokio::test]
async fn a_csv_is_ordered_read_by_a_worker_told_and_forgotten() {
    let house = with_endpoints().await;
    let order = json!({ "source": "Old", "target": "new", "csv": CSV, "maxSize": 10 });
    let (status, told) = house.post("/scans", order).await;
    assert_eq!((status, &told["state"], &told["source"]), (202, &json!("Ordered"), &json!("old")), "{told}");
    let path = format!("/scans/{}", told["id"].as_str().unwrap());
    let left = house.get(&format!("{path}/mailboxes")).await.1;
    assert_eq!((&left[0]["outcome"], &left[0]["department"]), (&json!("Left"), &json!("Sales")), "{left}");
    assert!(!left.to_string().contains("canary"), "{left}");
    ends(&house).await;
    let told = house.get(&path).await.1;
    assert_eq!((&told["state"], &told["lookedAt"]), (&json!("Done"), &json!(2)), "{told}");
    assert_eq!((&told["total"]["assessed"], &told["total"]["failed"]), (&json!(1), &json!(1)), "{told}");
    assert!(told["hybrid"]["sentence"].as_str().unwrap().contains("public folders"), "{told}");
    let found = house.get(&format!("{path}/mailboxes")).await.1;
    assert_eq!((&found[0]["itemsPerSecond"], &found[0]["permissions"]), (&json!(200), &json!("not known")));
    assert_eq!(found[1]["error"]["code"], "SOURCE_UNREACHABLE", "{found}");
    let plan = house.get(&format!("{path}/plan?waves=2&maxConcurrentMigrations=3")).await.1;
    assert_eq!(
        (&plan["items"], &plan["together"], &plan["waves"][0]["members"]),
        (&json!(100), &json!(3), &json!(["a@x"]))
    );
    assert!(plan["notes"].to_string().contains("are not in it: 1"), "{plan}");
    for wrong in [
        "waves=0",
        "waves=501",
        "waves=2&waveSize=2",
        "waveEveryMinutes=5",
        "bandwidth=fast",
        "windows=never",
        "timeZone=Mars",
        "maxConcurrentMigrations=0",
        "wave=2",
    ] {
        assert_eq!(house.get(&format!("{path}/plan?{wrong}")).await.0, 422, "{wrong}");
    }
    let rest = house.get(&format!("{path}/mailboxes?after=1")).await.1;
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["emailAddress"]), (1, &json!("b@x")));
    assert_eq!(house.get("/scans").await.1[0]["total"], Value::Null, "lists leave it out");
    assert_eq!(house.post(&format!("{path}/resume"), json!({})).await.0, 409, "nothing is left");

    assert_eq!(house.ask(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(house.ask(Method::DELETE, &path, Value::Null).await.0, 404);
    let audit = house.get("/audit").await.1.to_string();
    for word in ["scan.new", "scan.remove", "endpoint old", "2 mailboxes"] {
        assert!(audit.contains(word), "{word}: {audit}");
    }
}

#[tokio::test]
async fn one_of_a_batch_is_stopped_and_goes_on_and_too_many_wait_for_nobody() {
    let house = with_wave().await;
    let (status, told) = house.post("/scans", json!({ "batch": "Wave" })).await;
    assert_eq!((status, &told["batch"], &told["mailboxes"]), (202, &json!("wave"), &json!(2)), "{told}");
    let path = format!("/scans/{}", told["id"].as_str().unwrap());
    for (verb, state) in [("stop", "Stopped"), ("resume", "Ordered")] {
        let (status, told) = house.post(&format!("{path}/{verb}"), json!({})).await;
        assert_eq!((status, &told["state"]), (200, &json!(state)), "{told}");
    }
    for n in 1..20 {
        assert_eq!(house.post("/scans", json!({ "batch": "wave" })).await.0, 202, "{n}");
    }
    let (status, problem) = house.post("/scans", json!({ "batch": "wave" })).await;
    assert_eq!((status, &problem["code"]), (429, &json!("SCAN_QUEUE_FULL")));
}
