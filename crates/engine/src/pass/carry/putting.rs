//! One group is put, and the ledger is told what became of each of its items.

use std::sync::Arc;

use mailferry_model::{
    Error, Result,
    id::{FolderId, TargetId},
    item::{Body, Chunks, Item, ItemDigest},
    key::HeaderKey,
    ledger::{Entry, FolderNo, Repairs, State},
    port::Outcome,
};

use super::{fetching::Hold, lane::carry_in_turn, mending::refused};
use crate::{
    pass::{
        paced, rising,
        shared::{Owed, Shared, locked},
        stray::{self, Whole},
        writer::Before,
    },
    seeded::Bug,
    verify,
};

/// Items of one put.
#[derive(Default)]
pub(super) struct Group {
    pub items: Vec<(Owed, Item, Hold)>,
    pub bytes: u64,
    pub streams: bool,
}

/// What is needed to record an item whose body has left.
pub(super) struct Sent {
    pub owed: Owed,
    pub key: HeaderKey,
    pub digest: ItemDigest,
    pub message_id: Option<Box<str>>,
    pub size: u64,
    /// The size that the source lists, where it gives much less.
    pub short_of: Option<u64>,
    /// For a repair; only what is in memory anyway.
    pub copy: Option<Chunks>,
}

/// Sends one group and records what became of it.
pub(super) async fn put(shared: &Arc<Shared>, no: FolderNo, target: &FolderId, group: Group) -> Result<()> {
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
            short_of: item.short_of,
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
    let reason = sent.short_of.map(|listed| Box::new(verify::given_short(listed, sent.size)));
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
        reason,
        ..entry
    };
    (placed, before)
}

pub(super) async fn placed(
    shared: &Shared,
    sent: Sent,
    id: Option<TargetId>,
    repair: Option<Repairs>,
) -> Result<()> {
    locked(&shared.deeds).put += 1;
    shared.record_all(vec![as_placed(shared, sent, id, repair)]).await
}

/// Nobody knows: the ledger says owed, a look will tell. One of the next pass, where the target wants rest.
pub(super) async fn in_doubt(shared: &Arc<Shared>, sent: Sent, error: Error) -> Result<()> {
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
    if error.wants_rest() { Err(error) } else { Ok(()) }
}
