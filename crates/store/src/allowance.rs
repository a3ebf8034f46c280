//! What holds at endpoints beside their limits, and what workers saw of them. Who may claim what is `queue`'s.

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    allowance::{Allowance, InUse, Pulse},
    id::{BatchId, EndpointId},
    port::Allowances,
};

use crate::{
    SqlStore,
    queue::IN_USE,
    row::{from_doc, to_doc},
    sql::{Row, args},
};

/// Older pulses are of workers that are gone.
const DAY: i64 = 24 * 3600 * 1_000_000;

#[async_trait]
impl Allowances for SqlStore {
    async fn allowances(&self) -> Result<Vec<Allowance>> {
        let op = "read allowances";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc FROM allowance WHERE workspace = $1 ORDER BY endpoint";
        let rows = tx.rows(sql, args![self.workspace]).await?;
        rows.iter().map(|row| from_doc(op, &row.text(0)?)).collect()
    }

    async fn set_allowance(&self, allowance: &Allowance) -> Result<()> {
        let op = "set allowance";
        let mut tx = self.db.write(op).await?;
        let bound = |n: Option<u32>| i64::from(n.unwrap_or(0));
        let written = tx
            .run(
                "INSERT INTO allowance (workspace, endpoint, allowed, raised, doc)
                 SELECT workspace, id, $3, $4, $5 FROM endpoint WHERE workspace = $1 AND id = $2
                 ON CONFLICT (workspace, endpoint) DO UPDATE
                 SET allowed = excluded.allowed, raised = excluded.raised, doc = excluded.doc",
                args![
                    self.workspace,
                    allowance.endpoint.0,
                    bound(allowance.allowed),
                    bound(allowance.raised),
                    to_doc(op, allowance)?,
                ],
            )
            .await?;
        if written == 0 {
            return Err(tx.refuse(Kind::NotFound, "there is no such endpoint"));
        }
        tx.commit().await
    }

    async fn permits(&self) -> Result<Vec<InUse>> {
        let mut tx = self.db.read("read permits").await?;
        let used = |row: &Row| {
            Ok(InUse {
                source: EndpointId(row.id(0)?),
                target: EndpointId(row.id(1)?),
                batch: BatchId(row.id(3)?),
                mailboxes: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
            })
        };
        tx.rows(IN_USE, args![self.workspace]).await?.iter().map(used).collect()
    }

    async fn keep_pulses(&self, pulses: &[Pulse]) -> Result<()> {
        let op = "keep pulses";
        let Some(newest) = pulses.iter().map(|pulse| pulse.at).max() else { return Ok(()) };
        let mut tx = self.db.write(op).await?;
        let old = newest.as_microsecond() - DAY;
        tx.run("DELETE FROM pulse WHERE workspace = $1 AND at < $2", args![self.workspace, old]).await?;
        for pulse in pulses {
            let (endpoint, worker, at) = (pulse.endpoint.0, pulse.worker, pulse.at.as_microsecond());
            tx.run(
                "INSERT INTO pulse (workspace, endpoint, worker, at, doc) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (workspace, endpoint, worker) DO UPDATE SET at = excluded.at, doc = excluded.doc",
                args![self.workspace, endpoint, worker, at, to_doc(op, pulse)?],
            )
            .await?;
        }
        tx.commit().await
    }

    async fn pulses(&self, since: Timestamp) -> Result<Vec<Pulse>> {
        let op = "read pulses";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc FROM pulse WHERE workspace = $1 AND at >= $2 ORDER BY endpoint, worker";
        let rows = tx.rows(sql, args![self.workspace, since.as_microsecond()]).await?;
        rows.iter().map(|row| from_doc(op, &row.text(0)?)).collect()
    }
}
