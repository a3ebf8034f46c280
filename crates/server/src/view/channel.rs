//! Channels and what is on its way to them, without addresses and keys.

use mailferry_model::channel::{Channel, ChannelKind, Delivery, DeliveryState};
use serde::Serialize;
use utoipa::ToSchema;

/// A channel for notices.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Channel)]
pub(crate) struct ChannelView {
    /// Its name.
    pub(crate) name: String,
    /// Grows with each change.
    version: u64,
    /// `webhook` or `teams`.
    #[schema(value_type = String)]
    kind: ChannelKind,
    /// Scheme and host of its address; the rest is a secret.
    site: String,
    /// Which events are told: `batch.completed`, `batch.*`, `*`.
    events: Vec<String>,
    /// Whether nothing new is told for now.
    muted: bool,
    /// The key that signs: in the answer that made it, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key: Option<String>,
}

impl ChannelView {
    /// As it is.
    pub(crate) fn of(channel: Channel) -> Self {
        let Channel { name, version, kind, site, events, muted, .. } = channel;
        Self { name, version, kind, site, events, muted, signing_key: None }
    }

    /// The same with its new key.
    pub(crate) fn with_key(self, signing_key: Option<String>) -> Self {
        Self { signing_key, ..self }
    }
}

/// One notice on its way to a channel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    /// Its id: what `webhook-id` says at each try.
    id: String,
    /// Which event.
    event: String,
    /// What is told, in a line.
    title: String,
    /// `waiting`, `done` or `givenUp`.
    #[schema(value_type = String)]
    state: DeliveryState,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next, or when it ended.
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
    /// What the last try that failed was told.
    last_error: Option<String>,
}

impl DeliveryView {
    /// As it is.
    pub(crate) fn of(delivery: Delivery) -> Self {
        let Delivery { id, notice, state, attempts, at, last_error, .. } = delivery;
        Self { id: id.to_string(), event: notice.event, title: notice.title, state, attempts, at, last_error }
    }
}
