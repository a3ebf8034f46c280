//! Pilots (R14): a batch that goes first, and what somebody has to try of each of its mailboxes before others follow.
//!
//! Pure. A pilot is clean when it is synced, nothing of it failed, its scores are Perfect or Good, and each of its mailboxes
//! is signed off. Until then batches at the same endpoints do not begin, unless somebody says why they shall.

pub mod suggest;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{batch::Batch, report::Score, status::StatusSummary, user::User, why::mailboxes};

/// The detail of a batch that waits for a pilot.
pub const WAITING_FOR_PILOT: &str = "WaitingForPilot";

/// What is tried of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Mail comes and goes.
    MailFlow,
    /// The calendar is right, invitations come and go.
    Calendar,
    /// A telephone signs in.
    Mobile,
    /// The mail program signs in.
    Desktop,
    /// Shared mailboxes open.
    SharedMailboxes,
}

impl Check {
    /// All of them, in the order in which they are asked for.
    pub const ALL: [Self; 5] =
        [Self::MailFlow, Self::Calendar, Self::Mobile, Self::Desktop, Self::SharedMailboxes];

    /// As flags and the API call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::MailFlow => "mail-flow",
            Self::Calendar => "calendar",
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
            Self::SharedMailboxes => "shared-mailboxes",
        }
    }
}

/// Somebody's word that one of these works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOff {
    /// What.
    pub check: Check,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// For people.
    pub comment: Option<String>,
}

/// Adds somebody's words; one of before about the same is replaced.
pub fn give(words: &mut Vec<SignOff>, checks: &[Check], (by, at): (&str, Timestamp), comment: Option<&str>) {
    take_back(words, checks);
    let comment = comment.map(str::to_owned);
    let sign = |check: &Check| SignOff { check: *check, by: by.to_owned(), at, comment: comment.clone() };
    words.extend(checks.iter().map(sign));
    words.sort_by_key(|given| given.check);
}

/// Takes those of these checks back.
pub fn take_back(words: &mut Vec<SignOff>, checks: &[Check]) {
    words.retain(|given| !checks.contains(&given.check));
}

/// What a mailbox of a pilot still has to be tried of.
pub fn unsigned(user: &User) -> Vec<Check> {
    let is_signed = |check: &Check| user.sign_offs.iter().any(|signed| signed.check == *check);
    Check::ALL.into_iter().filter(|check| !is_signed(check)).collect()
}

/// What keeps a pilot from being clean, a sentence each; nothing when it is.
pub fn lacks(users: &[User]) -> Vec<String> {
    let count = |fits: &dyn Fn(&User) -> bool| users.iter().filter(|user| fits(user)).count();
    let synced =
        |user: &User| matches!(user.status.summary(), StatusSummary::Synced | StatusSummary::Completed);
    let is_bad = |user: &User| matches!(user.score, Some(Score::Investigate | Score::Poor));
    let failed = count(&|user| user.status.is_failure());
    let open = count(&|user| !synced(user)) - failed;
    let bad = count(&|user| synced(user) && is_bad(user));
    let mut lacks = Vec::new();
    let mut tell = |n: usize, what: &str| {
        if n > 0 {
            lacks.push(format!("{} {what}", mailboxes(n)));
        }
    };
    tell(failed, "failed");
    tell(open, "not synced yet");
    tell(bad, "with a score of Investigate or Poor");
    let open: Vec<&str> = Check::ALL
        .into_iter()
        .filter(|check| users.iter().any(|user| unsigned(user).contains(check)))
        .map(Check::word)
        .collect();
    tell(count(&|user| !unsigned(user).is_empty()), &format!("not signed off for {}", open.join(", ")));
    lacks
}

/// Whether a batch would wait for a pilot: it has not been synced, works at an endpoint of the pilot, is none itself, and
/// nobody has said why it shall not.
pub fn waits_for(batch: &Batch, pilot: &Batch) -> bool {
    let ends = |b: &Batch| [b.source, b.target];
    let shares = ends(batch).iter().any(|end| ends(pilot).contains(end));
    let moves = !matches!(batch.mode, crate::mode::RunMode::VerifyCredentials);
    pilot.pilot && !batch.pilot && shares && moves && batch.synced.is_none() && batch.despite_pilot.is_none()
}

/// The detail of a batch that waits for a pilot which lacks this.
pub fn detail(pilot: &Batch, lacks: &[String]) -> String {
    format!("{WAITING_FOR_PILOT}: the pilot {} is not clean: {}", pilot.name, lacks.join(", "))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::{BatchId, EndpointId, UserId},
        settings::MailboxAddress,
        status::UserStatus,
    };

    fn user(status: UserStatus, score: Score, signed: &[Check]) -> User {
        let mailbox = MailboxAddress { address: "anna@x".into(), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        let mut user = User::queued(UserId(Uuid::nil()), BatchId(Uuid::nil()), "anna@x".into(), ends);
        (user.status, user.score) = (status, Some(score));
        let sign = |check: &Check| SignOff {
            check: *check,
            by: "ben".into(),
            at: Timestamp::UNIX_EPOCH,
            comment: None,
        };
        user.sign_offs = signed.iter().map(sign).collect();
        user
    }

    #[test]
    fn a_pilot_is_clean_when_all_is_synced_well_and_signed_off() {
        use UserStatus::{Completed, Failed, Synced, Syncing};
        let all = Check::ALL;
        assert_eq!(lacks(&[user(Synced, Score::Good, &all), user(Completed, Score::Perfect, &all)]), [""; 0]);
        let told = lacks(&[
            user(Failed, Score::Good, &all),
            user(Syncing, Score::Good, &all),
            user(Synced, Score::Investigate, &all),
            user(Synced, Score::Perfect, &all[1..]),
        ]);
        let wanted = [
            "1 mailbox failed",
            "1 mailbox not synced yet",
            "1 mailbox with a score of Investigate or Poor",
            "1 mailbox not signed off for mail-flow",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn others_at_its_endpoints_wait_and_nobody_else() {
        let end = |n| EndpointId(Uuid::from_u128(n));
        let batch = |ends| Batch::created(BatchId(Uuid::nil()), "w".into(), ends, Timestamp::UNIX_EPOCH);
        let pilot = Batch { pilot: true, ..batch((end(1), end(2))) };
        let other = batch((end(1), end(3)));
        assert!(waits_for(&other, &pilot) && !waits_for(&batch((end(3), end(4))), &pilot));
        assert!(!waits_for(&pilot, &pilot) && !waits_for(&other, &other));
        assert!(!waits_for(&Batch { despite_pilot: Some("late".into()), ..other.clone() }, &pilot));
        assert!(!waits_for(&Batch { synced: Some(Timestamp::UNIX_EPOCH), ..other.clone() }, &pilot));
        let verifies = Batch { mode: crate::mode::RunMode::VerifyCredentials, ..other };
        assert!(!waits_for(&verifies, &pilot), "to sign in is no move");
    }
}
