//! Tells channels what happened: makes notices out of the audit trail, and has what is due sent.
//!
//! Notices are made once, whoever makes them; each is sent at least once, under one id. Of a batch it is told how it
//! stands when the notice is made. What goes with a mail is written at each try.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use mailferry_model::{
    Error, Kind, Result, Side,
    alarm::{REFUSED, Refusals},
    audit::AuditEntry,
    batch::Batch,
    cancel::Cancel,
    channel::{Channel, ChannelKind, Delivery, DeliveryState, recipients},
    id::DeliveryId,
    notice::Notice,
    port::{
        Courier, Store,
        courier::{Parcel, Tables, Tabulate},
    },
};

use super::{digest, worker::Worker};

/// How often it is looked.
pub(super) const LOOK: Duration = Duration::from_secs(3);
/// The duty to send, and how long it is held without a sign of life. To make notices takes none: whoever comes second is
/// refused.
pub(super) const DUTY: (&str, Duration) = ("notices", Duration::from_secs(600));
/// So many are sent before the duty is prolonged.
const HANDFUL: usize = 8;
/// So long what ended is kept to be looked at.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// So many entries before those that are looked at are read for refused sign-ins: a page.
const LOOKED_BACK: u64 = 500;
/// The tables of a mail are no larger together.
const MOST_BYTES: usize = 5_000_000;

/// What sends, and what writes the tables that go with mails.
pub struct Post {
    /// What sends.
    pub courier: Arc<dyn Courier>,
    /// What writes tables.
    pub tables: Arc<dyn Tabulate>,
}

/// Makes notices of what the trail holds and nobody was told; whether there was anything.
async fn make(worker: &Worker, channels: &[Channel]) -> Result<bool> {
    let store = &*worker.house.store;
    let mut is_news = false;
    let mut refusals = None;
    loop {
        let from = store.noticed().await?;
        let entries = store.audit(from).await?;
        let Some((upto, _)) = entries.last() else { return Ok(is_news) };
        let mut deliveries = Vec::new();
        for notice in of_trail(store, &entries, (from, &mut refusals)).await? {
            // What a batch's notice is follows from its users; of others it is known before any is read.
            if !notice.counts_users() && !channels.iter().any(|channel| channel.wants(&notice)) {
                continue;
            }
            let (notice, batch) = with_users(store, notice).await?;
            let now = worker.house.clock.now();
            let of = |(channel, to): (&Channel, _)| {
                Delivery::of(DeliveryId(store.new_id()), channel.id, notice.clone(), now).to(to)
            };
            let told = recipients(channels, &notice, batch.as_ref().map(|batch| &batch.notify));
            deliveries.extend(told.into_iter().map(of));
        }
        store.add_notices(from, *upto, &deliveries).await?;
        is_news = true;
    }
}

/// What entries are to be told as: one notice for each cause.
async fn of_trail(
    store: &dyn Store,
    entries: &[(u64, AuditEntry)],
    (from, refusals): (u64, &mut Option<Refusals>),
) -> Result<Vec<Notice>> {
    let mut notices: Vec<Notice> = Vec::new();
    for (no, entry) in entries {
        if entry.action == REFUSED {
            // What was refused before counts too: another process may have told of it.
            let known = match refusals.take() {
                Some(known) => known,
                None => before(store, from).await?,
            };
            let known = refusals.insert(known);
            notices.extend(known.count(entry).map(|count| Notice::of_refusals(*no, entry, count)));
        }
        let Some(notice) = Notice::of(*no, entry) else { continue };
        if !notices.iter_mut().any(|known| known.takes_in(&notice)) {
            notices.push(notice);
        }
    }
    Ok(notices)
}

/// The sign-ins that were refused lately, before an entry.
async fn before(store: &dyn Store, from: u64) -> Result<Refusals> {
    let mut refusals = Refusals::default();
    for (_, entry) in
        store.audit(from.saturating_sub(LOOKED_BACK)).await?.iter().filter(|(no, _)| *no <= from)
    {
        refusals.count(entry);
    }
    Ok(refusals)
}

async fn with_users(store: &dyn Store, notice: Notice) -> Result<(Notice, Option<Batch>)> {
    let Some(name) = notice.batch() else { return Ok((notice, None)) };
    match store.batch(name).await {
        Ok(batch) if notice.counts_users() => {
            Ok((notice.counting(&store.users(batch.id).await?), Some(batch)))
        }
        Ok(batch) => Ok((notice, Some(batch))),
        Err(error) if error.kind() == Kind::NotFound => Ok((notice, None)),
        Err(error) => Err(error),
    }
}

/// Makes what is to be told and sends a handful of what is due; whether there may be more. Where there is neither nothing
/// is written.
pub(super) async fn reconcile(worker: &Worker, post: &Post, cancel: &Cancel) -> Result<bool> {
    let (store, clock) = (&*worker.house.store, &*worker.house.clock);
    let channels = store.channels().await?;
    if channels.is_empty() {
        return Ok(false);
    }
    let is_news = match make(worker, &channels).await {
        // Somebody else made them, or removed a channel meanwhile: the next look sees it.
        Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => false,
        made => made?,
    };
    digest::reconcile(worker, &channels).await?;
    if is_news {
        store.forget_deliveries(clock.now() - KEPT).await?;
    }
    let due = store.due_deliveries(clock.now(), HANDFUL).await?;
    if due.is_empty() || !store.take_duty(DUTY.0, worker.house.owner, DUTY.1).await? {
        return Ok(false);
    }
    let is_full = due.len() == HANDFUL;
    for delivery in due {
        let Some(channel) = channels.iter().find(|channel| channel.id == delivery.channel) else { continue };
        if cancel.is_cancelled() {
            return Ok(false);
        }
        send(worker, post, (channel, delivery), cancel).await?;
    }
    Ok(is_full)
}

async fn send(
    worker: &Worker,
    post: &Post,
    (channel, delivery): (&Channel, Delivery),
    cancel: &Cancel,
) -> Result<()> {
    let store = &*worker.house.store;
    let secrets = store.unseal(channel.id.0).await?;
    let cx = worker.house.cx(Side::Us, cancel, None);
    let tables = tables(post, channel, &delivery.notice).await;
    let parcel = Parcel { channel, secrets: &secrets, delivery: &delivery, tables: &tables };
    let outcome = match post.courier.send(&cx, parcel).await {
        Err(error) if error.kind() == Kind::Cancelled => return Ok(()),
        outcome => outcome,
    };
    // What mail servers say names people.
    let code = outcome.as_ref().err().map(Error::code);
    let said =
        outcome.as_ref().err().filter(|_| channel.kind != ChannelKind::Mail).map(|e| e.context().to_owned());
    let after = delivery.tried(outcome, worker.house.clock.now());
    let (channel, event) = (&channel.name, &after.notice.event);
    match after.state {
        DeliveryState::Done => tracing::info!(channel, event, "a notice was sent"),
        DeliveryState::Waiting => tracing::info!(channel, event, code, said, "a notice is sent again later"),
        DeliveryState::GivenUp => tracing::warn!(channel, event, code, said, "a notice was given up"),
    }
    store.set_delivery(&after).await
}

/// What goes with a mail about a batch that came to rest.
async fn tables(post: &Post, channel: &Channel, notice: &Notice) -> Tables {
    let Some(batch) = notice.batch().filter(|_| channel.kind == ChannelKind::Mail && notice.has_tables())
    else {
        return Tables::Without;
    };
    match post.tables.tables(batch, MOST_BYTES).await {
        Ok(Some(tables)) => Tables::With(tables),
        Ok(None) => Tables::Apart,
        Err(error) => {
            tracing::warn!(code = error.code(), "a mail goes without its tables: they could not be written");
            Tables::Apart
        }
    }
}
