//! Tells channels what happened: makes notices out of the audit trail, and has what is due sent.
//!
//! Notices are made once, whoever makes them; each is sent at least once, under one id. Of a batch it is told how it
//! stands when the notice is made.

use std::time::Duration;

use jiff::SignedDuration;
use mailferry_model::{
    Kind, Result, Side,
    cancel::Cancel,
    channel::{Channel, Delivery, DeliveryState},
    id::DeliveryId,
    notice::Notice,
    port::{Courier, Store},
};

use super::worker::Worker;

/// How often it is looked.
pub(super) const LOOK: Duration = Duration::from_secs(3);
/// The duty to send, and how long it is held without a sign of life. To make notices takes none: whoever comes second is
/// refused.
pub(super) const DUTY: (&str, Duration) = ("notices", Duration::from_secs(600));
/// So many are sent before the duty is prolonged.
const HANDFUL: usize = 8;
/// So long what ended is kept to be looked at.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Makes notices of what the trail holds and nobody was told; whether there was anything.
async fn make(worker: &Worker, channels: &[Channel]) -> Result<bool> {
    let store = &*worker.house.store;
    let mut is_news = false;
    loop {
        let from = store.noticed().await?;
        let entries = store.audit(from).await?;
        let Some((upto, _)) = entries.last() else { return Ok(is_news) };
        let mut deliveries = Vec::new();
        for (no, entry) in &entries {
            let Some(notice) = Notice::of(*no, entry) else { continue };
            let notice = with_users(store, notice).await?;
            let wanted = channels.iter().filter(|channel| channel.wants(&notice.event));
            deliveries.extend(wanted.map(|channel| {
                let id = DeliveryId(store.new_id());
                Delivery::of(id, channel.id, notice.clone(), worker.house.clock.now())
            }));
        }
        store.add_notices(from, *upto, &deliveries).await?;
        is_news = true;
    }
}

async fn with_users(store: &dyn Store, notice: Notice) -> Result<Notice> {
    let Some(name) = notice.batch() else { return Ok(notice) };
    match store.batch(name).await {
        Ok(batch) => Ok(notice.counting(&store.users(batch.id).await?)),
        Err(error) if error.kind() == Kind::NotFound => Ok(notice),
        Err(error) => Err(error),
    }
}

/// Makes what is to be told and sends a handful of what is due; whether there may be more. Where there is neither nothing
/// is written.
pub(super) async fn reconcile(worker: &Worker, courier: &dyn Courier, cancel: &Cancel) -> Result<bool> {
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
        send(worker, courier, (channel, delivery), cancel).await?;
    }
    Ok(is_full)
}

async fn send(
    worker: &Worker,
    courier: &dyn Courier,
    (channel, delivery): (&Channel, Delivery),
    cancel: &Cancel,
) -> Result<()> {
    let store = &*worker.house.store;
    let secrets = store.unseal(channel.id.0).await?;
    let cx = worker.house.cx(Side::Us, cancel, None);
    let told = match courier.send(&cx, channel, &secrets, &delivery).await {
        Err(error) if error.kind() == Kind::Cancelled => return Ok(()),
        told => told.err().map(|error| error.context().to_owned()),
    };
    let event = delivery.notice.event.clone();
    let after = delivery.tried(told, worker.house.clock.now());
    match after.state {
        DeliveryState::Done => tracing::info!(channel = channel.name, event, "a notice was sent"),
        DeliveryState::Waiting => {
            tracing::info!(
                channel = channel.name,
                event,
                error = after.last_error,
                "a notice is sent again later"
            );
        }
        DeliveryState::GivenUp => {
            tracing::warn!(
                channel = channel.name,
                event,
                error = after.last_error,
                "a notice was given up after a day"
            );
        }
    }
    store.set_delivery(&after).await
}
