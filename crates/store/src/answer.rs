//! Answers to requests that must not be carried out twice.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    account::{Answer, KeptAnswer},
    port::Answers,
};

use crate::{
    SqlStore,
    queue::until,
    row::{from_doc, to_doc},
    session::hash,
    sql::{Row, args, refuse},
};

/// A request is carried out within less: after so long its process counts as gone, where nobody knows better.
const CARRIED: Duration = Duration::from_secs(300);

#[async_trait]
impl Answers for SqlStore {
    async fn begin_answer(
        &self,
        key: [u8; 32],
        request: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<KeptAnswer>> {
        let op = "begin request";
        self.live(op, self.owner)?;
        let mut tx = self.db.write(op).await?;
        let ends = until(tx.now().await?, CARRIED);
        let values = args![self.workspace, &key[..], &request[..], at.as_microsecond(), self.owner, ends];
        let begun = tx
            .run(
                "INSERT INTO answer (workspace, request_key, request, began, owner, lease_until, status, body)
                 VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT (workspace, request_key) DO NOTHING",
                values.into_iter().chain(args![Vec::new()]).collect(),
            )
            .await?;
        if begun == 1 {
            tx.commit().await?;
            return Ok(None);
        }
        let sql = "SELECT request, status, body, headers, owner, lease_until FROM answer
                   WHERE workspace = $1 AND request_key = $2";
        let row = tx.row(sql, args![self.workspace, &key[..]]).await?;
        let row = row.ok_or_else(|| tx.refuse(Kind::Busy, "it ended at this very moment: ask again"))?;
        let (owner, now) = (row.maybe_id(4)?, tx.now().await?);
        let abandoned = row.int(5)? <= now || owner.is_none_or(|owner| self.is_dead(owner));
        if row.int(1)? == 0 && abandoned {
            let sql = "UPDATE answer SET request = $3, began = $4, owner = $5, lease_until = $6
                       WHERE workspace = $1 AND request_key = $2 AND status = 0 AND lease_until = $7";
            let values = args![self.workspace, &key[..], &request[..], at.as_microsecond(), self.owner, ends];
            let values = values.into_iter().chain(args![row.int(5)?]).collect();
            if tx.run(sql, values).await? == 1 {
                tx.commit().await?;
                return Ok(None);
            }
            return Err(tx.refuse(Kind::Busy, "another has begun it at this very moment: ask again"));
        }
        Ok(Some(KeptAnswer { request: hash(&row.bytes(0)?)?.0, answer: answer(op, &row)? }))
    }

    async fn keep_answer(&self, key: [u8; 32], answer: &Answer) -> Result<()> {
        let op = "keep answer";
        let mut tx = self.db.write(op).await?;
        let headers = to_doc(op, &answer.headers)?;
        let (status, body) = (i64::from(answer.status), answer.body.as_bytes());
        tx.run(
            "UPDATE answer SET status = $3, body = $4, headers = $5 WHERE workspace = $1 AND request_key = $2",
            args![self.workspace, &key[..], status, body, headers],
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

/// The answer of a row; none while the request is carried out.
fn answer(op: &'static str, row: &Row) -> Result<Option<Answer>> {
    let status = u16::try_from(row.int(1)?).unwrap_or(0);
    let body = String::from_utf8(row.bytes(2)?)
        .map_err(|_| refuse(Kind::Malformed, op, "a kept answer is damaged"))?;
    let headers = from_doc(op, &row.text(3)?)?;
    Ok((status != 0).then_some(Answer { status, headers, body }))
}
