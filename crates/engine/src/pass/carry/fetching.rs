//! Bodies of a folder, asked for in batches one ahead of the other; and what becomes of those that do not come.

use std::{
    collections::{HashSet, VecDeque},
    pin::Pin,
    sync::Arc,
};

use futures_util::{StreamExt, poll, stream};
use mailferry_model::{
    Error, Kind, Result, Retry, Side,
    error::Reaction,
    id::{FolderId, ItemId},
    item::{Body, Form, Stub},
    ledger::{Entry, State},
    port::{BudgetGuard, Fetched},
};
use tokio::sync::OwnedSemaphorePermit;

use super::left::{owe, skip};
use crate::pass::{
    early,
    gather::is_gone,
    reading::source_traces,
    shared::{Owed, Shared},
};

/// One fetch asks for at most so many bytes, a larger item alone.
const FETCH_BYTES: u64 = 1 << 20;
/// One fetch asks for at most so many items.
pub(in crate::pass) const FETCH_ITEMS: usize = 256;
/// Fetches sent ahead of the one that is being read.
const FETCHES_AHEAD: usize = 2;
/// In so many passes an item is asked for whose answer makes no sense.
const READ_TRIES: u8 = 3;
/// Memory that a streamed body holds on its way.
const STREAM_HOLDS: u64 = 1 << 20;

/// An answer of a source, with the memory that it holds.
pub(super) type Arrived = (Fetched, Hold);

/// Memory that items of one fetch hold together, and the right to be streamed.
pub(in crate::pass) type Hold = Arc<(BudgetGuard, Option<OwnedSemaphorePermit>)>;

pub(in crate::pass) type Batch<'a> = stream::BoxStream<'a, Arrived>;

/// All bodies of a list, in order, one batch ahead of the one that is read.
pub(super) fn fetches<'a>(shared: &'a Shared, source: &'a FolderId, stubs: Vec<Stub>) -> Batch<'a> {
    stream::unfold(VecDeque::from(stubs), move |left| fetch(shared, source, left))
        .map(std::future::ready)
        .buffered(FETCHES_AHEAD)
        .flatten()
        .boxed()
}

/// The next fetch: takes memory for some items together, then asks for them; the memory is given back with the last
/// of them. Polled once, so that it is under way while the batch before still arrives.
async fn fetch<'a>(
    shared: &'a Shared,
    source: &'a FolderId,
    mut left: VecDeque<Stub>,
) -> Option<(Batch<'a>, VecDeque<Stub>)> {
    let (batch, bytes) = cut(&mut left)?;
    if let Err(e) = shared.cx.cancel.check().and_then(|()| shared.halt.check()) {
        let nothing: Hold = Arc::new((BudgetGuard::new(|| {}), None));
        let fail = move |stub: Stub| ((stub.id, Err(e.clone())), nothing.clone());
        let all: Vec<_> = batch.into_iter().chain(left).map(fail).collect();
        return Some((stream::iter(all).boxed(), VecDeque::new()));
    }
    if let Some(begun) = early::bodies(shared, source, &batch) {
        return Some((begun, left));
    }
    let alone = batch.iter().any(|stub| stub.size > Body::IN_MEMORY);
    let turn = match alone {
        true => shared.streaming.clone().acquire_owned().await.ok(),
        false => None,
    };
    let hold: Hold = Arc::new((shared.cx.budget.take(bytes).await, turn));
    let mut items = shared.sides.source.fetch(source, batch, Form::Mime).peekable();
    let _ = poll!(Pin::new(&mut items).peek());
    Some((items.map(move |item| (item, hold.clone())).boxed(), left))
}

/// What the next fetch asks for, and the memory that takes: a large item alone, else as many as fit together.
pub(in crate::pass) fn cut(left: &mut VecDeque<Stub>) -> Option<(Vec<Stub>, u64)> {
    let first = left.pop_front()?;
    if first.size > Body::IN_MEMORY {
        return Some((vec![first], STREAM_HOLDS));
    }
    let (mut bytes, mut batch) = (first.size, vec![first]);
    while batch.len() < FETCH_ITEMS {
        let Some(next) = left.front().filter(|n| bytes + n.size <= FETCH_BYTES) else { break };
        bytes += next.size;
        batch.extend(left.pop_front());
    }
    Some((batch, bytes))
}

/// Items of which the source gave no body. Those that it still lists are owed: a source that leaves something out
/// tells nothing of it in any later pass. The others are gone since they were listed.
pub(super) async fn unanswered(shared: &Shared, source: &FolderId, left_out: Vec<Owed>) -> Result<()> {
    if left_out.is_empty() {
        return Ok(());
    }
    let ids: Vec<ItemId> = left_out.iter().map(|owed| owed.stub.id.clone()).collect();
    let text = "the source lists the item and gives no body of it";
    let left = Error::new(Kind::Malformed, Side::Source, "read", text).retry_of(Retry::Soon);
    let (there, error): (HashSet<ItemId>, Error) = match source_traces(shared, source, Some(&ids)).await {
        Ok(traces) => (traces.into_iter().map(|trace| trace.id).collect(), left),
        Err(e) if is_gone(&e) => (HashSet::new(), e),
        Err(e) if e.reaction() == Reaction::PauseFolder => (ids.into_iter().collect(), e),
        Err(e) => return Err(e),
    };
    for owed in left_out {
        if there.contains(&owed.stub.id) {
            unreadable(shared, owed, error.clone()).await?;
        } else if let Some(entry) = &owed.entry {
            shared.record(Entry { state: State::Gone, ..(**entry).clone() }, owed.entry.as_deref()).await?;
        }
    }
    Ok(())
}

/// An item that could not be fetched.
pub(super) async fn unreadable(shared: &Shared, owed: Owed, error: Error) -> Result<()> {
    shared.leave_unread();
    match error.reaction() {
        Reaction::SkipItem => skip(shared, &owed, None, error).await,
        // Asked again in some passes, because it may be for a while only; not in each that ever follows.
        _ if error.kind() == Kind::Malformed && owed.as_entry().tries.saturating_add(1) >= READ_TRIES => {
            skip(shared, &owed, None, error).await
        }
        Reaction::OweItem | Reaction::PauseFolder => owe(shared, &owed, error).await,
        Reaction::StallMailbox | Reaction::ParkEndpoint => Err(error),
    }
}
