//! Verification of mailboxes of batches, one after another, as their passes sign in: both sides are read afresh. No
//! job, no status, nothing is written.

use std::{sync::Arc, time::Duration};

use mailferry_model::{
    Kind, Result, Scope,
    cancel::Cancel,
    id::BatchId,
    report::Warning,
    user::User,
    verification::{Subject, Sum, VerificationDepth, Verified},
};

use super::{user::end_of, worker::Worker};
use crate::{
    copy::{Copy, Patience, Task, copy},
    pass::{Depth, Progress, Report},
};

impl Worker {
    /// Compares the mailboxes of a subject at both sides; `looked_at` is told how many were looked at so far.
    ///
    /// # Errors
    /// `NotFound` if there is no such batch; a refusal of a sign-in that stands for all mailboxes, because the same
    /// password would be refused for all others; `Cancelled`; what the store says. All else is said of the mailbox that
    /// could not be looked at.
    pub async fn verify(
        &self,
        subject: &Subject,
        depth: VerificationDepth,
        cancel: &Cancel,
        looked_at: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Verified> {
        let store = &self.house.store;
        let (batch, address) = match subject {
            Subject::Batch(batch) => (Some(*batch), None),
            Subject::User(address) => (None, Some(address)),
            Subject::Member(batch, address) => (Some(*batch), Some(address)),
        };
        let mut sum = Sum::default();
        for user in &self.users_of(batch, address).await? {
            match self.verify_one(user, depth, cancel).await {
                Ok(report) => {
                    let mut warning = None;
                    if report.findings.identified == 0 {
                        let options = store.batch_by_id(user.batch).await?.options;
                        let filter = user.overrides.applied(&options).filter;
                        warning = Warning::of_empty_source(&user.address, &report.findings, &filter);
                    }
                    sum.add(&user.address, (report.findings, report.score), warning);
                }
                Err(e) if e.kind() == Kind::Unauthenticated && e.scope() == Scope::Endpoint => return Err(e),
                Err(e) if e.kind() == Kind::Cancelled => return Err(e),
                Err(e) => sum.fail(&user.address, &e),
            }
            looked_at(sum.mailboxes());
        }
        let called = match batch {
            Some(id) => Some(store.batch_by_id(id).await?.name),
            None => None,
        };
        Ok(sum.verified(called, address.cloned()))
    }

    async fn users_of(&self, batch: Option<BatchId>, address: Option<&String>) -> Result<Vec<User>> {
        let store = &self.house.store;
        match (batch, address) {
            (Some(batch), None) => {
                store.batch_by_id(batch).await?;
                store.users(batch).await
            }
            (within, address) => {
                let mut users = store.users_by_address(address.map_or("", String::as_str)).await?;
                users.retain(|user| within.is_none_or(|batch| user.batch == batch));
                Ok(users)
            }
        }
    }

    async fn verify_one(&self, user: &User, depth: VerificationDepth, cancel: &Cancel) -> Result<Report> {
        let store = &self.house.store;
        let batch = store.batch_by_id(user.batch).await?;
        let own = store.unseal(user.id.0).await?;
        let source = store.endpoint_by_id(batch.source).await?;
        let target = store.endpoint_by_id(batch.target).await?;
        let run = Copy {
            source: end_of(self, &source, &user.source, &own, "source").await?.1,
            target: end_of(self, &target, &user.target, &own, "target").await?.1,
            options: user.overrides.applied(&batch.options),
            kind: None,
            depth: match depth {
                VerificationDepth::Keys => Depth::All,
                VerificationDepth::Deep => Depth::Deep,
            },
            task: Task::Verify,
            progress: Arc::new(Progress::default()),
            patience: Patience { tries: 3, longest: Duration::from_secs(60) },
        };
        Ok(copy(&self.house, &run, cancel, &|| {}).await?.report)
    }
}
