//! Users of batches (table `member`: `user` is a reserved word).

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use mailferry_model::{
    Kind, Result,
    id::{BatchId, UserId},
    port::{Together, Users, Write},
    status::UserStatus,
    user::{Census, User},
};
use uuid::Uuid;

use crate::{
    SqlStore,
    dialect::Alone,
    row::{from_doc, name_key, stale, to_doc, version},
    sql::{Arg, Row, Tx, args},
};

/// Goes before the rows that [`row`] makes.
pub(crate) const INSERT: &str =
    "INSERT INTO member (workspace, id, version, batch, address_key, target_key, status, doc)";

/// The row of a new user.
pub(crate) fn row(op: &'static str, workspace: Uuid, user: &User) -> Result<Vec<Arg>> {
    Ok(args![
        workspace,
        user.id.0,
        version(op, user.version)?,
        user.batch.0,
        name_key(op, &user.address)?,
        name_key(op, user.target.name())?,
        status_word(op, user.status)?,
        to_doc(op, user)?,
    ])
}

#[async_trait]
impl Users for SqlStore {
    async fn set_user(&self, user: &User) -> Result<()> {
        self.together(&[Write::SetUser(user)]).await
    }

    async fn user(&self, id: UserId) -> Result<User> {
        let mut tx = self.db.read("read user").await?;
        let sql = "SELECT doc, version FROM member WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no user {id}")))?)
    }

    async fn users_by_address(&self, address: &str) -> Result<Vec<User>> {
        let op = "find users";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc, version FROM member WHERE workspace = $1 AND address_key = $2 ORDER BY id";
        tx.rows(sql, args![self.workspace, name_key(op, address)?]).await?.iter().map(made).collect()
    }

    async fn batches_of(&self, addresses: &[String]) -> Result<Vec<(String, BatchId)>> {
        let op = "find batches";
        let keys: Result<Vec<String>> = addresses.iter().map(|a| name_key(op, a)).collect();
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT address_key, batch FROM member WHERE workspace = $1 AND address_key IN";
        let rows = tx.among((sql, ""), || args![self.workspace], keys?).await?;
        rows.iter().map(|row| Ok((row.text(0)?, BatchId(row.id(1)?)))).collect()
    }

    async fn users_into(&self, mailboxes: &[String]) -> Result<Vec<User>> {
        let op = "find users";
        let keys: Result<HashSet<String>> = mailboxes.iter().map(|name| name_key(op, name)).collect();
        let keys = keys?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc, version FROM member WHERE workspace = $1 AND target_key IN";
        // Rows that an older program wrote have no key: their documents tell.
        let asked = keys.iter().cloned().chain([String::new()]).collect();
        let rows = tx.among((sql, ""), || args![self.workspace], asked).await?;
        let mut users = rows.iter().map(made).collect::<Result<Vec<User>>>()?;
        users.retain(|user| keys.contains(&user.target.name().to_lowercase()));
        Ok(users)
    }

    async fn remove_user(&self, id: UserId) -> Result<()> {
        self.together(&[Write::RemoveUser(id)]).await
    }

    async fn census(&self) -> Result<Vec<(BatchId, Census)>> {
        let op = "count users";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT batch, status, count(*) FROM member WHERE workspace = $1
                   GROUP BY batch, status ORDER BY batch, status";
        let mut all: BTreeMap<BatchId, Census> = BTreeMap::new();
        for row in tx.rows(sql, args![self.workspace]).await? {
            let status = status_of(op, &row.text(1)?)?;
            all.entry(BatchId(row.id(0)?)).or_default().users.push((status, row.count(2)?));
        }
        let sql = "SELECT batch, count(*) FROM job WHERE workspace = $1 GROUP BY batch ORDER BY batch";
        for row in tx.rows(sql, args![self.workspace]).await? {
            if let Some(census) = all.get_mut(&BatchId(row.id(0)?)) {
                census.jobs = row.count(1)?;
            }
        }
        Ok(all.into_iter().collect())
    }

    async fn users(&self, batch: BatchId) -> Result<Vec<User>> {
        let mut tx = self.db.read("list users").await?;
        let sql = "SELECT doc, version FROM member WHERE workspace = $1 AND batch = $2
                   ORDER BY address_key, id";
        tx.rows(sql, args![self.workspace, batch.0]).await?.iter().map(made).collect()
    }

    async fn users_behind(&self, batch: BatchId, last: Option<&User>) -> Result<Vec<User>> {
        let op = "list users";
        let behind = match last {
            Some(user) => (name_key(op, &user.address)?, user.id.0),
            None => (String::new(), Uuid::nil()),
        };
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc, version FROM member WHERE workspace = $1 AND batch = $2
                   AND (address_key > $3 OR (address_key = $3 AND id > $4)) ORDER BY address_key, id LIMIT 500";
        let args = args![self.workspace, batch.0, behind.0, behind.1];
        tx.rows(sql, args).await?.iter().map(made).collect()
    }
}

impl SqlStore {
    /// Adds users, within a transaction.
    pub(crate) async fn add_users_in(&self, tx: &mut Tx, users: &[User]) -> Result<()> {
        let op = tx.at("add users");
        let rows: Result<Vec<_>> = users.iter().map(|user| row(op, self.workspace, user)).collect();
        tx.insert(INSERT, "", rows?).await.map(drop)
    }

    /// As the port's `set_user`, within a transaction.
    pub(crate) async fn set_user_in(&self, tx: &mut Tx, user: &User) -> Result<()> {
        let op = tx.at("set user");
        let changed = tx
            .run(
                "UPDATE member SET version = version + 1, batch = $4, address_key = $5, target_key = $6, status = $7,
                 doc = $8 WHERE workspace = $1 AND id = $2 AND version = $3",
                args![
                    self.workspace,
                    user.id.0,
                    version(op, user.version)?,
                    user.batch.0,
                    name_key(op, &user.address)?,
                    name_key(op, user.target.name())?,
                    status_word(op, user.status)?,
                    to_doc(op, user)?,
                ],
            )
            .await?;
        if changed == 0 {
            let known = "SELECT 1 FROM member WHERE workspace = $1 AND id = $2";
            let known = tx.row(known, args![self.workspace, user.id.0]).await?;
            return Err(stale(op, known, "user", &user.address));
        }
        Ok(())
    }

    /// As the port's `remove_user`, within a transaction.
    pub(crate) async fn remove_user_in(&self, tx: &mut Tx, id: UserId) -> Result<()> {
        tx.at("remove user");
        tx.alone(self.workspace, Alone::Claims).await?;
        let now = self.end_dead(tx).await?;
        let sql = "SELECT id FROM job
                   WHERE workspace = $1 AND member = $2 AND owner IS NOT NULL AND lease_until > $3";
        if tx.row(sql, args![self.workspace, id.0, now]).await?.is_some() {
            return Err(tx.refuse(Kind::Locked, "it is being worked on: stop it first"));
        }
        for sql in [
            "DELETE FROM job WHERE workspace = $1 AND member = $2",
            "DELETE FROM secret WHERE workspace = $1 AND owner = $2",
        ] {
            tx.run(sql, args![self.workspace, id.0]).await?;
        }
        let sql = "DELETE FROM member WHERE workspace = $1 AND id = $2";
        match tx.run(sql, args![self.workspace, id.0]).await? {
            0 => Err(tx.refuse(Kind::NotFound, format!("there is no user {id}"))),
            _ => Ok(()),
        }
    }
}

/// A status as its column has it: as in the document.
pub(crate) fn status_word(op: &'static str, status: UserStatus) -> Result<String> {
    to_doc(op, &status).map(|quoted| quoted.trim_matches('"').to_owned())
}

/// A status from its column.
pub(crate) fn status_of(op: &'static str, word: &str) -> Result<UserStatus> {
    from_doc(op, &format!("\"{word}\""))
}

fn made(row: &Row) -> Result<User> {
    let mut user: User = from_doc("read user", &row.text(0)?)?;
    user.version = row.int(1)? as u64;
    Ok(user)
}
