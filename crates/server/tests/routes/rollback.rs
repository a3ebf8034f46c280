//! The way back of a batch: the page before and after an approval, and when an approval is no longer current.

use mailferry_model::status::UserStatus;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{batch::with_endpoints, house::House};

async fn text(house: &House, file: &str) -> String {
    let (status, bytes) = house.file(&format!("/batches/w/reports/{file}")).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(status, 200, "{file}: {text}");
    text
}

async fn moved() -> House {
    let house = with_endpoints().await;
    let csv = "EmailAddress,Password,TargetPassword\na@x,p,q\nb@x,p,q\n";
    let batch = json!({ "name": "w", "source": "old", "target": "new", "csv": csv });
    assert_eq!(house.post("/batches", batch).await.0, 201);
    let id = house.store.batch("w").await.unwrap().id;
    let mut user = house.store.users(id).await.unwrap().remove(0);
    user.status = UserStatus::Completed;
    user.totals.placed = 17;
    user.times.completed = Some("2026-12-01T18:30:00Z".parse().unwrap());
    house.store.set_user(&user).await.unwrap();
    house
}

#[tokio::test]
async fn the_page_says_what_was_moved_and_leaves_room_for_what_nobody_said() {
    let house = moved().await;
    let page = text(&house, "rollback.html").await;
    for part in [
        "<h1>Rollback: w</h1>",
        "<dt>Approved by</dt><dd>______",
        "<dt>MX</dt><dd>______",
        "Keep the source as it is: 1 mailbox not completed, 1 mailbox completed and not accepted.",
        "--since 2026-12-01T17:30:00Z",
        "<dt>Mailboxes</dt><dd>2, 1 of them completed</dd>",
        "2026-12-01 18:30",
        "<dt>Head of the audit trail</dt>",
        concat!("mailferry ", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched: {page}");
    let (body, last) = page.rsplit_once("<!-- SHA-256").unwrap();
    let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(last.contains(&sum), "{last}");
    let opened = page.matches("<section").count();
    assert_eq!(opened, page.matches("</section>").count());
    let markdown = text(&house, "rollback.md").await;
    assert!(markdown.starts_with("# Rollback: w\n\n**Nothing at old was changed"), "{markdown}");
    assert!(markdown.contains("| a@x | a@x | Completed | 2026-12-01 18:30 | 17 |"), "{markdown}");
    assert!(markdown.contains("   mailferry batch stop w\n"), "{markdown}");
}

#[tokio::test]
async fn an_approval_is_kept_printed_and_audited_and_is_of_these_mailboxes_alone() {
    let house = moved().await;
    let body = json!({ "approver": "Head <IT>", "mx": "10 mail.old.example.", "comment": "read it" });
    let would = json!({ "approver": "Head", "dryRun": true });
    assert_eq!(house.post("/batches/w/rollback", would).await.1["rollback"]["approver"], "Head");
    assert_eq!(house.get("/batches/w").await.1["rollback"], json!(null), "a dry run changes nothing");
    let (code, told) = house.post("/batches/w/rollback", body).await;
    assert_eq!((code, &told["rollback"]["current"]), (200, &json!(true)));
    assert_eq!(told["notices"][0], "The way back of 2 mailboxes is approved by Head <IT>.");
    let page = text(&house, "rollback.html").await;
    assert!(
        page.contains("<dd>Head &lt;IT&gt;</dd>") && page.contains("<dd>10 mail.old.example.</dd>"),
        "{page}"
    );
    assert!(text(&house, "rollback.md").await.contains("- Approved by: Head \\<IT\\>"));
    let audit = house.get("/audit").await.1.to_string();
    assert!(audit.contains("batch.rollback") && audit.contains("read it"), "{audit}");
    let lists = house.get("/readiness?of=w").await.1;
    let points = lists[0]["points"].as_array().unwrap();
    let point = points.iter().find(|one| one["point"] == "rollback-described").unwrap();
    assert_eq!((&point["state"], &point["by"]), (&json!("done"), &json!("Head <IT>")));
    let more = json!({ "csv": "EmailAddress,Password,TargetPassword\nc@x,p,q\n" });
    assert!(house.post("/batches/w/users", more).await.0 < 300);
    assert_eq!(house.get("/batches/w").await.1["rollback"]["current"], false);
    assert!(text(&house, "rollback.html").await.contains("given again"));
    house.post("/batches/w/rollback", json!({ "takeBack": true })).await;
    assert_eq!(house.get("/batches/w").await.1["rollback"], json!(null));
}

#[tokio::test]
async fn an_approval_without_a_name_is_none() {
    let house = moved().await;
    let long = "x".repeat(201);
    for body in [
        json!({}),
        json!({ "approver": " " }),
        json!({ "approver": long }),
        json!({ "approver": "a\u{202e}b" }),
        json!({ "approver": "a", "takeBack": true }),
        json!({ "approver": "a", "mx": "a\nb" }),
    ] {
        let (code, told) = house.post("/batches/w/rollback", body.clone()).await;
        assert_eq!((code, &told["code"]), (422, &json!("REQUEST_MALFORMED")), "{body}");
    }
    assert_eq!(house.post("/batches/none/rollback", json!({ "approver": "a" })).await.0, 404);
}
