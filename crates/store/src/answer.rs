//! Answers to requests that must not be carried out twice.

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{Kind, Result, account::KeptAnswer, port::Answers};

use crate::{
    SqlStore,
    session::hash,
    sql::{args, refuse},
};

#[async_trait]
impl Answers for SqlStore {
    async fn begin_answer(
        &self,
        key: [u8; 32],
        request: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<KeptAnswer>> {
        let op = "begin request";
        let mut tx = self.db.write(op).await?;
        let begun = tx
            .run(
                "INSERT INTO answer (workspace, request_key, request, began, status, body)
                 VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (workspace, request_key) DO NOTHING",
                args![self.workspace, &key[..], &request[..], at.as_microsecond(), Vec::new()],
            )
            .await?;
        if begun == 1 {
            tx.commit().await?;
            return Ok(None);
        }
        let sql = "SELECT request, status, body FROM answer WHERE workspace = $1 AND request_key = $2";
        let row = tx.row(sql, args![self.workspace, &key[..]]).await?;
        let row = row.ok_or_else(|| tx.refuse(Kind::Busy, "it ended at this very moment: ask again"))?;
        let body = String::from_utf8(row.bytes(2)?)
            .map_err(|_| refuse(Kind::Malformed, op, "a kept answer is damaged"))?;
        let status = u16::try_from(row.int(1)?).unwrap_or(0);
        let answer = (status != 0).then_some((status, body));
        Ok(Some(KeptAnswer { request: hash(&row.bytes(0)?)?.0, answer }))
    }

    async fn keep_answer(&self, key: [u8; 32], status: u16, body: &str) -> Result<()> {
        let mut tx = self.db.write("keep answer").await?;
        tx.run(
            "UPDATE answer SET status = $3, body = $4 WHERE workspace = $1 AND request_key = $2",
            args![self.workspace, &key[..], i64::from(status), body.as_bytes()],
        )
        .await?;
        tx.commit().await
    }

    async fn forget_answer(&self, key: [u8; 32]) -> Result<()> {
        let mut tx = self.db.write("forget answer").await?;
        let sql = "DELETE FROM answer WHERE workspace = $1 AND request_key = $2";
        tx.run(sql, args![self.workspace, &key[..]]).await?;
        tx.commit().await
    }

    async fn forget_answers(&self, before: Timestamp) -> Result<()> {
        let mut tx = self.db.write("forget answers").await?;
        let sql = "DELETE FROM answer WHERE workspace = $1 AND began < $2";
        tx.run(sql, args![self.workspace, before.as_microsecond()]).await?;
        tx.commit().await
    }
}
