//! Reports in the store: what the last pass of each mailbox found, packed, where several processes read it.
//!
//! The embedded store leaves them beside its file (decision 0010), the shared one keeps them here (decision 0025).

use std::io::{Read, Write};

use async_trait::async_trait;
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use mailferry_model::{Kind, Result, id::MailboxId, port::Reports, report::Kept};

use crate::{
    SqlStore,
    row::name_key,
    sql::{Row, args, refuse},
};

/// No report is longer, unpacked.
const LONGEST: u64 = 1 << 30;

#[async_trait]
impl Reports for SqlStore {
    async fn keep_report(&self, kept: &Kept) -> Result<()> {
        let op = "keep report";
        let text = serde_json::to_vec(kept).map_err(|e| refuse(Kind::Bug, op, e.to_string()))?;
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = packed.write_all(&text).and_then(|()| packed.finish());
        let packed = packed.map_err(|e| refuse(Kind::Bug, op, e.to_string()))?;
        let mut tx = self.db.write(op).await?;
        tx.run(
            "INSERT INTO report (workspace, mailbox, user_key, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (workspace, mailbox) DO UPDATE SET user_key = excluded.user_key, body = excluded.body",
            args![self.workspace, kept.mailbox.0, name_key(op, &kept.user)?, packed],
        )
        .await?;
        tx.commit().await
    }

    async fn report(&self, mailbox: MailboxId) -> Result<Option<Kept>> {
        let mut tx = self.db.read("read report").await?;
        let sql = "SELECT body FROM report WHERE workspace = $1 AND mailbox = $2";
        let row = tx.row(sql, args![self.workspace, mailbox.0]).await?;
        Ok(row.map(|row| unpacked(&row)).transpose()?.flatten())
    }

    async fn reports(&self) -> Result<Vec<Kept>> {
        let mut tx = self.db.read("list reports").await?;
        let sql = "SELECT body FROM report WHERE workspace = $1 ORDER BY user_key, mailbox";
        let rows = tx.rows(sql, args![self.workspace]).await?;
        let all: Result<Vec<Option<Kept>>> = rows.iter().map(unpacked).collect();
        Ok(all?.into_iter().flatten().collect())
    }
}

/// A damaged one is none: the next pass writes it anew.
fn unpacked(row: &Row) -> Result<Option<Kept>> {
    let body = row.bytes(0)?;
    let mut text = Vec::new();
    let read = DeflateDecoder::new(&body[..]).take(LONGEST).read_to_end(&mut text);
    Ok(read.ok().and_then(|_| serde_json::from_slice(&text).ok()))
}
