//! What the end of a pass in order makes of its mailbox: synced, completed, held back by the data-consistency gate, or
//! failed because more was skipped than its limits allow. Pure.

use jiff::Timestamp;
use mailferry_model::{
    approval::{Approvals, held, with_gate},
    batch::Batch,
    job::PassKind,
    report::Findings,
    status::{UserEvent, UserStatus},
    user::{Detail, User},
};

use super::user::step;

/// A pass that ended in order.
pub(super) struct Ended<'a> {
    /// The batch of its mailbox.
    pub batch: &'a Batch,
    /// Which pass.
    pub kind: PassKind,
    /// What it found.
    pub findings: &'a Findings,
    /// When it ended.
    pub at: Timestamp,
}

impl Ended<'_> {
    /// What becomes of the user.
    pub fn on(&self, user: &mut User, approvals: &Approvals) {
        user.detail = None;
        user.unapproved = Some(approvals.lacking(self.findings));
        if !self.is_of(user.status) {
            // Somebody has asked for something else meanwhile: that is the next job's.
            return;
        }
        step(user, UserEvent::Move);
        let limits = user.overrides.item_limits.or(self.batch.item_limits);
        if let Some((code, text)) = limits.passed(self.findings, approvals) {
            step(user, UserEvent::Fail);
            // A reason is for one completion.
            user.despite_score = None;
            user.detail = Some(Detail::fresh(code, text, self.at));
            return;
        }
        let ending = if self.findings.is_clean() { UserEvent::Done } else { UserEvent::DoneWithWarnings };
        step(user, ending);
        if self.kind == PassKind::Completion {
            let is_held = held(self.batch, user).is_some();
            step(user, if is_held { UserEvent::HoldBack } else { ending });
        }
        self.tell(user);
    }

    /// Whether a user in this status is at such a pass.
    fn is_of(&self, status: UserStatus) -> bool {
        use UserStatus as S;
        match self.kind {
            PassKind::Initial => {
                status.is_active()
                    && !matches!(status, S::IncrementalSyncing | S::Completing | S::CompletionSynced)
            }
            PassKind::Incremental => status == S::IncrementalSyncing,
            PassKind::Completion => matches!(status, S::Completing | S::CompletionSynced),
        }
    }

    /// What somebody approved meanwhile.
    pub fn count(&self, user: &mut User, approvals: &Approvals) {
        user.unapproved = Some(approvals.lacking(self.findings));
        self.tell(user);
    }

    fn tell(&self, user: &mut User) {
        *user = with_gate(user.clone(), self.batch, self.at);
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{
        approval::{Approval, ApprovedItem, DataConsistency, ItemLimit},
        id::{BatchId, EndpointId, MailboxId, UserId},
        report::Named,
        settings::MailboxAddress,
        status::UserStatus,
    };
    use uuid::Uuid;

    use super::*;

    fn findings(skipped: usize) -> Findings {
        let named = |n: usize| Named {
            folder: "INBOX".into(),
            uid: n.to_string(),
            message_id: None,
            size: 1,
            code: "SOURCE_MALFORMED".into(),
            reason: "words".into(),
            items: None,
            date: None,
            tries: None,
        };
        Findings { identified: 100, skipped: (0..skipped).map(named).collect(), ..Findings::default() }
    }

    fn approved(findings: &Findings) -> Approvals {
        let of = |named: &Named| Approval {
            mailbox: MailboxId(Uuid::nil()),
            item: ApprovedItem::of(named),
            items: named.items,
            comment: "agreed".into(),
            by: "anna".into(),
            at: Timestamp::UNIX_EPOCH,
        };
        Approvals::of(findings.skipped.iter().map(of).collect())
    }

    fn batch() -> Batch {
        let nobody = EndpointId(Uuid::nil());
        Batch::created(BatchId(Uuid::nil()), "wave".into(), (nobody, nobody), Timestamp::UNIX_EPOCH)
    }

    fn after(batch: &Batch, kind: PassKind, findings: &Findings, approvals: &Approvals) -> User {
        let mailbox = MailboxAddress { address: "anna@x".into(), ..MailboxAddress::default() };
        let ends = (mailbox.clone(), mailbox);
        let mut user = User::queued(UserId(Uuid::nil()), batch.id, "anna@x".into(), ends);
        user.status = match kind {
            PassKind::Initial => UserStatus::Syncing,
            PassKind::Incremental => UserStatus::IncrementalSyncing,
            PassKind::Completion => UserStatus::Completing,
        };
        user.score = Some(findings.score());
        Ended { batch, kind, findings, at: Timestamp::UNIX_EPOCH }.on(&mut user, approvals);
        user
    }

    #[test]
    fn a_completion_is_held_back_until_what_stays_behind_is_approved() {
        use UserStatus as U;
        let off = Batch { data_consistency: DataConsistency::Off, ..batch() };
        let (clean, good, bad, worse) = (findings(0), findings(1), findings(3), findings(6));
        let none = Approvals::default();
        for (batch, found, approvals, status, code) in [
            (&batch(), &clean, &none, U::Completed, None),
            (&batch(), &good, &none, U::CompletedWithWarnings, None),
            (&batch(), &bad, &none, U::IncrementalSynced, Some("NeedsApproval")),
            (&batch(), &bad, &approved(&bad), U::CompletedWithWarnings, None),
            (&batch(), &bad, &approved(&good), U::IncrementalSynced, Some("NeedsApproval")),
            (&batch(), &worse, &approved(&worse), U::IncrementalSynced, Some("NeedsApproval")),
            (&off, &worse, &none, U::CompletedWithWarnings, None),
        ] {
            let user = after(batch, PassKind::Completion, found, approvals);
            let told = user.detail.as_ref().map(|detail| detail.code.as_str());
            assert_eq!((user.status, told), (status, code), "{} skipped", found.skipped.len());
        }
        let synced = after(&batch(), PassKind::Initial, &bad, &none);
        assert_eq!((synced.status, synced.unapproved), (U::Synced, Some(3)));
        assert_eq!(synced.detail.unwrap().code, "NeedsApproval", "it is known long before the completion");
    }

    #[test]
    fn more_skipped_than_the_limit_fails_the_mailbox_in_each_pass() {
        use UserStatus as U;
        let mut limited = batch();
        limited.item_limits.bad_item_limit = Some(ItemLimit::AtMost(2));
        let (found, none) = (findings(3), Approvals::default());
        for (kind, failed, well) in [
            (PassKind::Initial, U::Failed, U::Synced),
            (PassKind::Incremental, U::IncrementalFailed, U::IncrementalSynced),
            (PassKind::Completion, U::CompletionFailed, U::CompletedWithWarnings),
        ] {
            let user = after(&limited, kind, &found, &none);
            assert_eq!((user.status, user.detail.unwrap().code.as_str()), (failed, "ITEM_LIMIT_BAD"));
            assert_eq!(after(&limited, kind, &found, &approved(&found)).status, well);
        }
    }
}
