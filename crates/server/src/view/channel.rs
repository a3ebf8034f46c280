//! Channels and what is on its way to them, without addresses and keys.

use mailferry_model::channel::{
    Channel, ChannelKind, Delivery, DeliveryState,
    mail::{MailRoute, Security},
};
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
    /// `webhook`, `teams` or `mail`.
    #[schema(value_type = String)]
    kind: ChannelKind,
    /// Scheme and host of its address; the rest is a secret.
    site: String,
    /// Of mail: by which server and to whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<MailView>,
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
        let Channel { name, version, kind, site, mail, events, muted, .. } = channel;
        let mail = mail.map(MailView::of);
        Self { name, version, kind, site, mail, events, muted, signing_key: None }
    }

    /// The same with its new key.
    pub(crate) fn with_key(self, signing_key: Option<String>) -> Self {
        Self { signing_key, ..self }
    }
}

/// How a channel of mail writes, without its password.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MailChannel)]
pub(crate) struct MailView {
    /// The server's name or address.
    server: String,
    /// Its port.
    port: u16,
    /// How the way there is secured.
    #[schema(value_type = crate::shape::MailSecurity)]
    security: Security,
    /// Who signs in.
    username: Option<String>,
    /// Who writes.
    from: String,
    /// Who is written to.
    to: Vec<String>,
    /// Who is written to of what went wrong, instead.
    failure_to: Vec<String>,
    /// By which name the server is greeted.
    hello_name: Option<String>,
    /// Authorities that are trusted instead of the system's.
    ca: Option<String>,
    /// Hours between two digests; 0: none.
    digest_every_hours: u32,
}

impl MailView {
    fn of(route: MailRoute) -> Self {
        let MailRoute { server, port, security, username, from, recipients, hello, ca, digest_every_hours } =
            route;
        let (to, failure_to) = (recipients.to, recipients.failure_to);
        Self {
            server,
            port,
            security,
            username,
            from,
            to,
            failure_to,
            hello_name: hello,
            ca,
            digest_every_hours,
        }
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
    /// Its code.
    last_error_code: Option<String>,
    /// By mail: to whom, or who has not got it yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    to: Vec<String>,
}

impl DeliveryView {
    /// As it is.
    pub(crate) fn of(delivery: Delivery) -> Self {
        let Delivery { id, notice, state, attempts, at, last_error, last_code, to, .. } = delivery;
        let (event, title) = (notice.event, notice.title);
        Self {
            id: id.to_string(),
            event,
            title,
            state,
            attempts,
            at,
            last_error,
            last_error_code: last_code,
            to,
        }
    }
}
