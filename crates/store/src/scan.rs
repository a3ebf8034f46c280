//! Scans that were ordered: each is one worker's, for as long as that lives, and keeps what came of each mailbox at once.

use std::time::Duration;

use async_trait::async_trait;
use mailferry_model::{
    Kind, Result,
    audit::AuditEntry,
    id::ScanId,
    port::{Scans, Together, Write},
    scan::{Scan, ScanMailbox, ScanOutcome, ScanState, Whose},
};
use uuid::Uuid;

use crate::{
    SqlStore,
    queue::{taken_over, until},
    row::{from_doc, number, to_doc},
    sql::{Row, Tx, args},
};

#[async_trait]
impl Scans for SqlStore {
    async fn add_scan(&self, scan: &Scan, mailboxes: &[ScanMailbox]) -> Result<()> {
        self.together(&[Write::AddScan(scan, mailboxes)]).await
    }

    async fn scan(&self, id: ScanId) -> Result<Scan> {
        let mut tx = self.db.read("read scan").await?;
        let sql = "SELECT doc, state, mailboxes, looked_at, error FROM scan WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?;
        made(&row.ok_or_else(|| missing(&tx, id))?)
    }

    async fn scans(&self) -> Result<Vec<Scan>> {
        let mut tx = self.db.read("list scans").await?;
        let sql =
            "SELECT doc, state, mailboxes, looked_at, error FROM scan WHERE workspace = $1 ORDER BY id DESC";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn scans_under_way(&self) -> Result<u64> {
        let mut tx = self.db.read("count scans").await?;
        let sql = "SELECT COUNT(*) FROM scan WHERE workspace = $1 AND state < 2";
        let row = tx.row(sql, args![self.workspace]).await?;
        Ok(row.map(|row| row.count(0)).transpose()?.unwrap_or(0))
    }

    async fn scan_mailboxes(&self, id: ScanId, after: u64, most: usize) -> Result<Vec<ScanMailbox>> {
        let mut tx = self.db.read("list scanned mailboxes").await?;
        let sql = "SELECT doc, outcome FROM scan_mailbox WHERE workspace = $1 AND scan = $2 AND number > $3
                   ORDER BY number LIMIT $4";
        let values = args![self.workspace, id.0, number(after), number(most as u64)];
        tx.rows(sql, values).await?.iter().map(mailbox).collect()
    }

    async fn scan_mailboxes_left(&self, id: ScanId, most: usize) -> Result<Vec<ScanMailbox>> {
        let mut tx = self.db.read("list mailboxes to scan").await?;
        let sql = "SELECT doc, outcome FROM scan_mailbox WHERE workspace = $1 AND scan = $2 AND outcome = ''
                   ORDER BY number LIMIT $3";
        tx.rows(sql, args![self.workspace, id.0, number(most as u64)]).await?.iter().map(mailbox).collect()
    }

    async fn claim_scan(
        &self,
        owner: Uuid,
        how_long: Duration,
        only: Option<ScanId>,
    ) -> Result<Option<Scan>> {
        let op = "claim scan";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let oldest = "SELECT id FROM scan WHERE workspace = $1 AND state = 0 ORDER BY id LIMIT 1";
        let id = match only {
            Some(id) => Some(id.0),
            None => tx.row(oldest, args![self.workspace]).await?.map(|row| row.id(0)).transpose()?,
        };
        let Some(id) = id else { return Ok(None) };
        let sql = "UPDATE scan SET state = 1, owner = $3, lease_until = $4
                   WHERE workspace = $1 AND id = $2 AND state = 0
                   RETURNING doc, state, mailboxes, looked_at, error";
        let row = tx.row(sql, args![self.workspace, id, owner, until(now, how_long)]).await?;
        let scan = row.as_ref().map(made).transpose()?;
        tx.commit().await?;
        Ok(scan)
    }

    async fn hold_scan(&self, id: ScanId, owner: Uuid, how_long: Duration) -> Result<()> {
        let op = "hold scan";
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let sql = "UPDATE scan SET lease_until = $4
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        if tx.run(sql, args![self.workspace, id.0, owner, until(now, how_long)]).await? == 0 {
            return Err(taken_over(op));
        }
        tx.commit().await
    }

    async fn keep_scanned(
        &self,
        id: ScanId,
        owner: Uuid,
        mailbox: &ScanMailbox,
        outcome: &ScanOutcome,
    ) -> Result<()> {
        let op = "keep scanned mailbox";
        let mut tx = self.db.write(op).await?;
        // Counted first: this locks the scan, and only its owner gets past it.
        let sql = "UPDATE scan SET looked_at = looked_at + (SELECT COUNT(*) FROM scan_mailbox
                       WHERE workspace = $1 AND scan = $2 AND number = $4 AND outcome = '')
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        let at = number(mailbox.number);
        if tx.run(sql, args![self.workspace, id.0, owner, at]).await? == 0 {
            return Err(taken_over(op));
        }
        let sql = "UPDATE scan_mailbox SET outcome = $4 WHERE workspace = $1 AND scan = $2 AND number = $3";
        tx.run(sql, args![self.workspace, id.0, at, to_doc(op, outcome)?]).await?;
        if let Whose::Own(own) = mailbox.secrets {
            self.forget_secrets_in(&mut tx, own).await?;
        }
        tx.commit().await
    }

    async fn end_scan(&self, scan: &Scan, owner: Uuid, told: Option<&AuditEntry>) -> Result<()> {
        let op = "end scan";
        let mut tx = self.db.write(op).await?;
        let sql = "UPDATE scan SET state = $4, error = $5
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        let values = args![self.workspace, scan.id.0, owner, state(scan.state), to_doc(op, &scan.error)?];
        if tx.run(sql, values).await? == 0 {
            return Err(taken_over(op));
        }
        if let Some(entry) = told {
            self.record_in(&mut tx, entry).await?;
        }
        tx.commit().await
    }

    async fn stop_scan(&self, id: ScanId) -> Result<()> {
        self.together(&[Write::StopScan(id)]).await
    }

    async fn resume_scan(&self, id: ScanId) -> Result<()> {
        self.together(&[Write::ResumeScan(id)]).await
    }

    async fn remove_scan(&self, id: ScanId) -> Result<()> {
        self.together(&[Write::RemoveScan(id)]).await
    }

    async fn sweep_scans(&self) -> Result<()> {
        let mut tx = self.db.write("sweep scans").await?;
        let now = tx.now().await?;
        let sql = "SELECT id, owner, lease_until FROM scan WHERE workspace = $1 AND state = 1 ORDER BY id";
        for row in tx.rows(sql, args![self.workspace]).await? {
            let (id, owner, ends) = (row.id(0)?, row.maybe_id(1)?, row.int(2)?);
            if ends <= now || owner.is_none_or(|owner| self.is_dead(owner)) {
                let sql = "UPDATE scan SET state = 0 WHERE workspace = $1 AND id = $2 AND state = 1";
                tx.run(sql, args![self.workspace, id]).await?;
            }
        }
        tx.commit().await
    }
}

impl SqlStore {
    /// As the port's `add_scan`, within a transaction.
    pub(crate) async fn add_scan_in(
        &self,
        tx: &mut Tx,
        scan: &Scan,
        mailboxes: &[ScanMailbox],
    ) -> Result<()> {
        let op = tx.at("add scan");
        tx.run(
            "INSERT INTO scan (workspace, id, state, lease_until, mailboxes, looked_at, doc, error)
             VALUES ($1, $2, $3, 0, $4, 0, $5, $6)",
            args![
                self.workspace,
                scan.id.0,
                state(scan.state),
                number(mailboxes.len() as u64),
                to_doc(op, &Scan { error: None, ..scan.clone() })?,
                to_doc(op, &scan.error)?,
            ],
        )
        .await?;
        let mut rows = Vec::with_capacity(mailboxes.len());
        for mailbox in mailboxes {
            let own = match mailbox.secrets {
                Whose::Own(id) => id.as_bytes().to_vec(),
                Whose::User(_) => Vec::new(),
            };
            let (at, doc) = (number(mailbox.number), to_doc(op, mailbox)?);
            rows.push(args![self.workspace, scan.id.0, at, own, doc, String::new()]);
        }
        tx.insert("INSERT INTO scan_mailbox (workspace, scan, number, secrets, doc, outcome)", "", rows)
            .await?;
        Ok(())
    }

    /// As the port's `stop_scan`, within a transaction.
    pub(crate) async fn stop_scan_in(&self, tx: &mut Tx, id: ScanId) -> Result<()> {
        tx.at("stop scan");
        let sql = "UPDATE scan SET state = 3 WHERE workspace = $1 AND id = $2 AND state < 2";
        self.changed_scan(tx, id, sql, "it has ended already").await
    }

    /// As the port's `resume_scan`, within a transaction.
    pub(crate) async fn resume_scan_in(&self, tx: &mut Tx, id: ScanId) -> Result<()> {
        let op = tx.at("resume scan");
        let none = to_doc(op, &Option::<()>::None)?;
        let sql = "SELECT state, looked_at, mailboxes FROM scan WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?.ok_or_else(|| missing(tx, id))?;
        if row.int(0)? == 1 || row.int(1)? >= row.int(2)? {
            return Err(tx.refuse(Kind::Conflict, "nothing of it is left, or somebody is at it"));
        }
        let sql = "UPDATE scan SET state = 0, error = $3 WHERE workspace = $1 AND id = $2 AND state <> 1";
        match tx.run(sql, args![self.workspace, id.0, none]).await? {
            0 => Err(tx.refuse(Kind::Conflict, "somebody is at it")),
            _ => Ok(()),
        }
    }

    /// As the port's `remove_scan`, within a transaction.
    pub(crate) async fn remove_scan_in(&self, tx: &mut Tx, id: ScanId) -> Result<()> {
        tx.at("remove scan");
        let sql = "DELETE FROM scan WHERE workspace = $1 AND id = $2";
        self.changed_scan(tx, id, sql, "it is gone").await?;
        let sql = "DELETE FROM secret WHERE workspace = $1 AND owner IN (
                       SELECT secrets FROM scan_mailbox WHERE workspace = $1 AND scan = $2)";
        tx.run(sql, args![self.workspace, id.0]).await?;
        let sql = "DELETE FROM scan_mailbox WHERE workspace = $1 AND scan = $2";
        tx.run(sql, args![self.workspace, id.0]).await?;
        Ok(())
    }

    /// Runs a statement that changes one scan; says why where it changes none.
    async fn changed_scan(&self, tx: &mut Tx, id: ScanId, sql: &'static str, why: &str) -> Result<()> {
        if tx.run(sql, args![self.workspace, id.0]).await? > 0 {
            return Ok(());
        }
        let known = "SELECT 1 FROM scan WHERE workspace = $1 AND id = $2";
        match tx.row(known, args![self.workspace, id.0]).await? {
            None => Err(missing(tx, id)),
            Some(_) => Err(tx.refuse(Kind::Conflict, why)),
        }
    }
}

fn missing(tx: &Tx, id: ScanId) -> mailferry_model::Error {
    tx.refuse(Kind::NotFound, format!("there is no scan {id}"))
}

fn state(state: ScanState) -> i64 {
    match state {
        ScanState::Ordered => 0,
        ScanState::Running => 1,
        ScanState::Done => 2,
        ScanState::Stopped => 3,
    }
}

fn made(row: &Row) -> Result<Scan> {
    let op = "read scan";
    let scan: Scan = from_doc(op, &row.text(0)?)?;
    let state = match row.int(1)? {
        0 => ScanState::Ordered,
        1 => ScanState::Running,
        2 => ScanState::Done,
        _ => ScanState::Stopped,
    };
    let (mailboxes, looked_at) = (row.count(2)?, row.count(3)?);
    Ok(Scan { state, mailboxes, looked_at, error: from_doc(op, &row.text(4)?)?, ..scan })
}

fn mailbox(row: &Row) -> Result<ScanMailbox> {
    let op = "read scanned mailbox";
    let outcome = Some(row.text(1)?).filter(|doc| !doc.is_empty());
    let outcome = outcome.map(|doc| from_doc(op, &doc)).transpose()?;
    Ok(ScanMailbox { outcome, ..from_doc(op, &row.text(0)?)? })
}
