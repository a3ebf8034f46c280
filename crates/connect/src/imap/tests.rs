//! The connector against a real Dovecot, also with its capabilities taken away. Skipped loudly where there is none.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use mailferry_model::{
    Kind, Side,
    finding::Verdict,
    flags::{Flags, SystemFlag},
    folder::{FolderPath, FolderSpec, Role},
    id::{FolderId, TargetId},
    item::{Body, Change, Chunks, Date, Form, Item, Stub},
    port::{Connector, Edit, EditKind, Outcome, Put, Setting, Source, Target},
    settings::{MailboxAddress, Settings},
};
use mailferry_suite::{source_suite, target_suite};

use super::{
    Imap,
    client::{ids, look},
};
use crate::{
    conformance::Stage,
    convert::{digest, key},
    testing::cx,
};
use dovecot::Dovecot;

mod diagnosis;
mod dovecot;
mod last_words;
mod left_out;
mod lying;
mod nonsense;
mod odd;
mod one_more;
mod refused_names;
mod replaced;
mod short;
mod silent;

/// What every variant must still announce for Dovecot to be usable.
const PLAIN: &str = "IMAP4rev1 SASL-IR ID";
const WITHOUT_RESYNC: &str = "IMAP4rev1 LITERAL+ SASL-IR ENABLE ID NAMESPACE UIDPLUS LIST-EXTENDED LIST-STATUS \
                              SPECIAL-USE CONDSTORE ESEARCH MULTIAPPEND MOVE UNSELECT CHILDREN";

fn plain(server: &Dovecot, user: &str) -> (Settings, MailboxAddress) {
    let url = format!("imap://{user}@127.0.0.1:{}?security=none", server.port);
    let (settings, mailbox) = Imap.account_of_url(&url).unwrap();
    (settings, MailboxAddress { password: Some("pw".into()), ..mailbox })
}

async fn source(server: &Dovecot, user: &str) -> Box<dyn Source> {
    let (settings, mailbox) = plain(server, user);
    Imap.source(&cx(Side::Source), &settings, &mailbox).await.unwrap()
}

async fn target(server: &Dovecot, user: &str) -> Box<dyn Target> {
    let (settings, mailbox) = plain(server, user);
    Imap.target(&cx(Side::Target), &settings, &mailbox).await.unwrap()
}

fn message(number: usize) -> Vec<u8> {
    let body = "0123456789 ".repeat(number * 7 % 90);
    format!("From: a@b\r\nSubject: no {number}\r\nMessage-ID: <{number}@test>\r\n\r\n{body}\r\n").into_bytes()
}

fn put_of(bytes: Vec<u8>, flags: Flags) -> Put {
    let chunks = Chunks::from(bytes::Bytes::from(bytes));
    let (key, message_id) = key(&look::beginning(chunks.pieces()));
    let digest = mailferry_model::item::ItemDigest::Known(digest(&chunks));
    let date = Some(Date { seconds: 1_700_000_000, zone: 60 });
    let (id, form, body) = (ids::item_id(1, 1), Form::Mime, Body::Bytes(chunks));
    Put::Item(Item { id, form, key, message_id, date, flags, body, digest, short_of: None })
}

async fn folder(target: &dyn Target, name: &str) -> FolderId {
    let spec = FolderSpec { path: FolderPath::of(name.split('/')), role: None };
    target.ensure_folder(&spec).await.unwrap().id
}

async fn stubs(source: &dyn Source, folder: &FolderId) -> (Vec<Stub>, mailferry_model::id::Cursor) {
    let page = source.changes(folder, None).await.unwrap();
    assert!(page.listing && !page.more);
    let stub = |c| if let Change::Upsert(stub) = c { Some(stub) } else { None };
    (page.changes.into_iter().filter_map(stub).collect(), page.next)
}

fn marked() -> Flags {
    Flags::from_parts(SystemFlag::Seen as u8, ["$Forwarded".into()])
}

async fn goes_round(server: &Dovecot) {
    let target = target(server, "a").await;
    let (deep, sent) = (folder(&*target, "Projekte/Grün & Blau").await, folder(&*target, "Sent").await);
    let again = target
        .ensure_folder(&FolderSpec { path: FolderPath::of(["Sent"]), role: Some(Role::Sent) })
        .await
        .unwrap();
    assert_eq!((again.id, again.created), (sent, false));
    let mark = target.marks(std::slice::from_ref(&deep)).await.unwrap().remove(0);
    let puts = (0..40).map(|n| put_of(message(n), marked())).collect();
    let outcomes = target.put(&deep, puts).await;
    assert!(outcomes.iter().all(|o| matches!(o, Outcome::Placed(_))), "{outcomes:?}");
    if target.caps().tells_ids {
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Placed(Some(_)))));
    }
    let traces: Vec<_> = target.traces(&deep, Some(&mark)).try_collect().await.unwrap();
    assert_eq!(traces.len(), 40);
    assert_eq!((traces[7].message_id.as_deref(), &traces[7].flags), (Some("<7@test>"), &marked()));
    let after = target.marks(std::slice::from_ref(&deep)).await.unwrap().remove(0);
    assert_eq!(target.traces(&deep, Some(&after)).count().await, 0, "n:* names the last message");

    let source = source(server, "a").await;
    let (folders, state) = futures_util::join!(source.folders(), source.state(&[]));
    let listed = folders.unwrap();
    let found = listed.iter().find(|f| f.id == deep).unwrap();
    assert_eq!(found.path, FolderPath::of(["Projekte", "Grün & Blau"]));
    assert!(listed.iter().any(|f| f.role == Some(Role::Sent) && f.path.name() == "Sent"));
    let (before, cursor) = stubs(&*source, &deep).await;
    assert_eq!(before.len(), 40);
    assert_eq!(before[3].date.map(|d| d.seconds), Some(1_700_000_000), "the zone is the server's");
    let items: Vec<_> = source.fetch(&deep, before.clone(), Form::Mime).collect().await;
    assert_eq!(items.len(), 40);
    for (id, item) in items {
        let item = item.unwrap();
        let at = before.iter().position(|s| s.id == id).unwrap();
        let Body::Bytes(chunks) = &item.body else { panic!("small bodies come in memory") };
        assert_eq!(chunks.to_bytes(), message(at));
        assert_eq!(item.key, traces[at].key);
    }
    let digests = source.digests(&deep, &[before[5].id.clone(), ids::item_id(1, 9_999)]).await;
    let theirs = target.digests(&deep, &[traces[5].id.clone()]).await;
    assert_eq!(digests[0].as_ref().unwrap(), theirs[0].as_ref().unwrap());
    assert_eq!(digests[1].as_ref().unwrap_err().kind(), Kind::NotFound);
    assert_eq!(source.traces(&deep, Some(&[before[0].id.clone()])).count().await, 1);

    // Flags, removal, a new message: the next changes tell exactly these.
    let unseen = marked().difference(&Flags::default().with(SystemFlag::Flagged));
    let removal = Edit { id: traces[1].id.clone(), kind: EditKind::Remove };
    let edits = vec![Edit { id: traces[0].id.clone(), kind: EditKind::Flags(unseen) }, removal];
    assert!(target.edit(&deep, edits).await.iter().all(Result::is_ok));
    target.put(&deep, vec![put_of(message(99), Flags::default())]).await;
    let now = source.state(&[]).await.unwrap();
    let print = |all: &[(FolderId, _)]| all.iter().find(|(id, _)| *id == deep).map(|(_, f)| f).cloned();
    assert_ne!(print(&state.unwrap()), print(&now));
    let page = source.changes(&deep, Some(&cursor)).await.unwrap();
    let flags = page.changes.iter().rev().find_map(|c| match c {
        Change::Flags(id, flags) if *id == before[0].id => Some(flags.clone()),
        _ => None,
    });
    assert_eq!(flags, Some(Flags::default().with(SystemFlag::Flagged)));
    assert_eq!(page.changes.iter().filter(|c| matches!(c, Change::Upsert(_))).count(), 1);
    if target.caps().removes {
        let named = |c: &Change| matches!(c, Change::Flags(id, _) | Change::Stays(id) if *id == before[1].id);
        let told = page.changes.contains(&Change::Gone(before[1].id.clone()));
        assert_eq!(told, source.caps().tells_removals);
        assert!(told || (page.listing && !page.changes.iter().any(named)));
        let asked = vec![before[1].clone()];
        let gone: Vec<_> = source.fetch(&deep, asked, Form::Mime).collect().await;
        assert_eq!(gone[0].1.as_ref().unwrap_err().kind(), Kind::NotFound);
    }
    let nothing = source.changes(&deep, Some(&page.next)).await.unwrap();
    assert!(!nothing.changes.iter().any(|c| matches!(c, Change::Upsert(_) | Change::Gone(_))));

    changes_folders(&*target, &*source, &deep, &traces[2].id).await;
    source.close().await.unwrap();
    target.close().await.unwrap();
}

/// A move, a subscription, a rename, a removal: what becomes of a folder that holds mail.
async fn changes_folders(target: &dyn Target, source: &dyn Source, deep: &FolderId, id: &TargetId) {
    let moved = target.put(&folder(target, "Drafts").await, vec![move_of(deep, id)]).await;
    assert!(matches!(moved[0], Outcome::Placed(_)), "{moved:?}");
    let on = Setting::Subscription { folder: deep.clone(), on: true };
    assert!(target.apply(vec![on]).await[0].is_ok());
    assert_eq!(target.remove_folder(deep).await.unwrap_err().kind(), Kind::Conflict);
    let renamed = target.rename_folder(deep, &FolderPath::of(["Neu"])).await.unwrap();
    assert_eq!(target.rename_folder(deep, &FolderPath::of(["Neu"])).await.unwrap(), renamed);
    let gone = source.changes(deep, None).await.unwrap_err();
    assert_eq!((gone.kind(), gone.scope()), (Kind::NotFound, mailferry_model::Scope::Folder));
    assert!(target.remove_folder(&FolderId::from_bytes("never was")).await.is_ok());
}

fn move_of(from: &FolderId, id: &TargetId) -> Put {
    Put::Move { from: from.clone(), id: id.clone() }
}

#[tokio::test]
async fn a_mailbox_goes_round() {
    let Some(server) = Dovecot::start("") else { return };
    goes_round(&server).await;
}

#[tokio::test]
async fn a_mailbox_goes_round_without_qresync() {
    let Some(server) = Dovecot::start(&format!("imap_capability = {WITHOUT_RESYNC}")) else { return };
    goes_round(&server).await;
}

#[tokio::test]
async fn a_mailbox_goes_round_without_any_extension() {
    let Some(server) = Dovecot::start(&format!("imap_capability = {PLAIN}")) else { return };
    goes_round(&server).await;
}

async fn fresh(server: &Dovecot) -> Stage {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let user = format!("suite{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let (settings, mailbox) = plain(server, &user);
    Stage { connector: Arc::new(Imap), settings, mailbox, refuses: Some(Vec::new()) }
}

#[tokio::test]
async fn the_source_keeps_its_contract() {
    let Some(server) = Dovecot::start("") else { return };
    source_suite!(fresh(&server));
}

#[tokio::test]
async fn the_target_keeps_its_contract() {
    let Some(server) = Dovecot::start("") else { return };
    target_suite!(fresh(&server));
}

#[tokio::test]
async fn of_a_refused_group_only_the_culprit_is_refused() {
    let Some(server) = Dovecot::start("") else { return };
    let target = target(&server, "b").await;
    let inbox = folder(&*target, "INBOX").await;
    target.marks(std::slice::from_ref(&inbox)).await.unwrap();
    let long: Box<str> = "k".repeat(60).into();
    let puts = (0..20)
        .map(|n| match n {
            13 => put_of(Vec::new(), Flags::default()),
            4 => put_of(message(n), Flags::from_parts(1, [long.clone()])),
            _ => put_of(message(n), Flags::default()),
        })
        .collect();
    let outcomes = target.put(&inbox, puts).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        match (at, outcome) {
            (13, Outcome::Refused(error)) => {
                assert_eq!((error.kind(), error.side()), (Kind::Malformed, Side::Target));
            }
            (13, other) => panic!("{other:?}"),
            (_, outcome) => assert!(matches!(outcome, Outcome::Placed(Some(_))), "{at}: {outcome:?}"),
        }
    }
    assert_eq!(target.traces(&inbox, None).count().await, 19);
}

#[tokio::test]
async fn a_large_body_streams_and_a_short_one_leaves_nothing() {
    let Some(server) = Dovecot::start("") else { return };
    let (target, source) = (target(&server, "c").await, source(&server, "c").await);
    let inbox = folder(&*target, "INBOX").await;
    let mut big = message(1);
    big.extend(b"x".repeat(76).into_iter().chain(*b"\r\n").collect::<Vec<u8>>().repeat(160_000));
    assert!(big.len() as u64 > Body::IN_MEMORY);
    let size = big.len() as u64;
    let streamed = |size: u64| {
        let Put::Item(item) = put_of(big.clone(), marked()) else { unreachable!() };
        let pieces: Vec<_> = big.chunks(100_000).map(|p| Ok(bytes::Bytes::copy_from_slice(p))).collect();
        vec![Put::Item(Item { body: Body::Stream { size, pieces: stream::iter(pieces).boxed() }, ..item })]
    };
    for wrong in [size + 1, size - 1] {
        let outcome = target.put(&inbox, streamed(wrong)).await;
        assert!(matches!(outcome[0], Outcome::Unsure(_)), "{outcome:?}");
    }
    assert!(matches!(target.put(&inbox, streamed(size)).await[0], Outcome::Placed(Some(_))));
    let (stubs, _) = stubs(&*source, &inbox).await;
    assert_eq!(stubs.len(), 1);
    let mut fetched: Vec<_> = source.fetch(&inbox, stubs, Form::Mime).collect().await;
    let item = fetched.remove(0).1.unwrap();
    let Body::Stream { size: told, mut pieces } = item.body else { panic!("a large body streams") };
    // Other calls go on while nobody reads it.
    assert!(source.state(&[]).await.is_ok());
    let mut got = Vec::new();
    while let Some(piece) = pieces.next().await {
        got.extend_from_slice(&piece.unwrap());
    }
    assert_eq!((told, got.len()), (size, big.len()));
    assert_eq!(item.digest.get(), Some(digest(&Chunks::from(bytes::Bytes::from(got)))));
}

#[tokio::test]
async fn who_signs_in_and_whom_to_trust() {
    let Some(server) = Dovecot::start("") else { return };
    let (settings, mailbox) = plain(&server, "a");
    let wrong = MailboxAddress { password: Some("wrong".into()), ..mailbox.clone() };
    let refused = Imap.source(&cx(Side::Source), &settings, &wrong).await.err().unwrap();
    assert_eq!((refused.kind(), refused.side()), (Kind::Unauthenticated, Side::Source));

    let admin = Settings::default()
        .with("remote-server", "127.0.0.1")
        .with("port", server.port.to_string())
        .with("security", "none")
        .with("username", "boss")
        .with("admin-style", "dovecot")
        .with_secret("password", "pw".into());
    let nobody = MailboxAddress { address: "b".into(), ..MailboxAddress::default() };
    assert!(Imap.source(&cx(Side::Source), &admin, &nobody).await.is_ok());

    let secured = settings.with("security", "ssl").with("port", server.tls_port.to_string());
    let ca = server.certificate().display().to_string();
    for (settings, good) in [
        (secured.clone(), false),
        (secured.clone().with("ca-file", ca.clone()), true),
        (secured.clone().with("fingerprint", server.fingerprint()), true),
        (secured.clone().with("fingerprint", "0".repeat(64)), false),
        (secured.clone().with("verify", "off"), true),
        (
            secured.clone().with("security", "tls").with("port", server.port.to_string()).with("ca-file", ca),
            true,
        ),
    ] {
        match Imap.target(&cx(Side::Target), &settings, &mailbox).await {
            Ok(_) => assert!(good, "{settings:?}"),
            Err(error) => assert_eq!((error.kind(), good), (Kind::Tls, false), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn probes_answer_step_by_step() {
    let Some(server) = Dovecot::start("") else { return };
    let (settings, mailbox) = plain(&server, "a");
    let secured = settings.with("security", "tls").with("fingerprint", server.fingerprint());
    let ask = async |settings: &Settings, mailbox: &MailboxAddress, side: Side| {
        let mut findings = Vec::new();
        for probe in Imap.probes(settings, Some(mailbox)) {
            findings.push(probe.ask(&cx(side)).await);
        }
        findings
    };
    let good = ask(&secured.clone().with("probe-append", "yes"), &mailbox, Side::Target).await;
    use Verdict::{Fail, NotRun, Pass};
    assert_eq!(good.len(), 9);
    assert!(good.iter().all(|f| f.outcome == Pass), "{good:#?}");
    assert!(good[8].evidence.ends_with("removed"), "{}", good[8].evidence);
    let wrong = MailboxAddress { password: Some("canary".into()), ..mailbox.clone() };
    let bad = ask(&secured, &wrong, Side::Source).await;
    let verdicts: Vec<Verdict> = bad.iter().map(|f| f.outcome).collect();
    assert_eq!(verdicts, [Pass, Pass, Pass, Pass, Pass, Fail, NotRun, NotRun, NotRun]);
    assert_eq!(bad[5].code.as_deref(), Some("SOURCE_AUTH_FAILED"));
    assert!(!format!("{bad:?}").contains("canary"));
    let nothing = settings_at(1);
    let closed = ask(&nothing, &mailbox, Side::Source).await;
    assert_eq!(closed.iter().find(|f| f.outcome == Fail).unwrap().id, "tcp-connects");
}

fn settings_at(port: u16) -> Settings {
    Settings::default().with("remote-server", "127.0.0.1").with("port", port.to_string())
}
