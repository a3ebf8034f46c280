//! The few things that SQLite and PostgreSQL do differently: snapshots, clock, claims, durability, error codes.
//!
//! Everything else is one text for both.

use mailferry_model::{Kind, Result};
use sqlx::error::DatabaseError;
use uuid::Uuid;

use crate::sql::{On, Tx, args};

/// How PostgreSQL begins to read one state. SQLite does so by itself.
pub(crate) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Where PostgreSQL rings.
pub(crate) const CHANNEL: &str = "mailferry_work";

/// What only one transaction at a time may do.
#[derive(Clone, Copy)]
pub(crate) enum Alone {
    /// Count permits and claim jobs.
    Claims = 1,
    /// Add to the audit trail.
    Audit = 2,
    /// Make the first account.
    Setup = 3,
}

impl Tx {
    /// The store's own clock: the database's, in microseconds.
    pub(crate) async fn now(&mut self) -> Result<i64> {
        let sql = match self.on {
            On::Lite(_) => "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
            On::Pg(_) => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        };
        match self.row(sql, args![]).await? {
            Some(row) => row.int(0),
            None => Err(self.refuse(Kind::Bug, "the database does not tell the time")),
        }
    }

    /// Waits until nobody else does this in this workspace. On SQLite nobody else writes anyway.
    pub(crate) async fn alone(&mut self, workspace: Uuid, what: Alone) -> Result<()> {
        if let On::Pg(_) = self.on {
            let (high, low) = workspace.as_u64_pair();
            let lock = (high ^ low.rotate_left(8)).wrapping_mul(8).wrapping_add(what as u64) as i64;
            self.rows("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS waited", args![lock]).await?;
        }
        Ok(())
    }

    /// This transaction may be lost if the machine dies within the next moment, never torn. SQLite stays
    /// as durable as ever.
    pub(crate) async fn may_be_lost(&mut self) -> Result<()> {
        if let On::Pg(_) = self.on {
            self.run("SET LOCAL synchronous_commit = off", args![]).await?;
        }
        Ok(())
    }

    /// Rings for everybody who waits for work, once this transaction is committed. On SQLite the store does.
    pub(crate) async fn ring(&mut self) -> Result<()> {
        if let On::Pg(_) = self.on {
            self.rows("SELECT 1 FROM (SELECT pg_notify($1, '')) AS rung", args![CHANNEL.to_owned()]).await?;
        }
        Ok(())
    }
}

/// What an error code of either engine means.
pub(crate) fn kind_of(error: &dyn DatabaseError) -> Kind {
    let code = error.code().unwrap_or_default();
    match code.parse::<u32>() {
        // SQLite: numbers; the lowest byte is the primary code.
        Ok(number) if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() => {
            match number & 0xff {
                5 | 6 | 10 | 14 => Kind::Busy,
                11 | 26 => Kind::Malformed,
                13 => Kind::QuotaExceeded,
                8 | 23 => Kind::Forbidden,
                _ => Kind::Bug,
            }
        }
        // PostgreSQL: five characters; the first two are the class.
        _ => match code.get(..2) {
            Some("08" | "40" | "55" | "57" | "58") => Kind::Busy,
            Some("53") if code == "53100" => Kind::QuotaExceeded,
            Some("53") => Kind::Busy,
            Some("28") => Kind::Unauthenticated,
            Some("42") if code == "42501" => Kind::Forbidden,
            Some("XX") => Kind::Malformed,
            _ => Kind::Bug,
        },
    }
}
