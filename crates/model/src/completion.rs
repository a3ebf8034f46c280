//! What a completion of a batch would meet: who would be completed, what stands in the way, and how much the last sync
//! is likely to carry. Pure, and read from what earlier passes measured: nothing is asked of a mail system.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    approval::{NEEDS_APPROVAL, held},
    batch::Batch,
    endpoint::Endpoint,
    job::PassKind,
    limits::raised_for,
    schedule::shown,
    status::{BatchEvent, BatchStatus, StatusSummary, UserEvent},
    user::User,
};

/// What the last pass of a mailbox took: by it the next one is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPass {
    /// Which pass.
    pub kind: PassKind,
    /// Items that it put.
    pub put: u64,
    /// How long it took, with what was looked at afterwards.
    pub took_ms: u64,
    /// How long before it ended the pass before had ended; none of a first one.
    pub covered_seconds: Option<u64>,
}

/// What stands in the way of a completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// Whose: a user's address, an endpoint's name, or the batch's.
    pub subject: String,
    /// Catalogue code.
    pub code: String,
    /// One sentence.
    pub reason: String,
}

/// A guess: not less than likely, hardly more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// At the pace of the last passes.
    pub from: u64,
    /// When things go worse.
    pub to: u64,
}

/// What a completion would meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Mailboxes that would be completed.
    pub ready: usize,
    /// All that are not completed yet.
    pub open: usize,
    /// What stands in the way of the others.
    pub blockers: Vec<Blocker>,
    /// How many of them sync at once: the incremental limit is raised for it where the batch is large.
    pub together: u32,
    /// Since when nothing was synced, of the mailbox that waits longest.
    pub unsynced_since: Option<Timestamp>,
    /// Mailboxes of which a later sync was measured.
    pub measured: usize,
    /// Items that the last sync is likely to carry; none where not all are measured.
    pub items: Option<Range>,
    /// Seconds until all are completed; none where not all are measured.
    pub seconds: Option<Range>,
}

/// Foresees the completion of a batch.
pub fn plan(
    batch: &Batch,
    users: &[User],
    (endpoints, ceiling): ([&Endpoint; 2], u32),
    now: Timestamp,
) -> Plan {
    let open: Vec<&User> =
        users.iter().filter(|user| user.status.summary() != StatusSummary::Completed).collect();
    let mut blockers = of_batch(batch, now);
    blockers.extend(endpoints.into_iter().filter_map(of_endpoint));
    let mut ready = Vec::new();
    for user in &open {
        match of_user(batch, user) {
            Some(blocker) => blockers.push(blocker),
            None => ready.push(*user),
        }
    }
    let together = endpoints.map(|endpoint| {
        let usual = endpoint.limits.max_concurrent_incremental_syncs;
        raised_for(users.len() as u64, &endpoint.limits, ceiling).unwrap_or(usual)
    });
    let together = together.into_iter().min().unwrap_or(1).max(1);
    let passes: Vec<Guess> = ready.iter().filter_map(|user| guess(user, now)).collect();
    let is_known = !ready.is_empty() && passes.len() == ready.len();
    let items: u64 = passes.iter().map(|guess| guess.items).sum();
    let (sum, longest) = passes.iter().fold((0, 0), |(sum, most), g| (sum + g.took_ms, g.took_ms.max(most)));
    let seconds = longest.max(sum / u64::from(together)).div_ceil(1000);
    Plan {
        ready: ready.len(),
        open: open.len(),
        together,
        blockers,
        unsynced_since: ready.iter().filter_map(|user| user.last_synced).min(),
        measured: passes.len(),
        items: is_known.then(|| wide(items)),
        seconds: is_known.then(|| wide(seconds)),
    }
}

/// Three times as much is nothing unusual: people work by day, and a completion looks at every item afterwards.
fn wide(n: u64) -> Range {
    Range { from: n, to: n * 3 + 1 }
}

/// What the next pass of a mailbox is likely to be.
struct Guess {
    items: u64,
    took_ms: u64,
}

/// By a later sync alone: how long a first one took says nothing of it.
fn guess(user: &User, now: Timestamp) -> Option<Guess> {
    let pass = user.last_pass.filter(|pass| pass.kind != PassKind::Initial)?;
    let covered = pass.covered_seconds.filter(|seconds| *seconds > 0)?;
    let since = user.last_synced?.duration_until(now).as_secs().max(0).unsigned_abs();
    let times =
        |n: u64| u64::try_from(u128::from(n) * u128::from(since) / u128::from(covered)).unwrap_or(u64::MAX);
    // A pass without changes takes its time too.
    Some(Guess {
        items: times(pass.put),
        took_ms: pass.took_ms.max(times(pass.took_ms).min(pass.took_ms * 10)),
    })
}

fn of_batch(batch: &Batch, now: Timestamp) -> Vec<Blocker> {
    let blocker =
        |code: &str, reason: String| Blocker { subject: batch.name.clone(), code: code.to_owned(), reason };
    let mut blockers = Vec::new();
    let is_over = batch.status == BatchStatus::Completed;
    if !is_over && batch.status.after(BatchEvent::Complete).is_none() {
        let status = batch.status.label();
        blockers
            .push(blocker("WRONG_STATE", format!("the batch is {status}: it cannot complete from there")));
    }
    if let Some(why) = batch.mode.sentence(&batch.name) {
        blockers.push(blocker("BATCH_MODE", why.trim_end_matches('.').to_owned()));
    }
    if let Some(at) = batch.schedule.opens_at(now) {
        let at = shown(at, batch.schedule.time_zone.as_deref());
        blockers.push(blocker("StalledDueToWindow", format!("its hours begin {at}")));
    }
    blockers
}

fn of_endpoint(endpoint: &Endpoint) -> Option<Blocker> {
    let of = |code: &str, reason: String| {
        Some(Blocker { subject: endpoint.name.clone(), code: code.to_owned(), reason })
    };
    if let Some(why) = &endpoint.needs_to_connect {
        return of("NeedsToConnect", format!("the endpoint {} needs you: {why}", endpoint.name));
    }
    let test = endpoint.last_test.as_ref().filter(|test| test.result == "Failed")?;
    let step = test.steps.iter().find(|step| step.outcome == crate::finding::Verdict::Fail)?;
    let why = step.cause.as_deref().unwrap_or(&step.title);
    let code = step.code.as_deref().unwrap_or("WaitingForEndpoint");
    of(code, format!("the endpoint {} fails its test: {why}", endpoint.name))
}

fn of_user(batch: &Batch, user: &User) -> Option<Blocker> {
    let of = |code: String, reason: String| Some(Blocker { subject: user.address.clone(), code, reason });
    let status = user.status;
    let told = user.detail.as_ref();
    if user.status.after(UserEvent::Complete).is_none() || status.is_failure() {
        let code = told.map_or_else(|| format!("{status:?}"), |detail| detail.code.clone());
        let words = told.map(|detail| format!(": {}", detail.text)).unwrap_or_default();
        return of(code, format!("{} is {}{words}", user.address, status.label()));
    }
    let held = held(batch, user)?;
    of(NEEDS_APPROVAL.to_owned(), held.sentence(&user.address, &batch.name))
}

impl Plan {
    /// In one sentence.
    pub fn sentence(&self, now: Timestamp) -> String {
        let Self { ready, open, .. } = self;
        if *open == 0 {
            return "All its mailboxes are completed: there is nothing to complete.".to_owned();
        }
        let since = self.unsynced_since.map(|at| hours(at.duration_until(now)));
        let since = since.map(|since| format!(" The last sync was {since} ago.")).unwrap_or_default();
        let guess = match (self.items, self.seconds) {
            (Some(items), Some(seconds)) => format!(
                " By the last passes about {} to {} items would be carried, in {} to {}.",
                items.from,
                items.to,
                hours(SignedDuration::from_secs(i64::try_from(seconds.from).unwrap_or(i64::MAX))),
                hours(SignedDuration::from_secs(i64::try_from(seconds.to).unwrap_or(i64::MAX)))
            ),
            _ if *ready == 0 => String::new(),
            _ => format!(
                " How long it takes is not known: a later sync was measured of {} of {ready}; mailferry batch sync \
                 measures.",
                self.measured
            ),
        };
        let blocked = match self.blockers.len() {
            0 => " Nothing stands in the way.".to_owned(),
            1 => " 1 thing stands in the way.".to_owned(),
            n => format!(" {n} things stand in the way."),
        };
        format!("{ready} of {open} mailboxes would be completed.{blocked}{since}{guess}")
    }
}

fn hours(length: SignedDuration) -> String {
    match length.as_secs().max(0) {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{BatchId, EndpointId, UserId},
        limits::Limits,
        report::Score,
        settings::{MailboxAddress, Settings},
        status::UserStatus,
        user::Detail,
    };

    fn endpoint(name: &str, limit: u32) -> Endpoint {
        Endpoint {
            id: EndpointId(uuid::Uuid::nil()),
            version: 1,
            name: name.into(),
            kind: "imap".into(),
            settings: Settings::default(),
            limits: Limits { max_concurrent_migrations: 20, max_concurrent_incremental_syncs: limit },
            needs_to_connect: None,
            last_test: None,
            last_good_test: None,
            told_waiting: false,
            certificate_told: None,
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
        }
    }

    fn user(address: &str, status: UserStatus) -> User {
        let mailbox = MailboxAddress { address: address.into(), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        let mut user =
            User::queued(UserId(uuid::Uuid::nil()), BatchId(uuid::Uuid::nil()), address.into(), ends);
        (user.status, user.score) = (status, Some(Score::Perfect));
        user.last_synced = Some(Timestamp::UNIX_EPOCH);
        user.last_pass = Some(LastPass {
            kind: PassKind::Incremental,
            put: 12,
            took_ms: 60_000,
            covered_seconds: Some(86_400),
        });
        user
    }

    fn batch() -> Batch {
        let nobody = EndpointId(uuid::Uuid::nil());
        let id = BatchId(uuid::Uuid::nil());
        let batch = Batch::created(id, "wave".into(), (nobody, nobody), Timestamp::UNIX_EPOCH);
        Batch { status: BatchStatus::Synced, ..batch }
    }

    #[test]
    fn what_stands_in_the_way_is_named_with_its_code() {
        let now = Timestamp::from_second(3600).unwrap();
        let (old, mut new) = (endpoint("Old", 10), endpoint("New", 10));
        new.needs_to_connect = Some("password expired".into());
        let mut failed = user("ben@x", UserStatus::IncrementalFailed);
        failed.detail = Some(Detail::fresh("SOURCE_NOT_FOUND", "no mailbox".into(), now));
        let mut held = user("cem@x", UserStatus::Synced);
        (held.score, held.unapproved) = (Some(Score::Investigate), Some(3));
        let users = [
            user("ann@x", UserStatus::Synced),
            failed,
            held,
            user("dan@x", UserStatus::Syncing),
            user("eva@x", UserStatus::Completed),
        ];
        let plan = plan(&batch(), &users, ([&old, &new], 300), now);
        let named: Vec<_> = plan.blockers.iter().map(|b| (b.subject.as_str(), b.code.as_str())).collect();
        assert_eq!(
            named,
            [
                ("New", "NeedsToConnect"),
                ("ben@x", "SOURCE_NOT_FOUND"),
                ("cem@x", "NeedsApproval"),
                ("dan@x", "Syncing"),
            ]
        );
        assert_eq!((plan.ready, plan.open), (1, 4));
        let over = Batch { status: BatchStatus::Completed, ..batch() };
        let over = super::plan(&over, &users[4..], ([&old, &old], 300), now);
        assert_eq!((over.open, over.blockers.len()), (0, 0));
        assert!(over.sentence(now).ends_with("there is nothing to complete."));
        let busy = Batch { status: BatchStatus::Syncing, ..batch() };
        assert_eq!(super::plan(&busy, &[], ([&old, &old], 300), now).blockers[0].code, "WRONG_STATE");
    }

    #[test]
    fn the_last_sync_is_guessed_from_later_syncs_and_else_not_at_all() {
        let now = Timestamp::from_second(2 * 86_400).unwrap();
        let users = [user("ann@x", UserStatus::Synced), user("ben@x", UserStatus::Synced)];
        let at = |limit| {
            let (old, new) = (endpoint("Old", 10), endpoint("New", limit));
            plan(&batch(), &users, ([&old, &new], 300), now)
        };
        let range = |from, to| Some(Range { from, to });
        assert_eq!((at(10).items, at(10).seconds), (range(48, 145), range(120, 361)));
        assert_eq!(at(1).seconds, range(240, 721), "one after the other");
        let told = at(10).sentence(now);
        assert!(told.contains("Nothing stands in the way. The last sync was 48 h ago."), "{told}");
        assert!(told.ends_with("about 48 to 145 items would be carried, in 2 min to 6 min."), "{told}");
        let mut first = users.clone();
        first[1].last_pass = first[1].last_pass.map(|pass| LastPass { kind: PassKind::Initial, ..pass });
        let (old, new) = (endpoint("Old", 10), endpoint("New", 10));
        let unknown = plan(&batch(), &first, ([&old, &new], 300), now);
        assert_eq!((unknown.items, unknown.seconds, unknown.measured), (None, None, 1));
        assert!(
            unknown.sentence(now).contains("How long it takes is not known"),
            "{}",
            unknown.sentence(now)
        );
    }
}
