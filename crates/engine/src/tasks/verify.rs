//! Verification of one mailbox of a batch: both sides are read afresh. No job, no status, nothing is written.

use std::{sync::Arc, time::Duration};

use mailferry_model::{Result, cancel::Cancel, user::User};

use super::{user::end_of, worker::Worker};
use crate::{
    copy::{Copy, Patience, Task, copy},
    pass::{Depth, Progress, Report},
};

impl Worker {
    /// Compares a user's mailbox at both sides, signing in as its passes do.
    ///
    /// # Errors
    /// As [`copy`]; a refusal of a sign-in that stands for all mailboxes has the scope of the endpoint.
    pub async fn verify(&self, user: &User, depth: Depth, cancel: &Cancel) -> Result<Report> {
        let store = &self.house.store;
        let batch = store.batch_by_id(user.batch).await?;
        let own = store.unseal(user.id.0).await?;
        let source = store.endpoint_by_id(batch.source).await?;
        let target = store.endpoint_by_id(batch.target).await?;
        let run = Copy {
            source: end_of(self, &source, &user.source, &own, "source").await?.1,
            target: end_of(self, &target, &user.target, &own, "target").await?.1,
            options: batch.options,
            kind: None,
            depth,
            task: Task::Verify,
            progress: Arc::new(Progress::default()),
            patience: Patience { tries: 3, longest: Duration::from_secs(60) },
        };
        Ok(copy(&self.house, &run, cancel, &|| {}).await?.report)
    }
}
