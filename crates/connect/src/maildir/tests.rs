//! A Maildir there and back through the ports.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::{StreamExt, TryStreamExt};
use mailferry_model::{
    Kind,
    flags::{Difference, Flags, SystemFlag},
    folder::{FolderPath, FolderSpec},
    item::{Body, Change, Chunks, Date, Form, Item},
    port::{Connector, Edit, EditKind, Outcome, Put, Setting},
};

use mailferry_suite::{source_suite, target_suite};

mod odd;

use super::Maildir;
use crate::{
    conformance::Stage,
    convert::{digest, key},
    testing::cx,
};

fn put(text: &str, flags: Flags) -> Put {
    let body = Chunks::from(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let (key, message_id) = key(text.as_bytes());
    let digest = mailferry_model::item::ItemDigest::Known(digest(&body));
    let date = Some(Date { seconds: 1_600_000_000, zone: 0 });
    let id = mailferry_model::id::ItemId::from_bytes("1");
    Put::Item(Item {
        id,
        form: Form::Mime,
        key,
        message_id,
        date,
        flags,
        body: Body::Bytes(body),
        digest,
        short_of: None,
    })
}

async fn fresh(dir: &std::path::Path) -> Stage {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let path = dir.join(NEXT.fetch_add(1, Ordering::SeqCst).to_string());
    let (settings, mailbox) = Maildir.account_of_url(&format!("maildir:{}", path.display())).unwrap();
    Stage { connector: Arc::new(Maildir), settings, mailbox, refuses: None }
}

#[tokio::test]
async fn the_source_keeps_its_contract() {
    let dir = tempfile::tempdir().unwrap();
    source_suite!(fresh(dir.path()));
}

#[tokio::test]
async fn the_target_keeps_its_contract() {
    let dir = tempfile::tempdir().unwrap();
    target_suite!(fresh(dir.path()));
}

#[tokio::test]
async fn a_maildir_goes_round() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, who) = Maildir.account_of_url(&format!("maildir:{}", dir.path().display())).unwrap();
    let cx = cx(mailferry_model::Side::Target);
    let target = Maildir.target(&cx, &settings, &who).await.unwrap();
    let spec = FolderSpec { path: FolderPath::of(["Grün", "A&B"]), role: None };
    let folder = target.ensure_folder(&spec).await.unwrap().id;
    assert!(!target.ensure_folder(&spec).await.unwrap().created);
    let dotted = FolderSpec { path: FolderPath::of(["a.b"]), role: None };
    assert_eq!(target.ensure_folder(&dotted).await.unwrap_err().kind(), Kind::Malformed);
    let mark = target.marks(std::slice::from_ref(&folder)).await.unwrap().remove(0);
    let flags = Flags::from_parts(SystemFlag::Seen as u8, ["$Work".into()]);
    let puts =
        vec![put("Subject: a\n\nx\n", flags.clone()), put("Subject: b\r\n\r\ny\r\n", Flags::default())];
    let outcomes = target.put(&folder, puts).await;
    let Outcome::Placed(Some(first)) = outcomes[0].clone() else { panic!("{outcomes:?}") };
    assert_eq!(target.traces(&folder, Some(&mark)).count().await, 2);

    let source = Maildir.source(&cx, &settings, &who).await.unwrap();
    assert!(source.folders().await.unwrap().iter().any(|f| f.path == spec.path && f.id == folder));
    let before = source.state(&[]).await.unwrap();
    let page = source.changes(&folder, None).await.unwrap();
    let stubs: Vec<_> = page
        .changes
        .into_iter()
        .filter_map(|c| if let Change::Upsert(s) = c { Some(s) } else { None })
        .collect();
    let one = stubs.iter().find(|s| s.flags == flags).unwrap();
    assert_eq!(one.date.unwrap().seconds, 1_600_000_000);
    let items: Vec<_> = source.fetch(&folder, vec![one.clone()], Form::Mime).collect().await;
    let Ok(Item { body: Body::Bytes(body), .. }) = &items[0].1 else { panic!("{items:?}") };
    assert_eq!(&body.to_bytes()[..], b"Subject: a\r\n\r\nx\r\n", "bare LF is handed out as CRLF");

    let difference = Difference { add: Flags::default().with(SystemFlag::Flagged), remove: flags };
    let edits = vec![Edit { id: first.clone(), kind: EditKind::Flags(difference) }];
    assert!(target.edit(&folder, edits).await[0].is_ok());
    assert_ne!(before, source.state(&[]).await.unwrap());
    let traces: Vec<_> = target.traces(&folder, None).try_collect().await.unwrap();
    let changed = traces.iter().find(|t| t.id == first).unwrap();
    assert_eq!(changed.flags.to_string(), "\\Flagged");
    let inbox = target.folders().await.unwrap().into_iter().find(|f| f.path.is_inbox()).unwrap().id;
    let moved = target.put(&inbox, vec![Put::Move { from: folder.clone(), id: first }]).await;
    assert!(matches!(moved[0], Outcome::Placed(Some(_))));
    assert_eq!(target.remove_folder(&folder).await.unwrap_err().kind(), Kind::Conflict);
    let on = Setting::Subscription { folder: folder.clone(), on: true };
    assert!(target.apply(vec![on]).await[0].is_ok());
    let renamed = target.rename_folder(&folder, &FolderPath::of(["Neu"])).await.unwrap();
    assert_eq!(target.rename_folder(&folder, &FolderPath::of(["Neu"])).await.unwrap(), renamed);
    for probe in Maildir.probes(&settings, Some(&who)) {
        assert_eq!(probe.ask(&cx).await.outcome, mailferry_model::finding::Verdict::Pass);
    }
}

/// Marks of older ledgers have a line for each id.
#[tokio::test]
async fn a_mark_that_was_made_before_marks_were_short_still_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, who) = Maildir.account_of_url(&format!("maildir:{}", dir.path().display())).unwrap();
    let target = Maildir.target(&cx(mailferry_model::Side::Target), &settings, &who).await.unwrap();
    let inbox = target.folders().await.unwrap().remove(0).id;
    let puts = (0..3).map(|n| put(&format!("Subject: {n}\r\n\r\nx\r\n"), Flags::default())).collect();
    let ids: Vec<String> = target
        .put(&inbox, puts)
        .await
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Placed(Some(id)) => String::from_utf8_lossy(id.as_bytes()).into_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    let old = mailferry_model::id::Mark::from_bytes(ids[..2].join("\n"));
    let beyond: Vec<_> = target.traces(&inbox, Some(&old)).try_collect().await.unwrap();
    assert_eq!(beyond.iter().map(|t| t.id.as_bytes()).collect::<Vec<_>>(), [ids[2].as_bytes()]);
    let now = target.marks(std::slice::from_ref(&inbox)).await.unwrap().remove(0);
    assert_eq!((now.as_bytes().len(), target.traces(&inbox, Some(&now)).count().await), (1 + 3 * 16, 0));
}

/// A folder of more messages than a page names is listed whole; a cursor of another session begins anew.
#[tokio::test]
async fn a_large_folder_comes_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, who) = Maildir.account_of_url(&format!("maildir:{}", dir.path().display())).unwrap();
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(dir.path().join(part)).unwrap();
    }
    (0..5000)
        .for_each(|n| std::fs::write(dir.path().join(format!("cur/{n:04}:2,")), "Subject: x\n\n").unwrap());
    let (mut halfway, mut named) = (None, Vec::new());
    for session in ["first", "second"] {
        let source = Maildir.source(&cx(mailferry_model::Side::Source), &settings, &who).await.unwrap();
        let inbox = source.folders().await.unwrap().remove(0).id;
        let mut cursor = halfway.take();
        named.clear();
        loop {
            let page = source.changes(&inbox, cursor.as_ref()).await.unwrap();
            assert!(page.listing && page.changes.len() <= 4096, "{session}");
            named.extend(page.changes.into_iter().map(|change| format!("{change:?}")));
            cursor = Some(page.next.clone());
            if !page.more {
                break;
            }
            halfway.get_or_insert(page.next);
        }
        named.dedup();
        assert_eq!(named.len(), 5000, "{session}");
    }
}
