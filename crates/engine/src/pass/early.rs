//! What a first pass reads of the source while the folders of the target are made: first pages, and first bodies.
//!
//! Only the waiting is saved: each page and each body is dealt with in its turn, as if it had been asked for then.

use std::collections::{HashMap, VecDeque};

use futures_util::{FutureExt, StreamExt, stream};
use mailferry_model::{
    Result,
    folder::Folder,
    id::{FolderId, ItemId},
    item::{Body, Change, Form, Page, Stub},
    port::{Cx, Fetched},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::{
    carry::{self, Batch, Hold},
    shared::{Shared, locked},
    steps::{self, Dirty},
    terms::{Sides, Terms},
};
use crate::plan::{Plan, Planned};

/// What was read of a folder.
pub(super) struct Early {
    page: Option<Result<Page>>,
    bodies: Option<Begun>,
    /// Its turn to be read: who holds memory waits for nobody who may wait for memory.
    turn: Option<OwnedSemaphorePermit>,
}

/// Bodies that were asked for ahead.
struct Begun {
    asked: Vec<ItemId>,
    hold: Hold,
    arriving: mpsc::UnboundedReceiver<Fetched>,
    /// Reads them as long as somebody may want them.
    _reads: AbortOnDropHandle<()>,
}

/// What is read of a folder ahead.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The listing: what it names may lie at the target already.
    Page,
    /// Bodies too: the target has nothing of it.
    Bodies,
}

/// The folders that a first pass reads first: the largest.
pub(super) fn folders(plan: &Plan, target: &[Folder]) -> Vec<(FolderId, Wanted)> {
    let mut folders: Vec<&Planned> = plan.folders.iter().collect();
    folders.sort_by_key(|planned| std::cmp::Reverse(planned.listed.items.unwrap_or(0)));
    let filled = |planned: &Planned| target.iter().any(|f| f.path == planned.wanted && f.items != Some(0));
    let wanted = |planned: &&Planned| if filled(planned) { Wanted::Page } else { Wanted::Bodies };
    folders.iter().take(steps::LANES).map(|planned| (planned.listed.id.clone(), wanted(planned))).collect()
}

/// Reads ahead, as many folders at a time as the source has connections; bodies once all is listed, because what is
/// listed must not wait behind a body that nobody takes yet. What cannot be read is told in its turn.
pub(super) async fn read(
    sides: &Sides,
    terms: &Terms,
    cx: &Cx,
    folders: Vec<(FolderId, Wanted)>,
) -> HashMap<FolderId, Early> {
    let lanes = usize::from(sides.source.caps().connections.max(1)).min(steps::lanes(sides));
    let list = |(folder, wanted): (FolderId, Wanted)| async move {
        let page = sides.source.changes(&folder, None).await;
        (folder, wanted, page)
    };
    let listed: Vec<_> = stream::iter(folders).map(list).buffered(lanes).collect().await;
    let read = |(at, (folder, wanted, page)): (usize, (FolderId, Wanted, Result<Page>))| {
        let bodies = match &page {
            Ok(page) if wanted == Wanted::Bodies && at < lanes => begin(sides, terms, cx, &folder, page),
            _ => None,
        };
        (folder, Early { page: Some(page), bodies, turn: None })
    };
    listed.into_iter().enumerate().map(read).collect()
}

/// Asks for the first bodies that a listing owes, unless the first is so large that it goes alone, or memory would have
/// to be waited for.
fn begin(sides: &Sides, terms: &Terms, cx: &Cx, folder: &FolderId, page: &Page) -> Option<Begun> {
    let most = sides.target.caps().max_item.unwrap_or(u64::MAX);
    let owed = page.changes.iter().filter_map(|change| match change {
        Change::Upsert(stub) if stub.size <= most && terms.options.filter.item(stub) => Some(stub.clone()),
        _ => None,
    });
    let most = terms.options.filter.per_folder.map_or(carry::FETCH_ITEMS, |most| most as usize);
    let mut owed: VecDeque<Stub> = owed.take(carry::FETCH_ITEMS.min(most)).collect();
    let (batch, bytes) = carry::cut(&mut owed)?;
    if batch.iter().any(|stub| stub.size > Body::IN_MEMORY) {
        return None;
    }
    let asked = batch.iter().map(|stub| stub.id.clone()).collect();
    let hold = Hold::new((cx.budget.take(bytes).now_or_never()?, None));
    let (tx, arriving) = mpsc::unbounded_channel();
    let (source, folder) = (sides.source.clone(), folder.clone());
    let reads = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut bodies = source.fetch(&folder, batch, Form::Mime);
        while let Some(body) = bodies.next().await {
            if tx.send(body).is_err() {
                return;
            }
        }
    }));
    Some(Begun { asked, hold, arriving, _reads: reads })
}

/// Gives turns to folders whose bodies are on their way.
pub(super) fn give_turns(shared: &Shared) {
    for early in locked(&shared.early).values_mut().filter(|early| early.bodies.is_some()) {
        early.turn = shared.reading.clone().try_acquire_owned().ok();
    }
}

/// Forgets the bodies of all folders that are not among these, which begin at once.
pub(super) fn keep_bodies(shared: &Shared, of: &[Dirty]) {
    let begins = |folder: &FolderId| of.iter().any(|dirty| dirty.source == *folder);
    for (_, early) in locked(&shared.early).iter_mut().filter(|(folder, _)| !begins(folder)) {
        (early.bodies, early.turn) = (None, None);
    }
}

/// The first page of a folder, once.
pub(super) fn page(shared: &Shared, folder: &FolderId) -> Option<Result<Page>> {
    locked(&shared.early).get_mut(folder)?.page.take()
}

/// The turn of a folder, once.
pub(super) fn turn(shared: &Shared, folder: &FolderId) -> Option<OwnedSemaphorePermit> {
    locked(&shared.early).get_mut(folder)?.turn.take()
}

/// The first bodies of a folder, once, if exactly these were asked for.
pub(super) fn bodies(shared: &Shared, folder: &FolderId, batch: &[Stub]) -> Option<Batch<'static>> {
    let begun = locked(&shared.early).get_mut(folder)?.bodies.take()?;
    if !begun.asked.iter().eq(batch.iter().map(|stub| &stub.id)) {
        return None;
    }
    let bodies = stream::unfold(begun, |mut begun| async move {
        let body = begun.arriving.recv().await?;
        Some(((body, begun.hold.clone()), begun))
    });
    Some(bodies.boxed())
}

/// A folder has been read, or will not be.
pub(super) fn forget(shared: &Shared, folder: &FolderId) {
    locked(&shared.early).remove(folder);
}
