//! The audit trail: entries chained by SHA-256, each over the one before.
//!
//! The chain shows changes within; it cannot show that its newest entries were cut off.

use async_trait::async_trait;
use mailferry_model::{Kind, Result, audit::AuditEntry, port::Audits};
use sha2::{Digest as _, Sha256};

use crate::{
    SqlStore,
    dialect::Alone,
    row::{from_doc, to_doc},
    sql::{Row, Tx, args, refuse},
};

const PAGE: i64 = 500;

#[async_trait]
impl Audits for SqlStore {
    async fn record(&self, entry: &AuditEntry) -> Result<u64> {
        let mut tx = self.db.write("record audit entry").await?;
        let no = self.record_in(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(no)
    }

    async fn audit(&self, after: u64) -> Result<Vec<(u64, AuditEntry)>> {
        let op = "read audit trail";
        let mut entries = Vec::new();
        for row in self.page(i64::try_from(after).unwrap_or(i64::MAX)).await? {
            let body = row.bytes(1)?;
            let doc = std::str::from_utf8(&body).map_err(|_| {
                refuse(Kind::Malformed, op, "an entry is damaged: run the check of the trail")
            })?;
            entries.push((row.int(0)? as u64, from_doc(op, doc)?));
        }
        Ok(entries)
    }

    async fn audit_end(&self) -> Result<u64> {
        let mut tx = self.db.read("read audit trail").await?;
        let sql = "SELECT no FROM audit WHERE workspace = $1 ORDER BY no DESC LIMIT 1";
        let row = tx.row(sql, args![self.workspace]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?.unwrap_or(0) as u64)
    }

    async fn check_audit(&self) -> Result<Option<u64>> {
        let (mut last, mut before) = (0, Vec::new());
        loop {
            let page = self.page(last).await?;
            if page.is_empty() {
                return Ok(None);
            }
            for row in page {
                let (no, body, hash) = (row.int(0)?, row.bytes(1)?, row.bytes(2)?);
                if no != last + 1 || hash != link(&before, no, &body) {
                    return Ok(Some(no as u64));
                }
                (last, before) = (no, hash);
            }
        }
    }
}

impl SqlStore {
    /// As the port's `record`, within a transaction.
    pub(crate) async fn record_in(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<u64> {
        let op = tx.at("record audit entry");
        let body = to_doc(op, entry)?.into_bytes();
        tx.alone(self.workspace, Alone::Audit).await?;
        let last = tx
            .row(
                "SELECT no, hash FROM audit WHERE workspace = $1 ORDER BY no DESC LIMIT 1",
                args![self.workspace],
            )
            .await?;
        let (last, before) = match last {
            Some(row) => (row.int(0)?, row.bytes(1)?),
            None => (0, Vec::new()),
        };
        let no = last + 1;
        let hash = link(&before, no, &body);
        tx.run(
            "INSERT INTO audit (workspace, no, body, hash) VALUES ($1, $2, $3, $4)",
            args![self.workspace, no, body, hash],
        )
        .await?;
        Ok(no as u64)
    }

    async fn page(&self, after: i64) -> Result<Vec<Row>> {
        let mut tx = self.db.read("read audit trail").await?;
        tx.rows(
            "SELECT no, body, hash FROM audit WHERE workspace = $1 AND no > $2 ORDER BY no LIMIT $3",
            args![self.workspace, after, PAGE],
        )
        .await
    }
}

fn link(before: &[u8], no: i64, body: &[u8]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(no.to_be_bytes());
    hasher.update(body);
    hasher.finalize().to_vec()
}
