//! Batches, added with their users in one go.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result,
    batch::Batch,
    id::BatchId,
    port::{Batches, Together, Write},
    user::User,
};

use crate::{
    SqlStore,
    dialect::Alone,
    row::{from_doc, name_key, stale, to_doc, version},
    sql::{Row, Tx, args, refuse},
};

#[async_trait]
impl Batches for SqlStore {
    async fn add_batch(&self, batch: &Batch, users: &[User]) -> Result<()> {
        self.together(&[Write::AddBatch(batch, users)]).await
    }

    async fn set_batch(&self, batch: &Batch) -> Result<()> {
        self.together(&[Write::SetBatch(batch)]).await
    }

    async fn batch(&self, name: &str) -> Result<Batch> {
        let op = "read batch";
        let mut tx = self.db.read(op).await?;
        let row = tx
            .row(
                "SELECT doc, version FROM batch WHERE workspace = $1 AND name_key = $2",
                args![self.workspace, name_key(op, name)?],
            )
            .await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no batch {name:?}")))?)
    }

    async fn batch_by_id(&self, id: BatchId) -> Result<Batch> {
        let mut tx = self.db.read("read batch").await?;
        let sql = "SELECT doc, version FROM batch WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no batch {id}")))?)
    }

    async fn batches(&self) -> Result<Vec<Batch>> {
        let mut tx = self.db.read("list batches").await?;
        let sql = "SELECT doc, version FROM batch WHERE workspace = $1 ORDER BY name_key";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn remove_batch(&self, id: BatchId) -> Result<()> {
        self.together(&[Write::RemoveBatch(id)]).await
    }
}

impl SqlStore {
    /// As the port's `add_batch`, within a transaction.
    pub(crate) async fn add_batch_in(&self, tx: &mut Tx, batch: &Batch, users: &[User]) -> Result<()> {
        let op = tx.at("add batch");
        tx.run(
            "INSERT INTO batch (workspace, id, version, name_key, source, target, priority, doc)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            args![
                self.workspace,
                batch.id.0,
                version(op, batch.version)?,
                name_key(op, &batch.name)?,
                batch.source.0,
                batch.target.0,
                batch.priority as i64,
                to_doc(op, batch)?,
            ],
        )
        .await
        .map_err(|e| taken(e, op, batch))?;
        self.add_users_in(tx, users).await
    }

    /// As the port's `set_batch`, within a transaction.
    pub(crate) async fn set_batch_in(&self, tx: &mut Tx, batch: &Batch) -> Result<()> {
        let op = tx.at("set batch");
        let changed = tx
            .run(
                "UPDATE batch SET version = version + 1, name_key = $4, source = $5, target = $6, priority = $7,
                 doc = $8 WHERE workspace = $1 AND id = $2 AND version = $3",
                args![
                    self.workspace,
                    batch.id.0,
                    version(op, batch.version)?,
                    name_key(op, &batch.name)?,
                    batch.source.0,
                    batch.target.0,
                    batch.priority as i64,
                    to_doc(op, batch)?,
                ],
            )
            .await
            .map_err(|e| taken(e, op, batch))?;
        if changed == 0 {
            let known = "SELECT 1 FROM batch WHERE workspace = $1 AND id = $2";
            let known = tx.row(known, args![self.workspace, batch.id.0]).await?;
            return Err(stale(op, known, "batch", &batch.name));
        }
        Ok(())
    }

    /// As the port's `remove_batch`, within a transaction.
    pub(crate) async fn remove_batch_in(&self, tx: &mut Tx, id: BatchId) -> Result<()> {
        tx.at("remove batch");
        tx.alone(self.workspace, Alone::Claims).await?;
        let now = self.end_dead(tx).await?;
        let leased = tx
            .rows(
                "SELECT id FROM job WHERE workspace = $1 AND batch = $2 AND owner IS NOT NULL
                 AND lease_until > $3 ORDER BY id",
                args![self.workspace, id.0, now],
            )
            .await?;
        if !leased.is_empty() {
            let words = format!("{} of its mailboxes are being worked on: stop it first", leased.len());
            return Err(tx.refuse(Kind::Locked, words));
        }
        for sql in [
            "DELETE FROM job WHERE workspace = $1 AND batch = $2",
            "DELETE FROM turn WHERE workspace = $1 AND batch = $2",
            "DELETE FROM readiness_tick WHERE workspace = $1 AND batch = $2",
            "DELETE FROM secret WHERE workspace = $1 AND owner IN
                 (SELECT id FROM member WHERE workspace = $1 AND batch = $2)",
            "DELETE FROM member WHERE workspace = $1 AND batch = $2",
        ] {
            tx.run(sql, args![self.workspace, id.0]).await?;
        }
        let sql = "DELETE FROM batch WHERE workspace = $1 AND id = $2";
        if tx.run(sql, args![self.workspace, id.0]).await? == 0 {
            return Err(tx.refuse(Kind::NotFound, format!("there is no batch {id}")));
        }
        Ok(())
    }
}

pub(crate) fn made(row: &Row) -> Result<Batch> {
    let mut batch: Batch = from_doc("read batch", &row.text(0)?)?;
    batch.version = row.int(1)? as u64;
    Ok(batch)
}

fn taken(error: Error, op: &'static str, batch: &Batch) -> Error {
    let words = match error.kind() {
        Kind::AlreadyExists => format!("there is a batch {:?} already", batch.name),
        Kind::NotFound => "its source or target endpoint does not exist".to_owned(),
        _ => return error,
    };
    refuse(error.kind(), op, words)
}
