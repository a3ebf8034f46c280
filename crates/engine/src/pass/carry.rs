//! Fetch → put for one folder: several fetches ahead, several puts in flight, memory within the budget.

use std::{
    collections::{HashSet, VecDeque},
    pin::Pin,
    sync::Arc,
};

use futures_util::{
    StreamExt,
    future::{Either, join, select},
    poll,
    stream::{self, FuturesUnordered},
};
use mailferry_model::{
    Error, Kind, Result, Retry, Scope, Side,
    error::Reaction,
    id::{FolderId, ItemId, TargetId},
    item::{Body, Chunks, Form, Item, ItemDigest, Stub},
    key::HeaderKey,
    ledger::{Entry, FolderNo, Reason, Repairs, State},
    port::{BudgetGuard, Fetched, Outcome, convert::Repaired},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    early,
    gather::is_gone,
    owed::Awaited,
    paced,
    reading::source_traces,
    rising,
    shared::{Owed, Shared, locked},
    stray::{self, Whole},
    writer::Before,
};
use crate::seeded::Bug;

/// One fetch asks for at most so many bytes, a larger item alone.
const FETCH_BYTES: u64 = 1 << 20;
/// One fetch asks for at most so many items.
pub(super) const FETCH_ITEMS: usize = 256;
/// Fetches sent ahead of the one that is being read.
const FETCHES_AHEAD: usize = 2;
/// Puts of one folder in flight.
const PUTS_AHEAD: usize = 3;
/// How long a group waits for more while the target has nothing to do.
const IDLE: std::time::Duration = std::time::Duration::from_millis(5);
/// In so many passes an item is asked for whose answer makes no sense.
const READ_TRIES: u8 = 3;
/// So many repairs are tried on one item, one after the other and together.
const REPAIRS: usize = 2;
/// Memory that a streamed body holds on its way.
const STREAM_HOLDS: u64 = 1 << 20;

/// Puts what is owed in one folder. What could not be put is recorded: skipped, owed or in doubt.
///
/// # Errors
/// What reaches the whole mailbox. Everything sent before has been answered or is in doubt when it returns.
pub(super) async fn carry(shared: &Arc<Shared>, no: FolderNo, owed: Vec<Owed>) -> Result<()> {
    if owed.is_empty() {
        return Ok(());
    }
    shared.unverified(no).await?;
    let turn = match early::turn(shared, &shared.folder(no)?.source) {
        Some(turn) => turn,
        None => {
            let turn = shared.reading.clone().acquire_owned();
            turn.await.map_err(|e| Error::bug("read", e.to_string()))?
        }
    };
    // Marks are read while the first bodies are. Whoever puts waits for them, and tells what went wrong.
    join(carry_in_turn(shared, no, owed, Some(turn)), shared.ensure_windows()).await.0
}

/// The same once it is this folder's turn to be read; the turn ends when all is read, before it is answered.
async fn carry_in_turn(
    shared: &Arc<Shared>,
    no: FolderNo,
    owed: Vec<Owed>,
    turn: Option<OwnedSemaphorePermit>,
) -> Result<()> {
    let folder = shared.folder(no)?;
    let (source, target) = (folder.source.clone(), shared.target_of(no)?);
    let (stubs, mut awaited) = fetchable(shared, owed).await?;
    let mut fetched = fetches(shared, &source, stubs);
    let mut puts = FuturesUnordered::new();
    let mut group = Group::default();
    let mut failed: Option<Error> = None;
    let mut left_out: Vec<Owed> = Vec::new();
    let caps = shared.sides.target.caps();
    let most = caps.group_bytes.min(paced::at_once(&shared.cx));
    // What a source still gives after a connection of its ended is put: else who hangs up often is never copied.
    while failed.as_ref().is_none_or(|e| only_reading(shared, e)) {
        let enough = most.min(enough(puts.len()));
        if group.streams || group.items.len() >= caps.group_items || group.bytes >= enough {
            puts.push(put(shared, no, &target, std::mem::take(&mut group)));
        }
        match next(shared, &mut fetched, &mut puts, group.items.len()).await {
            Step::Put(done) => failed = worse(shared, failed, done.err()),
            Step::Idle => puts.push(put(shared, no, &target, std::mem::take(&mut group))),
            Step::End => break,
            Step::Item(id, Err(e), _) => {
                let Some(owed) = awaited.take(&id) else { continue };
                if e.kind() == Kind::NotFound {
                    left_out.push(owed);
                    continue;
                }
                if let Err(e) = unreadable(shared, owed, e).await {
                    shared.halt.cancel();
                    failed = worse(shared, failed, Some(e));
                }
            }
            Step::Item(id, Ok(item), hold) => {
                let Some(owed) = awaited.take(&id) else { continue };
                let streams = matches!(item.body, Body::Stream { .. });
                if (streams || group.bytes + item.body.size() > most) && !group.items.is_empty() {
                    puts.push(put(shared, no, &target, std::mem::take(&mut group)));
                }
                group.streams = streams;
                group.bytes += item.body.size();
                group.items.push((owed, item, hold));
            }
        }
    }
    drop((fetched, turn));
    if !group.items.is_empty() && failed.as_ref().is_none_or(|e| only_reading(shared, e)) {
        puts.push(put(shared, no, &target, group));
    }
    while let Some(done) = puts.next().await {
        failed = worse(shared, failed, done.err());
    }
    // Now that no body is on its way any more: it may have the only connection.
    if failed.is_none() {
        failed = unanswered(shared, &source, left_out).await.err();
    }
    if let Some(error) = &failed {
        shared.halt.cancel();
        if error.side() != Side::Source && error.kind() != Kind::Cancelled {
            shared.target_failed.cancel();
        }
    }
    failed.map_or(Ok(()), Err)
}

/// How large a group is worth sending: soon where the target waits, as large as it likes where it is busy anyway.
fn enough(in_flight: usize) -> u64 {
    match in_flight {
        0 => 512 << 10,
        1 => 2 << 20,
        _ => u64::MAX,
    }
}

/// Whether an error ends reading alone: what was read is put all the same. Of folders that stop because another
/// folder's connection ended, each has read something too.
fn only_reading(shared: &Shared, error: &Error) -> bool {
    match error.kind() {
        Kind::Cancelled => shared.cx.cancel.check().and_then(|()| shared.target_failed.check()).is_ok(),
        _ => error.side() == Side::Source,
    }
}

/// The one of two errors that reaches further.
fn worse(shared: &Shared, told: Option<Error>, next: Option<Error>) -> Option<Error> {
    let further = next.as_ref().is_some_and(|e| !only_reading(shared, e));
    match told {
        Some(told) if told.kind() != Kind::Cancelled && !further => Some(told),
        told => next.or(told),
    }
}

/// What happens next in a lane.
#[expect(
    clippy::large_enum_variant,
    reason = "a lane has one at a time; a box would be one more for each item"
)]
enum Step {
    Item(ItemId, Result<Item>, Hold),
    Put(Result<()>),
    Idle,
    End,
}

/// Waits for the next item or the end of a put. With all puts in flight only the puts are waited for. An idle
/// target gets what there is: a group that waits holds memory that the source may need.
async fn next<F>(
    shared: &Shared,
    fetched: &mut Batch<'_>,
    puts: &mut FuturesUnordered<F>,
    waiting: usize,
) -> Step
where
    F: Future<Output = Result<()>>,
{
    let item = |next: Option<Arrived>| match next {
        Some(((id, item), hold)) => Step::Item(id, item, hold),
        None => Step::End,
    };
    if puts.len() >= PUTS_AHEAD {
        return Step::Put(puts.next().await.unwrap_or(Ok(())));
    }
    if puts.is_empty() && waiting == 0 {
        return item(fetched.next().await);
    }
    if puts.is_empty() {
        return match select(fetched.next(), shared.cx.clock.sleep(IDLE)).await {
            Either::Left((next, _)) => item(next),
            Either::Right(_) => Step::Idle,
        };
    }
    match select(fetched.next(), puts.next()).await {
        Either::Left((next, _)) => item(next),
        Either::Right((done, _)) => Step::Put(done.unwrap_or(Ok(()))),
    }
}

/// What can be fetched; what is too large for the target is skipped at once.
async fn fetchable(shared: &Shared, mut owed: Vec<Owed>) -> Result<(Vec<Stub>, Awaited)> {
    let too_large: Vec<Owed> = owed.extract_if(.., |item| refused_by_size(shared, item).is_some()).collect();
    for item in too_large {
        if let Some(reason) = refused_by_size(shared, &item) {
            skip(shared, &item, None, reason).await?;
        }
    }
    Ok((owed.iter().map(|item| item.stub.clone()).collect(), Awaited::of(owed)))
}

fn refused_by_size(shared: &Shared, item: &Owed) -> Option<Error> {
    let max = shared.sides.target.caps().max_item?;
    (item.stub.size > max).then(|| {
        let text = format!("{} bytes; the target takes at most {max}", item.stub.size);
        Error::new(Kind::TooLarge, Side::Target, "put", text)
    })
}

/// Items of one put.
#[derive(Default)]
struct Group {
    items: Vec<(Owed, Item, Hold)>,
    bytes: u64,
    streams: bool,
}

/// An answer of a source, with the memory that it holds.
type Arrived = (Fetched, Hold);

/// Memory that items of one fetch hold together, and the right to be streamed.
pub(super) type Hold = Arc<(BudgetGuard, Option<OwnedSemaphorePermit>)>;

pub(super) type Batch<'a> = stream::BoxStream<'a, Arrived>;

/// All bodies of a list, in order, one batch ahead of the one that is read.
fn fetches<'a>(shared: &'a Shared, source: &'a FolderId, stubs: Vec<Stub>) -> Batch<'a> {
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
pub(super) fn cut(left: &mut VecDeque<Stub>) -> Option<(Vec<Stub>, u64)> {
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
async fn unanswered(shared: &Shared, source: &FolderId, left_out: Vec<Owed>) -> Result<()> {
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
async fn unreadable(shared: &Shared, owed: Owed, error: Error) -> Result<()> {
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

/// What is needed to record an item whose body has left.
struct Sent {
    owed: Owed,
    key: HeaderKey,
    digest: ItemDigest,
    message_id: Option<Box<str>>,
    size: u64,
    /// For a repair; only what is in memory anyway.
    copy: Option<Chunks>,
}

/// Sends one group and records what became of it.
async fn put(shared: &Arc<Shared>, no: FolderNo, target: &FolderId, group: Group) -> Result<()> {
    shared.may_put()?;
    shared.ensure_windows().await?;
    let strays = locked(&shared.strays).get(target).is_some_and(|strays| !strays.is_empty());
    let mut sent = Vec::with_capacity(group.items.len());
    let mut items = Vec::with_capacity(group.items.len());
    let mut holds = Vec::with_capacity(group.items.len());
    for (owed, mut item, hold) in group.items {
        let copy = match &item.body {
            Body::Bytes(chunks) => Some(chunks.clone()),
            Body::Stream { .. } => None,
        };
        if let Some(body) = copy.as_ref().filter(|_| strays) {
            let whole = Whole { key: item.key, digest: item.digest.get(), body };
            if stray::is_there(shared, no, target, &owed, &whole).await? {
                continue;
            }
        }
        sent.push(Sent {
            owed,
            key: item.key,
            digest: item.digest.clone(),
            // For reports of ours: no target asks for it.
            message_id: item.message_id.take(),
            size: item.body.size(),
            copy,
        });
        items.push(item);
        holds.push(hold);
    }
    if items.is_empty() {
        return Ok(());
    }
    let (under_way, count) = (shared.rising.begin(), items.len());
    let outcomes = paced::put(shared, target, items).await?;
    let (mut failed, mut there) = (None, Vec::with_capacity(sent.len()));
    for (sent, outcome) in sent.into_iter().zip(outcomes) {
        let recorded = match outcome {
            Outcome::Placed(id) => {
                there.push(as_placed(shared, sent, id, None));
                Ok(())
            }
            Outcome::Unsure(error) => in_doubt(shared, sent, error).await,
            Outcome::Refused(error) => refused(shared, no, target, sent, error).await,
        };
        failed = failed.or(recorded.err());
    }
    drop(holds);
    locked(&shared.deeds).put += there.len() as u64;
    let recorded = shared.record_all(there).await;
    if let Some(error) = failed.or(recorded.err()) {
        return Err(error);
    }
    under_way.recorded(count);
    rising::rise(shared).await
}

/// The ledger's entry for what is placed, and what it said before.
fn as_placed(
    shared: &Shared,
    sent: Sent,
    id: Option<TargetId>,
    repair: Option<Repairs>,
) -> (Entry, Option<Before>) {
    let before = sent.owed.entry.as_deref().map(Before::of);
    let (digest, date) = (sent.digest.get(), sent.owed.stub.date);
    // The ledger's entry may stand under older flags than those that were sent.
    let flags = sent.owed.entry.is_some().then(|| sent.owed.stub.flags.clone());
    let entry = sent.owed.into_entry();
    let placed = Entry {
        state: State::Placed,
        target: id,
        key: sent.key,
        digest,
        size: sent.size,
        date,
        flags: flags.unwrap_or(entry.flags),
        seen: false,
        pass: shared.pass,
        repair,
        reason: None,
        ..entry
    };
    (placed, before)
}

async fn placed(shared: &Shared, sent: Sent, id: Option<TargetId>, repair: Option<Repairs>) -> Result<()> {
    locked(&shared.deeds).put += 1;
    shared.record_all(vec![as_placed(shared, sent, id, repair)]).await
}

/// Nobody knows: the ledger says owed, a look will tell.
async fn in_doubt(shared: &Arc<Shared>, sent: Sent, error: Error) -> Result<()> {
    tracing::info!(error = %error.kind().code(), "a put went unanswered; it will be looked for");
    let before = sent.owed.as_entry();
    let entry = Entry {
        state: State::Owed,
        key: sent.key,
        size: sent.size,
        flags: sent.owed.stub.flags.clone(),
        unanswered: before.unanswered.saturating_add(1),
        ..before
    };
    shared.record(entry.clone(), sent.owed.entry.as_deref()).await?;
    let owed = Owed { entry: Some(Box::new(entry)), ..sent.owed };
    if Bug::BlindRetry.is_on() {
        return Box::pin(carry_in_turn(shared, owed.folder, vec![owed], None)).await;
    }
    shared.add_doubt(owed);
    Ok(())
}

async fn refused(
    shared: &Arc<Shared>,
    no: FolderNo,
    target: &FolderId,
    mut sent: Sent,
    error: Error,
) -> Result<()> {
    match error.reaction() {
        Reaction::StallMailbox | Reaction::ParkEndpoint => {
            owe(shared, &sent.owed, error.clone()).await?;
            return Err(error);
        }
        Reaction::OweItem | Reaction::PauseFolder => return owe(shared, &sent.owed, error).await,
        Reaction::SkipItem => {}
    }
    let body = sent.copy.take().filter(|_| error.kind() == Kind::Malformed);
    let mut next = body.and_then(|body| mend(shared, &body, None, &error));
    let mut tries = 0;
    while let Some((repairs, mended)) = next.take() {
        tries += 1;
        let body = mended.body.clone();
        match put_mended(shared, no, target, &mut sent, (repairs, mended)).await? {
            Outcome::Placed(id) => return placed(shared, sent, id, Some(repairs)).await,
            Outcome::Unsure(error) => return in_doubt(shared, sent, error).await,
            // It may have another fault; what was refused is not there.
            Outcome::Refused(again) if again.kind() == Kind::Malformed && tries < REPAIRS => {
                next = mend(shared, &body, Some(repairs), &again);
            }
            Outcome::Refused(_) => {}
        }
    }
    skip(shared, &sent.owed, sent.message_id.clone(), error).await
}

/// The body under the next repair that would change it, for a refusal in these words.
fn mend(
    shared: &Shared,
    body: &Chunks,
    before: Option<Repairs>,
    refusal: &Error,
) -> Option<(Repairs, Repaired)> {
    let convert = &shared.sides.convert;
    let repair = convert.repairs(body, refusal.context()).into_iter().next()?;
    let mended = convert.repair(body, repair)?;
    Some((before.map_or(Repairs::of(repair), |before| before.with(repair)), mended))
}

/// Sends a refused item again under repairs.
async fn put_mended(
    shared: &Arc<Shared>,
    no: FolderNo,
    target: &FolderId,
    sent: &mut Sent,
    (repairs, mended): (Repairs, Repaired),
) -> Result<Outcome> {
    // In the ledger before it is sent: a settling must know the form in which it may have arrived.
    let entry = Entry {
        state: State::Owed,
        key: mended.key,
        digest: Some(mended.digest),
        size: mended.body.len(),
        repair: Some(repairs),
        ..sent.owed.as_entry()
    };
    shared.record(entry.clone(), sent.owed.entry.as_deref()).await?;
    shared.writer.sync().await?;
    sent.owed.entry = Some(Box::new(entry));
    (sent.key, sent.size) = (mended.key, mended.body.len());
    sent.digest = ItemDigest::Known(mended.digest);
    let item = Item {
        id: sent.owed.stub.id.clone(),
        form: Form::Mime,
        key: mended.key,
        message_id: sent.message_id.clone(),
        date: sent.owed.stub.date,
        flags: sent.owed.stub.flags.clone(),
        body: Body::Bytes(mended.body),
        digest: sent.digest.clone(),
    };
    tracing::debug!(folder = no.0, "a refused item is sent again under a repair");
    let outcome = paced::put(shared, target, vec![item]).await?.into_iter().next();
    outcome.ok_or_else(|| Error::bug("put", "no outcome for an item").scope_of(Scope::Mailbox))
}

/// Lists an item as skipped.
pub(super) async fn skip(
    shared: &Shared,
    owed: &Owed,
    message_id: Option<Box<str>>,
    error: Error,
) -> Result<()> {
    let entry = Entry { state: State::Skipped, ..with_reason(owed, message_id, &error) };
    shared.record(entry, owed.entry.as_deref()).await
}

/// Leaves an item for a later pass.
async fn owe(shared: &Shared, owed: &Owed, error: Error) -> Result<()> {
    let entry = Entry { state: State::Owed, ..with_reason(owed, None, &error) };
    shared.record(entry, owed.entry.as_deref()).await
}

fn with_reason(owed: &Owed, message_id: Option<Box<str>>, error: &Error) -> Entry {
    let before = owed.as_entry();
    let reason = Reason { code: error.code().into(), text: error.context().into(), message_id };
    Entry { tries: before.tries.saturating_add(1), reason: Some(Box::new(reason)), ..before }
}
