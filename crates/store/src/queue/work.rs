//! The port [`Work`].

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    batch::Batch,
    id::{BatchId, JobId, MailboxId, UserId},
    job::{Claim, Held, Job, JobSpec, PassKind},
    ledger::Lease,
    port::{Store, Together, Work, Write},
    status::UserStatus,
};
use uuid::Uuid;

use super::{
    claim::{columns, kind_number, made, pool},
    lease::{epoch, taken_over, until},
};
use crate::{
    SqlStore,
    dialect::Alone,
    sql::{Row, Tx, args},
    user::status_word,
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

    async fn add_missing_jobs(
        &self,
        batch: &Batch,
        wanted: &[(UserStatus, PassKind)],
        run_at: Timestamp,
    ) -> Result<u64> {
        let mut added = 0;
        for (status, kind) in wanted {
            loop {
                let some = self.add_some_jobs(batch, (*status, *kind), run_at).await?;
                added += some;
                if some < SOME {
                    break;
                }
            }
        }
        if added > 0 {
            self.rope.send_replace(());
        }
        Ok(added)
    }

    async fn claims(&self, owner: Uuid, now: Timestamp, how_long: Duration, most: usize) -> Result<Vec<Job>> {
        self.claim_next(owner, now, how_long, most).await
    }

    async fn keep_jobs(&self, owner: Uuid, jobs: &[JobId], how_long: Duration) -> Result<Vec<Held>> {
        let mut tx = self.db.write("prolong jobs").await?;
        let until = until(tx.now().await?, how_long);
        let update = "UPDATE job SET lease_until = $3 WHERE workspace = $1 AND owner = $2 AND id IN";
        let ids: Vec<Uuid> = jobs.iter().map(|id| id.0).collect();
        let whose = || args![self.workspace, owner, until];
        let rows = tx.among((update, "RETURNING id, epoch, stopping"), whose, ids).await?;
        tx.commit().await?;
        rows.iter().map(held).collect()
    }

    async fn held_jobs(&self, owner: Uuid) -> Result<Vec<Held>> {
        let mut tx = self.db.read("look at jobs").await?;
        let sql = "SELECT id, epoch, stopping FROM job WHERE workspace = $1 AND owner = $2 ORDER BY id";
        tx.rows(sql, args![self.workspace, owner]).await?.iter().map(held).collect()
    }

    async fn take_duty(&self, name: &str, owner: Uuid, how_long: Duration) -> Result<bool> {
        let op = "take duty";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        // Changes nothing, but holds the row against others until the end.
        let sql =
            "UPDATE duty SET owner = owner WHERE workspace = $1 AND name = $2 RETURNING owner, lease_until";
        let stands = tx.row(sql, args![self.workspace, name.to_owned()]).await?;
        let others = match &stands {
            None => false,
            Some(row) => {
                let holder = row.id(0)?;
                holder != owner && row.int(1)? > now && !self.is_dead(holder)
            }
        };
        if others {
            tx.commit().await?;
            return Ok(false);
        }
        // Of two that find no row one writes it; the other finds that then.
        let sql = "INSERT INTO duty (workspace, name, owner, lease_until) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (workspace, name) DO UPDATE SET owner = excluded.owner,
                       lease_until = excluded.lease_until
                   WHERE duty.owner = excluded.owner OR duty.lease_until <= $5 OR duty.owner = $6";
        let before = stands.map(|row| row.id(0)).transpose()?.unwrap_or(owner);
        let ends = until(now, how_long);
        let values = args![self.workspace, name.to_owned(), owner, ends, now, before];
        let taken = tx.run(sql, values).await?;
        tx.commit().await?;
        Ok(taken > 0)
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
        // Who ends a job claims the next one: others need not be woken for its slots.
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

/// So many jobs are added in a transaction.
const SOME: u64 = 400;

/// A held job from `id, epoch, stopping`.
fn held(row: &Row) -> Result<Held> {
    Ok(Held { id: JobId(row.id(0)?), epoch: row.int(1)? as u64, stopping: row.int(2)? != 0 })
}

impl SqlStore {
    /// As the port's `Write::Fence`: writes nothing new, and keeps others from taking the job over until the
    /// transaction ends.
    pub(crate) async fn fence_in(&self, tx: &mut Tx, job: &Job) -> Result<()> {
        let op = tx.at("fence job");
        let sql = "UPDATE job SET epoch = epoch
                   WHERE workspace = $1 AND id = $2 AND epoch = $3 AND owner IS NOT NULL";
        match tx.run(sql, args![self.workspace, job.id.0, epoch(job.epoch)]).await? {
            0 => Err(taken_over(op)),
            _ => Ok(()),
        }
    }

    /// Jobs for users of a status who have none, as they are when the row is written: whose pass ended meanwhile gets
    /// none.
    async fn add_some_jobs(
        &self,
        batch: &Batch,
        (status, kind): (UserStatus, PassKind),
        run_at: Timestamp,
    ) -> Result<u64> {
        let op = "add jobs";
        let word = status_word(op, status)?;
        let mut tx = self.db.write(op).await?;
        let rows = tx
            .rows(
                "SELECT id FROM member WHERE workspace = $1 AND batch = $2 AND status = $3 AND NOT EXISTS
                     (SELECT 1 FROM job WHERE job.workspace = $1 AND job.member = member.id)
                 ORDER BY address_key, id LIMIT $4",
                args![self.workspace, batch.id.0, word.clone(), SOME as i64],
            )
            .await?;
        for row in &rows {
            tx.run(
                "INSERT INTO job (workspace, id, member, batch, source, target, pool, kind, run_at, epoch,
                     lease_until, stopping, attempts)
                 SELECT workspace, $2, id, batch, $4, $5, $6, $7, $8, 0, 0, 0, 0 FROM member
                 WHERE workspace = $1 AND id = $3 AND batch = $9 AND status = $10 AND NOT EXISTS
                     (SELECT 1 FROM job WHERE job.workspace = $1 AND job.member = $3)
                 ON CONFLICT (workspace, member) DO NOTHING",
                args![
                    self.workspace,
                    self.new_id(),
                    row.id(0)?,
                    batch.source.0,
                    batch.target.0,
                    pool(kind),
                    kind_number(kind),
                    run_at.as_microsecond(),
                    batch.id.0,
                    word.clone(),
                ],
            )
            .await?;
        }
        if !rows.is_empty() {
            tx.ring().await?;
        }
        tx.commit().await?;
        Ok(rows.len() as u64)
    }

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
