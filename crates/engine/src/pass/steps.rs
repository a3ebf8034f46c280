//! The larger steps of a pass: what is dirty, streaming a first pass, gathering a later one.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use mailferry_model::{
    Error, Kind, Result,
    error::Reaction,
    folder::Folder,
    id::{Fingerprint, FolderId},
    ledger::{FolderEntry, FolderNo, Head, State},
};

use super::{
    carry::carry,
    early, finish,
    follow::{self, Later},
    gather::{Gathered, is_gone},
    matching::Trust,
    removals,
    settle::{self, Look, settle},
    shared::{Owed, Paused, Shared, locked},
    terms::Sides,
};
use crate::{plan::Plan, seeded::Bug};

/// How often folders that move while they are read are read again.
const READ_AGAIN: usize = 3;

/// Folders carried side by side: more than there are connections, so that none waits for an answer.
pub(super) const LANES: usize = 8;

/// The first cause is worth telling, not that the others stopped because of it.
fn worth_telling(told: Option<Error>, next: Error) -> Error {
    told.filter(|e| e.kind() != Kind::Cancelled).unwrap_or(next)
}

/// A folder that has to be read.
#[derive(Clone)]
pub(super) struct Dirty {
    pub no: FolderNo,
    pub source: FolderId,
    pub fingerprint: Option<Fingerprint>,
    /// Items listed: large folders begin first.
    pub items: u64,
}

/// The folders that have to be read: those whose fingerprint moved, and those with something open.
pub(super) fn dirty(
    shared: &Shared,
    plan: &Plan,
    fingerprints: &HashMap<FolderId, Fingerprint>,
    head: &Head,
) -> Vec<Dirty> {
    let caps = shared.sides.source.caps();
    let filter = shared.terms.options.filter.item_hash();
    // What is gone from one folder may lie in another that was not read meanwhile.
    let was_unread = |f: &FolderEntry| f.unread_since.is_some() || f.cursor.is_none();
    let unread = plan.folders.iter().any(|f| was_unread(&f.entry));
    let mut dirty: Vec<Dirty> = Vec::new();
    for planned in &plan.folders {
        let Ok(entry) = shared.folder(planned.entry.no) else { continue };
        let now = fingerprints.get(&planned.listed.id);
        let unmoved = now.is_some() && entry.fingerprint.as_ref() == now && caps.fingerprints_flags;
        let open = entry.owed > 0
            || (shared.terms.retry_skipped && entry.skipped > 0)
            || entry.filter != filter
            || entry.cursor.is_none()
            || !head.windows.is_empty()
            || ((shared.terms.options.delete || unread) && entry.left > 0);
        if !unmoved || open {
            dirty.push(Dirty {
                no: entry.no,
                source: entry.source,
                fingerprint: now.cloned(),
                items: planned.listed.items.unwrap_or(0),
            });
        }
    }
    dirty.sort_by_key(|d| std::cmp::Reverse(d.items));
    dirty
}

/// Target folders that hold something although we never put anything there.
pub(super) fn filled(
    shared: &Shared,
    plan: &Plan,
    listed: &HashMap<&FolderId, &Folder>,
    head: &Head,
) -> Vec<FolderId> {
    let open: HashSet<&FolderId> = head.windows.iter().map(|w| &w.folder).collect();
    let mut filled = Vec::new();
    for planned in &plan.folders {
        let Ok(entry) = shared.folder(planned.entry.no) else { continue };
        let Some(target) = entry.target else { continue };
        let holds = listed.get(&target).is_some_and(|f| f.items != Some(0));
        if entry.first.is_none() && holds && !open.contains(&target) {
            filled.push(target);
        }
    }
    filled
}

/// How many folders a first pass carries side by side.
pub(super) fn lanes(sides: &Sides) -> usize {
    let one = sides.source.caps().connections == 1 || sides.target.caps().writers == 1;
    if one { 1 } else { LANES }
}

/// A first pass into empty folders: page by page, folder beside folder.
pub(super) async fn stream(shared: &Arc<Shared>, dirty: Vec<Dirty>) -> Result<()> {
    shared.terms.progress.set_phase("copying");
    let lanes = lanes(&shared.sides);
    early::keep_bodies(shared, &dirty[..lanes.min(dirty.len())]);
    let queue = Arc::new(std::sync::Mutex::new(std::collections::VecDeque::from(dirty)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..lanes {
        let (shared, queue) = (shared.clone(), queue.clone());
        tasks.spawn(async move {
            loop {
                let Some(next) = locked(&queue).pop_front() else { return Ok(()) };
                let source = next.source.clone();
                let streamed = stream_folder(&shared, next).await;
                early::forget(&shared, &source);
                streamed?;
            }
        });
    }
    let mut failed = None;
    while let Some(done) = tasks.join_next().await {
        let done = done.unwrap_or_else(|e| Err(Error::bug("copy", e.to_string())));
        if let Err(e) = done {
            shared.halt.cancel();
            failed = Some(worth_telling(failed, e));
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn stream_folder(shared: &Arc<Shared>, dirty: Dirty) -> Result<()> {
    let folder = shared.folder(dirty.no)?;
    let mut gathered = Gathered::begin(shared, &folder, dirty.fingerprint.clone()).await?;
    loop {
        let more = match gathered.read_page(shared, &folder).await {
            Err(e) if is_gone(&e) => return Ok(()),
            Err(e) if e.reaction() == Reaction::PauseFolder => return pause(shared, &dirty, e),
            other => other?,
        };
        let cursor = gathered.cursor.clone();
        if Bug::CursorBeforeItems.is_on() {
            advance(shared, &gathered).await?;
            shared.writer.sync().await?;
        }
        let owed = gathered.take_owed();
        carry(shared, dirty.no, owed).await?;
        if !more {
            return advance(shared, &gathered).await;
        }
        shared.change_folder(dirty.no, |f| f.cursor = cursor).await?;
    }
}

/// A folder that cannot be read is left for the next pass; the others go on.
fn pause(shared: &Shared, dirty: &Dirty, error: Error) -> Result<()> {
    let (no, items) = (dirty.no, dirty.items);
    tracing::warn!(folder = no.0, error = error.kind().code(), "a folder cannot be read");
    locked(&shared.paused).push(Paused { no, error, items });
    Ok(())
}

/// The folder is read and all it owed is in the ledger: its cursor and fingerprint move.
async fn advance(shared: &Shared, gathered: &Gathered) -> Result<()> {
    let filter = shared.terms.options.filter.item_hash();
    shared
        .change_folder(gathered.folder, |f| {
            f.cursor = gathered.cursor.clone();
            f.fingerprint = gathered.fingerprint.clone();
            f.filter = filter;
            f.unread_since = None;
        })
        .await
}

/// A later pass: all changes are read first, then settled, moved, put, flagged, removed.
pub(super) async fn gathered(
    shared: &Arc<Shared>,
    plan: &Plan,
    dirty: Vec<Dirty>,
    look: Option<Look>,
) -> Result<()> {
    shared.terms.progress.set_phase("reading changes");
    early::keep_bodies(shared, &[]);
    let (mut folders, restless) = read_all(shared, dirty).await?;
    for gone in &plan.vanished {
        folders.push(vanished(shared, gone.no).await?);
    }
    let mut later = Later::default();
    if let Some(look) = look {
        settle_gathered(shared, &mut folders, look, &mut later).await?;
        let is_whole = plan.unmade.is_empty() && shared.left_out.is_empty();
        if is_whole && locked(&shared.paused).is_empty() {
            shared.settled();
        }
    }
    follow::moves(shared, &mut folders, &mut later).await?;
    shared.terms.progress.set_phase("copying");
    put_gathered(shared, &mut folders).await?;
    finish::doubts(shared).await?;
    shared.terms.progress.set_phase("carrying changes");
    follow::flags(shared, std::mem::take(&mut later.flags)).await?;
    for folder in &mut folders {
        follow::changed_flags(shared, folder).await?;
    }
    // What seems to be gone may lie in a folder that could not be read, or not be made at the target.
    let restless = restless || !plan.unmade.is_empty() || !locked(&shared.paused).is_empty();
    if restless {
        tracing::info!(
            "the source was not read as a whole, or moved meanwhile; removals wait for the next pass"
        );
    } else {
        removals::removals(shared, &folders, &later).await?;
    }
    for folder in &folders {
        if plan.vanished.iter().any(|v| v.no == folder.folder) {
            // Not while removals wait: what is closed is looked at again only for what it has left.
            if !restless {
                close_vanished(shared, folder.folder).await?;
            }
        } else if !restless || folder.gone.is_empty() {
            advance(shared, folder).await?;
        }
    }
    Ok(())
}

/// Reads all dirty folders; again those that moved meanwhile. Whether some still move at the end.
async fn read_all(shared: &Arc<Shared>, dirty: Vec<Dirty>) -> Result<(Vec<Gathered>, bool)> {
    let lanes = usize::from(shared.sides.source.caps().connections.max(1));
    let read = |dirty: Dirty| async move {
        let folder = shared.folder(dirty.no)?;
        let mut gathered = Gathered::begin(shared, &folder, dirty.fingerprint.clone()).await?;
        match gathered.read_all(shared, &folder).await {
            Err(e) if is_gone(&e) => Ok(None),
            Err(e) if e.reaction() == Reaction::PauseFolder => pause(shared, &dirty, e).map(|()| None),
            other => other.map(|()| {
                gathered.forget();
                Some((dirty, gathered))
            }),
        }
    };
    let found: Vec<Option<(Dirty, Gathered)>> =
        stream::iter(dirty).map(read).buffered(lanes).try_collect().await?;
    let mut found: Vec<(Dirty, Gathered)> = found.into_iter().flatten().collect();
    let mut restless = !found.is_empty();
    for _ in 0..READ_AGAIN {
        if !restless {
            break;
        }
        let now: HashMap<FolderId, Fingerprint> = shared.sides.source.state(&[]).await?.into_iter().collect();
        restless = false;
        for (dirty, gathered) in &mut found {
            let print = now.get(&dirty.source);
            if print.is_some() && print != gathered.fingerprint.as_ref() {
                restless = true;
                gathered.fingerprint = print.cloned();
                let folder = shared.folder(dirty.no)?;
                gathered.read_again(shared, &folder).await?;
            }
        }
    }
    Ok((found.into_iter().map(|(_, g)| g).collect(), restless))
}

/// A folder that is gone from the source: everything in it is.
async fn vanished(shared: &Arc<Shared>, no: FolderNo) -> Result<Gathered> {
    let folder = shared.folder(no)?;
    let mut gathered = Gathered::begin(shared, &folder, None).await?;
    gathered.take_owed();
    let there = gathered.known.values().filter(|e| e.state != State::Gone);
    gathered.gone = there.map(|e| e.id.clone()).collect();
    Ok(gathered)
}

async fn close_vanished(shared: &Arc<Shared>, no: FolderNo) -> Result<()> {
    let folder = shared.folder(no)?;
    let rooms = shared.all_folders();
    let holds_others = rooms.iter().any(|f| {
        f.no != no && !f.gone && (f.target == folder.target || f.target_path.is_within(&folder.target_path))
    });
    if let (Some(target), true, false) = (&folder.target, shared.terms.options.delete, holds_others) {
        match shared.sides.target.remove_folder(target).await {
            Ok(()) => locked(&shared.deeds).removed += 1,
            Err(e) => tracing::info!(folder = no.0, error = e.kind().code(), "the target keeps a folder"),
        }
    }
    shared.change_folder(no, |f| f.gone = true).await
}

/// Looks for what is owed before anything is put; the rest is remembered as perhaps put before.
async fn settle_gathered(
    shared: &Arc<Shared>,
    folders: &mut [Gathered],
    look: Look,
    later: &mut Later,
) -> Result<()> {
    if Bug::BlindRetry.is_on() {
        shared.settled();
        return Ok(());
    }
    let places: HashSet<FolderId> = look.places.iter().map(|(f, _)| f.clone()).collect();
    let mut owed: Vec<Owed> = Vec::new();
    for folder in folders.iter() {
        if places.contains(&shared.target_of(folder.folder)?) {
            owed.extend(folder.owed.iter().cloned());
        }
    }
    let crashed = look.trust == Trust::BeyondMark || look.places.iter().any(|(_, mark)| mark.is_some());
    let asked: HashSet<_> = owed.iter().map(|o| (o.folder, o.stub.id.clone())).collect();
    let settled = settle(shared, owed, look).await?;
    // What a filter leaves out was looked for all the same; it is not put.
    let of: HashMap<FolderNo, &Gathered> = folders.iter().map(|f| (f.folder, f)).collect();
    let wants = |o: &Owed| of.get(&o.folder).is_some_and(|folder| folder.wants(shared, &o.stub));
    let shall_move = |o: &Owed| o.entry.is_some() || wants(o);
    let left = settled.owed.into_iter().filter(shall_move).collect();
    let left = if crashed { settle::remember_doubt(shared, left).await? } else { left };
    let mut again: BTreeMap<_, Owed> = left.into_iter().map(|o| ((o.folder, o.stub.id.clone()), o)).collect();
    for folder in folders.iter_mut() {
        let no = folder.folder;
        folder.owed.replace(|owed| {
            let which = (no, owed.stub.id.clone());
            again.remove(&which).or((!asked.contains(&which)).then_some(owed))
        });
    }
    later.flags.extend(settled.flags);
    Ok(())
}

async fn put_gathered(shared: &Arc<Shared>, folders: &mut [Gathered]) -> Result<()> {
    let work: Vec<(FolderNo, Vec<Owed>)> =
        folders.iter_mut().map(|f| (f.folder, f.take_owed())).filter(|(_, owed)| !owed.is_empty()).collect();
    let lanes = if shared.sides.target.caps().writers == 1 { 1 } else { LANES };
    let carried = stream::iter(work).map(|(no, owed)| carry(shared, no, owed)).buffer_unordered(lanes);
    let results: Vec<Result<()>> = carried.collect().await;
    let failed =
        results.into_iter().filter_map(Result::err).fold(None, |told, e| Some(worth_telling(told, e)));
    failed.map_or(Ok(()), Err)
}

/// Packs the ledgers of folders that were written to.
pub(super) async fn pack(shared: &Arc<Shared>) -> Result<()> {
    let touched: Vec<FolderNo> = locked(&shared.touched).iter().copied().collect();
    for no in touched {
        shared.sides.ledger.pack(shared.terms.claim.lease, no).await?;
    }
    Ok(())
}
