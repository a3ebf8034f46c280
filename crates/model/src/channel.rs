//! Channels: where notices go, and which ones. Where exactly is a secret, since whoever knows such an address may write
//! there; only scheme and host are kept to be shown. What mail needs besides is [`mail`]'s.
//!
//! Sends nothing: that is a courier's.

pub mod mail;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::mail::{MailRoute, Recipients};
use crate::{
    error::{Error, Retry},
    id::{ChannelId, DeliveryId},
    notice::{EVENTS, Notice, USER_FAILED},
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
    /// A mail, by a server that takes it.
    Mail,
}

impl ChannelKind {
    /// What is told unless somebody says otherwise: programs hear everything, people what they have to know.
    pub fn usual_events(self) -> Vec<String> {
        let usual: &[&str] = match self {
            Self::Webhook => &["*"],
            Self::Teams => {
                &["endpoint.*", "stall.escalated", "batch.needs_approval", "batch.completed", "audit.alert"]
            }
            Self::Mail => &["endpoint.*", "stall.escalated", "batch.*", "audit.alert"],
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
    /// Of mail: by which server and to whom.
    #[serde(default)]
    pub mail: Option<MailRoute>,
    /// Which events: `batch.completed`, `batch.*`, `*`.
    pub events: Vec<String>,
    /// Whether nothing is sent for now. What happens meanwhile is not sent later.
    pub muted: bool,
}

impl Channel {
    /// Whether a notice is told here. By mail nobody is told of each step that a batch takes by itself.
    pub fn wants(&self, notice: &Notice) -> bool {
        let is_told = self.kind != ChannelKind::Mail || !notice.is_passing();
        !self.muted && is_told && self.events.iter().any(|pattern| fits(pattern, &notice.event))
    }
}

/// To which channels a notice goes, and by mail to whom: those of the channel, and by the first such channel those whom the
/// batch names.
pub fn recipients<'a>(
    channels: &'a [Channel],
    notice: &Notice,
    of_batch: Option<&Recipients>,
) -> Vec<(&'a Channel, Vec<String>)> {
    let mut of_batch = of_batch.map(|of_batch| of_batch.of(notice));
    let mut told = Vec::new();
    for channel in channels.iter().filter(|channel| channel.wants(notice)) {
        let Some(mail) = &channel.mail else {
            told.push((channel, Vec::new()));
            continue;
        };
        let mut to = mail.recipients.of(notice).to_vec();
        for address in of_batch.take().unwrap_or_default() {
            if !to.iter().any(|known| known.eq_ignore_ascii_case(address)) {
                to.push(address.clone());
            }
        }
        if !to.is_empty() {
            told.push((channel, to));
        }
    }
    told
}

fn fits(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        // Of single mailboxes only those are told who ask for it.
        Some("") => event != USER_FAILED,
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
        ("http", _) => Err("Teams takes messages at https:// addresses alone.".to_owned()),
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
    /// Its code.
    #[serde(default)]
    pub last_code: Option<String>,
    /// By mail: who has not got it yet.
    #[serde(default)]
    pub to: Vec<String>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// Waits for its next try.
    Waiting,
    /// Taken by the other side.
    Done,
    /// Not taken for a day, or refused so that trying again does not help.
    GivenUp,
}

/// What came of a try that the other side took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// By mail: who is to get it at a later try.
    pub owed: Vec<String>,
    /// What was not as it should be, for people.
    pub remark: Option<String>,
}

/// For so long after a notice was made it is tried.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

impl Delivery {
    /// One that waits.
    pub fn of(id: DeliveryId, channel: ChannelId, notice: Notice, now: Timestamp) -> Self {
        let state = DeliveryState::Waiting;
        Self {
            id,
            channel,
            notice,
            made: now,
            attempts: 0,
            state,
            at: now,
            last_error: None,
            last_code: None,
            to: Vec::new(),
        }
    }

    /// The same, to these people.
    #[must_use]
    pub fn to(self, to: Vec<String>) -> Self {
        Self { to, ..self }
    }

    /// The same after a try.
    #[must_use]
    pub fn tried(mut self, outcome: Result<Taken, Error>, now: Timestamp) -> Self {
        self.attempts = self.attempts.saturating_add(1);
        let helps = |error: &Error| matches!(error.retry(), Retry::Soon | Retry::After(_));
        let is_owed = match &outcome {
            Ok(taken) => !taken.owed.is_empty(),
            Err(error) => helps(error),
        };
        let next = now + pause(self.attempts);
        (self.state, self.at) = match is_owed {
            true if self.made.duration_until(next) <= LONGEST => (DeliveryState::Waiting, next),
            false if outcome.is_ok() => (DeliveryState::Done, now),
            _ => (DeliveryState::GivenUp, now),
        };
        match outcome {
            Ok(taken) => {
                self.to = if taken.owed.is_empty() { self.to } else { taken.owed };
                self.last_error = taken.remark.or(self.last_error);
            }
            Err(error) => {
                self.last_error = Some(error.context().to_owned());
                self.last_code = Some(error.code());
            }
        }
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
    use crate::error::{Kind, Side};

    #[test]
    fn a_day_of_refusals_is_given_up_with_fewer_and_fewer_tries() {
        let notice = Notice::test("ops", Timestamp::UNIX_EPOCH);
        let (id, channel) = (DeliveryId(Uuid::nil()), ChannelId(Uuid::nil()));
        let mut delivery = Delivery::of(id, channel, notice, Timestamp::UNIX_EPOCH);
        let mut pauses = Vec::new();
        while delivery.state == DeliveryState::Waiting {
            let now = delivery.at;
            let refused = Error::new(Kind::Busy, Side::Us, "send notice", "HTTP 500");
            delivery = delivery.tried(Err(refused), now);
            pauses.push(now.duration_until(delivery.at).as_secs());
        }
        assert_eq!(pauses[..4], [5, 15, 45, 135]);
        assert_eq!((delivery.state, delivery.id), (DeliveryState::GivenUp, id));
        let hours = Timestamp::UNIX_EPOCH.duration_until(delivery.at).as_hours();
        assert!((20..=24).contains(&hours) && delivery.attempts < 20, "{hours} h, {}", delivery.attempts);
        assert_eq!(delivery.last_error.as_deref(), Some("HTTP 500"));
    }

    #[test]
    fn what_no_second_try_mends_is_given_up_at_once_and_who_is_owed_is_tried_again() {
        let notice = Notice::test("ops", Timestamp::UNIX_EPOCH);
        let (id, channel) = (DeliveryId(Uuid::nil()), ChannelId(Uuid::nil()));
        let both = vec!["a@x".to_owned(), "b@x".to_owned()];
        let one = Delivery::of(id, channel, notice, Timestamp::UNIX_EPOCH).to(both.clone());
        let refused = Error::new(Kind::Unauthenticated, Side::Us, "send notice", "535");
        let after = one.clone().tried(Err(refused), Timestamp::UNIX_EPOCH);
        assert_eq!(
            (after.state, after.last_code.as_deref()),
            (DeliveryState::GivenUp, Some("OWN_AUTH_FAILED"))
        );
        let taken = Taken { owed: vec!["b@x".to_owned()], remark: Some("451 later".to_owned()) };
        let after = one.clone().tried(Ok(taken), Timestamp::UNIX_EPOCH);
        assert_eq!((after.state, &after.to), (DeliveryState::Waiting, &vec!["b@x".to_owned()]));
        let after = one.tried(Ok(Taken::default()), Timestamp::UNIX_EPOCH);
        assert_eq!((after.state, after.to, after.last_error), (DeliveryState::Done, both, None));
    }

    #[test]
    fn patterns_fit_whole_events_or_their_beginning() {
        let ok = |patterns: &[&str]| {
            check_events(&patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()).is_ok()
        };
        assert!(ok(&["*"]) && ok(&["batch.*", "test"]) && ok(&["stall.escalated"]));
        assert!(!ok(&[]) && !ok(&["batch"]) && !ok(&["batch.*", "nothing.*"]));
        assert!(fits("batch.*", "batch.completed") && !fits("batch.*", "stall.escalated"));
        assert!(fits("*", "batch.completed") && !fits("*", "user.failed") && fits("user.*", "user.failed"));
    }

    #[test]
    fn whom_a_batch_names_is_told_once_and_programs_as_before() {
        let channel = |name: &str, kind, to: &[&str]| Channel {
            id: ChannelId(Uuid::nil()),
            version: 1,
            name: name.to_owned(),
            kind,
            site: String::new(),
            mail: (kind == ChannelKind::Mail).then(|| MailRoute {
                server: "mail.example".to_owned(),
                port: 25,
                security: mail::Security::None,
                username: None,
                from: "ferry@example.org".to_owned(),
                recipients: Recipients {
                    to: to.iter().map(|&to| to.to_owned()).collect(),
                    failure_to: Vec::new(),
                },
                hello: None,
                ca: None,
                digest_every_hours: 0,
            }),
            events: kind.usual_events(),
            muted: false,
        };
        let all = [
            channel("a", ChannelKind::Mail, &["ops@x"]),
            channel("b", ChannelKind::Mail, &["boss@x"]),
            channel("c", ChannelKind::Webhook, &[]),
        ];
        let of_batch =
            Recipients { to: vec!["OPS@x".to_owned(), "anna@x".to_owned()], failure_to: Vec::new() };
        let told = |after: &str| {
            let mut notice = Notice::test("x", Timestamp::UNIX_EPOCH);
            notice.event = "batch.state_changed".to_owned();
            notice.data = serde_json::json!({ "after": after });
            let told = recipients(&all, &notice, Some(&of_batch)).into_iter();
            told.map(|(channel, to)| format!("{} {}", channel.name, to.join(" "))).collect::<Vec<_>>()
        };
        assert_eq!(told("Synced"), ["a ops@x anna@x", "b boss@x", "c "]);
        assert_eq!(told("Syncing"), ["c "], "people are told of ends");
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
