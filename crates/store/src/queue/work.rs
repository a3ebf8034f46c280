//! The port [`Work`].

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    id::{BatchId, JobId, MailboxId, UserId},
    job::{Claim, Job, JobSpec},
    ledger::Lease,
    port::{Store, Together, Work, Write},
};
use uuid::Uuid;

use super::{
    claim::{columns, kind_number, made, pool},
    lease::{epoch, taken_over, until},
};
use crate::{
    SqlStore,
    dialect::Alone,
    sql::{Tx, args},
};

#[async_trait]
impl Work for SqlStore {
    async fn lease(&self, mailbox: MailboxId, owner: Uuid, how_long: Duration) -> Result<Claim> {
        self.take_lease(mailbox, owner, how_long).await
    }

    async fn heartbeat(&self, lease: Lease, how_long: Duration) -> Result<()> {
        self.prolong_lease(lease, how_long).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.end_lease(lease).await
    }

    async fn add_job(&self, job: &JobSpec) -> Result<JobId> {
        let mut tx = self.db.write("add job").await?;
        tx.run(
            "INSERT INTO job (workspace, id, member, batch, source, target, pool, kind, run_at, epoch,
                 lease_until, stopping, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0)
             ON CONFLICT (workspace, member) DO NOTHING",
            args![
                self.workspace,
                self.new_id(),
                job.user.0,
                job.batch.0,
                job.source.0,
                job.target.0,
                pool(job.kind),
                kind_number(job.kind),
                job.run_at.as_microsecond(),
            ],
        )
        .await?;
        let stands = tx
            .row("SELECT id FROM job WHERE workspace = $1 AND member = $2", args![self.workspace, job.user.0])
            .await?;
        let Some(stands) = stands else {
            return Err(tx.refuse(Kind::Busy, "work of this user ended at this very moment: add it again"));
        };
        let id = JobId(stands.id(0)?);
        tx.ring().await?;
        tx.commit().await?;
        self.rope.send_replace(());
        Ok(id)
    }

    async fn claim(&self, owner: Uuid, now: Timestamp, how_long: Duration) -> Result<Option<Job>> {
        self.claim_next(owner, now, how_long).await
    }

    async fn keep_job(&self, job: &Job, how_long: Duration) -> Result<bool> {
        let op = "prolong job";
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let row = tx
            .row(
                "UPDATE job SET lease_until = $4
                 WHERE workspace = $1 AND id = $2 AND epoch = $3 AND owner IS NOT NULL RETURNING stopping",
                args![self.workspace, job.id.0, epoch(job.epoch), until(now, how_long)],
            )
            .await?;
        let stopping = row.ok_or_else(|| taken_over(op))?.int(0)? != 0;
        tx.commit().await?;
        Ok(stopping)
    }

    async fn end_job(&self, job: &Job, again_at: Option<Timestamp>) -> Result<()> {
        let op = "end job";
        let mut tx = self.db.write(op).await?;
        let whose = || args![self.workspace, job.id.0, epoch(job.epoch)];
        let mut changed = 0;
        if let Some(at) = again_at {
            let mut values = whose();
            values.extend(args![at.as_microsecond()]);
            changed = tx
                .run(
                    "UPDATE job SET owner = NULL, lease_until = 0, run_at = $4
                     WHERE workspace = $1 AND id = $2 AND epoch = $3 AND owner IS NOT NULL AND stopping = 0",
                    values,
                )
                .await?;
        }
        // A job that shall stop does not wait for another time.
        if changed == 0 {
            changed = tx
                .run(
                    "DELETE FROM job
                     WHERE workspace = $1 AND id = $2 AND epoch = $3 AND owner IS NOT NULL",
                    whose(),
                )
                .await?;
        }
        if changed == 0 {
            return Err(taken_over(op));
        }
        tx.ring().await?;
        tx.commit().await?;
        self.rope.send_replace(());
        Ok(())
    }

    async fn stop_jobs(&self, batch: BatchId) -> Result<()> {
        self.together(&[Write::StopJobs(batch)]).await
    }

    async fn stop_job(&self, user: UserId) -> Result<()> {
        self.together(&[Write::StopJob(user)]).await
    }

    async fn jobs(&self, batch: BatchId) -> Result<Vec<Job>> {
        let mut tx = self.db.read("list jobs").await?;
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM job WHERE workspace = $1 AND batch = $2 ORDER BY run_at, id"
        );
        tx.rows(sql, args![self.workspace, batch.0]).await?.iter().map(made).collect()
    }
}

impl SqlStore {
    /// As the port's `stop_jobs`, within a transaction.
    pub(crate) async fn stop_jobs_in(&self, tx: &mut Tx, batch: BatchId) -> Result<()> {
        let both = [
            "DELETE FROM job WHERE workspace = $1 AND batch = $2 AND owner IS NULL",
            "UPDATE job SET stopping = 1 WHERE workspace = $1 AND batch = $2",
        ];
        self.stop_in(tx, both, batch.0).await
    }

    /// As the port's `stop_job`, within a transaction.
    pub(crate) async fn stop_job_in(&self, tx: &mut Tx, user: UserId) -> Result<()> {
        let both = [
            "DELETE FROM job WHERE workspace = $1 AND member = $2 AND owner IS NULL",
            "UPDATE job SET stopping = 1 WHERE workspace = $1 AND member = $2",
        ];
        self.stop_in(tx, both, user.0).await
    }

    async fn stop_in(&self, tx: &mut Tx, both: [&'static str; 2], whose: Uuid) -> Result<()> {
        tx.at("stop jobs");
        tx.alone(self.workspace, Alone::Claims).await?;
        for sql in both {
            tx.run(sql, args![self.workspace, whose]).await?;
        }
        tx.ring().await?;
        Ok(())
    }
}
