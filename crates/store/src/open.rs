//! Opening a store: folder and file modes, pools, migrations, and refusing what a newer program wrote.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use mailferry_model::{Error, Kind, Result, port::Store, secret::Secret};
use sqlx::{
    Connection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    key::MasterKey,
    locks::Locks,
    sql::{Db, classify, refuse},
};

/// The operation of all errors of opening. With `Conflict` the schema is newer than this program, with
/// `Locked` the store is in use in a way that excludes us: exit code 11.
pub const OPEN: &str = "open store";

/// The file of an embedded store, in its data folder.
pub const DATABASE: &str = "mailferry.db";

/// A process that vanishes from the network in the middle of a transaction must not hold up all others: claims are made
/// one at a time. In milliseconds and in seconds.
const VANISHED: [(&str, &str); 2] =
    [("idle_in_transaction_session_timeout", "30000"), ("tcp_keepalives_idle", "60")];

/// How long a writer waits for another process on the same file.
const PATIENCE: Duration = Duration::from_secs(30);

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Embedded: a data folder, made with mode 0700, with `mailferry.db` and `locks/` in it.
    Sqlite(PathBuf),
    /// A PostgreSQL URL; there may be a password in it.
    Postgres(Secret<String>),
}

/// The store.
pub struct SqlStore {
    pub(crate) db: Db,
    pub(crate) key: MasterKey,
    pub(crate) workspace: Uuid,
    /// This process, as the one that carries requests out.
    pub(crate) owner: Uuid,
    /// Only in the embedded store.
    pub(crate) locks: Option<Locks>,
    pub(crate) rope: watch::Sender<()>,
}

impl SqlStore {
    /// Opens a store, makes it if there is none, brings its schema up to date.
    ///
    /// # Errors
    /// All have the operation [`OPEN`]: `Conflict` if a newer program wrote it, `Busy` if it cannot be
    /// reached, `QuotaExceeded` if nothing can be written, `Forbidden`, `Malformed`.
    pub async fn open(location: &Location, key: MasterKey) -> Result<Self> {
        let (db, locks) = match location {
            Location::Sqlite(folder) => {
                let folder = folder.clone();
                let prepared = tokio::task::spawn_blocking(move || prepare(&folder)).await;
                let place = prepared.map_err(|e| refuse(Kind::Bug, OPEN, e.to_string()))?.map_err(|e| {
                    refuse(kind_of(&e), OPEN, format!("cannot use the data folder: {e}")).because(e)
                })?;
                (open_sqlite(&place).await?, Some(place.locks))
            }
            Location::Postgres(url) => (open_postgres(url.expose()).await?, None),
        };
        let (workspace, owner) = (Uuid::nil(), Uuid::now_v7());
        Ok(Self { db, key, workspace, owner, locks, rope: watch::Sender::new(()) })
    }
}

impl Store for SqlStore {
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

struct Place {
    file: PathBuf,
    locks: Locks,
    /// Held while the schema is brought up to date: one process after another.
    _alone: std::fs::File,
}

fn prepare(folder: &Path) -> std::io::Result<Place> {
    let locks = folder.join("locks");
    DirBuilder::new().recursive(true).mode(0o700).create(&locks)?;
    let mut private = OpenOptions::new();
    private.read(true).write(true).create(true).truncate(false).mode(0o600);
    let alone = private.open(locks.join("open"))?;
    alone.lock()?;
    let file = folder.join(DATABASE);
    private.open(&file)?;
    Ok(Place { file, locks: Locks::new(locks)?, _alone: alone })
}

fn kind_of(error: &std::io::Error) -> Kind {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::TimedOut => Kind::Busy,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Kind::Forbidden,
        _ => Kind::Malformed,
    }
}

/// What the database says while it is opened: a file that cannot be opened then is one that we may not open.
// https://www.sqlite.org/rescode.html: the lowest byte is the primary code, 14 CANTOPEN.
fn unopened(error: sqlx::Error) -> Error {
    let code = match &error {
        sqlx::Error::Database(e) if e.try_downcast_ref::<SqliteError>().is_some() => e.code(),
        _ => None,
    };
    match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(14) => refuse(Kind::Forbidden, OPEN, format!("the store answers: {error}")).because(error),
        _ => classify(OPEN, error),
    }
}

async fn open_sqlite(place: &Place) -> Result<Db> {
    let options = SqliteConnectOptions::new()
        .filename(&place.file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE);
    let pool = || {
        let pool = SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        // When the disk is full SQLite ends a transaction by itself; sqlx then takes it for open for ever, and refuses
        // to begin another. Such a connection is not used again.
        pool.after_release(|open, _| {
            Box::pin(async move {
                open.ping().await?;
                Ok(!open.is_in_transaction())
            })
        })
    };
    let write = pool().max_connections(1).connect_with(options.clone()).await;
    let write = write.map_err(unopened)?;
    migrated(SQLITE.run(&write).await, &SQLITE)?;
    let read = pool().max_connections(4).connect_with(options.pragma("query_only", "on")).await;
    Ok(Db::Lite { write, read: read.map_err(unopened)? })
}

async fn open_postgres(url: &str) -> Result<Db> {
    let options = shared(url)?;
    // Alone first: a pool tries again for half a minute and then does not tell why.
    let alone = PgConnection::connect_with(&options).await;
    alone.map_err(unopened)?.close().await.map_err(unopened)?;
    let pool = PgPoolOptions::new().max_connections(16).connect_with(options).await;
    let pool = pool.map_err(unopened)?;
    migrated(POSTGRES.run(&pool).await, &POSTGRES)?;
    Ok(Db::Pg(pool))
}

/// What a URL says. Without a word of it in errors: there may be a password in it.
pub(crate) fn shared(url: &str) -> Result<PgConnectOptions> {
    let has_scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url).ok().filter(|_| has_scheme);
    let options = options.ok_or_else(|| {
        let words = "the URL of the database is not like postgresql://USER:PASSWORD@HOST:PORT/DATABASE";
        refuse(Kind::Malformed, OPEN, words).code_of("STORE_URL")
    })?;
    Ok(options.application_name("mailferry").options([("synchronous_commit", "on")]).options(VANISHED))
}

/// The newest schema of the embedded store that this program knows.
pub fn newest_schema() -> i64 {
    SQLITE.iter().map(|m| m.version).max().unwrap_or(0)
}

fn migrated(result: std::result::Result<(), MigrateError>, ours: &Migrator) -> Result<()> {
    let newest = ours.iter().map(|m| m.version).max().unwrap_or(0);
    match result {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(theirs)) if theirs > newest => {
            let words = format!(
                "a newer mailferry wrote this store (schema {theirs}, this program knows {newest}); \
                 use that version or a newer one"
            );
            Err(refuse(Kind::Conflict, OPEN, words))
        }
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(unopened(error)),
        Err(other) => Err(refuse(Kind::Malformed, OPEN, format!("its schema is not ours: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{audit::AuditEntry, port::Audits};

    use super::*;

    fn entry(size: usize) -> AuditEntry {
        let text = "x".repeat(size);
        let (actor, action) = (text.clone(), text.clone());
        AuditEntry { at: jiff::Timestamp::UNIX_EPOCH, actor, action, subject: text, change: None }
    }

    /// Found in the field of a full tmpfs: after the first refusal everything was refused until a restart.
    #[tokio::test]
    async fn a_store_that_was_full_goes_on_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_text(&"ab".repeat(32)).unwrap();
        let store = SqlStore::open(&Location::Sqlite(folder.path().to_owned()), key).await.unwrap();
        let Db::Lite { write, .. } = &store.db else { panic!("it is embedded") };
        let mut open = write.acquire().await.unwrap();
        sqlx::query("PRAGMA max_page_count = 60").execute(&mut *open).await.unwrap();
        drop(open);
        let mut ended = Ok(0);
        while ended.is_ok() {
            ended = store.record(&entry(20_000)).await;
        }
        assert_eq!(ended.unwrap_err().kind(), Kind::QuotaExceeded);
        store.record(&entry(100)).await.unwrap();
        store.record(&entry(20_000)).await.unwrap();
    }

    /// What SQLite itself says of a store that may only be read, and of a file that is none.
    #[tokio::test]
    async fn what_is_read_only_or_damaged_is_called_so() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_text(&"ab".repeat(32)).unwrap();
        let store = SqlStore::open(&Location::Sqlite(folder.path().to_owned()), key).await.unwrap();
        let Db::Lite { read, .. } = &store.db else { panic!("it is embedded") };
        let refused = sqlx::query("DELETE FROM audit").execute(read).await.unwrap_err();
        let error = classify("forget", refused);
        assert_eq!((error.kind(), &*error.code()), (Kind::Forbidden, "STORE_READ_ONLY"), "{error}");
        let file = folder.path().join("none.db");
        std::fs::write(&file, "these are words and no pages ".repeat(200)).unwrap();
        let none = SqlitePoolOptions::new().connect_lazy_with(SqliteConnectOptions::new().filename(&file));
        let refused = sqlx::query("SELECT 1 FROM audit").execute(&none).await.unwrap_err();
        let error = classify("read", refused);
        assert_eq!((error.kind(), &*error.code()), (Kind::Malformed, "STORE_DAMAGED"), "{error}");
    }
}
