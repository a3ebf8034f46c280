//! The shared store seen from outside: whether its master key is ours, and what the doctor wants to know of it.

use mailferry_model::{Kind, Result, secret::Secret};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::{
    MasterKey, SqlStore,
    open::{OPEN, newest_schema, shared},
    secret::is_sealed_with,
    sql::{args, classify, refuse},
};

impl SqlStore {
    /// Tells of the master key, or compares it with the one that was told of first: several processes that share a
    /// store need the same.
    ///
    /// # Errors
    /// `Forbidden` with the code `STORE_OTHER_KEY` if it is another one; `Busy`.
    pub async fn check_key(&self) -> Result<()> {
        let op = "check key";
        let mut tx = self.db.write(op).await?;
        let ours = self.key.fingerprint();
        let sql = "INSERT INTO key_check (workspace, fingerprint) VALUES ($1, $2)
                   ON CONFLICT (workspace) DO NOTHING";
        tx.run(sql, args![self.workspace, &ours[..]]).await?;
        let sql = "SELECT fingerprint FROM key_check WHERE workspace = $1";
        let stands = tx.row(sql, args![self.workspace]).await?;
        let stands = stands.map(|row| row.bytes(0)).transpose()?;
        tx.commit().await?;
        match stands.as_deref() == Some(&ours[..]) {
            true => Ok(()),
            false => {
                let words = "the master key of this machine is another one than that of the store";
                Err(refuse(Kind::Forbidden, op, words).code_of("STORE_OTHER_KEY"))
            }
        }
    }
}

/// What stands in a shared store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// What the server says it is, without where it runs.
    pub server: String,
    /// The version of its schema; 0: none yet.
    pub schema: i64,
    /// The newest that this program knows.
    pub newest: i64,
    /// Whether it has another master key than the one that was given.
    pub is_foreign: bool,
    /// Whether it has any.
    pub is_keyed: bool,
}

/// Looks at a shared store and changes nothing. Who asks sets a limit to the time that this takes: a host that does not
/// answer is waited for.
///
/// # Errors
/// As of opening it.
pub async fn look_at_shared(url: &Secret<String>, key: Option<&MasterKey>) -> Result<Shared> {
    use sqlx::Connection;
    let options = shared(url.expose())?;
    let mut open = PgConnection::connect_with(&options).await.map_err(|e| classify(OPEN, e))?;
    let server: String = one(&mut open, "SHOW server_version").await?.unwrap_or_default();
    let known = "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";
    let schema: i64 = match one::<i64>(&mut open, known).await? {
        None | Some(0) => 0,
        Some(_) => {
            one(&mut open, "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").await?.unwrap_or(0)
        }
    };
    let (mut is_keyed, mut is_foreign) = (false, false);
    if schema >= KEYED {
        let told: Option<Vec<u8>> = one(&mut open, "SELECT fingerprint FROM key_check").await?;
        is_keyed = told.is_some();
        is_foreign = told.zip(key).is_some_and(|(told, key)| told != key.fingerprint());
        if let Some(key) = key {
            let sealed: Option<Vec<u8>> = one(&mut open, "SELECT body FROM secret LIMIT 1").await?;
            is_foreign |= sealed.is_some_and(|body| !is_sealed_with(key, &body));
        }
    }
    open.close().await.map_err(|e| classify(OPEN, e))?;
    Ok(Shared { server, schema, newest: newest_schema(), is_foreign, is_keyed })
}

/// From this schema on the store tells of its master key.
const KEYED: i64 = 13;

async fn one<T>(open: &mut PgConnection, sql: &'static str) -> Result<Option<T>>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(open).await;
    let row = row.map_err(|e| classify("look at store", e))?;
    row.map(|row| row.try_get(0)).transpose().map_err(|e| classify("look at store", e))
}
