//! What the target refused: put off, skipped, or sent again under a repair.

use std::sync::Arc;

use mailferry_model::{
    Error, Kind, Result, Scope,
    error::Reaction,
    id::FolderId,
    item::{Body, Chunks, Form, Item, ItemDigest},
    ledger::{Entry, FolderNo, Repairs, State},
    port::{Outcome, convert::Repaired},
};

use super::{
    left::{owe, skip},
    putting::{Sent, in_doubt, placed},
};
use crate::pass::{paced, shared::Shared};

/// So many repairs are tried on one item, one after the other and together.
const REPAIRS: usize = 2;

pub(super) async fn refused(
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
        short_of: None,
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
