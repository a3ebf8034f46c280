//! The contract of `Channels`.

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Error, Kind, Side,
    audit::AuditEntry,
    channel::{Channel, ChannelKind, Delivery, Taken},
    id::{ChannelId, DeliveryId},
    notice::Notice,
    port::Store,
    secret::Secret,
};

use super::{Outcome, refused, said, same, sentences};

sentences! { "channel":
    names_and_versions_are_guarded,
    notices_begin_at_the_end_of_the_trail_and_are_made_once,
    a_delivery_waits_until_it_is_due_and_ends,
    removing_takes_secrets_and_deliveries_along,
}

fn channel(store: &dyn Store, name: &str) -> Channel {
    let kind = ChannelKind::Webhook;
    Channel {
        id: ChannelId(store.new_id()),
        version: 1,
        name: name.to_owned(),
        kind,
        site: "https://h".to_owned(),
        mail: None,
        events: kind.usual_events(),
        muted: false,
    }
}

fn entry() -> AuditEntry {
    let (action, subject) = ("batch.status".to_owned(), "batch w".to_owned());
    AuditEntry { at: Timestamp::UNIX_EPOCH, actor: "worker".to_owned(), action, subject, change: None }
}

fn delivery(store: &dyn Store, channel: &Channel, at: Timestamp) -> Delivery {
    Delivery::of(DeliveryId(store.new_id()), channel.id, Notice::test(&channel.name, at), at)
}

async fn names_and_versions_are_guarded(store: &dyn Store) -> Outcome {
    let mut ops = channel(store, "Ops");
    store.add_channel(&ops).await.map_err(said)?;
    refused(
        store.add_channel(&channel(store, "oPS")).await,
        Kind::AlreadyExists,
        "the name in another case",
    )?;
    same!(store.channel("OPS").await.map_err(said)?, ops, "by name");
    ops.muted = true;
    store.set_channel(&ops).await.map_err(said)?;
    refused(store.set_channel(&ops).await, Kind::Conflict, "the version before")?;
    ops.version += 1;
    same!(store.channels().await.map_err(said)?, vec![ops], "after one change");
    refused(store.channel("none").await, Kind::NotFound, "an unknown name")?;
    refused(store.set_channel(&channel(store, "other")).await, Kind::NotFound, "an unknown channel").map(drop)
}

async fn notices_begin_at_the_end_of_the_trail_and_are_made_once(store: &dyn Store) -> Outcome {
    let now = Timestamp::UNIX_EPOCH;
    let end = store.record(&entry()).await.map_err(said)?;
    let ops = channel(store, "ops");
    store.add_channel(&ops).await.map_err(said)?;
    same!(store.noticed().await.map_err(said)?, end, "what was before");
    let one = delivery(store, &ops, now);
    store.add_notices(end, end + 3, std::slice::from_ref(&one)).await.map_err(said)?;
    let again = delivery(store, &ops, now);
    refused(store.add_notices(end, end + 3, &[again]).await, Kind::Conflict, "the same once more")?;
    same!(store.noticed().await.map_err(said)?, end + 3, "the number");
    store.add_channel(&channel(store, "second")).await.map_err(said)?;
    same!(store.noticed().await.map_err(said)?, end + 3, "a second channel");
    same!(store.deliveries(ops.id, 9).await.map_err(said)?, vec![one], "deliveries");
    Ok(())
}

async fn a_delivery_waits_until_it_is_due_and_ends(store: &dyn Store) -> Outcome {
    let now = Timestamp::UNIX_EPOCH;
    let ops = channel(store, "ops");
    store.add_channel(&ops).await.map_err(said)?;
    let one = delivery(store, &ops, now);
    store.add_delivery(&one).await.map_err(said)?;
    same!(store.due_deliveries(now, 9).await.map_err(said)?, vec![one.clone()], "at once");
    let one = one.tried(Err(Error::new(Kind::Busy, Side::Us, "send notice", "HTTP 500")), now);
    store.set_delivery(&one).await.map_err(said)?;
    same!(store.due_deliveries(now, 9).await.map_err(said)?, Vec::new(), "while it waits");
    same!(store.due_deliveries(one.at, 9).await.map_err(said)?, vec![one.clone()], "when it is due");
    store.forget_deliveries(one.at + SignedDuration::from_hours(1)).await.map_err(said)?;
    same!(store.deliveries(ops.id, 9).await.map_err(said)?.len(), 1, "one that waits is kept");
    let done = one.clone().tried(Ok(Taken::default()), one.at);
    store.set_delivery(&done).await.map_err(said)?;
    same!(store.due_deliveries(done.at, 9).await.map_err(said)?, Vec::new(), "once it ended");
    store.forget_deliveries(done.at + SignedDuration::from_hours(1)).await.map_err(said)?;
    same!(store.deliveries(ops.id, 9).await.map_err(said)?, Vec::new(), "when it is old");
    let stranger = delivery(store, &channel(store, "stranger"), now);
    refused(store.add_delivery(&stranger).await, Kind::NotFound, "a channel that is not there").map(drop)
}

async fn removing_takes_secrets_and_deliveries_along(store: &dyn Store) -> Outcome {
    let ops = channel(store, "ops");
    store.add_channel(&ops).await.map_err(said)?;
    store.seal(ops.id.0, "url", &Secret::from("https://h/x")).await.map_err(said)?;
    store.add_delivery(&delivery(store, &ops, Timestamp::UNIX_EPOCH)).await.map_err(said)?;
    store.remove_channel(ops.id).await.map_err(said)?;
    same!(store.unseal(ops.id.0).await.map_err(said)?.len(), 0, "its secrets");
    same!(store.deliveries(ops.id, 9).await.map_err(said)?.len(), 0, "its deliveries");
    refused(store.remove_channel(ops.id).await, Kind::NotFound, "twice").map(drop)
}
