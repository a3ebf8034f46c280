//! Accounts, and the code with which the first one is made.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result,
    account::{Account, TokenHash},
    id::AccountId,
    port::{Accounts, Together, Write},
};

use crate::{
    SqlStore,
    dialect::Alone,
    row::{from_doc, name_key, stale, to_doc, version},
    sql::{Row, Tx, args, refuse},
};

#[async_trait]
impl Accounts for SqlStore {
    async fn add_account(&self, account: &Account) -> Result<()> {
        self.together(&[Write::AddAccount(account)]).await
    }

    async fn set_account(&self, account: &Account) -> Result<()> {
        self.together(&[Write::SetAccount(account)]).await
    }

    async fn account(&self, name: &str) -> Result<Account> {
        let op = "read account";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc, version FROM account WHERE workspace = $1 AND name_key = $2";
        let row = tx.row(sql, args![self.workspace, name_key(op, name)?]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no account {name:?}")))?)
    }

    async fn account_by_id(&self, id: AccountId) -> Result<Account> {
        let mut tx = self.db.read("read account").await?;
        let sql = "SELECT doc, version FROM account WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no account {id}")))?)
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        let mut tx = self.db.read("list accounts").await?;
        let sql = "SELECT doc, version FROM account WHERE workspace = $1 ORDER BY name_key";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn remove_account(&self, id: AccountId) -> Result<()> {
        self.together(&[Write::RemoveAccount(id)]).await
    }

    async fn keep_setup_code(&self, code: &TokenHash) -> Result<()> {
        let mut tx = self.db.write("keep set-up code").await?;
        self.ensure_nobody(&mut tx).await?;
        tx.run(
            "INSERT INTO setup (workspace, hash) VALUES ($1, $2)
             ON CONFLICT (workspace) DO UPDATE SET hash = excluded.hash",
            args![self.workspace, &code.0[..]],
        )
        .await?;
        tx.commit().await
    }

    async fn add_first_account(&self, code: &TokenHash, account: &Account) -> Result<()> {
        self.together(&[Write::AddFirstAccount(code, account)]).await
    }
}

impl SqlStore {
    /// As the port's `add_account`, within a transaction.
    pub(crate) async fn add_account_in(&self, tx: &mut Tx, account: &Account) -> Result<()> {
        let op = tx.at("add account");
        self.insert(tx, op, account).await?;
        Ok(())
    }

    /// As the port's `set_account`, within a transaction.
    pub(crate) async fn set_account_in(&self, tx: &mut Tx, account: &Account) -> Result<()> {
        let op = tx.at("set account");
        let changed = tx
            .run(
                "UPDATE account SET version = version + 1, name_key = $4, doc = $5
                 WHERE workspace = $1 AND id = $2 AND version = $3",
                args![
                    self.workspace,
                    account.id.0,
                    version(op, account.version)?,
                    name_key(op, &account.name)?,
                    to_doc(op, account)?,
                ],
            )
            .await
            .map_err(|e| taken(e, op, account))?;
        if changed == 0 {
            let known = "SELECT 1 FROM account WHERE workspace = $1 AND id = $2";
            let known = tx.row(known, args![self.workspace, account.id.0]).await?;
            return Err(stale(op, known, "account", &account.name));
        }
        Ok(())
    }

    /// As the port's `remove_account`, within a transaction.
    pub(crate) async fn remove_account_in(&self, tx: &mut Tx, id: AccountId) -> Result<()> {
        tx.at("remove account");
        for sql in [
            "DELETE FROM session WHERE workspace = $1 AND account = $2",
            "DELETE FROM token WHERE workspace = $1 AND account = $2",
            "DELETE FROM secret WHERE workspace = $1 AND owner = $2",
        ] {
            tx.run(sql, args![self.workspace, id.0]).await?;
        }
        let sql = "DELETE FROM account WHERE workspace = $1 AND id = $2";
        if tx.run(sql, args![self.workspace, id.0]).await? == 0 {
            return Err(tx.refuse(Kind::NotFound, format!("there is no account {id}")));
        }
        Ok(())
    }

    /// As the port's `add_first_account`, within a transaction.
    pub(crate) async fn add_first_account_in(
        &self,
        tx: &mut Tx,
        code: &TokenHash,
        account: &Account,
    ) -> Result<()> {
        let op = tx.at("add first account");
        self.ensure_nobody(tx).await?;
        let sql = "DELETE FROM setup WHERE workspace = $1 AND hash = $2";
        if tx.run(sql, args![self.workspace, &code.0[..]]).await? == 0 {
            return Err(tx.refuse(Kind::Forbidden, "the set-up code is not right"));
        }
        self.insert(tx, op, account).await?;
        Ok(())
    }
}

impl SqlStore {
    async fn insert(&self, tx: &mut Tx, op: &'static str, account: &Account) -> Result<()> {
        tx.run(
            "INSERT INTO account (workspace, id, version, name_key, doc) VALUES ($1, $2, $3, $4, $5)",
            args![
                self.workspace,
                account.id.0,
                version(op, account.version)?,
                name_key(op, &account.name)?,
                to_doc(op, account)?,
            ],
        )
        .await
        .map(drop)
        .map_err(|e| taken(e, op, account))
    }

    /// Two first accounts cannot be made at once.
    async fn ensure_nobody(&self, tx: &mut Tx) -> Result<()> {
        tx.alone(self.workspace, Alone::Setup).await?;
        let known = "SELECT 1 FROM account WHERE workspace = $1 LIMIT 1";
        match tx.row(known, args![self.workspace]).await? {
            Some(_) => Err(tx.refuse(Kind::Conflict, "there are accounts already")),
            None => Ok(()),
        }
    }
}

fn made(row: &Row) -> Result<Account> {
    let mut account: Account = from_doc("read account", &row.text(0)?)?;
    account.version = row.int(1)? as u64;
    Ok(account)
}

fn taken(error: Error, op: &'static str, account: &Account) -> Error {
    match error.kind() {
        Kind::AlreadyExists => {
            refuse(Kind::AlreadyExists, op, format!("there is an account {:?} already", account.name))
        }
        _ => error,
    }
}
