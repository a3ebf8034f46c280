//! Ticks of the readiness checklist. What else stands in it is judged elsewhere, each time anew.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    id::BatchId,
    port::{Readiness, Together, Write},
    readiness::{Point, Tick},
};

use crate::{
    SqlStore,
    row::{from_doc, to_doc},
    sql::{Tx, args},
};

#[async_trait]
impl Readiness for SqlStore {
    async fn tick(&self, tick: &Tick) -> Result<()> {
        self.together(&[Write::Tick(tick)]).await
    }

    async fn untick(&self, point: Point, batch: Option<BatchId>) -> Result<()> {
        self.together(&[Write::Untick(point, batch)]).await
    }

    async fn ticks(&self) -> Result<Vec<Tick>> {
        let op = "read ticks";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc FROM readiness_tick WHERE workspace = $1 ORDER BY batch, point";
        tx.rows(sql, args![self.workspace]).await?.iter().map(|row| from_doc(op, &row.text(0)?)).collect()
    }
}

impl SqlStore {
    /// As the port's `tick`, within a transaction.
    pub(crate) async fn tick_in(&self, tx: &mut Tx, tick: &Tick) -> Result<()> {
        let op = tx.at("tick");
        let row = args![self.workspace, of(tick.batch), tick.point.word().to_owned(), to_doc(op, tick)?];
        tx.insert(
            "INSERT INTO readiness_tick (workspace, batch, point, doc)",
            "ON CONFLICT (workspace, batch, point) DO UPDATE SET doc = excluded.doc",
            vec![row],
        )
        .await
    }

    /// As the port's `untick`, within a transaction.
    pub(crate) async fn untick_in(&self, tx: &mut Tx, point: Point, batch: Option<BatchId>) -> Result<()> {
        tx.at("untick");
        let sql = "DELETE FROM readiness_tick WHERE workspace = $1 AND batch = $2 AND point = $3";
        tx.run(sql, args![self.workspace, of(batch), point.word().to_owned()]).await.map(drop)
    }
}

/// Of the whole project it is empty: a key has no NULL.
fn of(batch: Option<BatchId>) -> Vec<u8> {
    batch.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default()
}
