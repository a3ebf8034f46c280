//! Empty stores to test with, on either engine.

use std::{io::Write, path::Path};

use mailferry_model::secret::Secret;
use mailferry_store::{Location, MasterKey, SqlStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

pub const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A place for a store that goes away with it.
pub struct Place {
    pub location: Location,
    folder: Option<TempDir>,
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { location: Location::Sqlite(folder.path().join("data")), folder: Some(folder) }
    }

    /// A schema of its own; `None`, loudly, where no PostgreSQL is named.
    pub async fn postgres() -> Option<Self> {
        let Ok(url) = std::env::var("MAILFERRY_TEST_POSTGRES_URL") else {
            // Not eprintln: that is not shown for tests that pass.
            let words = b"SKIPPED on PostgreSQL: MAILFERRY_TEST_POSTGRES_URL is not set\n";
            std::io::stderr().write_all(words).unwrap();
            return None;
        };
        let name = format!("t{}", uuid::Uuid::now_v7().simple());
        let mut admin = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&mut admin).await.unwrap();
        let and = if url.contains('?') { '&' } else { '?' };
        let location = Location::Postgres(Secret::new(format!("{url}{and}options=-csearch_path%3D{name}")));
        Some(Self { location, folder: None })
    }

    /// One of each engine that is here.
    pub async fn all() -> Vec<Self> {
        std::iter::once(Self::sqlite()).chain(Self::postgres().await).collect()
    }

    pub async fn open(&self) -> SqlStore {
        SqlStore::open(&self.location, MasterKey::from_text(KEY).unwrap()).await.unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Runs a statement behind the store's back.
    pub async fn tamper(&self, sql: &'static str) {
        match &self.location {
            Location::Sqlite(folder) => {
                let url = format!("sqlite://{}", folder.join("mailferry.db").display());
                let mut lite = sqlx::SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut lite).await.unwrap();
            }
            Location::Postgres(url) => {
                let mut pg = PgConnection::connect(url.expose()).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut pg).await.unwrap();
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.folder.is_some() { "SQLite" } else { "PostgreSQL" })
    }
}
