//! Digests: one mail now and then about all batches and what changed, so that nobody need look.
//!
//! Reads no clock and no store: when one is due follows from the channel and the time alone, so that it is made once
//! whoever makes it, and made again by nobody.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::{Builder, Uuid};

use crate::{
    audit::AuditEntry,
    batch::Batch,
    channel::Channel,
    id::{ChannelId, DeliveryId},
    notice::Notice,
    status::{BatchStatus, StatusSummary},
    user::Census,
};

/// The event of digests. No pattern names it: the channel's interval says whether there are some.
pub const DIGEST: &str = "digest";

/// A digest that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its id: one for each channel and interval.
    pub id: DeliveryId,
    /// From when on it tells.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// The newest digest that a channel should have got by now; intervals count from when it was made.
pub fn due(channel: &Channel, now: Timestamp) -> Option<Due> {
    let hours = channel.mail.as_ref()?.digest_every_hours;
    let every = SignedDuration::from_hours(hours.into());
    let made = made(channel.id)?;
    let over = made.duration_until(now);
    if channel.muted || every.is_zero() || over < every {
        return None;
    }
    let intervals = i32::try_from(over.as_secs() / every.as_secs()).ok()?;
    let until = made.checked_add(every.checked_mul(intervals)?).ok()?;
    let since = until.checked_sub(every).ok()?;
    Some(Due { id: DeliveryId(id(channel.id.0, until)?), since, until })
}

/// When a channel was made, as its id says.
fn made(channel: ChannelId) -> Option<Timestamp> {
    let (seconds, nanoseconds) = channel.0.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

/// Stands among other deliveries by its time; the rest is the channel's.
fn id(channel: Uuid, until: Timestamp) -> Option<Uuid> {
    let mut rest = [0; 10];
    rest.copy_from_slice(channel.as_bytes().get(6..)?);
    let at = u64::try_from(until.as_millisecond()).ok()?;
    Some(Builder::from_unix_timestamp_millis(at, &rest).into_uuid())
}

/// What is told: how each batch stands, and through which states it went. Nothing where there is no batch.
pub fn notice(due: Due, batches: &[(Batch, Census)], trail: &[AuditEntry]) -> Option<Notice> {
    if batches.is_empty() {
        return None;
    }
    let mut changes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in trail.iter().filter(|entry| (due.since..due.until).contains(&entry.at)) {
        let Some(name) = entry.subject.strip_prefix("batch ") else { continue };
        let what = match entry.action.as_str() {
            "batch.new" => Some("made".to_owned()),
            "batch.status" => status_after(entry),
            _ => None,
        };
        changes.entry(name).or_default().extend(what);
    }
    let changed =
        |batch: &Batch| changes.get(batch.name.as_str()).map(|all| all.join(", ")).unwrap_or_default();
    let rows: Vec<_> = batches
        .iter()
        .map(|(batch, census)| json!({ "name": batch.name, "state": state(batch, census), "changed": changed(batch) }))
        .collect();
    let n = rows.iter().filter(|row| row["changed"] != "").count();
    let title =
        format!("{} of {} batches changed since {}", n, rows.len(), due.since.strftime("%Y-%m-%d %H:%M UTC"));
    let data = json!({ "since": due.since, "batches": rows });
    Some(Notice { event: DIGEST.to_owned(), at: due.until, title, data })
}

fn status_after(entry: &AuditEntry) -> Option<String> {
    let change: serde_json::Value = serde_json::from_str(entry.change.as_deref()?).ok()?;
    let status: BatchStatus = serde_json::from_value(change["after"].clone()).ok()?;
    (change["before"] != change["after"]).then(|| status.label())
}

fn state(batch: &Batch, census: &Census) -> String {
    let of = |wanted: StatusSummary| -> u64 {
        census.users.iter().filter(|(status, _)| status.summary() == wanted).map(|(_, n)| n).sum()
    };
    let all: u64 = census.users.iter().map(|(_, n)| n).sum();
    let parts = [
        (of(StatusSummary::Completed), "completed"),
        (of(StatusSummary::Synced), "synced"),
        (of(StatusSummary::Active), "under way"),
        (of(StatusSummary::Failed), "failed"),
        (of(StatusSummary::Stopped), "stopped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    format!("{}, {all} mailboxes: {}", batch.status.label(), parts.join(", "))
        .trim_end_matches(": ")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        channel::{
            ChannelKind,
            mail::{MailRoute, Recipients, Security},
        },
        id::{BatchId, EndpointId},
        status::UserStatus,
    };

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 * 3600 + hours * 3600).unwrap()
    }

    fn channel(hours: u32) -> Channel {
        let made = u64::try_from(at(0).as_millisecond()).unwrap();
        let route = MailRoute {
            server: "mail.example".to_owned(),
            port: 25,
            security: Security::None,
            username: None,
            from: "ferry@example.org".to_owned(),
            recipients: Recipients::default(),
            hello: None,
            ca: None,
            digest_every_hours: hours,
        };
        Channel {
            id: ChannelId(Builder::from_unix_timestamp_millis(made, &[7; 10]).into_uuid()),
            version: 1,
            name: "people".to_owned(),
            kind: ChannelKind::Mail,
            site: String::new(),
            mail: Some(route),
            events: Vec::new(),
            muted: false,
        }
    }

    #[test]
    fn one_is_due_in_each_interval_under_one_id() {
        let due = |hours| due(&channel(24), at(hours));
        assert_eq!((due(0), due(23)), (None, None));
        let first = due(24).unwrap();
        assert_eq!((first.since, first.until), (at(0), at(24)));
        assert_eq!(due(47).unwrap(), first, "the same all along");
        let second = due(48).unwrap();
        assert_eq!(second.since, at(24));
        assert_ne!(second.id, first.id);
        assert_eq!(due(24 * 30).unwrap().since, at(24 * 29), "what was missed is not made up for");
        assert_eq!(super::due(&channel(0), at(100)), None);
        assert_eq!(super::due(&Channel { muted: true, ..channel(24) }, at(100)), None);
    }

    #[test]
    fn it_tells_of_all_batches_and_of_changes_in_its_time() {
        let ends = (EndpointId(Uuid::nil()), EndpointId(Uuid::nil()));
        let batch = |name: &str| Batch::created(BatchId(Uuid::nil()), name.to_owned(), ends, at(0));
        let users = vec![(UserStatus::Synced, 2), (UserStatus::Failed, 1)];
        let batches = [(batch("a"), Census { users, jobs: 0 }), (batch("b"), Census::default())];
        let entry = |hours, subject: &str, after: &str| AuditEntry {
            at: at(hours),
            actor: "worker".to_owned(),
            action: "batch.status".to_owned(),
            subject: subject.to_owned(),
            change: Some(json!({ "before": "Created", "after": after }).to_string()),
        };
        let trail = [
            entry(-1, "batch b", "Syncing"),
            entry(1, "batch a", "Syncing"),
            entry(2, "batch a", "SyncedWithErrors"),
            entry(3, "batch gone", "Syncing"),
        ];
        let told = notice(due(&channel(24), at(25)).unwrap(), &batches, &trail).unwrap();
        let row = |n: usize, field: &str| told.data["batches"][n][field].clone();
        assert_eq!(row(0, "changed"), "Syncing, Synced with errors");
        assert_eq!(row(0, "state"), "Created, 3 mailboxes: 2 synced, 1 failed");
        assert_eq!(
            (row(1, "changed"), row(1, "state")),
            (Value::from(""), Value::from("Created, 0 mailboxes"))
        );
        assert!(told.title.starts_with("1 of 2 batches changed since "), "{}", told.title);
        assert_eq!(notice(due(&channel(24), at(25)).unwrap(), &[], &trail), None);
    }
}
