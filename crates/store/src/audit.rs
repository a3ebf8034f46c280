//! The audit trail: entries chained by SHA-256, each over the one before.
//!
//! The chain shows changes within. The newest link is kept apart once more, so that an end that was cut off is seen.
//! Whoever may write the file can forge both: a number that was noted elsewhere shows that.

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
        let mut tx = self.db.read(op).await?;
        let mut entries = Vec::new();
        for row in self.page(&mut tx, i64::try_from(after).unwrap_or(i64::MAX)).await? {
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

    async fn audit_head(&self) -> Result<Option<(u64, Vec<u8>)>> {
        let mut tx = self.db.read("read audit trail").await?;
        let (_, newest) = self.ends(&mut tx).await?;
        Ok(newest.map(|(no, hash)| (no as u64, hash)))
    }

    async fn check_audit(&self) -> Result<Option<u64>> {
        let mut tx = self.db.read("check audit trail").await?;
        let (mut last, mut before) = (0, Vec::new());
        loop {
            let page = self.page(&mut tx, last).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                let (no, body, hash) = (row.int(0)?, row.bytes(1)?, row.bytes(2)?);
                if no != last + 1 || hash != link(&before, no, &body) {
                    return Ok(Some(last as u64 + 1));
                }
                (last, before) = (no, hash);
            }
        }
        let (end, _) = self.ends(&mut tx).await?;
        let agrees = match end {
            Some(end) => end == (last, before),
            // Whatever there is was made by somebody, and that was told.
            None => last == 0 && !self.has_anything(&mut tx).await?,
        };
        Ok((!agrees).then_some(last as u64 + 1))
    }
}

impl SqlStore {
    /// As the port's `record`, within a transaction.
    pub(crate) async fn record_in(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<u64> {
        let op = tx.at("record audit entry");
        let body = to_doc(op, entry)?.into_bytes();
        tx.alone(self.workspace, Alone::Audit).await?;
        let (end, newest) = self.ends(tx).await?;
        // The chain goes on from what was last written, even if somebody cut that off: the gap stays to be seen.
        let (last, before) = end.clone().or_else(|| newest.clone()).unwrap_or((0, Vec::new()));
        let no = last + 1;
        let hash = link(&before, no, &body);
        tx.run(
            "INSERT INTO audit (workspace, no, body, hash) VALUES ($1, $2, $3, $4)",
            args![self.workspace, no, body, hash.clone()],
        )
        .await?;
        if end.is_some() || newest.is_none() {
            tx.run(
                "INSERT INTO audit_end (workspace, no, hash) VALUES ($1, $2, $3)
                 ON CONFLICT (workspace) DO UPDATE SET no = excluded.no, hash = excluded.hash",
                args![self.workspace, no, hash],
            )
            .await?;
        }
        Ok(no as u64)
    }

    /// The newest entry as it is kept apart, and as it stands in the trail.
    async fn ends(&self, tx: &mut Tx) -> Result<(Option<Link>, Option<Link>)> {
        let apart = "SELECT no, hash FROM audit_end WHERE workspace = $1";
        let newest = "SELECT no, hash FROM audit WHERE workspace = $1 ORDER BY no DESC LIMIT 1";
        let link = |row: Row| Ok((row.int(0)?, row.bytes(1)?));
        let apart = tx.row(apart, args![self.workspace]).await?.map(link).transpose()?;
        Ok((apart, tx.row(newest, args![self.workspace]).await?.map(link).transpose()?))
    }

    /// Whether there is a thing whose making was told.
    async fn has_anything(&self, tx: &mut Tx) -> Result<bool> {
        for sql in [
            "SELECT 1 FROM endpoint WHERE workspace = $1 LIMIT 1",
            "SELECT 1 FROM batch WHERE workspace = $1 LIMIT 1",
            "SELECT 1 FROM account WHERE workspace = $1 LIMIT 1",
        ] {
            if tx.row(sql, args![self.workspace]).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn page(&self, tx: &mut Tx, after: i64) -> Result<Vec<Row>> {
        tx.rows(
            "SELECT no, body, hash FROM audit WHERE workspace = $1 AND no > $2 ORDER BY no LIMIT $3",
            args![self.workspace, after, PAGE],
        )
        .await
    }
}

/// Number and hash of an entry.
type Link = (i64, Vec<u8>);

fn link(before: &[u8], no: i64, body: &[u8]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(no.to_be_bytes());
    hasher.update(body);
    hasher.finalize().to_vec()
}
