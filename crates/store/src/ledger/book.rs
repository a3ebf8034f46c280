//! The port [`Ledger`]: every write is guarded by the newest epoch in its own transaction.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mailferry_model::{
    Kind, Result,
    id::MailboxId,
    ledger::{Commit, Entry, FolderNo, Head, Lease, Window},
    port::{Ledger, Store},
};

use super::{
    bytes::Damaged,
    folder::{pack_folder, unpack_folder},
    pack::pack,
};
use crate::{
    SqlStore,
    sql::{Arg, Tx, args, refuse},
};

#[async_trait]
impl Ledger for SqlStore {
    async fn mailbox(&self, identity: &str) -> Result<MailboxId> {
        let key = blake3::hash(identity.as_bytes()).as_bytes().to_vec();
        let find = "SELECT id FROM mailbox WHERE workspace = $1 AND identity_key = $2";
        let mut tx = self.db.read("find ledger").await?;
        if let Some(row) = tx.row(find, args![self.workspace, key.clone()]).await? {
            return Ok(MailboxId(row.id(0)?));
        }
        drop(tx);
        let mut tx = self.db.write("make ledger").await?;
        tx.run(
            "INSERT INTO mailbox (workspace, id, identity_key, identity, epoch, lease_until, writes)
             VALUES ($1, $2, $3, $4, 0, 0, 0) ON CONFLICT (workspace, identity_key) DO NOTHING",
            args![self.workspace, self.new_id(), key.clone(), identity.as_bytes()],
        )
        .await?;
        let row = tx.row(find, args![self.workspace, key]).await?;
        let row = row.ok_or_else(|| tx.refuse(Kind::Bug, "a ledger that was just made is not there"))?;
        let mailbox = MailboxId(row.id(0)?);
        tx.commit().await?;
        Ok(mailbox)
    }

    async fn head(&self, mailbox: MailboxId) -> Result<Head> {
        let mut tx = self.db.read("read ledger").await?;
        let whose = || args![self.workspace, mailbox.0];
        let row = tx.row("SELECT passes FROM mailbox WHERE workspace = $1 AND id = $2", whose()).await?;
        let Some(row) = row else {
            return Err(tx.refuse(Kind::NotFound, format!("there is no ledger {mailbox}")));
        };
        let passes = row.maybe_int(0)?;
        let mut head = Head {
            begun: passes.is_some(),
            passes: passes.unwrap_or(0).try_into().unwrap_or(u32::MAX),
            ..Head::default()
        };
        let sql = "SELECT no, body FROM ledger_folder WHERE workspace = $1 AND mailbox = $2 ORDER BY no";
        for row in tx.rows(sql, whose()).await? {
            let no = FolderNo(row.int(0)?.try_into().unwrap_or(u32::MAX));
            let folder = unpack_folder(no, &row.bytes(1)?);
            head.folders.push(folder.map_err(|why| damaged(mailbox, no, why))?);
        }
        let sql = "SELECT folder, mark FROM ledger_window WHERE workspace = $1 AND mailbox = $2
                   ORDER BY folder";
        for row in tx.rows(sql, whose()).await? {
            let (folder, mark) = (row.bytes(0)?, row.bytes(1)?);
            head.windows.push(Window {
                folder: mailferry_model::id::FolderId::from_bytes(folder),
                mark: mailferry_model::id::Mark::from_bytes(mark),
            });
        }
        Ok(head)
    }

    async fn open(&self, lease: Lease, windows: &[Window]) -> Result<()> {
        let mut tx = self.db.write("open windows").await?;
        self.guard(&mut tx, lease).await?;
        let mut rows: BTreeMap<_, Vec<Arg>> = BTreeMap::new();
        for window in windows {
            rows.entry(&window.folder).or_insert_with(|| self.window(lease, window));
        }
        let kept = "ON CONFLICT (workspace, mailbox, folder_key) DO NOTHING";
        tx.insert(WINDOW, kept, rows.into_values().collect()).await?;
        tx.commit().await
    }

    async fn commit(&self, lease: Lease, commit: &Commit) -> Result<()> {
        let mut tx = self.db.write("write ledger").await?;
        if !commit.is_lasting() {
            tx.may_be_lost().await?;
        }
        let seq = self.guard(&mut tx, lease).await?;
        if let Some(pass) = commit.pass {
            let sql = "UPDATE mailbox SET passes = $3 WHERE workspace = $1 AND id = $2";
            tx.run(sql, args![self.workspace, lease.mailbox.0, i64::from(pass)]).await?;
        }
        let mut journal: BTreeMap<FolderNo, Vec<&Entry>> = BTreeMap::new();
        for entry in &commit.items {
            journal.entry(entry.folder).or_default().push(entry);
        }
        let journal = journal.into_iter().map(|(no, mut entries)| {
            // Stable: of two states of one item the newer stays the later.
            entries.sort_by(|a, b| a.id.cmp(&b.id));
            args![self.workspace, lease.mailbox.0, i64::from(no.0), seq, pack(no, entries)]
        });
        tx.insert(
            "INSERT INTO ledger_journal (workspace, mailbox, folder, seq, body)",
            "",
            journal.collect(),
        )
        .await?;
        let folders: BTreeMap<FolderNo, Vec<Arg>> = (commit.folders.iter())
            .map(|f| (f.no, args![self.workspace, lease.mailbox.0, i64::from(f.no.0), pack_folder(f)]))
            .collect();
        tx.insert(
            "INSERT INTO ledger_folder (workspace, mailbox, no, body)",
            "ON CONFLICT (workspace, mailbox, no) DO UPDATE SET body = excluded.body",
            folders.into_values().collect(),
        )
        .await?;
        let marks: BTreeMap<_, Vec<Arg>> =
            commit.marks.iter().map(|mark| (&mark.folder, self.window(lease, mark))).collect();
        let moved = "ON CONFLICT (workspace, mailbox, folder_key) DO UPDATE SET mark = excluded.mark";
        tx.insert(WINDOW, moved, marks.into_values().collect()).await?;
        for folder in &commit.close {
            let sql = "DELETE FROM ledger_window WHERE workspace = $1 AND mailbox = $2 AND folder_key = $3";
            tx.run(sql, args![self.workspace, lease.mailbox.0, folder_key(folder.as_bytes())]).await?;
        }
        tx.commit().await
    }

    async fn read(&self, mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>> {
        self.read_folder(mailbox, folder).await
    }

    async fn pack(&self, lease: Lease, folder: FolderNo) -> Result<()> {
        self.pack_journal(lease, folder).await
    }

    async fn forget(&self, lease: Lease) -> Result<()> {
        let mut tx = self.db.write("forget ledger").await?;
        self.guard(&mut tx, lease).await?;
        for sql in [
            "DELETE FROM ledger_journal WHERE workspace = $1 AND mailbox = $2",
            "DELETE FROM ledger_segment WHERE workspace = $1 AND mailbox = $2",
            "DELETE FROM ledger_window WHERE workspace = $1 AND mailbox = $2",
            "DELETE FROM ledger_folder WHERE workspace = $1 AND mailbox = $2",
            "UPDATE mailbox SET passes = NULL WHERE workspace = $1 AND id = $2",
        ] {
            tx.run(sql, args![self.workspace, lease.mailbox.0]).await?;
        }
        tx.commit().await
    }
}

pub(super) const WINDOW: &str = "INSERT INTO ledger_window (workspace, mailbox, folder_key, folder, mark)";

impl SqlStore {
    /// Lets only the newest holder write, and one write after another; the number of this write.
    pub(super) async fn guard(&self, tx: &mut Tx, lease: Lease) -> Result<i64> {
        let epoch = i64::try_from(lease.epoch).unwrap_or(-1);
        let row = tx
            .row(
                "UPDATE mailbox SET writes = writes + 1
                 WHERE workspace = $1 AND id = $2 AND epoch = $3 AND epoch > 0 RETURNING writes",
                args![self.workspace, lease.mailbox.0, epoch],
            )
            .await?;
        match row {
            Some(row) => row.int(0),
            None => Err(tx.refuse(Kind::Conflict, "another worker has taken over")),
        }
    }

    pub(super) fn window(&self, lease: Lease, window: &Window) -> Vec<Arg> {
        args![
            self.workspace,
            lease.mailbox.0,
            folder_key(window.folder.as_bytes()),
            window.folder.as_bytes(),
            window.mark.as_bytes(),
        ]
    }
}

/// Folder ids may be longer than an index takes.
fn folder_key(folder: &[u8]) -> Vec<u8> {
    blake3::hash(folder).as_bytes()[..16].to_vec()
}

/// A blob that cannot be read: nothing is guessed, nothing left out.
pub(super) fn damaged(mailbox: MailboxId, folder: FolderNo, why: Damaged) -> mailferry_model::Error {
    let words = format!("the ledger {mailbox} is damaged in folder {}: {}", folder.0, why.0);
    refuse(Kind::Malformed, "read ledger", words)
}
