//! Messages: the texts that there are, those of a batch in parts, own texts, and what is refused.

use mailferry_model::account::Role;
use serde_json::{Value, json};

use super::{batch::with_endpoints, house::House};

async fn with_people(n: usize) -> House {
    let house = with_endpoints().await;
    let rows: String = (0..n).map(|i| format!("u{i:03}@old.example,p,q,n{i:03}@new.example\n")).collect();
    let csv = format!("EmailAddress,Password,TargetPassword,TargetAddress\n{rows}");
    let schedule = json!({ "completeAfter": "2026-12-04T17:00:00Z", "timeZone": "Europe/Berlin" });
    let batch = json!({ "name": "w", "source": "old", "target": "new", "csv": csv, "schedule": schedule });
    assert_eq!(house.post("/batches", batch).await.0, 201);
    house
}

#[tokio::test]
async fn there_are_four_kinds_in_three_languages() {
    let house = House::fresh().await;
    let all = house.get("/messages").await.1;
    assert_eq!(all.as_array().map(Vec::len), Some(12));
    let urdu = house.get("/messages/after?lang=ur").await.1;
    assert_eq!((&urdu["dir"], &urdu["lang"]), (&json!("rtl"), &json!("ur")));
    assert!(urdu["template"].as_str().unwrap().starts_with("Subject: "), "{urdu}");
    let sheet = house.get("/messages/help-desk").await.1;
    assert!(!sheet["placeholders"].to_string().contains("address"), "{sheet}");
    assert_eq!(house.get("/messages/later").await.0, 404);
    assert_eq!(house.get("/messages/after?lang=fr").await.1["code"], "REQUEST_MALFORMED");
}

#[tokio::test]
async fn those_of_a_batch_come_in_parts_with_its_dates() {
    let house = with_people(501).await;
    let mut wanted = json!({ "kind": "before", "lang": "de", "helpDesk": "desk@new.example" });
    let first = house.post("/batches/w/messages", wanted.clone()).await.1;
    let messages = first["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &first["next"]), (500, &json!("u499@old.example")));
    let one = &messages[7];
    assert_eq!(
        (&one["to"], &one["fields"]["new-address"]),
        (&json!("u007@old.example"), &json!("n007@new.example"))
    );
    let text = one["text"].as_str().unwrap();
    assert!(text.contains("Freitag, 4. Dezember 2026, 18:00 Uhr (Europe/Berlin)"), "{text}");
    assert!(text.contains("n007@new.example") && text.contains("desk@new.example"), "{text}");
    assert!(one["eml"].as_str().unwrap().starts_with("To: u007@old.example\r\nSubject: "), "{one}");
    wanted["behind"] = first["next"].clone();
    let rest = house.post("/batches/w/messages", wanted.clone()).await.1;
    assert_eq!(
        (rest["messages"].as_array().map(Vec::len), &rest["next"]),
        (Some(1), &json!("u500@old.example"))
    );
    wanted["behind"] = rest["next"].clone();
    let none = house.post("/batches/w/messages", wanted).await.1;
    assert_eq!(none, json!({ "messages": [], "next": null }));
}

#[tokio::test]
async fn the_help_desk_gets_one_sheet_with_the_targets_server() {
    let house = with_people(3).await;
    let told = house.post("/batches/w/messages", json!({ "kind": "help-desk" })).await.1;
    let messages = told["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[0]["to"]), (1, &json!(null)));
    let text = messages[0]["text"].as_str().unwrap();
    assert!(text.contains("the 3 mailboxes of w"), "{text}");
    assert!(!text.contains("The new server: to be announced"), "{text}");
    assert!(!messages[0]["eml"].as_str().unwrap().contains("\nTo:"));
}

#[tokio::test]
async fn an_own_text_is_taken_as_text_and_judged() {
    let house = with_people(1).await;
    let own = "Subject: {batch}\n\n<script>{address}</script>\n";
    let told = house.post("/batches/w/messages", json!({ "kind": "before", "template": own })).await.1;
    let one = &told["messages"][0];
    assert_eq!((&one["subject"], &one["text"]), (&json!("w"), &json!("<script>u000@old.example</script>\n")));
    let html = one["html"].as_str().unwrap();
    assert!(html.contains("&lt;script&gt;<bdi>u000@old.example</bdi>"), "{html}");
    let refused = async |body: Value| house.post("/batches/w/messages", body).await;
    let (code, told) = refused(json!({ "kind": "before", "template": "Subject: x\n\n{password}" })).await;
    assert_eq!((code, &told["code"]), (422, &json!("MESSAGE_TEMPLATE")));
    assert!(told["detail"].as_str().unwrap().starts_with("Line 3: {password} is not known"), "{told}");
    for body in [
        json!({ "kind": "later" }),
        json!({ "kind": "before", "lang": "fr" }),
        json!({ "kind": "before", "helpDesk": "a\nb" }),
        json!({ "kind": "before", "newServer": "" }),
        json!({ "kind": "before", "templateFile": "/etc/passwd" }),
    ] {
        assert_eq!(refused(body.clone()).await.0, 422, "{body}");
    }
    assert_eq!(refused(json!({ "kind": "before", "behind": "nobody@x" })).await.0, 404);
    assert_eq!(house.post("/batches/none/messages", json!({ "kind": "before" })).await.0, 404);
}

#[tokio::test]
async fn a_viewer_may_read_them() {
    let house = House::listening().await;
    let token = house.token_of(Role::Viewer).await;
    assert_eq!(house.as_token(&token, "GET", "/messages", Value::Null).await.status, 200);
    let told = house.as_token(&token, "POST", "/batches/none/messages", json!({ "kind": "before" })).await;
    assert_eq!(told.status, 404);
}
