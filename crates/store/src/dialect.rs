//! The few things that SQLite and PostgreSQL do differently: snapshots, clock, claims, durability, error codes.
//!
//! Everything else is one text for both.

use mailferry_model::{Kind, Result};
use sqlx::{error::DatabaseError, sqlite::SqliteError};
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

/// What an error code of either engine means, and the catalogue's word where it says more than the kind.
pub(crate) fn meaning_of(error: &dyn DatabaseError) -> (Kind, Option<&'static str>) {
    let code = error.code().unwrap_or_default();
    match code.parse::<u32>() {
        Ok(number) if error.try_downcast_ref::<SqliteError>().is_some() => of_sqlite(number),
        _ => of_postgres(&code),
    }
}

/// SQLite: numbers; the lowest byte is the primary code, the rest tells more.
// https://www.sqlite.org/rescode.html
fn of_sqlite(number: u32) -> (Kind, Option<&'static str>) {
    /// Locks are I/O there, and a lack of memory is: both pass. The last is a lock of a store that is read alone.
    const PASSING: [u32; 8] = [2058, 2314, 2826, 3082, 3594, 3850, 5130, 520];
    /// A file system, or a page, of which is known that it is damaged.
    const DAMAGED: [u32; 2] = [8202, 8458];
    match (number & 0xff, number) {
        (5 | 6, _) => (Kind::Busy, None),
        (10 | 8, number) if PASSING.contains(&number) => (Kind::Busy, None),
        (11 | 26, _) => (Kind::Malformed, Some("STORE_DAMAGED")),
        (10, number) if DAMAGED.contains(&number) => (Kind::Malformed, Some("STORE_DAMAGED")),
        // A limit of the process or the disk itself: only somebody can mend that, and then it goes on.
        (10, _) => (Kind::QuotaExceeded, Some("STORE_DISK_FAILS")),
        (13, _) => (Kind::QuotaExceeded, None),
        (8, _) => (Kind::Forbidden, Some("STORE_READ_ONLY")),
        (23, _) => (Kind::Forbidden, None),
        // Out of descriptors, as a rule: while the store is opened it means something else.
        (14, _) => (Kind::Busy, None),
        _ => (Kind::Bug, None),
    }
}

/// PostgreSQL: five characters; the first two are the class.
fn of_postgres(code: &str) -> (Kind, Option<&'static str>) {
    match (code, code.get(..2)) {
        ("53100", _) => (Kind::QuotaExceeded, None),
        ("58030", _) => (Kind::QuotaExceeded, Some("STORE_DISK_FAILS")),
        ("XX001" | "XX002", _) => (Kind::Malformed, Some("STORE_DAMAGED")),
        ("25006", _) => (Kind::Forbidden, Some("STORE_READ_ONLY")),
        ("42501", _) => (Kind::Forbidden, None),
        // A process that stood still in the middle of a transaction: the database has given it up.
        ("25P03" | "25P04", _) => (Kind::Busy, None),
        (_, Some("08" | "40" | "53" | "55" | "57" | "58")) => (Kind::Busy, None),
        (_, Some("28")) => (Kind::Unauthenticated, None),
        (_, Some("XX")) => (Kind::Malformed, None),
        _ => (Kind::Bug, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fails_is_not_a_store_that_is_busy() {
        let disk = (Kind::QuotaExceeded, Some("STORE_DISK_FAILS"));
        let damaged = (Kind::Malformed, Some("STORE_DAMAGED"));
        let read_only = (Kind::Forbidden, Some("STORE_READ_ONLY"));
        for (numbers, meaning) in [
            // BUSY, LOCKED with their extended codes; I/O that is a lock; READONLY_CANTLOCK; CANTOPEN.
            (
                &[5, 261, 517, 773, 6, 262, 2058, 2314, 3594, 3850, 5130, 3082, 520, 14][..],
                (Kind::Busy, None),
            ),
            // IOERR alone, READ, SHORT_READ, WRITE, FSYNC, TRUNCATE, SHMSIZE.
            (&[10, 266, 522, 778, 1034, 1546, 4874], disk),
            (&[13], (Kind::QuotaExceeded, None)),
            // READONLY, ROLLBACK, DBMOVED, DIRECTORY.
            (&[8, 776, 1032, 1544], read_only),
            // CORRUPT, CORRUPT_INDEX, NOTADB, IOERR_DATA, IOERR_CORRUPTFS.
            (&[11, 779, 26, 8202, 8458], damaged),
            (&[1, 21], (Kind::Bug, None)),
        ] {
            numbers.iter().for_each(|number| assert_eq!(of_sqlite(*number), meaning, "{number}"));
        }
        for (code, meaning) in [
            ("53100", (Kind::QuotaExceeded, None)),
            ("58030", disk),
            ("XX001", damaged),
            ("XX002", damaged),
            ("25006", read_only),
            ("40001", (Kind::Busy, None)),
            ("53300", (Kind::Busy, None)),
            ("58P01", (Kind::Busy, None)),
            ("42501", (Kind::Forbidden, None)),
            ("XX000", (Kind::Malformed, None)),
            ("42P01", (Kind::Bug, None)),
        ] {
            assert_eq!(of_postgres(code), meaning, "{code}");
        }
    }
}
