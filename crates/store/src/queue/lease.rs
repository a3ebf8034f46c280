//! Leases on mailboxes: one holder at a time, each with the next epoch.
//!
//! Time is the database's. In the embedded store a holder whose process is dead counts as ended now.

use std::time::Duration;

use jiff::Timestamp;
use mailferry_model::{Error, Kind, Result, id::MailboxId, job::Claim, ledger::Lease};
use uuid::Uuid;

use crate::{
    SqlStore,
    sql::{Tx, args, refuse},
};

const LONGEST: i64 = 100 * 366 * 24 * 3600 * 1_000_000;

/// When something ends that begins now.
pub(crate) fn until(now: i64, how_long: Duration) -> i64 {
    now.saturating_add(i64::try_from(how_long.as_micros()).unwrap_or(LONGEST).min(LONGEST))
}

/// A time of the database.
pub(super) fn time(op: &'static str, micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|e| refuse(Kind::Malformed, op, e.to_string()))
}

/// Why a holder's write changed nothing.
pub(crate) fn taken_over(op: &'static str) -> Error {
    refuse(Kind::Conflict, op, "another worker has taken over")
}

impl SqlStore {
    pub(super) async fn take_lease(
        &self,
        mailbox: MailboxId,
        owner: Uuid,
        how_long: Duration,
    ) -> Result<Claim> {
        let op = "lease mailbox";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        // Changes nothing, but holds the row against others until the end.
        let row = tx
            .row(
                "UPDATE mailbox SET epoch = epoch WHERE workspace = $1 AND id = $2
                 RETURNING epoch, holder, lease_until",
                args![self.workspace, mailbox.0],
            )
            .await?;
        let Some(row) = row else {
            return Err(tx.refuse(Kind::NotFound, format!("there is no ledger {mailbox}")));
        };
        let (epoch, ends, now) = (row.int(0)?, row.int(2)?, tx.now().await?);
        let abandoned = match row.maybe_id(1)? {
            None => None,
            Some(_) if ends <= now => Some(ends),
            // Whoever takes it twice has lost it in between, and knows that.
            Some(holder) if holder == owner || self.is_dead(holder) => Some(now),
            Some(_) => {
                let words = "another worker is at this mailbox: the same copy is running already";
                return Err(tx.refuse(Kind::Locked, words));
            }
        };
        tx.run(
            "UPDATE mailbox SET epoch = $3, holder = $4, lease_until = $5 WHERE workspace = $1 AND id = $2",
            args![self.workspace, mailbox.0, epoch + 1, owner, until(now, how_long)],
        )
        .await?;
        tx.commit().await?;
        Ok(Claim {
            lease: Lease { mailbox, epoch: epoch as u64 + 1 },
            abandoned: abandoned.map(|at| time(op, at)).transpose()?,
        })
    }

    pub(super) async fn prolong_lease(&self, lease: Lease, how_long: Duration) -> Result<()> {
        let op = "prolong lease";
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let changed = tx
            .run(
                "UPDATE mailbox SET lease_until = $4
                 WHERE workspace = $1 AND id = $2 AND epoch = $3 AND holder IS NOT NULL",
                args![self.workspace, lease.mailbox.0, epoch(lease.epoch), until(now, how_long)],
            )
            .await?;
        if changed == 0 {
            return Err(taken_over(op));
        }
        tx.commit().await
    }

    pub(super) async fn end_lease(&self, lease: Lease) -> Result<()> {
        let op = "release mailbox";
        let mut tx = self.db.write(op).await?;
        let changed = tx
            .run(
                "UPDATE mailbox SET holder = NULL, lease_until = 0
                 WHERE workspace = $1 AND id = $2 AND epoch = $3",
                args![self.workspace, lease.mailbox.0, epoch(lease.epoch)],
            )
            .await?;
        if changed == 0 {
            return Err(taken_over(op));
        }
        tx.commit().await
    }

    /// Shows other processes that this owner lives.
    pub(crate) fn live(&self, op: &'static str, owner: Uuid) -> Result<()> {
        let Some(locks) = &self.locks else { return Ok(()) };
        locks.hold(owner).map_err(|e| refuse(Kind::Busy, op, format!("cannot lock a file: {e}")).because(e))
    }

    /// Whether an owner is known to live no more. On PostgreSQL nobody knows.
    pub(crate) fn is_dead(&self, owner: Uuid) -> bool {
        self.locks.as_ref().is_some_and(|locks| locks.is_dead(owner))
    }

    /// Ends the claims of dead owners; what time it is.
    pub(crate) async fn end_dead(&self, tx: &mut Tx) -> Result<i64> {
        let now = tx.now().await?;
        if self.locks.is_none() {
            return Ok(now);
        }
        let owners = tx
            .rows(
                "SELECT DISTINCT owner FROM job WHERE workspace = $1 AND owner IS NOT NULL
                 AND lease_until > $2 ORDER BY owner",
                args![self.workspace, now],
            )
            .await?;
        for row in owners {
            let owner = row.id(0)?;
            if self.is_dead(owner) {
                tx.run(
                    "UPDATE job SET lease_until = $3 WHERE workspace = $1 AND owner = $2",
                    args![self.workspace, owner, now],
                )
                .await?;
            }
        }
        Ok(now)
    }
}

/// An epoch as the database counts it; one too large was never given.
pub(crate) fn epoch(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(-1)
}
