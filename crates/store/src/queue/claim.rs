//! Claims: the next due job whose endpoints both have a free slot of its pool, below the tenant ceiling.
//!
//! Of several batches that could go on the one with the higher priority does, then the one with fewer mailboxes under
//! way, then the one whose turn is longest ago, then the one whose job is due first: so batches that share an endpoint
//! share its slots. What is read for that grows with batches and with slots in use, never with the jobs that wait.
//!
//! A claimed job holds its slots until it is ended or claimed anew, also after its lease ran out: so permits in
//! use never exceed the limits, whoever comes back late. A job that ran out makes room for itself; where the limit is
//! lower now, it gives its slot back and waits like others.

use std::{cmp::Reverse, collections::HashMap, time::Duration};

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

/// The first due job of a batch in a pool.
struct Candidate {
    id: Uuid,
    batch: Uuid,
    source: Uuid,
    target: Uuid,
    pool: i64,
    run_at: i64,
    priority: i64,
    /// When the batch was last given a slot.
    turn: i64,
}

/// Permits that are free, by endpoint and pool and of the whole tenant; and who holds the others.
#[derive(Default)]
struct Permits {
    by_pool: HashMap<(Uuid, i64), i64>,
    /// Of endpoints that are held below their limits, both pools together.
    held_at: HashMap<Uuid, i64>,
    of_tenant: i64,
    held: HashMap<Uuid, i64>,
}

impl Permits {
    /// Takes some away, or gives them back where `count` is negative. A job between two mailboxes of one endpoint
    /// holds one slot there.
    fn take(&mut self, (source, target, pool): (Uuid, Uuid, i64), batch: Uuid, count: i64) {
        self.of_tenant -= count;
        *self.by_pool.entry((source, pool)).or_default() -= count;
        if target != source {
            *self.by_pool.entry((target, pool)).or_default() -= count;
        }
        for endpoint in [Some(source), Some(target).filter(|target| *target != source)].into_iter().flatten()
        {
            self.held_at.entry(endpoint).and_modify(|free| *free -= count);
        }
        *self.held.entry(batch).or_default() += count;
    }

    /// Whether there is room for one more, or for one that holds its own slots.
    fn has_room(&self, (source, target, pool): (Uuid, Uuid, i64), own: i64) -> bool {
        let at = |endpoint| {
            let limit = self.by_pool.get(&(endpoint, pool)).copied().unwrap_or(0);
            self.held_at.get(&endpoint).map_or(limit, |held| limit.min(*held))
        };
        [at(source), at(target), self.of_tenant].iter().all(|free| free + own > 0)
    }
}

/// Due jobs that wait: the first of each batch and pool. Batches are found one after another by their index, because
/// most of them have thousands of jobs.
const CANDIDATES: &str = "WITH RECURSIVE waiting(batch) AS (
         SELECT (SELECT batch FROM job WHERE workspace = $1 AND owner IS NULL ORDER BY batch LIMIT 1)
         UNION ALL
         SELECT (SELECT job.batch FROM job WHERE workspace = $1 AND owner IS NULL AND job.batch > waiting.batch
                 ORDER BY job.batch LIMIT 1)
         FROM waiting WHERE waiting.batch IS NOT NULL),
     pools(pool) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT CAST(1 AS BIGINT)),
     firsts(id) AS (
         SELECT (SELECT id FROM job WHERE workspace = $1 AND job.batch = waiting.batch AND job.pool = pools.pool
                 AND owner IS NULL AND run_at <= $2 ORDER BY run_at, id LIMIT 1)
         FROM waiting CROSS JOIN pools WHERE waiting.batch IS NOT NULL)
     SELECT job.id, job.batch, job.source, job.target, job.pool, job.run_at, COALESCE(batch.priority, 1),
         COALESCE(turn.at, 0)
     FROM firsts JOIN job ON job.workspace = $1 AND job.id = firsts.id
     LEFT JOIN batch ON batch.workspace = $1 AND batch.id = job.batch
     LEFT JOIN turn ON turn.workspace = $1 AND turn.batch = job.batch
     ORDER BY job.run_at, job.id";

/// Permits that are in use: source, target, pool, batch, how many.
pub(crate) const IN_USE: &str = "SELECT source, target, pool, batch, count(*) FROM job
     WHERE workspace = $1 AND owner IS NOT NULL GROUP BY source, target, pool, batch
     ORDER BY source, target, pool, batch";

impl SqlStore {
    /// At most so many, each the next at that moment; all in one transaction, which nobody else's claims come between.
    pub(super) async fn claim_next(
        &self,
        owner: Uuid,
        due: Timestamp,
        how_long: Duration,
        most: usize,
    ) -> Result<Vec<Job>> {
        let op = "claim job";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        tx.alone(self.workspace, Alone::Claims).await?;
        let now = self.end_dead(&mut tx).await?;
        let due = due.as_microsecond();
        let mut free = self.free(&mut tx).await?;
        let mut claimed = Vec::new();
        let bounds = (until(now, how_long), now);
        if self.give_back(&mut tx, now, &free).await? {
            free = self.free(&mut tx).await?;
        }
        while claimed.len() < most
            && let Some(job) = self.take_over(&mut tx, owner, bounds).await?
        {
            claimed.push(job);
        }
        let mut waiting = match claimed.len() < most && free.of_tenant > 0 {
            true => self.candidates(&mut tx, due).await?,
            false => Vec::new(),
        };
        let mut turn = waiting.iter().map(|candidate| candidate.turn).fold(now, i64::max);
        while claimed.len() < most
            && let Some(at) = next_of(&waiting, &free)
        {
            let first = waiting.swap_remove(at);
            free.take((first.source, first.target, first.pool), first.batch, 1);
            claimed.push(self.take(&mut tx, owner, (bounds.0, first.id)).await?);
            turn += 1;
            waiting.iter_mut().filter(|other| other.batch == first.batch).for_each(|other| other.turn = turn);
            self.set_turn(&mut tx, first.batch, turn).await?;
            if claimed.len() < most {
                waiting.extend(self.behind(&mut tx, &Candidate { turn, ..first }, due).await?);
            }
        }
        tx.commit().await?;
        Ok(claimed)
    }

    /// A job whose holder's lease ran out: it has its slots.
    async fn take_over(&self, tx: &mut Tx, owner: Uuid, (ends, now): (i64, i64)) -> Result<Option<Job>> {
        let sql = concat!(
            "UPDATE job SET owner = $2, lease_until = $3, epoch = epoch + 1, attempts = attempts + 1
             WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $4 AND id =
                 (SELECT id FROM job WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $4
                  ORDER BY lease_until, run_at, id LIMIT 1)
             RETURNING ",
            columns!()
        );
        // A lease of no length is over at once: it is not taken twice in one go.
        let now = now.min(ends - 1);
        let row = tx.row(sql, args![self.workspace, owner, ends, now]).await?;
        row.map(|row| made(&row)).transpose()
    }

    async fn take(&self, tx: &mut Tx, owner: Uuid, (ends, id): (i64, Uuid)) -> Result<Job> {
        let sql = concat!(
            "UPDATE job SET owner = $2, lease_until = $3, epoch = epoch + 1, attempts = attempts + 1
             WHERE workspace = $1 AND id = $4 AND owner IS NULL RETURNING ",
            columns!()
        );
        let row = tx.row(sql, args![self.workspace, owner, ends, id]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::Busy, "a job vanished while it was claimed"))?)
    }

    async fn set_turn(&self, tx: &mut Tx, batch: Uuid, at: i64) -> Result<()> {
        let sql = "INSERT INTO turn (workspace, batch, at) VALUES ($1, $2, $3)
                   ON CONFLICT (workspace, batch) DO UPDATE SET at = excluded.at";
        tx.run(sql, args![self.workspace, batch, at]).await.map(drop)
    }

    async fn candidates(&self, tx: &mut Tx, due: i64) -> Result<Vec<Candidate>> {
        let rows = tx.rows(CANDIDATES, args![self.workspace, due]).await?;
        let candidate = |row: &Row| {
            Ok(Candidate {
                id: row.id(0)?,
                batch: row.id(1)?,
                source: row.id(2)?,
                target: row.id(3)?,
                pool: row.int(4)?,
                run_at: row.int(5)?,
                priority: row.int(6)?,
                turn: row.int(7)?,
            })
        };
        rows.iter().map(candidate).collect()
    }

    /// The candidate that follows one which was just taken.
    async fn behind(&self, tx: &mut Tx, taken: &Candidate, due: i64) -> Result<Option<Candidate>> {
        let sql =
            "SELECT id, source, target, run_at FROM job WHERE workspace = $1 AND batch = $2 AND pool = $3
                   AND owner IS NULL AND run_at <= $4 ORDER BY run_at, id LIMIT 1";
        let row = tx.row(sql, args![self.workspace, taken.batch, taken.pool, due]).await?;
        row.map(|row| {
            let (source, target) = (row.id(1)?, row.id(2)?);
            Ok(Candidate { id: row.id(0)?, source, target, run_at: row.int(3)?, ..*taken })
        })
        .transpose()
    }

    /// Takes the slots of jobs that ran out where there is no room for them any more; whether there were any. Who
    /// held them is fenced.
    async fn give_back(&self, tx: &mut Tx, now: i64, free: &Permits) -> Result<bool> {
        let sql = "SELECT DISTINCT source, target, pool FROM job
                   WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $2
                   ORDER BY source, target, pool";
        let mut given = 0;
        for row in tx.rows(sql, args![self.workspace, now]).await? {
            let (source, target, pool) = (row.id(0)?, row.id(1)?, row.int(2)?);
            if free.has_room((source, target, pool), 1) {
                continue;
            }
            let sql = "UPDATE job SET owner = NULL, lease_until = 0, epoch = epoch + 1
                       WHERE workspace = $1 AND owner IS NOT NULL AND lease_until <= $2
                       AND source = $3 AND target = $4 AND pool = $5";
            given += tx.run(sql, args![self.workspace, now, source, target, pool]).await?;
        }
        Ok(given > 0)
    }

    /// The limits less what is in use.
    async fn free(&self, tx: &mut Tx) -> Result<Permits> {
        let limits = tx
            .rows(
                "SELECT endpoint.id, max_initial, max_incremental, COALESCE(allowed, 0), COALESCE(raised, 0)
                 FROM endpoint LEFT JOIN allowance
                     ON allowance.workspace = endpoint.workspace AND allowance.endpoint = endpoint.id
                 WHERE endpoint.workspace = $1 ORDER BY endpoint.id",
                args![self.workspace],
            )
            .await?;
        let of_tenant = i64::from(self.config_in(tx).await?.tenant_ceiling);
        let mut free = Permits { of_tenant, ..Permits::default() };
        for row in limits {
            free.by_pool.insert((row.id(0)?, 0), row.int(1)?);
            free.by_pool.insert((row.id(0)?, 1), row.int(2)?.max(row.int(4)?));
            if row.int(3)? > 0 {
                free.held_at.insert(row.id(0)?, row.int(3)?);
            }
        }
        for row in tx.rows(IN_USE, args![self.workspace]).await? {
            free.take((row.id(0)?, row.id(1)?, row.int(2)?), row.id(3)?, row.int(4)?);
        }
        Ok(free)
    }
}

/// Which of them goes on next, if there is room for any.
fn next_of(waiting: &[Candidate], free: &Permits) -> Option<usize> {
    let fits = |c: &Candidate| free.has_room((c.source, c.target, c.pool), 0);
    let rank = |c: &Candidate| {
        let under_way = free.held.get(&c.batch).copied().unwrap_or(0);
        (Reverse(c.priority), under_way, c.turn, c.run_at, c.id)
    };
    let fitting = waiting.iter().enumerate().filter(|(_, candidate)| fits(candidate));
    fitting.min_by_key(|(_, candidate)| rank(candidate)).map(|(at, _)| at)
}
