//! The way back of a batch: who approved it, and for what.
//!
//! Pure. mailferry never changes a source, so that going back is pointing mail and people at it again. What it does not
//! know (where mail is delivered) an administrator says, or it is a line to be filled in on paper.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{batch::Batch, id::EndpointId, user::User, words::unshown};

/// The longest name of an approver, and the longest value to go back to.
pub const LONGEST: usize = 200;

/// Somebody's word that the way back of a batch is described well enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackApproval {
    /// Who approves.
    pub approver: String,
    /// Who wrote it down here.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// For people.
    #[serde(default)]
    pub comment: Option<String>,
    /// Where mail goes again, and where programs find their server.
    #[serde(default)]
    pub values: GoBack,
    /// For what.
    pub covers: Covers,
}

/// What DNS says again after going back; none: nobody has said it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GoBack {
    /// The MX records.
    pub mx: Option<String>,
    /// The record of Autodiscover.
    pub autodiscover: Option<String>,
}

impl GoBack {
    /// Both, in lines, judged.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("mx", &self.mx), ("autodiscover", &self.autodiscover)] {
            value.as_deref().map_or(Ok(()), |value| check_words(name, value))?;
        }
        Ok(())
    }
}

/// A name or a value that is printed: short, and of letters that can be shown.
///
/// # Errors
/// A sentence.
pub fn check_words(what: &str, text: &str) -> Result<(), String> {
    match text.trim().is_empty() || text.chars().count() > LONGEST || unshown(text).is_some() {
        true => Err(format!("{what} has 1 to {LONGEST} characters that can be shown.")),
        false => Ok(()),
    }
}

/// Endpoints and mailboxes for which an approval was given: of others it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covers {
    source: EndpointId,
    target: EndpointId,
    mailboxes: usize,
    /// The ids of the mailboxes, put together in any order.
    sum: Uuid,
}

impl Covers {
    /// A batch as it is.
    pub fn of(batch: &Batch, users: &[User]) -> Self {
        let mut covers = Self::without_users(batch);
        users.iter().for_each(|user| covers.add(user));
        covers
    }

    /// Its endpoints; its mailboxes are added one by one.
    pub fn without_users(batch: &Batch) -> Self {
        Self { source: batch.source, target: batch.target, mailboxes: 0, sum: Uuid::nil() }
    }

    /// One mailbox more.
    pub fn add(&mut self, user: &User) {
        self.mailboxes += 1;
        self.sum = Uuid::from_u128(self.sum.as_u128() ^ user.id.0.as_u128());
    }
}

/// Whether the way back of a batch is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approved<'a> {
    /// Nobody has.
    No,
    /// For other endpoints or mailboxes than it has now.
    Outdated(&'a RollbackApproval),
    /// As it is.
    Yes(&'a RollbackApproval),
}

/// Of a batch with all its users.
pub fn approved<'a>(batch: &'a Batch, users: &[User]) -> Approved<'a> {
    approved_for(batch, &Covers::of(batch, users))
}

/// The same where its users were counted one by one.
pub fn approved_for<'a>(batch: &'a Batch, now: &Covers) -> Approved<'a> {
    match &batch.rollback {
        None => Approved::No,
        Some(approval) if approval.covers == *now => Approved::Yes(approval),
        Some(approval) => Approved::Outdated(approval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{BatchId, UserId},
        settings::MailboxAddress,
    };

    fn user(n: u128) -> User {
        let mailbox = MailboxAddress { address: format!("{n}@x"), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        User::queued(UserId(Uuid::from_u128(n)), BatchId(Uuid::nil()), format!("{n}@x"), ends)
    }

    #[test]
    fn an_approval_is_of_these_endpoints_and_mailboxes_alone() {
        let end = |n| EndpointId(Uuid::from_u128(n));
        let ends = (end(1), end(2));
        let mut batch = Batch::created(BatchId(Uuid::nil()), "w".into(), ends, Timestamp::UNIX_EPOCH);
        let users = [user(1), user(2)];
        assert_eq!(approved(&batch, &users), Approved::No);
        let approval = RollbackApproval {
            approver: "Ben".into(),
            by: "ben".into(),
            at: Timestamp::UNIX_EPOCH,
            comment: None,
            values: GoBack::default(),
            covers: Covers::of(&batch, &users),
        };
        batch.rollback = Some(approval.clone());
        assert_eq!(approved(&batch, &users), Approved::Yes(&approval));
        assert_eq!(approved(&batch, &[user(2), user(1)]), Approved::Yes(&approval), "in any order");
        for others in [&users[..1], &[user(1), user(3)], &[user(1), user(2), user(3)], &[]] {
            assert_eq!(approved(&batch, others), Approved::Outdated(&approval));
        }
        batch.source = end(3);
        assert_eq!(approved(&batch, &users), Approved::Outdated(&approval));
    }

    #[test]
    fn what_is_printed_is_short_and_can_be_shown() {
        let of = |mx: &str| GoBack { mx: Some(mx.into()), autodiscover: None }.check();
        assert_eq!(of("10 mail.old.example."), Ok(()));
        assert_eq!(GoBack::default().check(), Ok(()));
        for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(LONGEST + 1)] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}
