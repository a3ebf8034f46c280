//! Approvals of items that stay behind, by what the source calls them and why.
//!
//! What they approve, and whether it still stays behind, is not known here.

use std::collections::HashMap;

use async_trait::async_trait;
use mailferry_model::{
    Result,
    approval::{Approval, ApprovedItem},
    id::MailboxId,
    port::{Approvals, Together, Write},
};

use crate::{
    SqlStore,
    row::{from_doc, to_doc},
    sql::{Tx, args},
};

#[async_trait]
impl Approvals for SqlStore {
    async fn approve(&self, approvals: &[Approval]) -> Result<()> {
        self.together(&[Write::Approve(approvals)]).await
    }

    async fn unapprove(&self, mailbox: MailboxId, items: &[ApprovedItem]) -> Result<()> {
        self.together(&[Write::Unapprove(mailbox, items)]).await
    }

    async fn approvals(&self, mailbox: MailboxId) -> Result<Vec<Approval>> {
        let op = "read approvals";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc FROM approval WHERE workspace = $1 AND mailbox = $2 ORDER BY item";
        let rows = tx.rows(sql, args![self.workspace, mailbox.0]).await?;
        rows.iter().map(|row| from_doc(op, &row.text(0)?)).collect()
    }
}

impl SqlStore {
    /// As the port's `approve`, within a transaction.
    pub(crate) async fn approve_in(&self, tx: &mut Tx, approvals: &[Approval]) -> Result<()> {
        let op = tx.at("approve");
        // A statement may not write one row twice; of two the later one stays.
        let mut rows = HashMap::new();
        for approval in approvals {
            let key = key(op, &approval.item)?;
            let row = args![self.workspace, approval.mailbox.0, key.clone(), to_doc(op, approval)?];
            rows.insert((approval.mailbox, key), row);
        }
        tx.insert(
            "INSERT INTO approval (workspace, mailbox, item, doc)",
            "ON CONFLICT (workspace, mailbox, item) DO UPDATE SET doc = excluded.doc",
            rows.into_values().collect(),
        )
        .await
    }

    /// As the port's `unapprove`, within a transaction.
    pub(crate) async fn unapprove_in(
        &self,
        tx: &mut Tx,
        mailbox: MailboxId,
        items: &[ApprovedItem],
    ) -> Result<()> {
        let op = tx.at("unapprove");
        for item in items {
            let sql = "DELETE FROM approval WHERE workspace = $1 AND mailbox = $2 AND item = $3";
            tx.run(sql, args![self.workspace, mailbox.0, key(op, item)?]).await?;
        }
        Ok(())
    }
}

/// The item as it is found again. JSON keeps its parts apart.
fn key(op: &'static str, item: &ApprovedItem) -> Result<Vec<u8>> {
    let digest = blake3::hash(to_doc(op, item)?.as_bytes());
    Ok(digest.as_bytes()[..16].to_vec())
}
