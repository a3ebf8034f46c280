//! What every target must keep. Each function starts from an empty mailbox.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use mailferry_model::{
    Error, Kind, Retry, Side,
    flags::{Difference, Flags, SystemFlag},
    folder::{FolderPath, FolderSpec},
    id::{FolderId, ItemId, Mark, TargetId},
    item::{Body, Chunks, Date, Form, Item, ItemDigest, Trace},
    key::{Digest, HeaderKey},
    port::{Edit, EditKind, Edited, Outcome, Put, Setting, Target},
};

use crate::{Check, ensure, failed, source::message};

/// An empty mailbox that can be opened as a target.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Opens the mailbox as a target, in a new session.
    async fn open(&self) -> Arc<dyn Target>;
    /// Header key and digest of a body, as the target's room computes them.
    fn keys(&self, body: &[u8]) -> (HeaderKey, Digest);
    /// Numbers a folder anew; whether that can be staged.
    async fn renumber(&self, folder: &str) -> bool;
    /// A body that the target refuses although it takes others, if there is one.
    fn refused(&self) -> Option<Vec<u8>>;
}

const DATE: Date = Date { seconds: 1_600_000_000, zone: 120 };

fn item(stage: &dyn Stage, body: &[u8], flags: Flags) -> Item {
    let (key, digest) = stage.keys(body);
    Item {
        short_of: None,
        id: ItemId::from_bytes("1"),
        form: Form::Mime,
        key,
        message_id: None,
        date: Some(DATE),
        flags,
        body: Body::Bytes(Chunks::from(Bytes::copy_from_slice(body))),
        digest: ItemDigest::Known(digest),
    }
}

fn put(stage: &dyn Stage, word: &str) -> Put {
    Put::Item(item(stage, &message(word), Flags::default()))
}

async fn made(target: &dyn Target, name: &str) -> Result<FolderId, String> {
    let spec = FolderSpec { path: FolderPath::of([name]), role: None };
    Ok(target.ensure_folder(&spec).await.map_err(failed("ensure_folder"))?.id)
}

async fn traces(
    target: &dyn Target,
    folder: &FolderId,
    mark: Option<&Mark>,
) -> Result<Vec<Trace<TargetId>>, String> {
    target.traces(folder, mark).try_collect().await.map_err(failed("traces"))
}

async fn mark(target: &dyn Target, folder: &FolderId) -> Result<Mark, String> {
    let marks = target.marks(std::slice::from_ref(folder)).await.map_err(failed("marks"))?;
    marks.into_iter().next().ok_or_else(|| "no mark for a folder".to_owned())
}

fn placed(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|o| matches!(o, Outcome::Placed(_)))
}

/// A folder ensured twice is one folder, created once.
pub async fn a_folder_ensured_twice_is_one(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let spec = FolderSpec { path: FolderPath::of(["Ä Folder"]), role: None };
    let first = target.ensure_folder(&spec).await.map_err(failed("ensure_folder"))?;
    let second = target.ensure_folder(&spec).await.map_err(failed("ensure_folder again"))?;
    ensure!(first.created && !second.created && first.id == second.id, "{first:?} then {second:?}");
    let listed = target.folders().await.map_err(failed("folders"))?;
    ensure!(listed.iter().filter(|f| f.path == spec.path).count() == 1, "listed: {listed:?}");
    Ok(())
}

/// A folder renamed twice has the new name, with all below it and all in it.
pub async fn a_folder_renamed_twice_is_renamed(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let old = made(target.as_ref(), "Old").await?;
    let below = FolderSpec { path: FolderPath::of(["Old", "Below"]), role: None };
    target.ensure_folder(&below).await.map_err(failed("ensure_folder"))?;
    ensure!(placed(&target.put(&old, vec![put(stage, "one")]).await), "put failed");
    let to = FolderPath::of(["New"]);
    let new = target.rename_folder(&old, &to).await.map_err(failed("rename_folder"))?;
    let again = target.rename_folder(&old, &to).await.map_err(failed("rename_folder again"))?;
    ensure!(new == again, "renamed again: {again:?} instead of {new:?}");
    ensure!(traces(target.as_ref(), &new, None).await?.len() == 1, "the item did not come along");
    let listed = target.folders().await.map_err(failed("folders"))?;
    ensure!(
        listed.iter().any(|f| f.path == FolderPath::of(["New", "Below"])),
        "what lies below did not: {listed:?}"
    );
    Ok(())
}

/// A folder with items is not removed (`Conflict`); an empty one is, and twice is fine.
pub async fn only_an_empty_folder_is_removed(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let full = made(target.as_ref(), "Full").await?;
    ensure!(placed(&target.put(&full, vec![put(stage, "one")]).await), "put failed");
    let refusal = target.remove_folder(&full).await;
    ensure!(
        refusal.as_ref().is_err_and(|e| e.kind() == Kind::Conflict),
        "removing a full folder: {refusal:?}"
    );
    let empty = made(target.as_ref(), "Empty").await?;
    for _ in 0..2 {
        target.remove_folder(&empty).await.map_err(failed("remove_folder"))?;
    }
    Ok(())
}

/// What is put after a mark lies beyond it, what was there does not.
pub async fn puts_lie_beyond_the_mark(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    ensure!(placed(&target.put(&folder, vec![put(stage, "before")]).await), "put failed");
    let mark = mark(target.as_ref(), &folder).await?;
    ensure!(traces(target.as_ref(), &folder, Some(&mark)).await?.is_empty(), "something beyond a fresh mark");
    ensure!(placed(&target.put(&folder, vec![put(stage, "after")]).await), "put failed");
    let beyond = traces(target.as_ref(), &folder, Some(&mark)).await?;
    ensure!(
        beyond.len() == 1 && beyond[0].key == stage.keys(&message("after")).0,
        "beyond the mark: {beyond:?}"
    );
    let other = stage.open().await;
    ensure!(
        traces(other.as_ref(), &folder, Some(&mark)).await?.len() == 1,
        "another session sees something else"
    );
    Ok(())
}

/// A mark of another life of the folder is `CursorExpired`; so is an edit by an old id.
pub async fn a_mark_of_another_life_is_expired(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    ensure!(placed(&target.put(&folder, vec![put(stage, "one")]).await), "put failed");
    let mark = mark(target.as_ref(), &folder).await?;
    let old = traces(target.as_ref(), &folder, None).await?;
    if !stage.renumber("A").await {
        return Ok(());
    }
    let target = stage.open().await;
    let answer = target.traces(&folder, Some(&mark)).try_collect::<Vec<_>>().await;
    ensure!(answer.as_ref().is_err_and(|e| e.kind() == Kind::CursorExpired), "an old mark: {answer:?}");
    let edit = Edit { id: old[0].id.clone(), kind: EditKind::Remove };
    let answer = target.edit(&folder, vec![edit]).await.remove(0);
    ensure!(answer.as_ref().is_err_and(|e| e.kind() == Kind::CursorExpired), "an old id: {answer:?}");
    Ok(())
}

/// Outcomes come in order; ids, where told, are those of the traces; body, flags and date are kept.
pub async fn what_is_put_is_kept(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    let flags = Flags::default().with(SystemFlag::Seen).with(SystemFlag::Flagged);
    let words = ["one", "two", "three"];
    let puts = words.iter().map(|w| Put::Item(item(stage, &message(w), flags.clone()))).collect();
    let outcomes = target.put(&folder, puts).await;
    ensure!(outcomes.len() == 3 && placed(&outcomes), "{outcomes:?}");
    target.flush().await.map_err(failed("flush"))?;
    let traces = traces(target.as_ref(), &folder, None).await?;
    ensure!(traces.len() == 3, "{} traces of 3", traces.len());
    for (word, outcome) in words.iter().zip(outcomes) {
        let (key, digest) = stage.keys(&message(word));
        let trace = traces.iter().find(|t| t.key == key).ok_or_else(|| format!("no trace of {word}"))?;
        ensure!(trace.flags == flags, "flags {} became {}", flags, trace.flags);
        ensure!(trace.date.is_some_and(|d| d.seconds == DATE.seconds), "date became {:?}", trace.date);
        ensure!(trace.size == message(word).len() as u64, "size became {}", trace.size);
        let read = target.digests(&folder, std::slice::from_ref(&trace.id)).await.remove(0);
        ensure!(read.as_ref().ok() == Some(&digest), "the digest of {word} became {read:?}");
        if let (true, Outcome::Placed(id)) = (target.caps().tells_ids, outcome) {
            ensure!(id.as_ref() == Some(&trace.id), "told {id:?}, is {:?}", trace.id);
        }
    }
    Ok(())
}

/// Equal items stay as many as they are.
pub async fn equal_items_are_not_merged(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    ensure!(placed(&target.put(&folder, vec![put(stage, "same"), put(stage, "same")]).await), "put failed");
    ensure!(placed(&target.put(&folder, vec![put(stage, "same")]).await), "put failed");
    let count = traces(target.as_ref(), &folder, None).await?.len();
    ensure!(count == 3, "{count} of 3 equal items");
    Ok(())
}

/// A refused item refuses no other of its group.
pub async fn a_refused_item_is_refused_alone(stage: &dyn Stage) -> Check {
    let Some(bad) = stage.refused() else { return Ok(()) };
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    let puts = vec![put(stage, "one"), Put::Item(item(stage, &bad, Flags::default())), put(stage, "two")];
    let outcomes = target.put(&folder, puts).await;
    ensure!(
        matches!(outcomes[..], [Outcome::Placed(_), Outcome::Refused(_), Outcome::Placed(_)]),
        "{outcomes:?}"
    );
    let count = traces(target.as_ref(), &folder, None).await?.len();
    ensure!(count == 2, "{count} items, 2 were accepted");
    Ok(())
}

/// Calls overlap, and each gets its own outcomes.
pub async fn puts_overlap(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let (a, b) = (made(target.as_ref(), "A").await?, made(target.as_ref(), "B").await?);
    let all = futures_util::future::join_all((0..12).map(|at| {
        let (target, folder) = (target.clone(), if at % 2 == 0 { a.clone() } else { b.clone() });
        let puts = (0..5).map(|n| put(stage, &format!("w{at}-{n}"))).collect();
        async move { target.put(&folder, puts).await }
    }))
    .await;
    ensure!(all.iter().all(|o| o.len() == 5 && placed(o)), "{all:?}");
    for folder in [a, b] {
        let count = traces(target.as_ref(), &folder, None).await?.len();
        ensure!(count == 30, "{count} of 30 items");
    }
    Ok(())
}

/// A stream is put whole; one that ends short is `Unsure`, or refused for now, and leaves nothing.
pub async fn streams_are_put_whole_or_not(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    let body = message("stream");
    let of = |pieces: Vec<mailferry_model::Result<Bytes>>| {
        let body = Body::Stream { size: body.len() as u64, pieces: stream::iter(pieces).boxed() };
        vec![Put::Item(Item { body, ..item(stage, &message("stream"), Flags::default()) })]
    };
    let (head, tail) = (Bytes::copy_from_slice(&body[..20]), Bytes::copy_from_slice(&body[20..]));
    ensure!(placed(&target.put(&folder, of(vec![Ok(head.clone()), Ok(tail)])).await), "put failed");
    let lost = Error::new(Kind::Unreachable, Side::Source, "read", "the connection ended");
    for short in [vec![Ok(head.clone())], vec![Ok(head), Err(lost)]] {
        let outcomes = target.put(&folder, of(short)).await;
        let told = match &outcomes[..] {
            [Outcome::Unsure(_)] => true,
            [Outcome::Refused(e)] => e.retry() != Retry::Never,
            _ => false,
        };
        ensure!(told, "a short stream: {outcomes:?}");
    }
    let target = stage.open().await;
    let count = traces(target.as_ref(), &folder, None).await?.len();
    ensure!(count == 1, "{count} items, 1 stream was whole");
    Ok(())
}

/// Edits change what they name and nothing else; twice is the same; an item that is gone is fine.
pub async fn edits_are_idempotent(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    let seen = Flags::default().with(SystemFlag::Seen);
    let puts = ["one", "two"].iter().map(|w| Put::Item(item(stage, &message(w), seen.clone()))).collect();
    ensure!(placed(&target.put(&folder, puts).await), "put failed");
    let all = traces(target.as_ref(), &folder, None).await?;
    let (one, two) = (all[0].id.clone(), all[1].id.clone());
    let difference =
        Difference { add: Flags::default().with(SystemFlag::Answered), remove: Flags::default() };
    for _ in 0..2 {
        let edit = Edit { id: one.clone(), kind: EditKind::Flags(difference.clone()) };
        target.edit(&folder, vec![edit]).await.remove(0).map_err(failed("edit"))?;
    }
    let after = traces(target.as_ref(), &folder, None).await?;
    let flags = |id: &TargetId| after.iter().find(|t| t.id == *id).map(|t| t.flags.clone());
    ensure!(flags(&one) == Some(seen.clone().with(SystemFlag::Answered)), "edited: {:?}", flags(&one));
    ensure!(flags(&two) == Some(seen), "not edited: {:?}", flags(&two));
    for _ in 0..2 {
        let edit = Edit { id: one.clone(), kind: EditKind::Remove };
        target.edit(&folder, vec![edit]).await.remove(0).map_err(failed("remove"))?;
    }
    let left = traces(target.as_ref(), &folder, None).await?;
    let gone = !left.iter().any(|t| t.id == one && !t.flags.has(SystemFlag::Deleted));
    ensure!(gone && left.iter().any(|t| t.id == two), "left: {left:?}");
    if !left.iter().any(|t| t.id == one) {
        let edit = |id: &TargetId| Edit { id: id.clone(), kind: EditKind::Flags(difference.clone()) };
        let told = target.edit(&folder, vec![edit(&one), edit(&two)]).await;
        let told: Vec<_> = told.into_iter().map(Result::ok).collect();
        ensure!(told == [Some(Edited::NotThere), Some(Edited::Whole)], "flags of what is gone: {told:?}");
    }
    Ok(())
}

/// A keyword that an edit cannot set is told, never silently left out, and the rest of the edit is done.
pub async fn an_edit_tells_of_keywords_that_are_not_taken(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    let folder = made(target.as_ref(), "A").await?;
    ensure!(placed(&target.put(&folder, vec![put(stage, "one")]).await), "put failed");
    let id = traces(target.as_ref(), &folder, None).await?[0].id.clone();
    let long: Box<str> = "k".repeat(60).into();
    // More than the letters of the alphabet, and one that is longer than some take.
    let keywords: Vec<Box<str>> = (0..30).map(|n| format!("word{n}").into()).chain([long]).collect();
    let add = Flags::from_parts(0, keywords.clone()).with(SystemFlag::Answered);
    let edit = Edit { id, kind: EditKind::Flags(Difference { add, remove: Flags::default() }) };
    let edited = target.edit(&folder, vec![edit]).await.remove(0).map_err(failed("edit"))?;
    let there = traces(target.as_ref(), &folder, None).await?.remove(0).flags;
    ensure!(there.has(SystemFlag::Answered), "the rest of the edit was not done: {there}");
    let mut lacking: Vec<_> = keywords.into_iter().filter(|k| !there.keywords().contains(k)).collect();
    let mut told = if let Edited::WithoutKeywords(told) = edited { told } else { Vec::new() };
    lacking.sort();
    told.sort();
    ensure!(told == lacking, "told that {told:?} are not there, and there is {there}");
    Ok(())
}

/// A move takes the item along, whole; what is gone cannot be moved (`Refused`, `NotFound`).
pub async fn a_move_is_a_put(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    if !target.caps().moves {
        return Ok(());
    }
    let (a, b) = (made(target.as_ref(), "A").await?, made(target.as_ref(), "B").await?);
    ensure!(placed(&target.put(&a, vec![put(stage, "one")]).await), "put failed");
    let id = traces(target.as_ref(), &a, None).await?[0].id.clone();
    let outcomes = target.put(&b, vec![Put::Move { from: a.clone(), id: id.clone() }]).await;
    ensure!(placed(&outcomes), "{outcomes:?}");
    let there = traces(target.as_ref(), &b, None).await?;
    ensure!(there.len() == 1 && there[0].date.is_some_and(|d| d.seconds == DATE.seconds), "moved: {there:?}");
    let left = traces(target.as_ref(), &a, None).await?;
    ensure!(left.iter().all(|t| t.flags.has(SystemFlag::Deleted)), "left behind: {left:?}");
    if left.is_empty() {
        let again = target.put(&b, vec![Put::Move { from: a, id }]).await;
        ensure!(
            matches!(&again[..], [Outcome::Refused(e)] if e.kind() == Kind::NotFound),
            "moved again: {again:?}"
        );
    }
    Ok(())
}

/// A subscription applied twice is applied.
pub async fn subscriptions_are_kept(stage: &dyn Stage) -> Check {
    let target = stage.open().await;
    if !target.caps().subscriptions {
        return Ok(());
    }
    let folder = made(target.as_ref(), "A").await?;
    for _ in 0..2 {
        let answers = target.apply(vec![Setting::Subscription { folder: folder.clone(), on: true }]).await;
        ensure!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    let target = stage.open().await;
    let listed = target.folders().await.map_err(failed("folders"))?;
    ensure!(listed.iter().any(|f| f.id == folder && f.subscribed == Some(true)), "{listed:?}");
    target.close().await.map_err(failed("close"))
}

/// Runs a whole suite over fresh stages; the names of the functions are those of the failures.
#[macro_export]
macro_rules! target_suite {
    ($stage:expr) => {
        $crate::target_suite! { @each $stage,
            a_folder_ensured_twice_is_one, a_folder_renamed_twice_is_renamed, only_an_empty_folder_is_removed,
            puts_lie_beyond_the_mark, a_mark_of_another_life_is_expired, what_is_put_is_kept,
            equal_items_are_not_merged, a_refused_item_is_refused_alone, puts_overlap,
            streams_are_put_whole_or_not, edits_are_idempotent, an_edit_tells_of_keywords_that_are_not_taken, a_move_is_a_put, subscriptions_are_kept }
    };
    (@each $stage:expr, $($name:ident),+) => {$(
        let stage = $stage.await;
        if let Err(wrong) = $crate::target::$name(&stage).await {
            panic!("{}: {wrong}", stringify!($name));
        }
    )+};
}
