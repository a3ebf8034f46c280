//! Journal and segments of a folder: reading them as one, and folding the one into the other.
//!
//! A segment comes in parts of some thousand entries with ranges of ids that do not overlap. Folding rewrites
//! only the parts that the journal touches, so that ten new messages in a folder of a million cost one part.

use mailferry_model::{
    Result,
    id::{ItemId, MailboxId},
    ledger::{Entry, FolderNo, Lease, State},
};

use super::{
    book::damaged,
    pack::{pack, unpack},
};
use crate::{
    SqlStore,
    sql::{Tx, args},
};

/// Entries a part; it is split at twice as many.
const PART: usize = 4096;

/// A part that is stored.
struct Part {
    no: i64,
    low: ItemId,
}

impl SqlStore {
    pub(super) async fn read_folder(&self, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>> {
        let mut tx = self.db.read("read ledger").await?;
        let newer = self.journal(&mut tx, mailbox, folder).await?;
        let rows = tx
            .rows(
                "SELECT body FROM ledger_segment WHERE workspace = $1 AND mailbox = $2 AND folder = $3
                 ORDER BY part",
                args![self.workspace, mailbox.0, i64::from(folder.0)],
            )
            .await?;
        drop(tx);
        let mut entries = Vec::new();
        for row in rows {
            entries.extend(unpack(folder, &row.bytes(0)?).map_err(|why| damaged(mailbox, folder, why))?);
        }
        entries.extend(newer);
        newest(&mut entries);
        Ok(entries)
    }

    pub(super) async fn pack_journal(&self, lease: Lease, folder: FolderNo) -> Result<()> {
        let mut tx = self.db.write("pack ledger").await?;
        self.guard(&mut tx, lease).await?;
        let newer = self.journal(&mut tx, lease.mailbox, folder).await?;
        if newer.is_empty() {
            return tx.commit().await;
        }
        let parts = self.parts(&mut tx, lease.mailbox, folder).await?;
        let mut next = parts.iter().map(|p| p.no).max().unwrap_or(0) + 1;
        for (part, newer) in by_part(&parts, newer) {
            let mut entries = Vec::new();
            if let Some(part) = part {
                entries = self.take_part(&mut tx, lease.mailbox, folder, part.no).await?;
            }
            entries.extend(newer);
            newest(&mut entries);
            entries.retain(|e| e.state != State::Gone || e.target.is_some());
            let size = if entries.len() > 2 * PART { PART } else { 2 * PART };
            for some in entries.chunks(size) {
                tx.run(
                    "INSERT INTO ledger_segment (workspace, mailbox, folder, part, low, items, body)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    args![
                        self.workspace,
                        lease.mailbox.0,
                        i64::from(folder.0),
                        next,
                        some[0].id.as_bytes(),
                        some.len() as i64,
                        pack(folder, some),
                    ],
                )
                .await?;
                next += 1;
            }
        }
        tx.run(
            "DELETE FROM ledger_journal WHERE workspace = $1 AND mailbox = $2 AND folder = $3",
            args![self.workspace, lease.mailbox.0, i64::from(folder.0)],
        )
        .await?;
        tx.commit().await
    }

    /// How many bytes the packed segments of a mailbox take: for measurements.
    ///
    /// # Errors
    /// `Busy` if the database cannot be reached.
    pub async fn packed_bytes(&self, mailbox: MailboxId) -> Result<u64> {
        let mut tx = self.db.read("measure ledger").await?;
        let row = tx
            .row(
                "SELECT CAST(COALESCE(sum(length(body) + length(low)), 0) AS BIGINT) FROM ledger_segment
                 WHERE workspace = $1 AND mailbox = $2",
                args![self.workspace, mailbox.0],
            )
            .await?;
        Ok(row.map_or(Ok(0), |row| row.int(0))? as u64)
    }

    /// What the journal says: the newest state of each item, in the order of their ids.
    async fn journal(&self, tx: &mut Tx, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>> {
        let rows = tx
            .rows(
                "SELECT body FROM ledger_journal WHERE workspace = $1 AND mailbox = $2 AND folder = $3
                 ORDER BY seq",
                args![self.workspace, mailbox.0, i64::from(folder.0)],
            )
            .await?;
        let mut entries = Vec::new();
        for row in rows {
            entries.extend(unpack(folder, &row.bytes(0)?).map_err(|why| damaged(mailbox, folder, why))?);
        }
        newest(&mut entries);
        Ok(entries)
    }

    /// The parts of a folder's segment, by the ids in them.
    async fn parts(&self, tx: &mut Tx, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Part>> {
        let rows = tx
            .rows(
                "SELECT part, low FROM ledger_segment WHERE workspace = $1 AND mailbox = $2 AND folder = $3
                 ORDER BY low",
                args![self.workspace, mailbox.0, i64::from(folder.0)],
            )
            .await?;
        rows.iter().map(|row| Ok(Part { no: row.int(0)?, low: ItemId::from_bytes(row.bytes(1)?) })).collect()
    }

    async fn take_part(
        &self,
        tx: &mut Tx,
        mailbox: MailboxId,
        folder: FolderNo,
        part: i64,
    ) -> Result<Vec<Entry>> {
        let row = tx
            .row(
                "DELETE FROM ledger_segment
                 WHERE workspace = $1 AND mailbox = $2 AND folder = $3 AND part = $4 RETURNING body",
                args![self.workspace, mailbox.0, i64::from(folder.0), part],
            )
            .await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        unpack(folder, &row.bytes(0)?).map_err(|why| damaged(mailbox, folder, why))
    }
}

/// Leaves the newest state of each item, in the order of their ids; what is newer comes later. Sorted in place: a folder
/// may have very many items.
fn newest(entries: &mut Vec<Entry>) {
    if entries.is_sorted_by(|a, b| a.id < b.id) {
        return;
    }
    // Stable: of two states of one item the newer stays the later. What is kept of two is the first.
    entries.reverse();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries.dedup_by(|a, b| a.id == b.id);
}

/// Shares entries out among the parts that their ids belong to; without parts they make the first.
fn by_part(parts: &[Part], mut newer: Vec<Entry>) -> Vec<(Option<&Part>, Vec<Entry>)> {
    let place = |entry: &Entry| parts.partition_point(|part| part.low <= entry.id).saturating_sub(1);
    let mut shared = Vec::new();
    while let Some(last) = newer.last() {
        let at = place(last);
        let first = newer.partition_point(|entry| place(entry) < at);
        shared.push((parts.get(at), newer.split_off(first)));
    }
    shared.reverse();
    shared
}
