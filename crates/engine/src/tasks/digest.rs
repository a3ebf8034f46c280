//! Digests: one mail now and then to each channel that wants them, about all batches.
//!
//! Each is made once, whoever makes it: its id follows from channel and interval.

use std::collections::{BTreeMap, HashMap};

use mailferry_model::{
    Kind, Result,
    audit::AuditEntry,
    batch::Batch,
    channel::{Channel, Delivery},
    digest::{self, Due},
    id::{BatchId, ChannelId, DeliveryId},
    notice::Notice,
    port::Store,
    user::Census,
};

use super::worker::Worker;

/// At most so many entries of the audit trail are looked through for changes.
const LOOKED_AT: u64 = 20_000;

/// The newest digest of each channel that this process made or found made.
pub(super) type Known = BTreeMap<ChannelId, DeliveryId>;

/// Makes what is due.
pub(super) async fn reconcile(worker: &Worker, channels: &[Channel]) -> Result<()> {
    let (store, now) = (&*worker.house.store, worker.house.clock.now());
    for channel in channels {
        let Some((due, mail)) = digest::due(channel, now).zip(channel.mail.as_ref()) else { continue };
        if worker.digest_of(channel.id) == Some(due.id) {
            continue;
        }
        if let Some(notice) = made(store, due).await? {
            let to =
                if mail.recipients.to.is_empty() { &mail.recipients.failure_to } else { &mail.recipients.to };
            let delivery = Delivery::of(due.id, channel.id, notice, now).to(to.clone());
            match store.add_delivery(&delivery).await {
                // Another worker made it, or somebody removed the channel.
                Err(error) if matches!(error.kind(), Kind::AlreadyExists | Kind::NotFound) => {}
                added => added?,
            }
        }
        worker.keep_digest(channel.id, due.id);
    }
    Ok(())
}

async fn made(store: &dyn Store, due: Due) -> Result<Option<Notice>> {
    let mut census: HashMap<BatchId, Census> = store.census().await?.into_iter().collect();
    let counted = |batch: Batch| {
        let census = census.remove(&batch.id).unwrap_or_default();
        (batch, census)
    };
    let batches: Vec<_> = store.batches().await?.into_iter().map(counted).collect();
    Ok(digest::notice(due, &batches, &trail(store, due).await?))
}

/// The entries of its time, oldest first.
async fn trail(store: &dyn Store, due: Due) -> Result<Vec<AuditEntry>> {
    let mut after = store.audit_end().await?.saturating_sub(LOOKED_AT);
    let mut found = Vec::new();
    loop {
        let entries = store.audit(after).await?;
        let Some((last, _)) = entries.last() else { return Ok(found) };
        after = *last;
        let fits = |entry: &AuditEntry| entry.at >= due.since && entry.subject.starts_with("batch ");
        found.extend(entries.into_iter().map(|(_, entry)| entry).filter(fits));
    }
}
