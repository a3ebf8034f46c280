//! Tokens for programs.

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    account::{Token, TokenHash},
    id::TokenId,
    port::{Together, Tokens, Write},
};

use crate::{
    SqlStore,
    row::{from_doc, name_key, to_doc},
    session::{hash, time},
    sql::{Row, Tx, args, refuse},
};

#[async_trait]
impl Tokens for SqlStore {
    async fn add_token(&self, token: &Token) -> Result<()> {
        self.together(&[Write::AddToken(token)]).await
    }

    async fn token_by_hash(&self, hash: &TokenHash) -> Result<Token> {
        let mut tx = self.db.read("read token").await?;
        let sql = "SELECT doc, hash, used FROM token WHERE workspace = $1 AND hash = $2";
        let row = tx.row(sql, args![self.workspace, &hash.0[..]]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, "there is no such token"))?)
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        let mut tx = self.db.read("list tokens").await?;
        let sql = "SELECT doc, hash, used FROM token WHERE workspace = $1 ORDER BY id";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn use_token(&self, id: TokenId, at: Timestamp) -> Result<()> {
        let mut tx = self.db.write("use token").await?;
        let sql = "UPDATE token SET used = $3 WHERE workspace = $1 AND id = $2";
        tx.run(sql, args![self.workspace, id.0, at.as_microsecond()]).await?;
        tx.commit().await
    }

    async fn remove_token(&self, id: TokenId) -> Result<()> {
        self.together(&[Write::RemoveToken(id)]).await
    }
}

impl SqlStore {
    /// As the port's `add_token`, within a transaction.
    pub(crate) async fn add_token_in(&self, tx: &mut Tx, token: &Token) -> Result<()> {
        let op = tx.at("add token");
        let added = tx
            .run(
                "INSERT INTO token (workspace, id, account, name_key, hash, doc)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                args![
                    self.workspace,
                    token.id.0,
                    token.account.0,
                    name_key(op, &token.name)?,
                    &token.hash.0[..],
                    to_doc(op, token)?,
                ],
            )
            .await;
        added.map_err(|e| match e.kind() {
            Kind::AlreadyExists => {
                refuse(Kind::AlreadyExists, op, format!("there is a token {:?} already", token.name))
            }
            _ => e,
        })?;
        Ok(())
    }

    /// As the port's `remove_token`, within a transaction.
    pub(crate) async fn remove_token_in(&self, tx: &mut Tx, id: TokenId) -> Result<()> {
        tx.at("remove token");
        let sql = "DELETE FROM token WHERE workspace = $1 AND id = $2";
        if tx.run(sql, args![self.workspace, id.0]).await? == 0 {
            return Err(tx.refuse(Kind::NotFound, format!("there is no token {id}")));
        }
        Ok(())
    }
}

fn made(row: &Row) -> Result<Token> {
    let mut token: Token = from_doc("read token", &row.text(0)?)?;
    token.hash = hash(&row.bytes(1)?)?;
    token.last_used = row.maybe_int(2)?.map(time).transpose()?;
    Ok(token)
}
