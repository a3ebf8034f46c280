//! Sign-ins. Times that are compared or written alone have columns of their own.

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    account::{Hashed, Session, TokenHash},
    id::{AccountId, SessionId},
    port::{Sessions, Together, Write},
};

use crate::{
    SqlStore,
    row::{from_doc, to_doc},
    sql::{Row, Tx, args, refuse},
};

#[async_trait]
impl Sessions for SqlStore {
    async fn add_session(&self, session: &Session) -> Result<()> {
        self.together(&[Write::AddSession(session)]).await
    }

    async fn session_by_hash(&self, hash: &TokenHash) -> Result<Session> {
        let mut tx = self.db.read("read session").await?;
        let sql = "SELECT doc, hash, seen FROM session WHERE workspace = $1 AND hash = $2";
        let row = tx.row(sql, args![self.workspace, &hash.0[..]]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, "there is no such session"))?)
    }

    async fn sessions(&self) -> Result<Vec<Session>> {
        let mut tx = self.db.read("list sessions").await?;
        let sql = "SELECT doc, hash, seen FROM session WHERE workspace = $1 ORDER BY id DESC";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn see_session(&self, id: SessionId, seen: Timestamp) -> Result<()> {
        let mut tx = self.db.write("see session").await?;
        let sql = "UPDATE session SET seen = $3 WHERE workspace = $1 AND id = $2";
        tx.run(sql, args![self.workspace, id.0, seen.as_microsecond()]).await?;
        tx.commit().await
    }

    async fn remove_session(&self, id: SessionId) -> Result<()> {
        self.together(&[Write::RemoveSession(id)]).await
    }

    async fn remove_sessions(&self, account: AccountId, but: Option<SessionId>) -> Result<()> {
        self.together(&[Write::RemoveSessions(account, but)]).await
    }

    async fn forget_sessions(&self, before: Timestamp) -> Result<()> {
        let mut tx = self.db.write("forget sessions").await?;
        let sql = "DELETE FROM session WHERE workspace = $1 AND until < $2";
        tx.run(sql, args![self.workspace, before.as_microsecond()]).await?;
        tx.commit().await
    }
}

impl SqlStore {
    /// As the port's `add_session`, within a transaction.
    pub(crate) async fn add_session_in(&self, tx: &mut Tx, session: &Session) -> Result<()> {
        let op = tx.at("add session");
        tx.run(
            "INSERT INTO session (workspace, id, account, hash, seen, until, doc)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![
                self.workspace,
                session.id.0,
                session.account.0,
                &session.hash.0[..],
                session.seen.as_microsecond(),
                session.expires.as_microsecond(),
                to_doc(op, session)?,
            ],
        )
        .await?;
        Ok(())
    }

    /// As the port's `remove_session`, within a transaction.
    pub(crate) async fn remove_session_in(&self, tx: &mut Tx, id: SessionId) -> Result<()> {
        tx.at("remove session");
        let sql = "DELETE FROM session WHERE workspace = $1 AND id = $2";
        if tx.run(sql, args![self.workspace, id.0]).await? == 0 {
            return Err(tx.refuse(Kind::NotFound, format!("there is no session {id}")));
        }
        Ok(())
    }

    /// As the port's `remove_sessions`, within a transaction.
    pub(crate) async fn remove_sessions_in(
        &self,
        tx: &mut Tx,
        account: AccountId,
        but: Option<SessionId>,
    ) -> Result<()> {
        tx.at("remove sessions");
        // No session has the id of its account.
        let but = but.map_or(account.0, |session| session.0);
        let sql = "DELETE FROM session WHERE workspace = $1 AND account = $2 AND id <> $3";
        tx.run(sql, args![self.workspace, account.0, but]).await?;
        Ok(())
    }
}

fn made(row: &Row) -> Result<Session> {
    let mut session: Session = from_doc("read session", &row.text(0)?)?;
    session.hash = hash(&row.bytes(1)?)?;
    session.seen = time(row.int(2)?)?;
    Ok(session)
}

pub(crate) fn hash(bytes: &[u8]) -> Result<TokenHash> {
    let bytes = bytes.try_into().map_err(|_| refuse(Kind::Malformed, "read row", "a hash is damaged"))?;
    Ok(Hashed(bytes))
}

pub(crate) fn time(microseconds: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|_| refuse(Kind::Malformed, "read row", "a time is damaged"))
}
