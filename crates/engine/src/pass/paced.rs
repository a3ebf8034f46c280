//! Bodies go out no faster than the bandwidth limit allows, whatever the target.
//!
//! Groups are kept to what the limit allows in a second and wait for their turn; a larger body is handed out piece
//! by piece. Without a limit nothing is changed. Who waits here waits for us: a connector that is given a stream
//! does not take that for the silence of its server.

use std::pin::pin;

use bytes::Bytes;
use futures_util::{StreamExt, future::select, stream};
use mailferry_model::{
    Kind, Result,
    error::Reaction,
    id::FolderId,
    item::{Body, Item},
    port::{Cx, Outcome, Put},
};

use super::shared::Shared;

/// Pieces for each second, so that a limit is felt as a stream and not as gusts.
const PIECES_A_SECOND: u64 = 8;
/// Pieces are no smaller and no larger.
const PIECE: std::ops::RangeInclusive<u64> = 1 << 10..=64 << 10;

/// How many bytes one put may hold.
pub fn at_once(cx: &Cx) -> u64 {
    cx.meter.at_once().unwrap_or(u64::MAX)
}

/// Puts items into a folder as fast as the limit allows.
///
/// # Errors
/// What keeps from putting by the time that it is their turn; nothing was sent.
pub async fn put(shared: &Shared, folder: &FolderId, mut items: Vec<Item>) -> Result<Vec<Outcome>> {
    let (cx, target) = (&shared.cx, &shared.sides.target);
    let limit = at_once(cx);
    let whole = match &items[..] {
        [item] if item.body.size() > limit => copy_of(item),
        [item] if matches!(item.body, Body::Stream { .. }) => None,
        _ => {
            turn(shared, items.iter().map(|item| item.body.size()).sum()).await?;
            let began = cx.clock.elapsed();
            let outcomes = target.put(folder, items.into_iter().map(Put::Item).collect()).await;
            if !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unsure(_))) {
                shared.answered(began);
            }
            return Ok(outcomes);
        }
    };
    shared.may_put()?;
    items.iter_mut().for_each(|item| slow_down(cx, item));
    let outcomes = target.put(folder, items.into_iter().map(Put::Item).collect()).await;
    match (outcomes.first(), whole) {
        // Of a stream a connector can change nothing and send nothing again.
        (Some(Outcome::Refused(error)), Some(whole))
            if error.kind() != Kind::TooLarge
                && matches!(error.reaction(), Reaction::SkipItem | Reaction::OweItem) =>
        {
            turn(shared, whole.body.size()).await?;
            Ok(target.put(folder, vec![Put::Item(whole)]).await)
        }
        _ => Ok(outcomes),
    }
}

/// Waits until so many bytes may go out together.
async fn turn(shared: &Shared, bytes: u64) -> Result<()> {
    {
        let stopped = pin!(shared.cx.cancel.cancelled());
        select(shared.cx.meter.admit(bytes), stopped).await;
    }
    shared.may_put()
}

/// The same item once more, where its body is in memory.
fn copy_of(item: &Item) -> Option<Item> {
    let Body::Bytes(chunks) = &item.body else { return None };
    Some(Item {
        short_of: None,
        id: item.id.clone(),
        form: item.form,
        key: item.key,
        message_id: item.message_id.clone(),
        date: item.date,
        flags: item.flags.clone(),
        body: Body::Bytes(chunks.clone()),
        digest: item.digest.clone(),
    })
}

/// Its body comes in pieces, each when it may go out.
fn slow_down(cx: &Cx, item: &mut Item) {
    let Some(limit) = cx.meter.at_once() else { return };
    let most = (limit / PIECES_A_SECOND).clamp(*PIECE.start(), *PIECE.end()) as usize;
    let nothing = Body::Bytes(mailferry_model::item::Chunks::default());
    let size = item.body.size();
    let pieces = match std::mem::replace(&mut item.body, nothing) {
        Body::Bytes(chunks) => stream::iter(chunks.into_pieces().into_iter().map(Ok)).boxed(),
        Body::Stream { pieces, .. } => pieces,
    };
    let cx = cx.clone();
    let pieces = pieces
        .flat_map(move |piece| {
            stream::iter(match piece {
                Ok(piece) => cut(piece, most).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        })
        .then(move |piece| paid(cx.clone(), piece));
    item.body = Body::Stream { size, pieces: pieces.boxed() };
}

/// A piece, once it may go out; who is stopped waits no longer, and the connection ends with the body.
async fn paid(cx: Cx, piece: Result<Bytes>) -> Result<Bytes> {
    let piece = piece?;
    {
        let stopped = pin!(cx.cancel.cancelled());
        select(cx.meter.admit(piece.len() as u64), stopped).await;
    }
    cx.cancel.check()?;
    Ok(piece)
}

fn cut(mut piece: Bytes, most: usize) -> Vec<Bytes> {
    let mut parts = Vec::with_capacity(piece.len() / most + 1);
    while piece.len() > most {
        parts.push(piece.split_to(most));
    }
    parts.push(piece);
    parts
}
