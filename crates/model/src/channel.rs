//! Channels: where notices go, and which ones. Where exactly is a secret, since whoever knows such an address may write
//! there; only scheme and host are kept to be shown.
//!
//! Sends nothing: that is a courier's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    id::{ChannelId, DeliveryId},
    notice::{EVENTS, Notice},
};

/// The name of the secret that is the whole address.
pub const URL: &str = "url";
/// The name of the secret that signs.
pub const SIGNING: &str = "signing";
/// The name of the secret that signed before, while receivers learn the new one.
pub const SIGNING_BEFORE: &str = "signing-before";

/// How messages are written and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// JSON, signed, to a program.
    Webhook,
    /// A card, to a workflow of Microsoft Teams.
    Teams,
}

impl ChannelKind {
    /// What is told unless somebody says otherwise: programs hear everything, people what they have to know.
    pub fn usual_events(self) -> Vec<String> {
        let usual: &[&str] = match self {
            Self::Webhook => &["*"],
            Self::Teams => {
                &["endpoint.needs_to_connect", "stall.escalated", "batch.needs_approval", "batch.completed"]
            }
        };
        usual.iter().map(|&event| event.to_owned()).collect()
    }
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Grows with each change; a stale writer is refused.
    pub version: u64,
    /// Its name, unique without case.
    pub name: String,
    /// How messages are written.
    pub kind: ChannelKind,
    /// Scheme and host of its address.
    pub site: String,
    /// Which events: `batch.completed`, `batch.*`, `*`.
    pub events: Vec<String>,
    /// Whether nothing is sent for now. What happens meanwhile is not sent later.
    pub muted: bool,
}

impl Channel {
    /// Whether an event is told here.
    pub fn wants(&self, event: &str) -> bool {
        !self.muted && self.events.iter().any(|pattern| fits(pattern, event))
    }
}

fn fits(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => event.starts_with(beginning),
        None => pattern == event,
    }
}

/// Judges patterns: each fits an event that there is.
///
/// # Errors
/// A sentence.
pub fn check_events(patterns: &[String]) -> Result<(), String> {
    if patterns.is_empty() {
        return Err("Name at least one event, or * for all.".to_owned());
    }
    match patterns.iter().find(|pattern| !EVENTS.iter().any(|event| fits(pattern, event))) {
        Some(pattern) => Err(format!("No event is called {pattern:?}; there are: {}.", EVENTS.join(", "))),
        None => Ok(()),
    }
}

/// Scheme and host of an address that may be used for such a channel.
///
/// # Errors
/// A sentence that does not repeat the address.
pub fn site_of(kind: ChannelKind, url: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let site = format!("{}://{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    match (scheme.to_ascii_lowercase().as_str(), kind) {
        _ if host.is_empty() || !url.chars().all(|c| c.is_ascii_graphic()) || url.contains('#') => {
            Err("The address has to look like https://HOST/PATH.".to_owned())
        }
        _ if host.contains('@') => {
            Err("The address must not hold a user name or password; a signature shows who sends.".to_owned())
        }
        ("https", _) | ("http", ChannelKind::Webhook) => Ok(site),
        ("http", ChannelKind::Teams) => Err("Teams takes messages at https:// addresses alone.".to_owned()),
        _ => Err("The address has to begin with https:// (or http:// inside a network).".to_owned()),
    }
}

/// One notice on its way to one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id: the same at each try, so that a receiver tells a second try from a second notice.
    pub id: DeliveryId,
    /// Where to.
    pub channel: ChannelId,
    /// What.
    pub notice: Notice,
    /// Since when it waits or waited.
    pub made: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// How it stands.
    pub state: DeliveryState,
    /// When it is tried next, or when it ended.
    pub at: Timestamp,
    /// What the last try that failed was told.
    pub last_error: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// Waits for its next try.
    Waiting,
    /// Taken by the other side.
    Done,
    /// Not taken for a day.
    GivenUp,
}

/// For so long after a notice was made it is tried.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

impl Delivery {
    /// One that waits.
    pub fn of(id: DeliveryId, channel: ChannelId, notice: Notice, now: Timestamp) -> Self {
        let state = DeliveryState::Waiting;
        Self { id, channel, notice, made: now, attempts: 0, state, at: now, last_error: None }
    }

    /// The same after a try: `error` is what went wrong, if anything did.
    #[must_use]
    pub fn tried(mut self, error: Option<String>, now: Timestamp) -> Self {
        self.attempts = self.attempts.saturating_add(1);
        (self.state, self.at) = match error {
            None => (DeliveryState::Done, now),
            Some(_) => {
                let next = now + pause(self.attempts);
                match self.made.duration_until(next) > LONGEST {
                    true => (DeliveryState::GivenUp, now),
                    false => (DeliveryState::Waiting, next),
                }
            }
        };
        self.last_error = error.or(self.last_error);
        self
    }
}

/// How long to wait after so many tries: from five seconds, three times as long each time, up to three hours.
fn pause(attempts: u32) -> Duration {
    let factor = 3_u64.saturating_pow(attempts.saturating_sub(1));
    Duration::from_secs(5_u64.saturating_mul(factor).min(3 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_day_of_refusals_is_given_up_with_fewer_and_fewer_tries() {
        let notice = Notice::test("ops", Timestamp::UNIX_EPOCH);
        let (id, channel) = (DeliveryId(Uuid::nil()), ChannelId(Uuid::nil()));
        let mut delivery = Delivery::of(id, channel, notice, Timestamp::UNIX_EPOCH);
        let mut pauses = Vec::new();
        while delivery.state == DeliveryState::Waiting {
            let now = delivery.at;
            delivery = delivery.tried(Some("HTTP 500".to_owned()), now);
            pauses.push(now.duration_until(delivery.at).as_secs());
        }
        assert_eq!(pauses[..4], [5, 15, 45, 135]);
        assert_eq!((delivery.state, delivery.id), (DeliveryState::GivenUp, id));
        let hours = Timestamp::UNIX_EPOCH.duration_until(delivery.at).as_hours();
        assert!((20..=24).contains(&hours) && delivery.attempts < 20, "{hours} h, {}", delivery.attempts);
        assert_eq!(delivery.last_error.as_deref(), Some("HTTP 500"));
    }

    #[test]
    fn patterns_fit_whole_events_or_their_beginning() {
        let ok = |patterns: &[&str]| {
            check_events(&patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()).is_ok()
        };
        assert!(ok(&["*"]) && ok(&["batch.*", "test"]) && ok(&["stall.escalated"]));
        assert!(!ok(&[]) && !ok(&["batch"]) && !ok(&["batch.*", "nothing.*"]));
        assert!(fits("batch.*", "batch.completed") && !fits("batch.*", "stall.escalated"));
    }

    #[test]
    fn an_address_is_shown_without_what_is_secret_in_it() {
        let site = |url| site_of(ChannelKind::Teams, url);
        assert_eq!(site("https://Flows.example:8443/x?sig=canary").unwrap(), "https://flows.example:8443");
        for wrong in ["https://", "flows.example", "http://flows.example/canary", "ftp://h/", "https://a b/"]
        {
            assert!(!site(wrong).unwrap_err().contains("canary"), "{wrong}");
        }
        assert!(site("https://me:canary@h/").is_err_and(|words| !words.contains("canary")));
        assert!(site_of(ChannelKind::Webhook, "http://127.0.0.1:8080/x").is_ok());
    }
}
