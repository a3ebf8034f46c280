//! Reading in spite of lost connections: the one thing again, not all that was read before it.
//!
//! A lost connection must never look like an item that is missing or differs: it would be put twice, or accused.
//! Only for what reads; a put without an answer is settled, never repeated.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::TryStreamExt;
use mailferry_model::{
    Error, Kind, Result,
    error::Reaction,
    id::{FolderId, ItemId, Mark, TargetId},
    item::Trace,
    key::Digest,
};

use super::shared::Shared;

/// Tries in a row after which it is given up, unless something else was read meanwhile.
const TRIES: u32 = 5;
/// Bodies that are read in one call for their digests.
const BODIES: usize = 1024;
/// The pause before the first further try; each that follows is twice as long.
const PAUSE: Duration = Duration::from_millis(125);

/// How much a pass has read to its end: tells a server that hangs up now and then from one that is gone.
#[derive(Default)]
pub(crate) struct Readings(AtomicU64);

/// Reads until it comes to its end; again after a lost connection, as long as anything comes to its end.
///
/// # Errors
/// What the last try said.
pub(super) async fn persist<T, F>(shared: &Shared, mut read: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let ended = &shared.readings.0;
    let (mut fruitless, mut before) = (0, ended.load(Ordering::Relaxed));
    loop {
        match read().await {
            Err(e) if e.kind() == Kind::Unreachable => {
                let now = ended.load(Ordering::Relaxed);
                fruitless = if now > before { 1 } else { fruitless + 1 };
                before = now;
                if fruitless >= TRIES {
                    return Err(e);
                }
                shared.cx.cancel.check()?;
                tracing::debug!(code = e.code(), fruitless, "reading again");
                shared.cx.clock.sleep(PAUSE * 2u32.pow(fruitless - 1)).await;
            }
            other => {
                ended.fetch_add(1, Ordering::Relaxed);
                return other;
            }
        }
    }
}

/// What lies in a target folder beyond a mark.
///
/// # Errors
/// What the target says.
pub(super) async fn target_traces(
    shared: &Shared,
    folder: &FolderId,
    beyond: Option<&Mark>,
) -> Result<Vec<Trace<TargetId>>> {
    persist(shared, || shared.sides.target.traces(folder, beyond).try_collect()).await
}

/// What lies in a source folder: all, or the items named.
///
/// # Errors
/// What the source says.
pub(super) async fn source_traces(
    shared: &Shared,
    folder: &FolderId,
    only: Option<&[ItemId]>,
) -> Result<Vec<Trace<ItemId>>> {
    persist(shared, || shared.sides.source.traces(folder, only).try_collect()).await
}

/// Digests of items of the target; an error in the place of one that is gone or cannot be read by itself.
///
/// # Errors
/// What reaches further than one item.
pub(super) async fn target_digests(
    shared: &Shared,
    folder: &FolderId,
    ids: &[TargetId],
) -> Result<Vec<Result<Digest>>> {
    let mut all = Vec::with_capacity(ids.len());
    for part in ids.chunks(BODIES) {
        let read = || async { of_items(shared.sides.target.digests(folder, part).await) };
        all.extend(persist(shared, read).await?);
    }
    Ok(all)
}

/// Digests of items of the source, in the same way.
///
/// # Errors
/// What reaches further than one item.
pub(super) async fn source_digests(
    shared: &Shared,
    folder: &FolderId,
    ids: &[ItemId],
) -> Result<Vec<Result<Digest>>> {
    let mut all = Vec::with_capacity(ids.len());
    for part in ids.chunks(BODIES) {
        let read = || async { of_items(shared.sides.source.digests(folder, part).await) };
        all.extend(persist(shared, read).await?);
    }
    Ok(all)
}

/// The digest of one item of the source.
///
/// # Errors
/// What reaches further than the item.
pub(super) async fn source_digest(shared: &Shared, folder: &FolderId, id: &ItemId) -> Result<Option<Digest>> {
    Ok(source_digests(shared, folder, std::slice::from_ref(id)).await?.pop().and_then(Result::ok))
}

fn of_items(read: Vec<Result<Digest>>) -> Result<Vec<Result<Digest>>> {
    let further = |e: &Error| matches!(e.reaction(), Reaction::StallMailbox | Reaction::ParkEndpoint);
    match read.iter().find_map(|answer| answer.as_ref().err().filter(|e| further(e))) {
        Some(e) => Err(e.clone()),
        None => Ok(read),
    }
}
