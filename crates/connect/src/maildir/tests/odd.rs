//! Maildirs that somebody put together by hand, in good faith or not: links, directories among messages, two files of
//! one unique name. And one that is not there yet.

use std::{fs, os::unix::fs::symlink, path::Path};

use futures_util::{StreamExt, TryStreamExt};
use mailferry_model::{
    Kind, Result, Scope, Side,
    flags::Flags,
    folder::{FolderPath, FolderSpec},
    id::FolderId,
    item::{Body, Change, Form, Item, Stub},
    port::{Connector, Edit, EditKind, Outcome, Put, Setting, Source, Target},
};

use super::{super::Maildir, put};
use crate::testing::cx;

const A: &str = "Subject: a\r\n\r\nfirst\r\n";
const B: &str = "Subject: b\r\n\r\nsecond, which is longer\r\n";

fn make(at: &Path) {
    ["cur", "new", "tmp"].iter().for_each(|part| fs::create_dir_all(at.join(part)).unwrap());
}

async fn source(at: &Path) -> Box<dyn Source> {
    let (settings, who) = Maildir.account_of_url(&format!("maildir:{}", at.display())).unwrap();
    Maildir.source(&cx(Side::Source), &settings, &who).await.unwrap()
}

async fn target(at: &Path) -> Result<Box<dyn Target>> {
    let (settings, who) = Maildir.account_of_url(&format!("maildir:{}", at.display())).unwrap();
    Maildir.target(&cx(Side::Target), &settings, &who).await
}

fn inbox() -> FolderId {
    FolderId::from_bytes("")
}

async fn stubs(source: &dyn Source) -> Vec<Stub> {
    let page = source.changes(&inbox(), None).await.unwrap();
    page.changes.into_iter().filter_map(|c| if let Change::Upsert(s) = c { Some(s) } else { None }).collect()
}

/// Ids with what is in the files.
async fn bodies(source: &dyn Source) -> Vec<(String, Result<String>)> {
    let items: Vec<_> = source.fetch(&inbox(), stubs(source).await, Form::Mime).collect().await;
    let text = |item: Item| match item.body {
        Body::Bytes(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Body::Stream { .. } => panic!("a long one"),
    };
    items
        .into_iter()
        .map(|(id, item)| (String::from_utf8_lossy(id.as_bytes()).into(), item.map(text)))
        .collect()
}

#[tokio::test]
async fn links_are_named_and_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (mail, other) = (dir.path().join("mail"), dir.path().join("other"));
    make(&mail);
    make(&other);
    fs::write(other.join("cur/1:2,"), B).unwrap();
    fs::write(other.join("words"), "0 secret\n").unwrap();
    fs::write(mail.join("cur/1:2,a"), A).unwrap();
    symlink(other.join("cur/1:2,"), mail.join("cur/2:2,S")).unwrap();
    symlink("/nowhere", mail.join("new/3")).unwrap();
    symlink(other.join("words"), mail.join("dovecot-keywords")).unwrap();
    symlink(&other, mail.join(".Linked")).unwrap();
    fs::create_dir_all(mail.join(".Half")).unwrap();
    symlink(other.join("cur"), mail.join(".Half/cur")).unwrap();
    symlink(other.join("words"), mail.join(".words")).unwrap();

    let source = source(&mail).await;
    let found = bodies(&*source).await;
    let error = |at: usize| found[at].1.as_ref().unwrap_err();
    assert_eq!(found.iter().map(|(id, _)| &**id).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(found[0].1.as_ref().unwrap(), A);
    for at in [1, 2] {
        assert_eq!((error(at).kind(), error(at).scope()), (Kind::Malformed, Scope::Item));
        assert!(error(at).context().contains("symbolic link"), "{}", error(at));
    }
    let traces: Vec<_> = source.traces(&inbox(), None).try_collect().await.unwrap();
    let foreign = crate::convert::key(B.as_bytes()).0;
    assert!(traces.len() == 3 && traces.iter().all(|t| t.key != foreign));
    assert_eq!(stubs(&*source).await[0].flags, Flags::default(), "no words of a file behind a link");

    let folders: Vec<String> = source.folders().await.unwrap().iter().map(|f| f.path.to_string()).collect();
    assert_eq!(folders, ["Half", "INBOX", "Linked"], "named, so that nobody misses them");
    for name in [".Linked", ".Half"] {
        let error = source.changes(&FolderId::from_bytes(name), None).await.unwrap_err();
        assert_eq!((error.kind(), error.scope()), (Kind::Malformed, Scope::Folder));
    }
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (mail, other) = (dir.path().join("mail"), dir.path().join("other"));
    make(&mail);
    make(&other);
    fs::write(other.join("file"), "untouched").unwrap();
    symlink(&other, mail.join(".Linked")).unwrap();
    symlink(other.join("file"), mail.join("tmp/dovecot-keywords")).unwrap();
    symlink(other.join("file"), mail.join("dovecot-keywords")).unwrap();
    symlink(other.join("file"), mail.join("subscriptions")).unwrap();
    symlink(other.join("file"), mail.join("cur/1:2,")).unwrap();

    let target = target(&mail).await.unwrap();
    assert_eq!(target.folders().await.unwrap().len(), 1);
    let spec = FolderSpec { path: FolderPath::of(["Linked"]), role: None };
    assert_eq!(target.ensure_folder(&spec).await.unwrap_err().kind(), Kind::Malformed);
    let linked = FolderId::from_bytes(".Linked");
    assert!(matches!(target.put(&linked, vec![put(A, Flags::default())]).await[0], Outcome::Refused(_)));
    let flags = Flags::from_parts(0, ["$Work".into()]);
    assert!(matches!(target.put(&inbox(), vec![put(A, flags)]).await[0], Outcome::Placed(_)));
    let on = Setting::Subscription { folder: inbox(), on: true };
    assert!(target.apply(vec![on]).await[0].is_ok());
    let edits = vec![Edit { id: mailferry_model::id::TargetId::from_bytes("1"), kind: EditKind::Remove }];
    assert!(target.edit(&inbox(), edits).await[0].is_ok());

    assert_eq!(fs::read_to_string(other.join("file")).unwrap(), "untouched");
    assert_eq!(fs::read_dir(other.join("cur")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(mail.join("dovecot-keywords")).unwrap(), "0 $Work\n");
    assert_eq!(fs::read_to_string(mail.join("subscriptions")).unwrap(), "INBOX\n");
}

#[tokio::test]
async fn what_is_no_file_is_no_message() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    fs::create_dir(dir.path().join("cur/1:2,")).unwrap();
    fs::create_dir(dir.path().join("new/2")).unwrap();
    let queue = dir.path().join("cur/3:2,");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &queue,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::write(dir.path().join("cur/4:2,"), A).unwrap();
    let source = source(dir.path()).await;
    assert_eq!(bodies(&*source).await.len(), 1);
    assert_eq!(source.traces(&inbox(), None).count().await, 1);
    assert_eq!(source.folders().await.unwrap()[0].items, Some(1));
}

#[tokio::test]
async fn two_files_of_one_unique_name_are_two_messages_where_their_contents_differ() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("cur/1.h:2,S", A);
    write("new/1.h", B);
    write("cur/2.h:2,S", A);
    write("cur/2.h:2,F", B);
    write("cur/3.h:2,", A);
    let source = source(dir.path()).await;
    let first = bodies(&*source).await;
    let mut texts: Vec<&str> = first.iter().map(|(_, text)| &**text.as_ref().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, [A, A, A, B, B]);
    let of = |text: &str| first.iter().find(|(id, t)| id.starts_with("1.h") && t.as_ref().unwrap() == text);
    // Whatever becomes of one of them, the other's id never stands for its content.
    fs::rename(dir.path().join("new/1.h"), dir.path().join("cur/1.h:2,RS")).unwrap();
    let ids = |of: &[(String, Result<String>)]| of.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&bodies(&*source).await), ids(&first), "ids do not change with flags or places");
    fs::remove_file(dir.path().join("cur/1.h:2,S")).unwrap();
    let after = bodies(&*source).await;
    let (gone, left) = (of(A).unwrap(), after.iter().find(|(id, _)| id.starts_with("1.h")).unwrap());
    assert_eq!((&*left.0, left.1.as_deref().unwrap()), ("1.h", B));
    assert_ne!(gone.0, left.0);
}

#[tokio::test]
async fn equal_files_of_one_unique_name_are_one_message() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    fs::write(dir.path().join("new/1.h"), A).unwrap();
    fs::write(dir.path().join("cur/1.h:2,S"), A).unwrap();
    fs::hard_link(dir.path().join("cur/1.h:2,S"), dir.path().join("cur/1.h:2,FS")).unwrap();
    let source = source(dir.path()).await;
    let stubs = stubs(&*source).await;
    assert_eq!(stubs.len(), 1);
    assert_eq!(stubs[0].id.as_bytes(), b"1.h");
    assert!(stubs[0].flags.has(mailferry_model::flags::SystemFlag::Seen), "that in `cur` counts");
}

#[tokio::test]
async fn a_name_that_is_no_text_is_a_name() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    for byte in [0xfd_u8, 0xfe] {
        let name = [b"cur/1", &[byte][..], b":2,S"].concat();
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(&name)), A).unwrap();
    }
    assert_eq!(bodies(&*source(dir.path()).await).await.len(), 2, "equal, and two");
}

#[tokio::test]
async fn moves_and_flags_overwrite_nothing() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    make(&dir.path().join(".Sub"));
    fs::write(dir.path().join("cur/1.h,S=9:2,"), A).unwrap();
    fs::write(dir.path().join(".Sub/cur/1.h,S=9:2,"), A).unwrap();
    let (target, sub) = (target(dir.path()).await.unwrap(), FolderId::from_bytes(".Sub"));
    let id = mailferry_model::id::TargetId::from_bytes("1.h,S=9");
    let moved = target.put(&sub, vec![Put::Move { from: inbox(), id }]).await;
    let Outcome::Placed(Some(id)) = &moved[0] else { panic!("{moved:?}") };
    let ids: Vec<_> = target.traces(&sub, None).map_ok(|t| t.id).try_collect().await.unwrap();
    assert!(ids.len() == 2 && ids.contains(id), "{ids:?}");
    assert_eq!(target.traces(&inbox(), None).count().await, 0);
}

#[tokio::test]
async fn a_target_is_made_by_the_first_put_and_not_by_a_look() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("a/b");
    let target = target(&at).await.unwrap();
    let folders = target.folders().await.unwrap();
    assert!(folders.len() == 1 && folders[0].path.is_inbox());
    let mark = target.marks(&[inbox()]).await.unwrap().remove(0);
    assert_eq!(target.traces(&inbox(), Some(&mark)).count().await, 0);
    assert!(!dir.path().join("a").exists());
    assert!(matches!(target.put(&inbox(), vec![put(A, Flags::default())]).await[0], Outcome::Placed(_)));
    assert_eq!(target.traces(&inbox(), Some(&mark)).count().await, 1);
    let spec = FolderSpec { path: FolderPath::of(["Sub"]), role: None };
    let other = dir.path().join("c");
    let target = self::target(&other).await.unwrap();
    assert!(target.ensure_folder(&spec).await.unwrap().created && other.join(".Sub/cur").is_dir());
}

#[tokio::test]
async fn a_target_that_cannot_be_made_says_so_at_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(target(&dir.path().join("file/below")).await.is_err());
}
