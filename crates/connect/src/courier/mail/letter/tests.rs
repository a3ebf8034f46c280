//! Letters as a reader of mail sees them: read by another parser than the writer's.

use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};
use mailferry_model::{
    channel::{
        Channel, ChannelKind,
        mail::{Recipients, Security},
    },
    id::{ChannelId, DeliveryId},
    port::courier::Table,
};
use serde_json::json;

use super::*;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn route() -> MailRoute {
    MailRoute {
        server: "mail.example".to_owned(),
        port: 587,
        security: Security::Starttls,
        username: None,
        from: "ferry@example.org".to_owned(),
        recipients: Recipients::default(),
        hello: None,
        ca: None,
        digest_every_hours: 0,
    }
}

fn letter(notice: Notice, tables: &Tables) -> Vec<u8> {
    let (id, channel): (DeliveryId, ChannelId) = (ID.parse().unwrap(), ID.parse().unwrap());
    let to = vec!["ops@example.org".to_owned(), "anna@example.org".to_owned()];
    let delivery = Delivery::of(id, channel, notice, Timestamp::UNIX_EPOCH).to(to);
    let channel = Channel {
        id: channel,
        version: 1,
        name: "people".to_owned(),
        kind: ChannelKind::Mail,
        site: String::new(),
        mail: Some(route()),
        events: Vec::new(),
        muted: false,
    };
    written(&route(), Parcel { channel: &channel, secrets: &[], delivery: &delivery, tables }).unwrap()
}

fn ended(batch: &str) -> Notice {
    Notice {
        event: "batch.state_changed".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        title: format!("{batch}: Synced with errors - 258 of 260, 2 failed"),
        data: json!({ "batch": batch, "after": "SyncedWithErrors", "failures": { "SOURCE_AUTH_FAILED": 2 } }),
    }
}

#[test]
fn a_batch_is_told_in_a_line_a_text_a_page_and_tables() {
    let table = |name: &str| Table { name: name.to_owned(), body: "Batch,Büro\r\n".as_bytes().to_vec() };
    let tables = Tables::With(vec![table("users.csv"), table("skipped.csv")]);
    let bytes = letter(ended("Wave-02-Sales"), &tables);
    assert!(bytes.is_ascii(), "any server takes it");
    let mail = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(mail.subject(), Some("[mailferry] Wave-02-Sales: Synced with errors - 258 of 260, 2 failed"));
    assert_eq!(mail.message_id(), Some(format!("{ID}@example.org").as_str()));
    assert_eq!(mail.to().unwrap().as_list().unwrap().len(), 2);
    let (text, page) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    for part in [text.as_ref(), page.as_ref()] {
        assert!(part.contains("258 of 260") && part.contains("SOURCE_AUTH_FAILED"), "{part}");
    }
    let names: Vec<_> = mail.attachments().map(|file| file.attachment_name().unwrap()).collect();
    assert_eq!(names, ["users.csv", "skipped.csv"]);
    assert_eq!(mail.attachment(0).unwrap().contents(), "Batch,Büro\r\n".as_bytes());
    assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
}

#[test]
fn what_is_too_large_is_a_sentence_and_each_try_has_one_id() {
    let (first, second) = (letter(ended("w"), &Tables::Apart), letter(ended("w"), &Tables::Apart));
    let parse = |bytes: &[u8]| MessageParser::default().parse(bytes).unwrap().into_owned();
    let (first, second) = (parse(&first), parse(&second));
    assert!(first.body_text(0).unwrap().contains("mailferry report new w --format csv"));
    assert_eq!(first.attachments().count(), 0);
    assert_eq!((first.message_id(), first.body_text(0)), (second.message_id(), second.body_text(0)));
}

#[test]
fn a_name_begins_no_header_and_no_element() {
    let name = "w\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>";
    let bytes = letter(ended(name), &Tables::Without);
    let mail = MessageParser::default().parse(&bytes).unwrap();
    assert!(mail.bcc().is_none() && mail.header_raw("Bcc").is_none());
    assert!(mail.subject().unwrap().contains("Bcc: evil"), "it is text of the subject");
    assert!(!mail.body_html(0).unwrap().contains("<script"));
    let long = letter(ended(&"x".repeat(3000)), &Tables::Without);
    let mail = MessageParser::default().parse(&long).unwrap();
    assert!(mail.subject().unwrap().chars().count() < 220);
    assert!(long.split(|b| *b == b'\n').all(|line| line.len() < 998));
}

#[test]
fn a_digest_lists_batches() {
    let row =
        |name: &str, changed: &str| json!({ "name": name, "state": "Synced, 3 of 3", "changed": changed });
    let notice = Notice {
        event: "digest".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        title: "2 batches, 1 changed".to_owned(),
        data: json!({ "batches": [row("a", "Syncing, Synced"), row("b", "")] }),
    };
    let bytes = letter(notice, &Tables::Without);
    let text = MessageParser::default().parse(&bytes).unwrap().body_text(0).unwrap().replace("\r\n", "\n");
    assert!(
        text.contains("a: Synced, 3 of 3 (Syncing, Synced)") && text.contains("b: Synced, 3 of 3\n"),
        "{text}"
    );
}
