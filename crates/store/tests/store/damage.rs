//! Damaged rows: a clear error, never a panic, never silence.

use std::time::Duration;

use mailferry_model::{
    Kind,
    flags::Flags,
    id::ItemId,
    key::HeaderKey,
    ledger::{Commit, Entry, FolderNo, State},
    port::{Audits, Ledger, Store, Work},
};

use super::places::Place;

pub fn entry(n: u32) -> Entry {
    Entry {
        folder: FolderNo(1),
        id: ItemId::from_bytes(n.to_be_bytes()),
        state: State::Owed,
        target: None,
        key: HeaderKey::default(),
        digest: None,
        size: 1,
        date: None,
        flags: Flags::default(),
        seen: false,
        unanswered: 0,
        pass: 1,
        tries: 0,
        repair: None,
        reason: None,
    }
}

#[tokio::test]
async fn a_damaged_ledger_is_an_error() {
    for place in Place::all().await {
        let store = place.open().await;
        let mailbox = store.mailbox("a").await.unwrap();
        let lease = store.lease(mailbox, store.new_id(), Duration::from_secs(60)).await.unwrap().lease;
        let commit = Commit { items: vec![entry(1), entry(2)], ..Commit::default() };
        let cut = match place.to_string().as_str() {
            "SQLite" => ["substr(body, 1, length(body) - 1)", "X'01'", "X''"],
            _ => ["substr(body, 1, length(body) - 1)", "'\\x01'::bytea", "''::bytea"],
        };
        for sql in cut {
            store.commit(lease, &commit).await.unwrap();
            let sql = format!("UPDATE ledger_journal SET body = {sql}");
            place.tamper(sql.leak()).await;
            let error = store.read(mailbox, FolderNo(1)).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Malformed, "{place}: {error}");
            assert!(error.context().contains("damaged in folder 1"), "{place}: {error}");
            assert_eq!(store.pack(lease, FolderNo(1)).await.unwrap_err().kind(), Kind::Malformed, "{place}");
            place.tamper("DELETE FROM ledger_journal").await;
        }
        store.commit(lease, &commit).await.unwrap();
        store.pack(lease, FolderNo(1)).await.unwrap();
        place.tamper("UPDATE ledger_segment SET body = substr(body, 2)").await;
        assert_eq!(store.read(mailbox, FolderNo(1)).await.unwrap_err().kind(), Kind::Malformed, "{place}");
    }
}

#[tokio::test]
async fn a_changed_or_missing_audit_entry_is_found() {
    for place in Place::all().await {
        let store = place.open().await;
        for n in 0..4 {
            let entry = mailferry_model::audit::AuditEntry {
                at: jiff::Timestamp::UNIX_EPOCH,
                actor: "cli:root".into(),
                action: "endpoint.set".into(),
                subject: format!("endpoint {n}"),
                change: None,
            };
            store.record(&entry).await.unwrap();
        }
        assert_eq!(store.check_audit().await.unwrap(), None, "{place}");
        place.tamper("UPDATE audit SET body = (SELECT body FROM audit WHERE no = 1) WHERE no = 3").await;
        assert_eq!(store.check_audit().await.unwrap(), Some(3), "{place}");
        place.tamper("DELETE FROM audit WHERE no = 2").await;
        assert_eq!(store.check_audit().await.unwrap(), Some(2), "{place}");
    }
}

/// What was cut off does not come back by what is written behind it.
#[tokio::test]
async fn an_audit_trail_that_was_cut_off_or_emptied_is_not_whole() {
    let entry = |n: u32| mailferry_model::audit::AuditEntry {
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: "cli:root".into(),
        action: "endpoint.set".into(),
        subject: format!("endpoint {n}"),
        change: None,
    };
    for (cut, missing) in [("DELETE FROM audit WHERE no > 2", 3), ("DELETE FROM audit", 1)] {
        for place in Place::all().await {
            let store = place.open().await;
            for n in 1..=4 {
                store.record(&entry(n)).await.unwrap();
            }
            place.tamper(cut).await;
            assert_eq!(store.check_audit().await.unwrap(), Some(missing), "{place}: {cut}");
            assert_eq!(store.record(&entry(5)).await.unwrap(), 5, "{place}: {cut}");
            assert_eq!(store.check_audit().await.unwrap(), Some(missing), "{place}: {cut}");
            place.tamper("DELETE FROM audit_end").await;
            assert_eq!(store.check_audit().await.unwrap(), Some(missing), "{place}: {cut}");
        }
    }
}
