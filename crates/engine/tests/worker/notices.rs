//! Notices: made once of what happened, sent until they are taken, given up where no second try helps.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use mailferry_engine::{probing, tasks::Post};
use mailferry_model::{
    Error, Kind, Result, Side,
    audit::AuditEntry,
    batch::Batch,
    cancel::Cancel,
    channel::{
        Channel, ChannelKind, Delivery, DeliveryState, Taken,
        mail::{MailRoute, Recipients, Security},
    },
    id::{BatchId, ChannelId},
    notice::Notice,
    port::{
        Courier, Cx,
        courier::{Parcel, Table, Tables, Tabulate},
    },
    status::BatchStatus,
};
use serde_json::json;
use uuid::Builder;

use crate::town::Town;

/// A courier that keeps what it is given; its answers come from a list, then it takes everything.
#[derive(Default)]
struct Bag {
    answers: Mutex<VecDeque<Result<Taken>>>,
    sent: Mutex<Vec<(Delivery, Tables)>>,
}

#[async_trait]
impl Courier for Bag {
    async fn send(&self, _: &Cx, parcel: Parcel<'_>) -> Result<Taken> {
        self.sent.lock().unwrap().push((parcel.delivery.clone(), parcel.tables.clone()));
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Taken::default()))
    }
}

struct Shelf;

#[async_trait]
impl Tabulate for Shelf {
    async fn tables(&self, batch: &str, most_bytes: usize) -> Result<Option<Vec<Table>>> {
        assert_eq!(most_bytes, 5_000_000);
        Ok(Some(vec![Table { name: "users.csv".to_owned(), body: batch.as_bytes().to_vec() }]))
    }
}

fn of(bag: &Arc<Bag>) -> Post {
    Post { courier: bag.clone(), tables: Arc::new(Shelf) }
}

async fn channel(town: &Town, name: &str, kind: ChannelKind, hours: u32) -> Channel {
    let made = u64::try_from(town.now().as_millisecond()).unwrap();
    let mail = (kind == ChannelKind::Mail).then(|| MailRoute {
        server: "mail.example".to_owned(),
        port: 587,
        security: Security::Starttls,
        username: None,
        from: "ferry@example.org".to_owned(),
        recipients: Recipients { to: vec!["ops@example.org".to_owned()], failure_to: Vec::new() },
        hello: None,
        ca: None,
        digest_every_hours: hours,
    });
    let events = [kind.usual_events(), vec!["user.failed".to_owned()]].concat();
    let id = ChannelId(
        Builder::from_unix_timestamp_millis(made, &[u8::try_from(name.len()).unwrap(); 10]).into_uuid(),
    );
    let site = String::new();
    let channel = Channel { id, version: 1, name: name.to_owned(), kind, site, mail, events, muted: false };
    town.store.add_channel(&channel).await.unwrap();
    channel
}

async fn later(how_long: Duration) {
    tokio::time::pause();
    tokio::time::advance(how_long).await;
    tokio::time::resume();
}

async fn entry(town: &Town, action: &str, subject: &str, change: serde_json::Value) {
    let entry = AuditEntry {
        at: town.now(),
        actor: "worker".to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        change: Some(change.to_string()),
    };
    town.store.record(&entry).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_came_to_rest_is_one_mail_with_tables_until_it_is_taken() {
    let town = Town::of(2).await;
    let (mail, hook) = (
        channel(&town, "mail", ChannelKind::Mail, 0).await,
        channel(&town, "webhook", ChannelKind::Webhook, 0).await,
    );
    let batch = town.begin_untested().await;
    let notify = Recipients { to: vec!["anna@example.org".to_owned()], failure_to: Vec::new() };
    town.store.set_batch(&Batch { notify, ..town.batch(batch).await }).await.unwrap();
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let bag = Arc::new(Bag::default());
    let busy = Error::new(Kind::Busy, Side::Us, "send notice", "451").code_of("MAIL_LATER");
    bag.answers.lock().unwrap().extend((0..9).map(|_| Err(busy.clone())));
    let (post, cancel) = (of(&bag), Cancel::default());
    worker.send_notices(&post, &cancel).await.unwrap();
    let to_mail = |sent: &[(Delivery, Tables)]| -> Vec<(Delivery, Tables)> {
        sent.iter().filter(|(delivery, _)| delivery.channel == mail.id).cloned().collect()
    };
    let first = to_mail(&bag.sent.lock().unwrap());
    assert_eq!(first.len(), 1, "nobody is told of what a batch goes through by itself: {first:?}");
    assert_eq!(first[0].0.to, ["ops@example.org", "anna@example.org"]);
    assert_eq!(first[0].0.notice.title, "wave: Synced - 2 of 2, 0 failed");
    assert!(matches!(&first[0].1, Tables::With(tables) if tables[0].body == b"wave"));
    assert!(
        bag.sent.lock().unwrap().iter().any(|(d, tables)| d.channel == hook.id && *tables == Tables::Without)
    );
    bag.answers.lock().unwrap().clear();
    later(Duration::from_secs(6)).await;
    while worker.send_notices(&post, &cancel).await.unwrap() {}
    later(Duration::from_secs(60)).await;
    while worker.send_notices(&post, &cancel).await.unwrap() {}
    let tries = to_mail(&bag.sent.lock().unwrap());
    assert_eq!(
        (tries.len(), tries[1].0.id),
        (2, first[0].0.id),
        "under one id, and no more once it is taken"
    );
    let kept = town.store.deliveries(mail.id, 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].state, kept[0].attempts), (1, DeliveryState::Done, 2));
    assert_eq!(kept[0].last_code.as_deref(), Some("MAIL_LATER"));
}

#[tokio::test]
async fn a_refused_sign_in_is_not_tried_again() {
    let town = Town::of(1).await;
    let mail = channel(&town, "mail", ChannelKind::Mail, 0).await;
    entry(&town, "endpoint.recovered", "endpoint old", json!({})).await;
    let bag = Arc::new(Bag::default());
    let refused =
        Error::new(Kind::Unauthenticated, Side::Us, "send notice", "535").code_of("MAIL_SIGN_IN_REFUSED");
    bag.answers.lock().unwrap().push_back(Err(refused));
    let (worker, post, cancel) = (town.worker(), of(&bag), Cancel::default());
    worker.send_notices(&post, &cancel).await.unwrap();
    later(Duration::from_secs(3600)).await;
    worker.send_notices(&post, &cancel).await.unwrap();
    assert_eq!(bag.sent.lock().unwrap().len(), 1);
    let kept = town.store.deliveries(mail.id, 9).await.unwrap();
    assert_eq!((kept[0].state, kept[0].last_error.as_deref()), (DeliveryState::GivenUp, Some("535")));
}

#[tokio::test]
async fn mailboxes_of_one_cause_and_floods_of_sign_ins_are_one_notice() {
    let town = Town::of(1).await;
    channel(&town, "mail", ChannelKind::Mail, 0).await;
    for n in 0..260 {
        let change = json!({ "batch": "wave", "user": format!("u{n}@x"), "code": "SOURCE_NOT_FOUND" });
        entry(&town, "user.failed", &format!("user u{n}@x of batch wave"), change).await;
    }
    for _ in 0..3 {
        entry(&town, "session.refused", "no account", json!({ "from": "10.0.0.1", "count": 20, "tried": 5 }))
            .await;
    }
    let bag = Arc::new(Bag::default());
    let (post, cancel) = (of(&bag), Cancel::default());
    // Another worker that looks at the same moment makes none again.
    for worker in [town.worker(), town.worker()] {
        worker.send_notices(&post, &cancel).await.unwrap();
    }
    let sent = bag.sent.lock().unwrap();
    let mut titles: Vec<_> = sent.iter().map(|(delivery, _)| delivery.notice.title.as_str()).collect();
    titles.sort_unstable();
    let told = "40 sign-ins were refused within a quarter of an hour";
    assert_eq!(titles, [told, "wave: 260 mailboxes failed (SOURCE_NOT_FOUND)"]);
}

#[tokio::test]
async fn a_digest_is_sent_once_an_interval_whoever_makes_it() {
    let town = Town::of(2).await;
    let mail = channel(&town, "mail", ChannelKind::Mail, 24).await;
    let batch: BatchId = town.begin_untested().await;
    let bag = Arc::new(Bag::default());
    let (post, cancel) = (of(&bag), Cancel::default());
    let digests = |bag: &Bag| {
        let sent = bag.sent.lock().unwrap();
        let of: Vec<Delivery> =
            sent.iter().map(|(d, _)| d.clone()).filter(|d| d.notice.event == "digest").collect();
        of
    };
    town.worker().send_notices(&post, &cancel).await.unwrap();
    assert_eq!(digests(&bag), [], "not before the first interval is over");
    let began: Timestamp = town.now();
    let change = json!({ "before": "Starting", "after": "Syncing" });
    entry(&town, "batch.status", &format!("batch {}", town.batch(batch).await.name), change).await;
    later(Duration::from_secs(24 * 3600 + 60)).await;
    let (first, second) = (town.worker(), town.worker());
    for worker in [&first, &second, &first] {
        while worker.send_notices(&post, &cancel).await.unwrap() {}
    }
    let sent = digests(&bag);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (sent[0].channel, sent[0].to.as_slice()),
        (mail.id, ["ops@example.org".to_owned()].as_slice())
    );
    assert_eq!(sent[0].notice.data["batches"][0]["changed"], "Syncing");
    assert!(sent[0].notice.at >= began + SignedDuration::from_hours(23));
    later(Duration::from_secs(24 * 3600)).await;
    // The second makes it, the first has the duty to send.
    for worker in [&second, &first] {
        while worker.send_notices(&post, &cancel).await.unwrap() {}
    }
    assert_eq!(digests(&bag).len(), 2, "the next interval");
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_told_once() {
    let town = Town::of(1).await;
    let ends = town.now() + SignedDuration::from_hours(13 * 24);
    let row = json!({
        "id": "certificate", "step": "tls", "title": "Certificate", "outcome": "pass", "native": "pass", "fix": [],
        "evidence": "", "elapsedMs": 1, "cause": null, "code": null, "docs": null,
        "certificateEnds": ends, "certificateFingerprint": "ab",
    });
    let test = json!({ "result": "Success", "native": "Success", "steps": [row], "at": town.now() });
    for _ in 0..2 {
        let endpoint = town.store.endpoint("old").await.unwrap();
        let mut result = serde_json::from_value(test.clone()).unwrap();
        probing::keep(&*town.store, &endpoint, None, &mut result).await.unwrap();
    }
    let trail = town.store.audit(0).await.unwrap();
    let told: Vec<_> = trail.iter().filter_map(|(no, entry)| Notice::of(*no, entry)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].title, "old: its certificate ends on 2026-01-14, in 13 days");
    assert!(told[0].is_failure());
}
