//! What every source must keep. A stage plants mail behind the source's back; each function starts from an
//! empty one.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use mailferry_model::{
    Kind, Scope,
    flags::{Flags, SystemFlag},
    id::{Cursor, FolderId, ItemId},
    item::{Body, Change, Form, Page, Stub, Trace},
    port::Source,
};

use crate::{Check, ensure, failed};

/// A mailbox that can be changed behind the source's back.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Opens the mailbox as a source, in a new session.
    async fn open(&self) -> Arc<dyn Source>;
    /// Makes a folder, named with `/` between parents and children.
    async fn create(&self, folder: &str);
    /// A message arrives; what tells it from all others is its body.
    async fn deliver(&self, folder: &str, body: &[u8], flags: Flags);
    /// Sets the flags of the message that contains `word`.
    async fn flag(&self, folder: &str, word: &str, flags: Flags);
    /// Removes the message that contains `word`.
    async fn remove(&self, folder: &str, word: &str);
    /// Removes a folder.
    async fn drop_folder(&self, folder: &str);
    /// Numbers a folder anew; whether that can be staged.
    async fn renumber(&self, folder: &str) -> bool;
    /// Everything that must never change, as text.
    async fn picture(&self) -> String;
}

/// A message of the suite.
pub fn message(word: &str) -> Vec<u8> {
    format!("Message-ID: <{word}@suite>\r\nFrom: a@suite\r\nSubject: {word}\r\n\r\nThe word is {word}.\r\n")
        .into_bytes()
}

/// A folder by its path.
async fn folder(source: &dyn Source, path: &str) -> Result<FolderId, String> {
    let listed = source.folders().await.map_err(failed("folders"))?;
    let found = listed.into_iter().find(|f| f.path.to_string() == path);
    found.map(|f| f.id).ok_or_else(|| format!("folder {path} is not listed"))
}

/// All changes of a folder since a cursor.
async fn changes(
    source: &dyn Source,
    folder: &FolderId,
    cursor: Option<Cursor>,
) -> Result<(Vec<Change>, Page), String> {
    let (mut all, mut cursor) = (Vec::new(), cursor);
    for _ in 0..10_000 {
        let page = source.changes(folder, cursor.as_ref()).await.map_err(failed("changes"))?;
        all.extend(page.changes.iter().cloned());
        if !page.more {
            return Ok((all, page));
        }
        cursor = Some(page.next);
    }
    Err("changes never ends".to_owned())
}

fn stubs(changes: Vec<Change>) -> Vec<Stub> {
    let by_id: BTreeMap<ItemId, Stub> = changes
        .into_iter()
        .filter_map(|c| match c {
            Change::Upsert(stub) => Some((stub.id.clone(), stub)),
            _ => None,
        })
        .collect();
    by_id.into_values().collect()
}

async fn listed(source: &dyn Source, folder: &FolderId) -> Result<Vec<Stub>, String> {
    Ok(stubs(changes(source, folder, None).await?.0))
}

/// Folders come parents before children, with the inbox among them.
pub async fn folders_come_parents_first(stage: &dyn Stage) -> Check {
    stage.create("A").await;
    stage.create("A/B").await;
    let source = stage.open().await;
    let folders = source.folders().await.map_err(failed("folders"))?;
    let at = |path: &str| folders.iter().position(|f| f.path.to_string() == path);
    ensure!(at("A").is_some() && at("A") < at("A/B"), "A is not before A/B: {folders:?}");
    ensure!(folders.iter().any(|f| f.path.is_inbox() && f.selectable), "no inbox: {folders:?}");
    Ok(())
}

/// A fingerprint for each selectable folder; equal while nothing changes, another after a change.
pub async fn fingerprints_tell_changes(stage: &dyn Stage) -> Check {
    stage.create("A").await;
    stage.deliver("A", &message("one"), Flags::default()).await;
    let print = || async {
        let source = stage.open().await;
        let id = folder(source.as_ref(), "A").await?;
        let state = source.state(&[]).await.map_err(failed("state"))?;
        Ok::<_, String>((source, state.into_iter().find(|(f, _)| *f == id).map(|(_, p)| p)))
    };
    let (source, first) = print().await?;
    ensure!(first.is_some(), "no fingerprint for a selectable folder");
    ensure!(print().await?.1 == first, "another fingerprint although nothing changed");
    if source.caps().fingerprints_flags {
        stage.flag("A", "one", Flags::default().with(SystemFlag::Flagged)).await;
        ensure!(print().await?.1 != first, "the same fingerprint after a flag changed");
    }
    let before = print().await?.1;
    stage.deliver("A", &message("two"), Flags::default()).await;
    ensure!(print().await?.1 != before, "the same fingerprint after a message arrived");
    let before = print().await?.1;
    stage.remove("A", "one").await;
    ensure!(print().await?.1 != before, "the same fingerprint after a message went");
    Ok(())
}

/// Changes from nothing name everything there is, with size and flags.
pub async fn changes_from_nothing_name_everything(stage: &dyn Stage) -> Check {
    for word in ["one", "two", "three", "four", "five"] {
        stage.deliver("INBOX", &message(word), Flags::default().with(SystemFlag::Seen)).await;
    }
    let source = stage.open().await;
    let stubs = listed(source.as_ref(), &folder(source.as_ref(), "INBOX").await?).await?;
    ensure!(stubs.len() == 5, "{} of 5 named", stubs.len());
    ensure!(
        stubs.iter().all(|s| s.flags.has(SystemFlag::Seen) && s.size > 0),
        "facts are missing: {stubs:?}"
    );
    Ok(())
}

/// Changes since a cursor never omit what arrived, changed or went.
pub async fn changes_since_a_cursor_omit_nothing(stage: &dyn Stage) -> Check {
    for word in ["stays", "changes", "goes"] {
        stage.deliver("INBOX", &message(word), Flags::default()).await;
    }
    let source = stage.open().await;
    let inbox = folder(source.as_ref(), "INBOX").await?;
    let (all, page) = changes(source.as_ref(), &inbox, None).await?;
    let known = stubs(all);
    stage.flag("INBOX", "changes", Flags::default().with(SystemFlag::Answered)).await;
    stage.remove("INBOX", "goes").await;
    stage.deliver("INBOX", &message("arrives"), Flags::default()).await;
    let source = stage.open().await;
    let (since, last) = changes(source.as_ref(), &inbox, Some(page.next)).await?;
    let mut named: BTreeMap<ItemId, Option<Flags>> = BTreeMap::new();
    let mut gone = Vec::new();
    for change in since {
        match change {
            Change::Upsert(stub) => drop(named.insert(stub.id, Some(stub.flags))),
            Change::Flags(id, flags) => drop(named.insert(id, Some(flags))),
            Change::Stays(id) => drop(named.entry(id).or_insert(None)),
            Change::Gone(id) => gone.push(id),
        }
    }
    let new = named.keys().filter(|id| !known.iter().any(|k| k.id == **id)).count();
    ensure!(new == 1, "{new} new items named, 1 arrived");
    let answered = named.values().flatten().filter(|f| f.has(SystemFlag::Answered)).count();
    ensure!(answered == 1, "{answered} items named with the new flag");
    if last.listing {
        let unnamed = known.iter().filter(|k| !named.contains_key(&k.id)).count();
        ensure!(unnamed == 1, "a complete listing leaves out {unnamed} known items, 1 went");
    } else {
        ensure!(gone.len() == 1 && known.iter().any(|k| k.id == gone[0]), "gone: {gone:?}");
    }
    let (again, _) = changes(source.as_ref(), &inbox, Some(last.next)).await?;
    let moved = again.iter().any(|c| {
        matches!(c, Change::Gone(_)) || matches!(c, Change::Upsert(s) if !named.contains_key(&s.id))
    });
    ensure!(!moved, "changes although nothing changed: {again:?}");
    Ok(())
}

/// A cursor of a folder that was numbered anew is `CursorExpired`; no old id means another item.
pub async fn a_cursor_of_another_life_is_expired(stage: &dyn Stage) -> Check {
    stage.create("A").await;
    stage.deliver("A", &message("one"), Flags::default()).await;
    let source = stage.open().await;
    let id = folder(source.as_ref(), "A").await?;
    let (before, page) = changes(source.as_ref(), &id, None).await?;
    if !stage.renumber("A").await {
        return Ok(());
    }
    let source = stage.open().await;
    let id = folder(source.as_ref(), "A").await?;
    let answer = source.changes(&id, Some(&page.next)).await;
    let kind = answer.as_ref().err().map(mailferry_model::Error::kind);
    ensure!(kind == Some(Kind::CursorExpired), "an old cursor is answered with {answer:?}");
    let old = stubs(before);
    let new = listed(source.as_ref(), &id).await?;
    ensure!(new.iter().all(|n| old.iter().all(|o| o.id != n.id)), "an id is used again for another life");
    Ok(())
}

/// A folder that is gone is `NotFound` with scope folder.
pub async fn a_folder_that_is_gone_is_not_found(stage: &dyn Stage) -> Check {
    stage.create("A").await;
    let source = stage.open().await;
    let id = folder(source.as_ref(), "A").await?;
    stage.drop_folder("A").await;
    let source = stage.open().await;
    match source.changes(&id, None).await {
        Err(e) if e.kind() == Kind::NotFound && e.scope() == Scope::Folder => Ok(()),
        other => Err(format!("changes of a folder that is gone: {other:?}")),
    }
}

/// Each asked item is answered exactly once; one that is gone with `NotFound`.
pub async fn fetch_answers_each_stub_once(stage: &dyn Stage) -> Check {
    for word in ["one", "two", "goes", "three"] {
        stage.deliver("INBOX", &message(word), Flags::default()).await;
    }
    let source = stage.open().await;
    let inbox = folder(source.as_ref(), "INBOX").await?;
    let stubs = listed(source.as_ref(), &inbox).await?;
    stage.remove("INBOX", "goes").await;
    let source = stage.open().await;
    let answers: Vec<_> = source.fetch(&inbox, stubs.clone(), Form::Mime).collect().await;
    ensure!(answers.len() == 4, "{} answers to 4 questions", answers.len());
    for stub in &stubs {
        let mine = answers.iter().filter(|(id, _)| *id == stub.id).count();
        ensure!(mine == 1, "{mine} answers for {:?}", stub.id);
    }
    let missing =
        answers.iter().filter(|(_, a)| a.as_ref().is_err_and(|e| e.kind() == Kind::NotFound)).count();
    ensure!(missing == 1, "{missing} items are NotFound, 1 is gone: {answers:?}");
    Ok(())
}

/// Bodies arrive whole; header key and digest are those of traces and digests.
pub async fn bodies_keys_and_digests_agree(stage: &dyn Stage) -> Check {
    for word in ["one", "two"] {
        stage.deliver("INBOX", &message(word), Flags::default()).await;
    }
    let source = stage.open().await;
    let inbox = folder(source.as_ref(), "INBOX").await?;
    let stubs = listed(source.as_ref(), &inbox).await?;
    let ids: Vec<ItemId> = stubs.iter().map(|s| s.id.clone()).collect();
    let traces: Vec<Trace<ItemId>> =
        source.traces(&inbox, None).try_collect().await.map_err(failed("traces"))?;
    let digests = source.digests(&inbox, &ids).await;
    let mut fetched = source.fetch(&inbox, stubs, Form::Mime);
    let mut words = Vec::new();
    while let Some((id, item)) = fetched.next().await {
        let item = item.map_err(failed("fetch"))?;
        let Body::Bytes(body) = &item.body else { return Err("a small body came as a stream".to_owned()) };
        let trace = traces.iter().find(|t| t.id == id).ok_or("no trace of a fetched item")?;
        ensure!(trace.key == item.key, "the trace has another header key");
        ensure!(trace.size == item.body.size(), "listed {} bytes, got {}", trace.size, item.body.size());
        let at = ids.iter().position(|i| *i == id).ok_or("an answer that was not asked for")?;
        let digest = digests[at].clone().map_err(failed("digests"))?;
        ensure!(item.digest.get() == Some(digest), "another digest than the body's");
        words.push(body.to_bytes());
    }
    for word in ["one", "two"] {
        ensure!(
            words.iter().any(|w| w[..] == message(word)[..]),
            "the body of {word} is not what was delivered"
        );
    }
    Ok(())
}

/// Traces of named items name those and no others; what is gone is left out.
pub async fn traces_name_what_was_asked(stage: &dyn Stage) -> Check {
    for word in ["one", "two", "three"] {
        stage.deliver("INBOX", &message(word), Flags::default()).await;
    }
    let source = stage.open().await;
    let inbox = folder(source.as_ref(), "INBOX").await?;
    let ids: Vec<ItemId> = listed(source.as_ref(), &inbox).await?.into_iter().take(2).map(|s| s.id).collect();
    let traces: Vec<Trace<ItemId>> =
        source.traces(&inbox, Some(&ids)).try_collect().await.map_err(failed("traces"))?;
    ensure!(traces.len() == 2 && traces.iter().all(|t| ids.contains(&t.id)), "asked {ids:?}, got {traces:?}");
    Ok(())
}

/// A body over the limit streams with its exact size.
pub async fn a_large_body_streams(stage: &dyn Stage) -> Check {
    let mut large = message("large");
    while (large.len() as u64) < Body::IN_MEMORY + 1000 {
        large.extend_from_slice(
            b"A line of the large message, of which there are many more than anybody reads.\r\n",
        );
    }
    stage.deliver("INBOX", &large, Flags::default()).await;
    stage.deliver("INBOX", &message("small"), Flags::default()).await;
    let source = stage.open().await;
    let inbox = folder(source.as_ref(), "INBOX").await?;
    let stubs = listed(source.as_ref(), &inbox).await?;
    let stub =
        stubs.iter().find(|s| s.size > Body::IN_MEMORY).ok_or("the large message is not listed as large")?;
    let mut fetched = source.fetch(&inbox, vec![stub.clone()], Form::Mime);
    let (_, item) = fetched.next().await.ok_or("no answer")?;
    let item = item.map_err(failed("fetch"))?;
    let Body::Stream { size, pieces } = item.body else {
        return Err("a large body came in memory".to_owned());
    };
    let pieces: Vec<_> = pieces.try_collect().await.map_err(failed("stream"))?;
    ensure!(pieces.concat() == large, "the stream is not what was delivered");
    ensure!(size == large.len() as u64, "announced {size} bytes of {}", large.len());
    ensure!(item.digest.get().is_some(), "no digest after the body was read");
    drop(fetched);
    let rest = listed(source.as_ref(), &inbox).await?;
    ensure!(rest.len() == 2, "the session is not usable after a stream");
    Ok(())
}

/// Dropping a fetch in the middle leaves the session usable.
pub async fn a_dropped_fetch_leaves_the_session_usable(stage: &dyn Stage) -> Check {
    for at in 0..20 {
        stage.deliver("INBOX", &message(&format!("w{at}")), Flags::default()).await;
    }
    let source = stage.open().await;
    let inbox = folder(source.as_ref(), "INBOX").await?;
    let stubs = listed(source.as_ref(), &inbox).await?;
    let mut fetched = source.fetch(&inbox, stubs.clone(), Form::Mime);
    fetched.next().await;
    drop(fetched);
    let all: Vec<_> = source.fetch(&inbox, stubs, Form::Mime).collect().await;
    ensure!(
        all.len() == 20 && all.iter().all(|(_, item)| item.is_ok()),
        "{} answers after a dropped fetch",
        all.len()
    );
    source.close().await.map_err(failed("close"))
}

/// Whatever is asked, the mailbox is as it was: no flag set, nothing made, nothing subscribed.
pub async fn the_source_never_changes(stage: &dyn Stage) -> Check {
    stage.create("A").await;
    stage.deliver("A", &message("one"), Flags::default()).await;
    let before = stage.picture().await;
    let source = stage.open().await;
    let id = folder(source.as_ref(), "A").await?;
    let stubs = listed(source.as_ref(), &id).await?;
    let ids: Vec<ItemId> = stubs.iter().map(|s| s.id.clone()).collect();
    drop(source.fetch(&id, stubs, Form::Mime).collect::<Vec<_>>().await);
    drop(source.traces(&id, None).collect::<Vec<_>>().await);
    drop(source.digests(&id, &ids).await);
    source.close().await.map_err(failed("close"))?;
    let after = stage.picture().await;
    ensure!(before == after, "before: {before}\nafter: {after}");
    Ok(())
}

/// Runs a whole suite over fresh stages; the names of the functions are those of the failures.
#[macro_export]
macro_rules! source_suite {
    ($stage:expr) => {
        $crate::source_suite! { @each $stage,
            folders_come_parents_first, fingerprints_tell_changes, changes_from_nothing_name_everything,
            changes_since_a_cursor_omit_nothing, a_cursor_of_another_life_is_expired,
            a_folder_that_is_gone_is_not_found, fetch_answers_each_stub_once, bodies_keys_and_digests_agree,
            traces_name_what_was_asked, a_large_body_streams, a_dropped_fetch_leaves_the_session_usable,
            the_source_never_changes }
    };
    (@each $stage:expr, $($name:ident),+) => {$(
        let stage = $stage.await;
        if let Err(wrong) = $crate::source::$name(&stage).await {
            panic!("{}: {wrong}", stringify!($name));
        }
    )+};
}
