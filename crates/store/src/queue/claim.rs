//! Claims: the next due job whose endpoints both have a free slot of its pool, below the tenant ceiling.
//!
//! A claimed job holds its slots until it is ended or claimed anew, also after its lease ran out: so permits in
//! use never exceed the limits, whoever comes back late. A job that ran out makes room for itself; where the limit is
//! lower now, it gives its slot back and waits like others.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    id::{BatchId, EndpointId, JobId, UserId},
    job::{Job, JobSpec, PassKind},
};
use uuid::Uuid;

use super::lease::{time, until};
use crate::{
    SqlStore,
    dialect::Alone,
    sql::{Row, Tx, args, refuse},
};

/// The columns that [`made`] reads.
macro_rules! columns {
    () => {
        "id, member, batch, source, target, kind, run_at, epoch, owner, stopping, attempts"
    };
}
pub(super) use columns;

const KINDS: [PassKind; 3] = [PassKind::Initial, PassKind::Incremental, PassKind::Completion];

/// How a pass is written.
pub(super) fn kind_number(kind: PassKind) -> i64 {
    KINDS.iter().position(|k| *k == kind).unwrap_or(0) as i64
}

/// The pool of a pass: 0 for initial, 1 for later syncs.
pub(super) fn pool(kind: PassKind) -> i64 {
    i64::from(kind != PassKind::Initial)
}

/// A job from its [`columns`].
pub(super) fn made(row: &Row) -> Result<Job> {
    let op = "read job";
    let kind = usize::try_from(row.int(5)?).ok().and_then(|k| KINDS.get(k).copied());
    Ok(Job {
        id: JobId(row.id(0)?),
        work: JobSpec {
            user: UserId(row.id(1)?),
            batch: BatchId(row.id(2)?),
            source: EndpointId(row.id(3)?),
            target: EndpointId(row.id(4)?),
            kind: kind.ok_or_else(|| refuse(Kind::Malformed, op, "a job has an unknown kind"))?,
            run_at: time(op, row.int(6)?)?,
        },
        epoch: row.int(7)? as u64,
        claimed: row.maybe_id(8)?.is_some(),
        stopping: row.int(9)? != 0,
        attempts: row.int(10)?.try_into().unwrap_or(u32::MAX),
    })
}

/// Jobs alike as far as permits go.
struct Group {
    source: Uuid,
    target: Uuid,
    pool: i64,
    /// Claimed by somebody whose lease ran out.
    held: bool,
}

/// Permits: by endpoint and pool, and of the whole tenant.
#[derive(Default)]
struct Permits {
    by_pool: HashMap<(Uuid, i64), i64>,
    of_tenant: i64,
}

impl SqlStore {
    pub(super) async fn claim_next(
        &self,
        owner: Uuid,
        due: Timestamp,
        how_long: Duration,
    ) -> Result<Option<Job>> {
        let op = "claim job";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        tx.alone(self.workspace, Alone::Claims).await?;
        let now = self.end_dead(&mut tx).await?;
        let mut groups = self.groups(&mut tx, due.as_microsecond(), now).await?;
        if groups.is_empty() {
            return tx.commit().await.map(|()| None);
        }
        let mut free = self.free(&mut tx).await?;
        if self.give_back(&mut tx, now, groups.iter().filter(|g| g.held && !has_room(&free, g))).await? {
            groups = self.groups(&mut tx, due.as_microsecond(), now).await?;
            free = self.free(&mut tx).await?;
        }
        let Some(group) = groups.into_iter().find(|group| has_room(&free, group)) else {
            return tx.commit().await.map(|()| None);
        };
        let sql = match group.held {
            false => concat!(
                "UPDATE job SET owner = $2, lease_until = $3, epoch = epoch + 1, attempts = attempts + 1
                 WHERE workspace = $1 AND owner IS NULL AND run_at <= $4 AND id =
                     (SELECT id FROM job WHERE workspace = $1 AND source = $5 AND target = $6 AND pool = $7
                      AND owner IS NULL AND run_at <= $4 ORDER BY run_at, id LIMIT 1)
                 RETURNING ",
                columns!()
            ),
            true => concat!(
                "UPDATE job SET owner = $2, lease_until = $3, epoch = epoch + 1, attempts = attempts + 1
                 WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $4 AND id =
                     (SELECT id FROM job WHERE workspace = $1 AND source = $5 AND target = $6 AND pool = $7
                      AND owner IS NOT NULL AND lease_until <= $4 ORDER BY run_at, id LIMIT 1)
                 RETURNING ",
                columns!()
            ),
        };
        let bound = if group.held { now } else { due.as_microsecond() };
        let values =
            args![self.workspace, owner, until(now, how_long), bound, group.source, group.target, group.pool];
        let job = tx.row(sql, values).await?.map(|row| made(&row)).transpose()?;
        tx.commit().await?;
        Ok(job)
    }

    /// Takes the slots of jobs that ran out where there is no room for them any more; whether there were any. Who
    /// held them is fenced.
    async fn give_back(&self, tx: &mut Tx, now: i64, groups: impl Iterator<Item = &Group>) -> Result<bool> {
        let mut given = 0;
        for group in groups {
            given += tx
                .run(
                    "UPDATE job SET owner = NULL, lease_until = 0, epoch = epoch + 1
                     WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $2
                     AND source = $3 AND target = $4 AND pool = $5",
                    args![self.workspace, now, group.source, group.target, group.pool],
                )
                .await?;
        }
        Ok(given > 0)
    }

    /// What could be claimed, in the order in which it fell due.
    async fn groups(&self, tx: &mut Tx, due: i64, now: i64) -> Result<Vec<Group>> {
        let rows = tx
            .rows(
                "SELECT source, target, pool, CAST(0 AS BIGINT) AS held, min(run_at) AS at FROM job
                 WHERE workspace = $1 AND owner IS NULL AND run_at <= $2 GROUP BY source, target, pool
                 UNION ALL
                 SELECT source, target, pool, CAST(1 AS BIGINT) AS held, min(run_at) AS at FROM job
                 WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $3
                 GROUP BY source, target, pool
                 ORDER BY at, held DESC, pool, source, target",
                args![self.workspace, due, now],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let (source, target, pool) = (row.id(0)?, row.id(1)?, row.int(2)?);
                Ok(Group { source, target, pool, held: row.int(3)? != 0 })
            })
            .collect()
    }

    /// The limits less what is in use. A job between two mailboxes of one endpoint holds one slot there.
    async fn free(&self, tx: &mut Tx) -> Result<Permits> {
        let limits = tx
            .rows(
                "SELECT id, max_initial, max_incremental FROM endpoint WHERE workspace = $1 ORDER BY id",
                args![self.workspace],
            )
            .await?;
        let of_tenant = i64::from(self.config_in(tx).await?.tenant_ceiling);
        let mut free = Permits { of_tenant, ..Permits::default() };
        for row in limits {
            free.by_pool.insert((row.id(0)?, 0), row.int(1)?);
            free.by_pool.insert((row.id(0)?, 1), row.int(2)?);
        }
        let used = tx
            .rows(
                "SELECT source, target, pool, count(*) FROM job WHERE workspace = $1 AND owner IS NOT NULL
                 GROUP BY source, target, pool ORDER BY source, target, pool",
                args![self.workspace],
            )
            .await?;
        for row in used {
            let (source, target, pool, count) = (row.id(0)?, row.id(1)?, row.int(2)?, row.int(3)?);
            free.of_tenant -= count;
            *free.by_pool.entry((source, pool)).or_default() -= count;
            if target != source {
                *free.by_pool.entry((target, pool)).or_default() -= count;
            }
        }
        Ok(free)
    }
}

fn has_room(free: &Permits, group: &Group) -> bool {
    let own = i64::from(group.held);
    let at = |endpoint| free.by_pool.get(&(endpoint, group.pool)).copied().unwrap_or(0);
    [at(group.source), at(group.target), free.of_tenant].iter().all(|free| free + own > 0)
}
