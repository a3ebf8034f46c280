//! Why a mailbox waits: the stall codes in Microsoft's grammar, as one table of side and kind.
//!
//! A stall is a status *detail*, never a failure: the mailbox stays `Syncing` and resumes by itself.
//! Codes that only Microsoft's own service can know are explained by the catalogue, not emitted here.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    batch::Batch,
    catalogue,
    error::{Kind, Side},
    id::EndpointId,
    status::UserStatus,
    user::User,
};

/// A stall code, verbatim as people search for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StallCode(pub &'static str);

impl StallCode {
    /// The code for an error of `kind` on `side`.
    pub fn of(side: Side, kind: Kind) -> Self {
        use Kind::*;
        Self(match (side, kind) {
            (Side::Source, Unreachable) => "StalledDueToSource_Unreachable",
            (Side::Target, Unreachable) => "StalledDueToTarget_Unreachable",
            (Side::Source, Timeout) => "StalledDueToSource_Timeout",
            (Side::Target, Timeout) => "StalledDueToTarget_Timeout",
            (Side::Source, Tls) => "StalledDueToSource_Certificate",
            (Side::Target, Tls) => "StalledDueToTarget_Certificate",
            (_, Unauthenticated) => "StalledDueToCredentials",
            (Side::Source, Forbidden) => "StalledDueToSource_Permission",
            (Side::Target, Forbidden) => "StalledDueToTarget_Permission",
            (Side::Source, Throttled) => "StalledDueToSource_Throttled",
            (Side::Target, Throttled) => "StalledDueToTarget_Throttled",
            (Side::Source, Busy) => "StalledDueToSource_Busy",
            (Side::Target, Busy) => "StalledDueToTarget_Busy",
            (_, Locked) => "StalledDueToMailboxLock",
            // Our own disk is no mailbox.
            (Side::Us, _) => "StalledDueToWorker",
            (_, QuotaExceeded) => "StalledDueToTarget_QuotaExceeded",
            (Side::Source, _) => "StalledDueToSource_UnknownReason",
            (Side::Target, _) => "StalledDueToTarget_UnknownReason",
        })
    }

    /// Waits for a free slot of its endpoint.
    pub const ENDPOINT_CAPACITY: Self = Self("StalledDueToSource_EndpointCapacityExceeded");
}

/// What there is to say of mailboxes that wait for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stall {
    /// Its code.
    pub code: String,
    /// A few words.
    pub title: String,
    /// Since when; of several since the first.
    pub since: Timestamp,
    /// When it is tried again by itself; of several the first.
    pub next_try: Option<Timestamp>,
    /// What was last seen or answered, in the other side's words.
    pub evidence: String,
    /// What helps.
    pub remedy: Vec<String>,
    /// When somebody has to look, if it lasts.
    pub escalates: Option<Timestamp>,
    /// Whether somebody was told to.
    pub escalated: bool,
    /// What to do then.
    pub next_step: Option<String>,
}

impl Stall {
    /// Of a mailbox that is under way and stalled.
    pub fn of(user: &User) -> Option<Self> {
        let detail = user.detail.as_ref().filter(|detail| detail.is_stall() && user.status.is_active())?;
        let stall = Self::told(&detail.code, detail.since, detail.text.clone())?;
        Some(Self { next_try: detail.next_try, escalated: detail.escalated, ..stall })
    }

    /// What the catalogue says of a code, and what was seen since when.
    fn told(code: &str, since: Timestamp, evidence: String) -> Option<Self> {
        let entry = catalogue::find(code)?;
        let after = entry.escalate_after.map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
        Some(Self {
            code: entry.code.clone(),
            title: entry.title.clone(),
            since,
            next_try: None,
            evidence,
            remedy: entry.fix.clone(),
            escalates: after.and_then(|after| since.checked_add(after).ok()),
            escalated: false,
            next_step: entry.next_step.clone(),
        })
    }

    /// Whether it has lasted so long that somebody has to look.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.escalates.is_some_and(|at| at <= now)
    }
}

/// One reason, at one endpoint, and how many mailboxes of a batch wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What there is to say of it.
    pub stall: Stall,
    /// At which endpoint; none where the code names no side.
    pub endpoint: Option<EndpointId>,
    /// How many wait.
    pub mailboxes: usize,
}

/// The endpoint that a stall of a batch is at, by the side that its code names.
pub fn endpoint_of(batch: &Batch, code: &str) -> Option<EndpointId> {
    match (code.contains("DueToSource"), code.contains("DueToTarget")) {
        (true, _) => Some(batch.source),
        (_, true) => Some(batch.target),
        _ => None,
    }
}

/// Why mailboxes of a batch that is under way wait, the reason that most have first. Those that wait for a slot are a
/// queue: they are told only while others hold one.
pub fn causes(batch: &Batch, users: &[User]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for stall in users.iter().filter_map(Stall::of) {
        match causes.iter_mut().find(|cause| cause.stall.code == stall.code) {
            Some(cause) => {
                cause.mailboxes += 1;
                cause.stall.escalated |= stall.escalated;
                cause.stall.next_try = [cause.stall.next_try, stall.next_try].into_iter().flatten().min();
                if stall.since < cause.stall.since {
                    (cause.stall.since, cause.stall.escalates) = (stall.since, stall.escalates);
                    cause.stall.evidence = stall.evidence;
                }
            }
            None => {
                let endpoint = endpoint_of(batch, &stall.code);
                causes.push(Cause { stall, endpoint, mailboxes: 1 });
            }
        }
    }
    let waits = |user: &&User| user.status == UserStatus::Queued && user.detail.is_none();
    let queued = users.iter().filter(waits).count();
    let working = users.iter().filter(|user| user.status.is_active() && !waits(user)).count();
    let evidence = format!("{working} mailboxes of its batch are under way before them");
    let since = batch.started.unwrap_or(batch.created);
    let queue = Stall::told(StallCode::ENDPOINT_CAPACITY.0, since, evidence);
    if let Some(queue) = queue.filter(|_| queued > 0 && working > 0) {
        let endpoint = endpoint_of(batch, &queue.code);
        // A queue is no fault, however long it is: nobody is told to look.
        causes.push(Cause { stall: Stall { escalates: None, ..queue }, endpoint, mailboxes: queued });
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.mailboxes));
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{BatchId, UserId},
        settings::MailboxAddress,
        user::Detail,
    };
    use uuid::Uuid;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn batch() -> Batch {
        let ends = (EndpointId(Uuid::from_u128(1)), EndpointId(Uuid::from_u128(2)));
        Batch { started: Some(at(5)), ..Batch::created(BatchId(Uuid::nil()), "wave".into(), ends, at(0)) }
    }

    fn user(status: UserStatus, detail: Option<(&str, i64)>) -> User {
        let mailbox = MailboxAddress { address: "anna@x".into(), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        let mut user = User::queued(UserId(Uuid::nil()), BatchId(Uuid::nil()), "anna@x".into(), ends);
        user.status = status;
        user.detail = detail.map(|(code, since)| Detail::fresh(code, format!("since {since}"), at(since)));
        user
    }

    /// Each code has what the table promises, and what we emit is not Microsoft's alone.
    #[test]
    fn every_stall_has_its_remedy_and_its_next_step() {
        let stalls = catalogue::entries().iter().filter(|entry| entry.code.starts_with("StalledDueTo"));
        for entry in stalls {
            assert!(!entry.fix.is_empty() && !entry.title.is_empty(), "{}", entry.code);
            let waits_for_its_hours = entry.code == "StalledDueToWindow";
            let escalates = entry.escalate_after.is_some() && entry.next_step.is_some();
            assert!(escalates || entry.only_microsoft || waits_for_its_hours, "{}", entry.code);
        }
        for (side, kind) in [Side::Source, Side::Target, Side::Us]
            .into_iter()
            .flat_map(|side| Kind::ALL.into_iter().map(move |kind| (side, kind)))
        {
            let entry = catalogue::find(StallCode::of(side, kind).0).unwrap();
            assert!(!entry.only_microsoft && entry.escalate_after.is_some(), "{side:?} {kind:?}");
        }
    }

    #[test]
    fn mailboxes_that_wait_for_one_reason_are_one_cause() {
        use UserStatus::{Failed, Queued, Syncing};
        let (full, busy) = ("StalledDueToTarget_QuotaExceeded", "StalledDueToSource_Busy");
        let users = [
            user(Syncing, Some((busy, 900))),
            user(Syncing, Some((busy, 600))),
            user(Syncing, Some((full, 700))),
            user(Failed, Some((full, 1))),
            user(Queued, None),
            user(Syncing, Some(("NeedsApproval", 1))),
        ];
        let batch = batch();
        let told = causes(&batch, &users);
        let names: Vec<_> = told.iter().map(|c| (c.stall.code.as_str(), c.mailboxes, c.endpoint)).collect();
        let (source, target) = (Some(batch.source), Some(batch.target));
        let queue = ("StalledDueToSource_EndpointCapacityExceeded", 1, source);
        assert_eq!(names, [(busy, 2, source), (full, 1, target), queue]);
        assert_eq!((told[0].stall.since, told[0].stall.evidence.as_str()), (at(600), "since 600"));
        assert_eq!(told[0].stall.escalates, Some(at(600 + 3600)), "an hour after the first");
        assert!(!told[0].stall.is_due(at(4199)) && told[0].stall.is_due(at(4200)));
        assert_eq!(causes(&batch, &[user(Queued, None)]), [], "where nobody holds a slot it is no queue");
    }
}
