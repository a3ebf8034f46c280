//! The bell: wakes those who wait for work, so that they need not ask all the time.
//!
//! It may ring for nothing and, between processes on SQLite, not at all: whoever waits also asks on a timer.

use mailferry_model::Result;
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::{
    SqlStore,
    dialect::CHANNEL,
    sql::{Db, classify},
};

const OP: &str = "wait for the bell";

/// Rings when work was added or shall stop.
pub struct Bell(Rope);

enum Rope {
    Here(watch::Receiver<()>),
    Pg(Box<PgListener>),
}

impl SqlStore {
    /// A bell that rings for what is added from now on: on PostgreSQL by any process, on SQLite by this one.
    ///
    /// # Errors
    /// `Busy` if the database cannot be reached.
    pub async fn bell(&self) -> Result<Bell> {
        match &self.db {
            Db::Lite { .. } => Ok(Bell(Rope::Here(self.rope.subscribe()))),
            Db::Pg(pool) => {
                let mut listener = PgListener::connect_with(pool).await.map_err(|e| classify(OP, e))?;
                listener.listen(CHANNEL).await.map_err(|e| classify(OP, e))?;
                Ok(Bell(Rope::Pg(Box::new(listener))))
            }
        }
    }
}

impl Bell {
    /// Waits until it rings. A ring between two waits is not missed.
    ///
    /// # Errors
    /// `Busy` if the database or the store is gone.
    pub async fn rung(&mut self) -> Result<()> {
        match &mut self.0 {
            Rope::Here(rope) => rope.changed().await.map_err(|_| classify(OP, sqlx::Error::PoolClosed)),
            Rope::Pg(listener) => listener.recv().await.map(drop).map_err(|e| classify(OP, e)),
        }
    }
}
