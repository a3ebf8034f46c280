//! Keeping a store: a consistent copy of it, its schema and soundness, and secrets that its key does not open.
//!
//! For the embedded store; PostgreSQL comes with tools of its own for this.

use std::path::Path;

use mailferry_model::{Kind, Result};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::{
    MasterKey, SqlStore,
    open::newest_schema,
    secret::is_sealed_with,
    sql::{Db, args, classify, refuse},
};

/// What stands in the file of an embedded store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The version of its schema; 0: none yet.
    pub schema: i64,
    /// The newest that this program knows.
    pub newest: i64,
    /// What the database says is wrong with itself; nothing if it is sound.
    pub faults: Vec<String>,
    /// Secrets that were sealed with another master key than the one that was given.
    pub foreign: u64,
}

/// Looks at the file of an embedded store and changes nothing.
///
/// # Errors
/// `Malformed` if it is no database, `Busy`, `Forbidden`.
pub async fn look(file: &Path, key: Option<&MasterKey>) -> Result<Looked> {
    use sqlx::ConnectOptions;
    let op = "look at store";
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut open = options.connect().await.map_err(|e| classify(op, e))?;
    let known = "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    let schema = match number(&mut open, known).await? {
        0 => 0,
        _ => number(&mut open, "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").await?,
    };
    let told = sqlx::query("PRAGMA integrity_check(20)").fetch_all(&mut open).await;
    let told = told.map_err(|e| classify(op, e))?;
    let mut faults = Vec::new();
    for row in told {
        faults.push(row.try_get::<String, _>(0).map_err(|e| classify(op, e))?);
    }
    faults.retain(|fault| fault != "ok");
    let mut foreign = 0;
    if let Some(key) = key.filter(|_| schema > 0) {
        let sealed = sqlx::query("SELECT body FROM secret").fetch_all(&mut open).await;
        for row in sealed.map_err(|e| classify(op, e))? {
            let body: Vec<u8> = row.try_get(0).map_err(|e| classify(op, e))?;
            foreign += u64::from(!is_sealed_with(key, &body));
        }
    }
    Ok(Looked { foreign, schema, newest: newest_schema(), faults })
}

async fn number(open: &mut SqliteConnection, sql: &'static str) -> Result<i64> {
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(open).await;
    row.and_then(|row| row.try_get(0)).map_err(|e| classify("look at store", e))
}

impl SqlStore {
    /// Copies the embedded store as it stands at one moment into a file that is missing or empty; others may go on
    /// writing meanwhile.
    ///
    /// # Errors
    /// `Unsupported` for PostgreSQL; `Busy`.
    pub async fn copy_into(&self, file: &Path) -> Result<()> {
        let op = "copy store";
        let Db::Lite { write, .. } = &self.db else {
            return Err(refuse(Kind::Unsupported, op, "PostgreSQL is backed up by its own tools"));
        };
        let name = file.to_str().ok_or_else(|| refuse(Kind::Malformed, op, "its path is not UTF-8"))?;
        let done = sqlx::query("VACUUM INTO $1").bind(name).execute(write).await;
        done.map(drop).map_err(|e| classify(op, e))
    }

    /// Forgets the secrets that were sealed with another master key; whose they were and what they were called.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn forget_foreign_secrets(&self) -> Result<Vec<(Uuid, String)>> {
        let mut tx = self.db.write("forget secrets").await?;
        let all = "SELECT owner, name, body FROM secret WHERE workspace = $1 ORDER BY owner, name";
        let mut foreign = Vec::new();
        for row in tx.rows(all, args![self.workspace]).await? {
            if !is_sealed_with(&self.key, &row.bytes(2)?) {
                foreign.push((row.id(0)?, row.text(1)?));
            }
        }
        for (owner, name) in &foreign {
            let sql = "DELETE FROM secret WHERE workspace = $1 AND owner = $2 AND name = $3";
            tx.run(sql, args![self.workspace, *owner, name.clone()]).await?;
        }
        tx.commit().await?;
        Ok(foreign)
    }

    /// Closes it, so that nothing of it is left outside its file.
    pub async fn close(self) {
        match &self.db {
            Db::Lite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Db::Pg(pool) => pool.close().await,
        }
    }
}
