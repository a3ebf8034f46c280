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
    sql::{Row, Tx, args},
};

/// Entries a part; it is split at twice as many.
const PART: usize = 4096;

/// Rows of the journal that are folded together.
const ROWS: usize = 64;

/// Whether the journal has more rows.
#[derive(PartialEq, Eq)]
enum Left {
    Nothing,
    More,
}

/// A part that is stored.
struct Part {
    no: i64,
    low: ItemId,
}

impl SqlStore {
    pub(super) async fn read_folder(&self, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>> {
        let mut tx = self.db.read("read ledger").await?;
        let newer = self.journal(&mut tx, mailbox, folder).await?;
        let mut entries = Vec::new();
        for part in self.parts(&mut tx, mailbox, folder).await? {
            let sql = "SELECT body FROM ledger_segment
                       WHERE workspace = $1 AND mailbox = $2 AND folder = $3 AND part = $4";
            let whose = args![self.workspace, mailbox.0, i64::from(folder.0), part.no];
            for row in tx.rows(sql, whose).await? {
                let more = unpack(folder, &row.bytes(0)?).map_err(|why| damaged(mailbox, folder, why))?;
                add(&mut entries, more);
            }
        }
        drop(tx);
        add(&mut entries, newer);
        newest(&mut entries);
        Ok(entries)
    }

    pub(super) async fn pack_journal(&self, lease: Lease, folder: FolderNo) -> Result<()> {
        let mut tx = self.db.write("pack ledger").await?;
        self.guard(&mut tx, lease).await?;
        // Some rows after others: a first pass of a large folder leaves very many.
        while self.pack_some(&mut tx, lease.mailbox, folder).await? == Left::More {}
        tx.commit().await
    }

    /// Folds the oldest rows of the journal into the segment.
    async fn pack_some(&self, tx: &mut Tx, mailbox: MailboxId, folder: FolderNo) -> Result<Left> {
        let rows = tx
            .rows(
                "SELECT body, seq FROM ledger_journal WHERE workspace = $1 AND mailbox = $2 AND folder = $3
                 ORDER BY seq LIMIT $4",
                args![self.workspace, mailbox.0, i64::from(folder.0), ROWS as i64],
            )
            .await?;
        let Some(last) = rows.last().map(|row| row.int(1)).transpose()? else { return Ok(Left::Nothing) };
        let left = if rows.len() < ROWS { Left::Nothing } else { Left::More };
        let newer = fold(mailbox, folder, rows)?;
        let parts = self.parts(tx, mailbox, folder).await?;
        let mut next = parts.iter().map(|p| p.no).max().unwrap_or(0) + 1;
        for (part, newer) in by_part(&parts, newer) {
            let mut entries = match part {
                Some(part) => self.take_part(tx, mailbox, folder, part.no).await?,
                None => Vec::new(),
            };
            add(&mut entries, newer);
            newest(&mut entries);
            entries.retain(|e| e.state != State::Gone || e.target.is_some());
            let size = if entries.len() > 2 * PART { PART } else { 2 * PART };
            for some in entries.chunks(size) {
                tx.run(
                    "INSERT INTO ledger_segment (workspace, mailbox, folder, part, low, items, body)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    args![
                        self.workspace,
                        mailbox.0,
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
            "DELETE FROM ledger_journal WHERE workspace = $1 AND mailbox = $2 AND folder = $3 AND seq <= $4",
            args![self.workspace, mailbox.0, i64::from(folder.0), last],
        )
        .await?;
        Ok(left)
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

    /// What the journal says: the newest state of each item, in the order of their ids. Read piece by piece, in one state.
    async fn journal(&self, tx: &mut Tx, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>> {
        let (mut entries, mut due, mut last) = (Vec::new(), 4 * PART, i64::MIN);
        loop {
            let rows = tx
                .rows(
                    "SELECT body, seq FROM ledger_journal
                     WHERE workspace = $1 AND mailbox = $2 AND folder = $3 AND seq > $4 ORDER BY seq LIMIT $5",
                    args![self.workspace, mailbox.0, i64::from(folder.0), last, ROWS as i64],
                )
                .await?;
            let Some(newest_row) = rows.last() else { break };
            last = newest_row.int(1)?;
            add(&mut entries, fold(mailbox, folder, rows)?);
            if entries.len() >= due {
                newest(&mut entries);
                due = 2 * entries.len() + 4 * PART;
            }
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

/// What these rows say, the oldest first: the newest state of each item.
fn fold(mailbox: MailboxId, folder: FolderNo, rows: Vec<Row>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for row in rows {
        let more = unpack(folder, &row.bytes(0)?).map_err(|why| damaged(mailbox, folder, why))?;
        add(&mut entries, more);
    }
    newest(&mut entries);
    Ok(entries)
}

/// Leaves the newest state of each item, in the order of their ids; what is newer comes later. In place: a folder may
/// have very many items.
fn newest(entries: &mut Vec<Entry>) {
    if entries.is_sorted_by(|a, b| a.id < b.id) {
        return;
    }
    let mut order: Vec<u32> = (0..).take(entries.len()).collect();
    order.sort_unstable_by(|a, b| entries[*a as usize].id.cmp(&entries[*b as usize].id).then(b.cmp(a)));
    for at in 0..order.len() {
        // Where an earlier step has put what belongs here.
        let mut from = order[at] as usize;
        while from < at {
            from = order[from] as usize;
        }
        order[at] = from as u32;
        entries.swap(at, from);
    }
    // Of two states of one item the newer stands first by now.
    entries.dedup_by(|a, b| a.id == b.id);
}

/// Adds what a blob holds.
fn add(entries: &mut Vec<Entry>, mut more: Vec<Entry>) {
    if entries.is_empty() {
        *entries = more;
        return;
    }
    let lacking = (entries.len() + more.len()).saturating_sub(entries.capacity());
    if lacking > 0 {
        // Less than twice as much, as it would grow by itself.
        entries.reserve_exact(more.len().max(entries.len() / 4));
    }
    entries.append(&mut more);
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
