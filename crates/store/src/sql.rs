//! One SQL text for two engines: transactions, arguments and rows that hide which of them is underneath.
//!
//! Everything runs inside a transaction; nothing is done in one after an error. Texts use `$1` parameters,
//! and are built at run time only from numbers of rows, never from values.

use mailferry_model::{Error, Kind, Result, Retry, Scope, Side};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Row as _, SqlSafeStr, Sqlite, SqlitePool, Transaction, postgres::PgRow,
    sqlite::SqliteRow,
};
use uuid::Uuid;

use crate::dialect;

/// Rows a statement, at most.
const ROWS: usize = 500;

/// A database.
pub(crate) enum Db {
    /// One writer, several readers.
    Lite { write: SqlitePool, read: SqlitePool },
    /// One pool.
    Pg(PgPool),
}

/// A transaction, named for the words of its errors.
pub(crate) struct Tx {
    op: &'static str,
    pub(crate) on: On,
}

pub(crate) enum On {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

/// A value to be bound.
pub(crate) enum Arg {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Uuid> for Arg {
    fn from(value: Uuid) -> Self {
        Self::Bytes(value.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Arguments of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row of an answer.
pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {
        $args.into_iter().fold(sqlx::query($sql), |query, arg| match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Bytes(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        })
    };
}

impl Db {
    /// Begins to write: on SQLite the one writer, at once.
    pub(crate) async fn write(&self, op: &'static str) -> Result<Tx> {
        let on = match self {
            Self::Lite { write, .. } => write.begin_with("BEGIN IMMEDIATE").await.map(On::Lite),
            Self::Pg(pool) => pool.begin().await.map(On::Pg),
        };
        Ok(Tx { op, on: on.map_err(|e| classify(op, e))? })
    }

    /// Begins to read: all statements see one state.
    pub(crate) async fn read(&self, op: &'static str) -> Result<Tx> {
        let on = match self {
            Self::Lite { read, .. } => read.begin().await.map(On::Lite),
            Self::Pg(pool) => pool.begin_with(dialect::SNAPSHOT).await.map(On::Pg),
        };
        Ok(Tx { op, on: on.map_err(|e| classify(op, e))? })
    }
}

impl Tx {
    /// What is done now, for the words of errors.
    pub(crate) fn at(&mut self, op: &'static str) -> &'static str {
        self.op = op;
        op
    }

    /// Runs a statement; the number of rows it changed.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64> {
        let sql = sql.into_sql_str();
        let done = match &mut self.on {
            On::Lite(tx) => bound!(sql, args).execute(&mut **tx).await.map(|d| d.rows_affected()),
            On::Pg(tx) => bound!(sql, args).execute(&mut **tx).await.map(|d| d.rows_affected()),
        };
        done.map_err(|e| classify(self.op, e))
    }

    /// Runs a statement; its rows.
    pub(crate) async fn rows(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>> {
        let sql = sql.into_sql_str();
        let rows = match &mut self.on {
            On::Lite(tx) => {
                bound!(sql, args).fetch_all(&mut **tx).await.map(|r| r.into_iter().map(Row::Lite).collect())
            }
            On::Pg(tx) => {
                bound!(sql, args).fetch_all(&mut **tx).await.map(|r| r.into_iter().map(Row::Pg).collect())
            }
        };
        rows.map_err(|e| classify(self.op, e))
    }

    /// Runs a statement; its only row, if there is one.
    pub(crate) async fn row(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.pop())
    }

    /// Runs `{before} VALUES (…), (…) {after}` for any number of rows of equal length.
    pub(crate) async fn insert(&mut self, before: &str, after: &str, rows: Vec<Vec<Arg>>) -> Result<()> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let (text, args) = values(before, after, rows.by_ref().take(ROWS).collect());
            self.run(AssertSqlSafe(text), args).await?;
        }
        Ok(())
    }

    /// As [`Tx::insert`], and what `after` returns, in no order.
    pub(crate) async fn inserted(
        &mut self,
        before: &str,
        after: &str,
        rows: Vec<Vec<Arg>>,
    ) -> Result<Vec<Row>> {
        let (mut rows, mut returned) = (rows.into_iter().peekable(), Vec::new());
        while rows.peek().is_some() {
            let (text, args) = values(before, after, rows.by_ref().take(ROWS).collect());
            returned.extend(self.rows(AssertSqlSafe(text), args).await?);
        }
        Ok(returned)
    }

    /// Runs `{before} ($n, …) {after}` for any number of values, which stand behind those of `first`; its rows.
    pub(crate) async fn among<V: Clone + Into<Arg>>(
        &mut self,
        (before, after): (&str, &str),
        first: impl Fn() -> Vec<Arg>,
        values: Vec<V>,
    ) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        for some in values.chunks(ROWS) {
            let mut args = first();
            let marks: Vec<String> = (1..=some.len()).map(|i| format!("${}", args.len() + i)).collect();
            args.extend(some.iter().cloned().map(Into::into));
            let text = format!("{before} ({}) {after}", marks.join(","));
            found.extend(self.rows(AssertSqlSafe(text), args).await?);
        }
        Ok(found)
    }

    /// Ends it for good.
    pub(crate) async fn commit(self) -> Result<()> {
        let done = match self.on {
            On::Lite(tx) => tx.commit().await,
            On::Pg(tx) => tx.commit().await,
        };
        done.map_err(|e| classify(self.op, e))
    }

    /// An error of ours in the words of this transaction.
    pub(crate) fn refuse(&self, kind: Kind, context: impl Into<String>) -> Error {
        refuse(kind, self.op, context)
    }
}

/// `{before} VALUES (…), (…) {after}` with its arguments.
fn values(before: &str, after: &str, rows: Vec<Vec<Arg>>) -> (String, Vec<Arg>) {
    let (mut values, mut n) = (Vec::new(), 0);
    for row in &rows {
        let marks: Vec<String> = (n + 1..=n + row.len()).map(|i| format!("${i}")).collect();
        values.push(format!("({})", marks.join(",")));
        n += row.len();
    }
    let text = format!("{before} VALUES {} {after}", values.join(","));
    (text, rows.into_iter().flatten().collect())
}

macro_rules! column {
    ($row:expr, $at:expr, $kind:ty) => {
        match $row {
            Row::Lite(row) => row.try_get::<$kind, _>($at),
            Row::Pg(row) => row.try_get::<$kind, _>($at),
        }
        .map_err(|e| classify("read row", e))
    };
}

impl Row {
    pub(crate) fn int(&self, at: usize) -> Result<i64> {
        column!(self, at, i64)
    }

    /// What `count(*)` says.
    pub(crate) fn count(&self, at: usize) -> Result<u64> {
        Ok(self.int(at)?.unsigned_abs())
    }

    pub(crate) fn maybe_int(&self, at: usize) -> Result<Option<i64>> {
        column!(self, at, Option<i64>)
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<Vec<u8>> {
        column!(self, at, Vec<u8>)
    }

    pub(crate) fn text(&self, at: usize) -> Result<String> {
        column!(self, at, String)
    }

    pub(crate) fn id(&self, at: usize) -> Result<Uuid> {
        id(&self.bytes(at)?)
    }

    pub(crate) fn maybe_id(&self, at: usize) -> Result<Option<Uuid>> {
        column!(self, at, Option<Vec<u8>>)?.map(|bytes| id(&bytes)).transpose()
    }
}

fn id(bytes: &[u8]) -> Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|_| refuse(Kind::Malformed, "read row", "an id has not 16 bytes"))
}

/// An error of ours. Trouble with the store never concerns a single item.
pub(crate) fn refuse(kind: Kind, op: &'static str, context: impl Into<String>) -> Error {
    Error::new(kind, Side::Us, op, context).scope_of(Scope::Mailbox)
}

/// What the database says, in our words.
pub(crate) fn classify(op: &'static str, error: sqlx::Error) -> Error {
    let (kind, code) = match &error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => (Kind::Busy, None),
        sqlx::Error::Tls(_) => (Kind::Tls, None),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => (Kind::Malformed, None),
        sqlx::Error::Database(e) if e.is_unique_violation() => (Kind::AlreadyExists, None),
        sqlx::Error::Database(e) if e.is_foreign_key_violation() => (Kind::NotFound, None),
        sqlx::Error::Database(e) => dialect::meaning_of(e.as_ref()),
        _ => (Kind::Bug, None),
    };
    let words = match (&error, code) {
        (sqlx::Error::Database(e), Some("STORE_DISK_FAILS")) => {
            format!("{}: the disk is full, a limit keeps us from writing more, or it is broken", e.message())
        }
        (sqlx::Error::Database(e), _) => e.message().to_owned(),
        (other, _) => other.to_string(),
    };
    let made = refuse(kind, op, format!("the store answers: {words}"));
    let made = code.into_iter().fold(made, Error::code_of);
    match kind {
        Kind::Busy => made.retry_of(Retry::Soon),
        _ => made,
    }
    .because(error)
}
