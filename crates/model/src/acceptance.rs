//! Acceptance: three ticks for each mailbox, given by people after its completion, with name and time.
//!
//! Pure. They are words of the same kind as a pilot's sign-off, of the three things that people notice first. Until all of
//! a batch is accepted its source is kept: nothing of ours changes a source at all, and whatever ever shall asks
//! [`keeps_source`] first. What the rollback page and the batch say about the source is its answer, too.

use crate::{
    pilot::{Check, SignOff},
    status::StatusSummary,
    user::User,
    why::mailboxes,
};

/// What is ticked, in the order in which it is asked for.
pub const TICKS: [Check; 3] = [Check::MailFlow, Check::Calendar, Check::Mobile];

/// The tick of that name.
pub fn tick(word: &str) -> Option<Check> {
    TICKS.into_iter().find(|tick| tick.word() == word)
}

/// Their names, for messages.
pub fn words() -> String {
    TICKS.map(Check::word).join(", ")
}

/// What nobody has ticked of a mailbox; of one that is not completed, all of it.
pub fn lacking(user: &User) -> Vec<Check> {
    TICKS.into_iter().filter(|tick| !is_completed(user) || given(user, *tick).is_none()).collect()
}

/// Who ticked one thing of a mailbox, when.
pub fn given(user: &User, tick: Check) -> Option<&SignOff> {
    user.acceptance.iter().find(|given| given.check == tick)
}

/// Whether a mailbox is accepted: completed, and all three given.
pub fn is_accepted(user: &User) -> bool {
    lacking(user).is_empty()
}

/// Whether a mailbox may be ticked.
pub fn is_completed(user: &User) -> bool {
    user.status.summary() == StatusSummary::Completed
}

/// How many mailboxes have which tick.
pub fn counts(users: &[User]) -> [(Check, usize); 3] {
    let count = |tick| users.iter().filter(|user| !lacking(user).contains(&tick)).count();
    TICKS.map(|tick| (tick, count(tick)))
}

/// Why the source of these mailboxes must stay as it is, in a sentence; none once each of them is accepted. Of no mailbox
/// nobody has accepted anything.
pub fn keeps_source(users: &[User]) -> Option<String> {
    let mut unaccepted = Unaccepted::default();
    users.iter().for_each(|user| unaccepted.add(user));
    unaccepted.keeps_source()
}

/// Mailboxes counted one by one, where there are too many to be held together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unaccepted {
    mailboxes: usize,
    open: usize,
    unaccepted: usize,
}

impl Unaccepted {
    /// One mailbox more.
    pub fn add(&mut self, user: &User) {
        self.mailboxes += 1;
        match is_completed(user) {
            false => self.open += 1,
            true => self.unaccepted += usize::from(!is_accepted(user)),
        }
    }

    /// As the function of this name.
    pub fn keeps_source(self) -> Option<String> {
        let mut why = Vec::new();
        if self.mailboxes == 0 {
            why.push("it has no mailbox".to_owned());
        }
        if self.open > 0 {
            why.push(format!("{} not completed", mailboxes(self.open)));
        }
        if self.unaccepted > 0 {
            why.push(format!("{} completed and not accepted", mailboxes(self.unaccepted)));
        }
        (!why.is_empty()).then(|| format!("Keep the source as it is: {}.", why.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::{BatchId, UserId},
        pilot,
        settings::MailboxAddress,
        status::UserStatus,
    };

    fn user(status: UserStatus, ticks: &[Check]) -> User {
        let mailbox = MailboxAddress { address: "anna@x".into(), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        let mut user = User::queued(UserId(Uuid::nil()), BatchId(Uuid::nil()), "anna@x".into(), ends);
        user.status = status;
        pilot::give(&mut user.acceptance, ticks, ("ben", Timestamp::UNIX_EPOCH), None);
        user
    }

    #[test]
    fn a_mailbox_is_accepted_when_it_is_completed_and_has_all_three() {
        use UserStatus::{Completed, CompletedWithWarnings, Synced};
        for (status, ticks, lacks) in [
            (Completed, &TICKS[..], &[][..]),
            (CompletedWithWarnings, &TICKS, &[]),
            (Completed, &TICKS[1..], &[Check::MailFlow]),
            // It was completed, ticked, and syncs again: what was ticked is no longer what is there.
            (Synced, &TICKS, &TICKS),
        ] {
            let user = user(status, ticks);
            assert_eq!(
                (lacking(&user), is_accepted(&user)),
                (lacks.to_vec(), lacks.is_empty()),
                "{status:?}"
            );
        }
        let two = [user(Completed, &TICKS), user(Completed, &[Check::Mobile]), user(Synced, &TICKS)];
        assert_eq!(counts(&two).map(|(_, n)| n), [1, 1, 2]);
    }

    #[test]
    fn the_source_is_kept_until_every_mailbox_is_accepted() {
        use UserStatus::{Completed, Failed, Synced};
        let accepted = || user(Completed, &TICKS);
        assert_eq!(keeps_source(&[accepted(), accepted()]), None);
        let almost = UserStatus::ALL.into_iter().filter(|status| *status != Completed);
        for status in almost.filter(|status| status.summary() != StatusSummary::Completed) {
            assert!(keeps_source(&[accepted(), user(status, &TICKS)]).is_some(), "{status:?}");
        }
        for left_out in TICKS {
            let ticks: Vec<Check> = TICKS.into_iter().filter(|tick| *tick != left_out).collect();
            assert!(keeps_source(&[accepted(), user(Completed, &ticks)]).is_some());
        }
        let why = keeps_source(&[accepted(), user(Synced, &[]), user(Failed, &[]), user(Completed, &[])]);
        let wanted =
            "Keep the source as it is: 2 mailboxes not completed, 1 mailbox completed and not accepted.";
        assert_eq!(why.as_deref(), Some(wanted));
        assert!(keeps_source(&[]).is_some());
    }

    #[test]
    fn a_tick_is_given_anew_and_taken_back() {
        let mut user = user(UserStatus::Completed, &TICKS);
        pilot::give(&mut user.acceptance, &[Check::Calendar], ("cem", Timestamp::UNIX_EPOCH), Some("late"));
        let by: Vec<&str> = user.acceptance.iter().map(|given| &*given.by).collect();
        assert_eq!(by, ["ben", "cem", "ben"], "in the order in which they are asked for");
        pilot::take_back(&mut user.acceptance, &[Check::Calendar, Check::Mobile]);
        assert_eq!(lacking(&user), [Check::Calendar, Check::Mobile]);
        assert_eq!((tick("mobile"), tick("desktop")), (Some(Check::Mobile), None));
    }
}
