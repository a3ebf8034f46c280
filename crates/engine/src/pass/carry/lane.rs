//! The lane of one folder: what is fetched goes into groups, groups are put, and what goes wrong ends no more than it must.

use std::sync::Arc;

use futures_util::{
    StreamExt,
    future::{Either, join, select},
    stream::FuturesUnordered,
};
use mailferry_model::{
    Error, Kind, Result, Side,
    id::ItemId,
    item::{Body, Item, Stub},
    ledger::FolderNo,
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    fetching::{Arrived, Batch, Hold, fetches, unanswered, unreadable},
    left::skip,
    putting::{Group, put},
};
use crate::pass::{
    early,
    owed::Awaited,
    paced,
    shared::{Owed, Shared},
};

/// Puts of one folder in flight.
const PUTS_AHEAD: usize = 3;
/// So many items of a folder at once, like a page of a first listing: what is sent holds memory of its own.
const AT_ONCE: usize = 10_000;
/// How long a group waits for more while the target has nothing to do.
const IDLE: std::time::Duration = std::time::Duration::from_millis(5);

/// Puts what is owed in one folder. What could not be put is recorded: skipped, owed or in doubt.
///
/// # Errors
/// What reaches the whole mailbox. Everything sent before has been answered or is in doubt when it returns.
pub(in crate::pass) async fn carry(shared: &Arc<Shared>, no: FolderNo, owed: Vec<Owed>) -> Result<()> {
    if owed.is_empty() {
        return Ok(());
    }
    shared.unverified(no).await?;
    let mut left = owed.into_iter();
    loop {
        let part: Vec<Owed> = left.by_ref().take(AT_ONCE).collect();
        if part.is_empty() {
            return Ok(());
        }
        let turn = match early::turn(shared, &shared.folder(no)?.source) {
            Some(turn) => turn,
            None => {
                let turn = shared.reading.clone().acquire_owned();
                turn.await.map_err(|e| Error::bug("read", e.to_string()))?
            }
        };
        // Marks are read while the first bodies are. Whoever puts waits for them, and tells what went wrong.
        join(carry_in_turn(shared, no, part, Some(turn)), shared.ensure_windows()).await.0?;
    }
}

/// The same once it is this folder's turn to be read; the turn ends when all is read, before it is answered.
pub(super) async fn carry_in_turn(
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
                    shared.terms.progress.tell_refused(&e);
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
