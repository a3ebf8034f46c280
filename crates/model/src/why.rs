//! Why a batch, or a mailbox of it, is not moving: one plain sentence, whatever its state is. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    approval::{Held, NEEDS_APPROVAL, held},
    batch::Batch,
    catalogue,
    job::Job,
    schedule::{Schedule, shown},
    stall::StallCode,
    status::{BatchStatus, StatusSummary, UserStatus},
    user::{Detail, User},
};

/// What moved within so long is moving.
const MOVING: SignedDuration = SignedDuration::from_mins(5);

/// Why a mailbox is not moving, or that it is; `job` is its work that is queued or under way.
pub fn of_user(user: &User, batch: &Batch, job: Option<&Job>, now: Timestamp) -> String {
    let (name, zone) = (&batch.name, batch.schedule.time_zone.as_deref());
    let told = user.detail.as_ref().map(|detail| in_words(detail, zone));
    match user.status.summary() {
        StatusSummary::Completed => "It is completed.".to_owned(),
        StatusSummary::Stopped if let Some(why) = &told => why.clone(),
        StatusSummary::Stopped => {
            format!("Somebody stopped it: mailferry user start {} goes on.", user.address)
        }
        StatusSummary::Failed => {
            let why = told.unwrap_or_else(|| "It failed.".to_owned());
            format!("{why} mailferry user retry {} tries again.", user.address)
        }
        StatusSummary::Synced => match told {
            Some(why) => why,
            None => format!("It is synced. {}", next(batch)),
        },
        StatusSummary::Active if batch.status == BatchStatus::Created => {
            format!("Its batch has not been started: mailferry batch start {name}.")
        }
        StatusSummary::Active if batch.status == BatchStatus::Waiting => of_batch(batch, &[], now),
        StatusSummary::Active => match (told, job) {
            (Some(why), _) => why,
            (None, Some(job)) if !job.claimed && job.work.run_at > now => {
                format!("It is tried again {}.", shown(job.work.run_at, zone))
            }
            (None, Some(job)) if !job.claimed => {
                let title =
                    catalogue::find(StallCode::ENDPOINT_CAPACITY.0).map_or("", |entry| entry.title.as_str());
                format!("{title}: as many mailboxes run as the limits allow. It is a queue, not a failure.")
            }
            (None, None) => "A worker is about to take it up.".to_owned(),
            (None, Some(_)) => moving(user.last_progress, now),
        },
    }
}

/// Why a batch is not moving, or that it is.
pub fn of_batch(batch: &Batch, users: &[User], now: Timestamp) -> String {
    use BatchStatus as S;
    let (name, zone) = (&batch.name, batch.schedule.time_zone.as_deref());
    let waits =
        || batch.detail.as_deref().map(|detail| detail.split_once(": ").map_or(detail, |(_, text)| text));
    match batch.status {
        S::Created => format!("It has not been started: mailferry batch start {name}."),
        S::Starting => {
            "A worker is about to take it up: a service, or mailferry batch start --wait.".to_owned()
        }
        S::Waiting => match waits() {
            Some(why) => format!("It waits: {why}."),
            None => "It waits for a worker to look at it.".to_owned(),
        },
        S::Syncing | S::IncrementalSyncing | S::Completing => under_way(users, zone, now),
        S::Synced | S::SyncedWithErrors | S::Stopped if let Some(why) = batch.mode.sentence(name) => {
            match batch.status {
                S::SyncedWithErrors => format!("{} {why}", failed(name, users)),
                _ => why,
            }
        }
        S::Synced | S::SyncedWithErrors if let Some(why) = held_back(batch, users) => match batch.status {
            S::SyncedWithErrors => format!("{} {why}", failed(name, users)),
            _ => why,
        },
        S::Synced => format!("All its mailboxes are synced. {}", next(batch)),
        S::SyncedWithErrors => format!("{} {}", failed(name, users), next(batch)),
        S::Completed => "It is completed.".to_owned(),
        S::CompletedWithErrors => failed(name, users),
        S::Stopping => "It is being stopped: what is under way ends in order.".to_owned(),
        S::Stopped => match batch.paused_for {
            Some(_) => "It rests while an endpoint of it is replaced, and goes on then.".to_owned(),
            None => format!("Somebody stopped it: mailferry batch start {name} goes on."),
        },
        S::Failed => format!("It could not go on: mailferry batch start {name} tries again."),
        S::Removing => "It is being removed.".to_owned(),
        S::Corrupted => "Its record cannot be read.".to_owned(),
    }
}

/// What the gate holds back, and what to do about it.
fn held_back(batch: &Batch, users: &[User]) -> Option<String> {
    let synced = users.iter().filter(|user| user.status.summary() == StatusSummary::Synced);
    let held: Vec<Held> = synced.filter_map(|user| held(batch, user)).collect();
    let n = held.len();
    let title = catalogue::find(NEEDS_APPROVAL).map_or(NEEDS_APPROVAL, |entry| entry.title.as_str());
    let poor = held.iter().filter(|held| **held == Held::Poor).count();
    let name = &batch.name;
    let mends = match poor {
        _ if n == 0 => return None,
        0 => format!("mailferry batch approve {name} --all --comment WHY lets them complete"),
        _ if poor == n => {
            format!(
                "mailferry batch complete {name} --despite-score REASON completes what is Poor all the same"
            )
        }
        _ => format!(
            "mailferry batch approve {name} --all --comment WHY lets those complete that are not Poor ({poor} {})",
            if poor == 1 { "is" } else { "are" }
        ),
    };
    let of = mailboxes(users.len());
    Some(format!(
        "{title} [{NEEDS_APPROVAL}]: {n} of {of} would leave items behind that nobody approved; \
         mailferry item list --batch {name} shows them, {mends}."
    ))
}

/// What happens next to what is synced.
fn next(batch: &Batch) -> String {
    let Schedule { complete_after, sync_every_hours, time_zone, .. } = &batch.schedule;
    let zone = time_zone.as_deref();
    if let Some(at) = complete_after {
        return format!("It completes {}.", shown(*at, zone));
    }
    let again = SignedDuration::from_hours(i64::from(*sync_every_hours));
    let again = batch.last_synced.or(batch.synced).and_then(|last| last.checked_add(again).ok());
    let name = &batch.name;
    match again.filter(|_| *sync_every_hours > 0) {
        Some(at) => {
            format!("A service syncs it again {}; mailferry batch complete {name} ends it.", shown(at, zone))
        }
        None => format!("mailferry batch complete {name} ends it."),
    }
}

pub(crate) fn mailboxes(n: usize) -> String {
    if n == 1 { "1 mailbox".to_owned() } else { format!("{n} mailboxes") }
}

fn failed(name: &str, users: &[User]) -> String {
    let n = users.iter().filter(|user| user.status.is_failure()).count();
    format!("{n} of {} failed: mailferry batch retry {name} tries again.", mailboxes(users.len()))
}

/// What moves, or the reason that most of those that wait have.
fn under_way(users: &[User], zone: Option<&str>, now: Timestamp) -> String {
    let active: Vec<&User> = users.iter().filter(|user| user.status.is_active()).collect();
    let last = active.iter().filter_map(|user| user.last_progress).max();
    let queued =
        active.iter().filter(|user| user.status == UserStatus::Queued && user.detail.is_none()).count();
    let mut reasons: BTreeMap<&str, (usize, &Detail)> = BTreeMap::new();
    for detail in active.iter().filter_map(|user| user.detail.as_ref()) {
        reasons.entry(&detail.code).or_insert((0, detail)).0 += 1;
    }
    let waiting: usize = reasons.values().map(|(n, _)| n).sum();
    let most = reasons.values().max_by_key(|(n, _)| *n);
    let moves = active.len().saturating_sub(waiting + queued);
    match most {
        Some((n, detail)) if moves == 0 => {
            format!("Nothing moves; waiting: {}: {}", mailboxes(*n), in_words(detail, zone))
        }
        Some((n, detail)) => {
            let (moving, why) = (moving(last, now), in_words(detail, zone));
            format!(
                "{} under way, {queued} queued. {moving} Waiting: {}: {why}",
                mailboxes(moves),
                mailboxes(*n)
            )
        }
        None => format!("{} under way, {queued} queued. {}", mailboxes(moves), moving(last, now)),
    }
}

fn moving(last: Option<Timestamp>, now: Timestamp) -> String {
    match last.map(|last| last.duration_until(now)) {
        None => "It has just begun.".to_owned(),
        Some(quiet) if quiet < MOVING => {
            format!("It is moving: last progress {} s ago.", quiet.as_secs().max(0))
        }
        Some(quiet) => format!("The last progress was {} minutes ago.", quiet.as_mins()),
    }
}

/// The reason as a sentence: the catalogue's title, the other side's words, and the next try.
fn in_words(detail: &Detail, zone: Option<&str>) -> String {
    let title = catalogue::find(&detail.code).map_or(detail.code.as_str(), |entry| entry.title.as_str());
    let text = detail.text.trim_end_matches('.');
    let told = match detail.next_try {
        Some(at) => format!("{title}: {text}. It is tried again {}.", shown(at, zone)),
        None => format!("{title}: {text}."),
    };
    let next_step = catalogue::find(&detail.code).and_then(|entry| entry.next_step.as_deref());
    match next_step.filter(|_| detail.escalated) {
        Some(step) => format!("{told} It has lasted since {}: {step}", shown(detail.since, zone)),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
        serde_json::from_value(json).unwrap()
    }

    fn batch(status: &str) -> Batch {
        let id = "01890000-0000-7000-8000-000000000000";
        thing(serde_json::json!({
            "id": id, "version": 1, "name": "wave", "source": id, "target": id, "status": status, "detail": null,
            "options": {}, "created": "2026-01-01T00:00:00Z", "started": null, "synced": "2026-01-01T00:00:00Z",
            "completed": null,
        }))
    }

    fn user(status: &str, detail: serde_json::Value) -> User {
        let id = "01890000-0000-7000-8000-000000000001";
        let mailbox = serde_json::json!({ "address": "anna@x.example", "user": null });
        thing(serde_json::json!({
            "id": id, "version": 1, "batch": id, "address": "anna@x.example", "source": mailbox, "target": mailbox,
            "mailbox": null, "status": status, "detail": detail, "score": null, "last_synced": null,
            "totals": { "identified": 0, "placed": 0, "bytes": 0, "bytesIdentified": 0, "skipped": 0 },
            "last_progress": "2026-01-01T12:00:00Z",
        }))
    }

    #[test]
    fn every_state_has_its_sentence() {
        let now: Timestamp = "2026-01-01T12:00:07Z".parse().unwrap();
        for status in BatchStatus::ALL {
            let told = of_batch(&Batch { status, ..batch("Created") }, &[], now);
            assert!(told.ends_with('.') && told.len() > 10, "{status:?}: {told}");
        }
        for status in UserStatus::ALL {
            let user = User { status, ..user("Queued", serde_json::Value::Null) };
            let told = of_user(&user, &batch("Syncing"), None, now);
            assert!(told.ends_with('.') && told.len() > 10, "{status:?}: {told}");
        }
    }

    #[test]
    fn the_reason_comes_with_its_next_try() {
        let now: Timestamp = "2026-01-01T12:00:07Z".parse().unwrap();
        let detail = serde_json::json!({
            "code": "StalledDueToTarget_Throttled", "text": "Suggested Backoff Time: 300000",
            "since": "2026-01-01T12:00:00Z", "next_try": "2026-01-01T12:05:00Z",
        });
        let waiting = user("Syncing", detail);
        let words = "The target asks to slow down: Suggested Backoff Time: 300000. It is tried again 2026-01-01 12:05 UTC.";
        assert_eq!(of_user(&waiting, &batch("Syncing"), None, now), words);
        let told = of_batch(&batch("Syncing"), std::slice::from_ref(&waiting), now);
        assert_eq!(told, format!("Nothing moves; waiting: 1 mailbox: {words}"));
        let moves = user("Syncing", serde_json::Value::Null);
        let told = of_batch(&batch("Syncing"), &[waiting, moves], now);
        assert!(
            told.starts_with(
                "1 mailbox under way, 0 queued. It is moving: last progress 7 s ago. Waiting: 1 mailbox:"
            ),
            "{told}"
        );
        let score = |score: &str, unapproved: u64| {
            let mut user = user("Synced", serde_json::Value::Null);
            user.score = serde_json::from_value(score.into()).ok();
            user.unapproved = Some(unapproved);
            user
        };
        let held = [score("Investigate", 2), score("Good", 1), score("Perfect", 0)];
        let told = of_batch(&batch("Synced"), &held, now);
        assert!(told.starts_with("Waits for an approval [NeedsApproval]: 1 of 3 mailboxes would"), "{told}");
        assert!(
            told.ends_with("mailferry batch approve wave --all --comment WHY lets them complete."),
            "{told}"
        );
        let told = of_batch(&batch("Synced"), &[score("Poor", 0)], now);
        assert!(told.contains("batch complete wave --despite-score REASON"), "{told}");
        let synced = of_batch(&batch("Synced"), &[], now);
        assert!(synced.contains("A service syncs it again 2026-01-02 00:00 UTC"), "{synced}");
    }
}
