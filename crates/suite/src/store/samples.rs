//! Rows to test with: full of odd characters, each with an id and a name of its own.

use jiff::Timestamp;
use mailferry_model::{
    batch::Batch,
    endpoint::Endpoint,
    flags::Flags,
    folder::FolderPath,
    id::{BatchId, Cursor, EndpointId, Fingerprint, FolderId, ItemId, Mark, TargetId, UserId},
    item::Date,
    job::{JobSpec, PassKind},
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderEntry, FolderNo, Reason, Repair, Repairs, State},
    limits::Limits,
    mapping::RunOptions,
    pilot::{Check, SignOff},
    port::Store,
    report::{Score, Totals},
    rollback::{Covers, GoBack, RollbackApproval},
    settings::{MailboxAddress, Settings},
    user::{Detail, User},
};

/// A time that fits into microseconds.
pub(super) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap_or_default()
}

/// An endpoint with its own id and name.
pub(super) fn endpoint(store: &dyn Store) -> Endpoint {
    let id = store.new_id();
    Endpoint {
        id: EndpointId(id),
        version: 1,
        name: format!("Ünïcode \u{1F4E7} {id}"),
        kind: "imap".into(),
        settings: Settings::default().with("host", "mail.example").with("odd", "a\0b'\"\\\u{7f}"),
        limits: Limits { max_concurrent_migrations: 3, max_concurrent_incremental_syncs: 2 },
        needs_to_connect: None,
        last_test: None,
        last_good_test: None,
        told_waiting: false,
        certificate_told: None,
        created: time(0),
        modified: time(1),
    }
}

/// A batch from one endpoint to another.
pub(super) fn batch(store: &dyn Store, source: EndpointId, target: EndpointId) -> Batch {
    let id = store.new_id();
    Batch {
        detail: Some("\0 is text too".into()),
        options: RunOptions { connections: Some(3), ..RunOptions::default() },
        notes: Some("\0 ü".into()),
        synced: Some(time(5)),
        rollback: Some(RollbackApproval {
            approver: "Änne\0".into(),
            by: "ben".into(),
            at: time(6),
            comment: Some("\0".into()),
            values: GoBack { mx: Some("10 mail.x.".into()), autodiscover: None },
            covers: Covers::of(&Batch::created(BatchId(id), String::new(), (source, target), time(0)), &[]),
        }),
        ..Batch::created(BatchId(id), format!("Wave {id}"), (source, target), time(0))
    }
}

/// A user of a batch.
pub(super) fn user(store: &dyn Store, batch: BatchId, name: &str) -> User {
    let address = format!("{name}@{batch}.example");
    let source = MailboxAddress { address: address.clone(), ..MailboxAddress::default() };
    let target = MailboxAddress { user: Some("admin".into()), ..MailboxAddress::default() };
    User {
        detail: Some(Detail::fresh("X", "ü\0".into(), time(2))),
        totals: Totals { identified: u64::MAX, ..Totals::default() },
        score: Some(Score::Good),
        last_progress: Some(time(3)),
        acceptance: vec![SignOff { check: Check::Mobile, by: "ü\0".into(), at: time(4), comment: None }],
        ..User::queued(UserId(store.new_id()), batch, address, (source, target))
    }
}

/// Two endpoints and a batch between them with users; stored.
pub(super) async fn stored(store: &dyn Store, names: &[&str]) -> Result<(Batch, Vec<User>), String> {
    let (source, target) = (endpoint(store), endpoint(store));
    store.add_endpoint(&source).await.map_err(super::said)?;
    store.add_endpoint(&target).await.map_err(super::said)?;
    let batch = batch(store, source.id, target.id);
    let users: Vec<User> = names.iter().map(|name| user(store, batch.id, name)).collect();
    store.add_batch(&batch, &users).await.map_err(super::said)?;
    Ok((batch, users))
}

/// Work of a user.
pub(super) fn job(batch: &Batch, user: &User, kind: PassKind, run_at: Timestamp) -> JobSpec {
    JobSpec { user: user.id, batch: batch.id, source: batch.source, target: batch.target, kind, run_at }
}

/// An entry as most are.
pub(super) fn entry(folder: u32, n: u32) -> Entry {
    Entry {
        folder: FolderNo(folder),
        id: ItemId::from_bytes(n.to_be_bytes()),
        state: State::Placed,
        target: Some(TargetId::from_bytes([[0, 0, 0, 7], n.to_be_bytes()].concat())),
        key: HeaderKey([n as u8; 16]),
        digest: Some(Digest([!n as u8; 16])),
        size: u64::from(n) * 1000,
        date: Some(Date { seconds: i64::from(n) * 60, zone: 120 }),
        flags: Flags::from_parts(1, ["$Work".into()]),
        seen: true,
        unanswered: 0,
        pass: 1,
        tries: 0,
        repair: None,
        reason: None,
    }
}

/// An entry with everything that is rare.
pub(super) fn odd_entry(folder: u32) -> Entry {
    Entry {
        id: ItemId::from_bytes(b"\0odd\xff"),
        state: State::Skipped,
        target: None,
        digest: None,
        size: u64::MAX,
        date: Some(Date { seconds: i64::MIN, zone: i16::MIN }),
        flags: Flags::from_parts(31, ["b".into(), "A".into(), "ü\0".into()]),
        seen: false,
        unanswered: 255,
        pass: u32::MAX,
        tries: 255,
        repair: Some(Repairs::of(Repair::NoHeaderLine).with(Repair::Nul)),
        reason: Some(Box::new(Reason {
            code: "TARGET_MALFORMED".into(),
            text: "\0 no".into(),
            message_id: Some("<a@b>".into()),
        })),
        ..entry(folder, 1)
    }
}

/// A folder entry with everything.
pub(super) fn folder_entry(no: u32) -> FolderEntry {
    FolderEntry {
        no: FolderNo(no),
        source: FolderId::from_bytes(b"\0source"),
        source_path: FolderPath::of(["INBOX", "Ä/\0"]),
        identity: Some("identity".into()),
        epoch: Some("17".into()),
        target: Some(FolderId::from_bytes(b"target\xff")),
        target_path: FolderPath::of(["INBOX"]),
        target_epoch: Some("18".into()),
        target_items: Some(u64::MAX),
        first: Some(Mark::from_bytes(b"mark")),
        renamed: Some("it clashed".into()),
        fingerprint: Some(Fingerprint::from_bytes(b"")),
        cursor: Some(Cursor::from_bytes([0xff; 300])),
        filter: u64::MAX,
        owed: 1,
        placed: 2,
        skipped: 3,
        left: 4,
        bytes: u64::MAX,
        placed_pass: u32::MAX,
        gone: true,
        unmade: Some(Box::new(Reason {
            code: "TARGET_FORBIDDEN".into(),
            text: "not \0 this one".into(),
            message_id: None,
        })),
        subscribed: Some(false),
        unread_since: Some(3),
    }
}
