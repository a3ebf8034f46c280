//! Verifications that were ordered: each is one worker's, for as long as that lives.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    audit::AuditEntry,
    id::VerificationId,
    port::{Together, Verifications, Write},
    verification::{Verification, VerificationState},
};
use uuid::Uuid;

use crate::{
    SqlStore,
    queue::{taken_over, until},
    row::{from_doc, number, to_doc},
    sql::{Row, Tx, args},
};

#[async_trait]
impl Verifications for SqlStore {
    async fn add_verification(&self, verification: &Verification) -> Result<()> {
        self.together(&[Write::AddVerification(verification)]).await
    }

    async fn verification(&self, id: VerificationId) -> Result<Verification> {
        let op = "read verification";
        let mut tx = self.db.read(op).await?;
        let sql = "SELECT doc, state, looked_at, outcome FROM verification WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?;
        let row = row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no verification {id}")))?;
        Ok(Verification { outcome: from_doc(op, &row.text(3)?)?, ..made(&row)? })
    }

    async fn verifications(&self) -> Result<Vec<Verification>> {
        let mut tx = self.db.read("list verifications").await?;
        let sql = "SELECT doc, state, looked_at FROM verification WHERE workspace = $1 ORDER BY id DESC";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn verifications_under_way(&self) -> Result<u64> {
        let mut tx = self.db.read("count verifications").await?;
        let sql = "SELECT COUNT(*) FROM verification WHERE workspace = $1 AND state < 2";
        let row = tx.row(sql, args![self.workspace]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    }

    async fn claim_verification(&self, owner: Uuid, how_long: Duration) -> Result<Option<Verification>> {
        let op = "claim verification";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let row = tx
            .row(
                "UPDATE verification SET state = 1, owner = $2, lease_until = $3
                 WHERE workspace = $1 AND state = 0 AND id = (
                     SELECT id FROM verification WHERE workspace = $1 AND state = 0 ORDER BY id LIMIT 1)
                 RETURNING doc, state, looked_at",
                args![self.workspace, owner, until(now, how_long)],
            )
            .await?;
        let verification = row.as_ref().map(made).transpose()?;
        tx.commit().await?;
        Ok(verification)
    }

    async fn hold_verification(
        &self,
        id: VerificationId,
        owner: Uuid,
        how_long: Duration,
        looked_at: u64,
    ) -> Result<()> {
        let op = "hold verification";
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let sql = "UPDATE verification SET lease_until = $4, looked_at = $5
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        let values = args![self.workspace, id.0, owner, until(now, how_long), number(looked_at)];
        if tx.run(sql, values).await? == 0 {
            return Err(taken_over(op));
        }
        tx.commit().await
    }

    async fn end_verification(
        &self,
        verification: &Verification,
        owner: Uuid,
        told: Option<&AuditEntry>,
    ) -> Result<()> {
        let op = "end verification";
        let mut tx = self.db.write(op).await?;
        let outcome = to_doc(op, &verification.outcome)?;
        let sql = "UPDATE verification SET state = $4, looked_at = $5, outcome = $6
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        let (id, looked_at) = (verification.id.0, number(verification.looked_at));
        let values = args![self.workspace, id, owner, state(verification.state), looked_at, outcome];
        if tx.run(sql, values).await? == 0 {
            return Err(taken_over(op));
        }
        if let Some(entry) = told {
            self.record_in(&mut tx, entry).await?;
        }
        tx.commit().await
    }

    async fn remove_verification(&self, id: VerificationId) -> Result<()> {
        self.together(&[Write::RemoveVerification(id)]).await
    }

    async fn sweep_verifications(&self, before: Timestamp) -> Result<()> {
        let mut tx = self.db.write("sweep verifications").await?;
        let now = tx.now().await?;
        let sql = "SELECT id, owner, lease_until FROM verification
                   WHERE workspace = $1 AND state = 1 ORDER BY id";
        for row in tx.rows(sql, args![self.workspace]).await? {
            let (id, owner, ends) = (row.id(0)?, row.maybe_id(1)?, row.int(2)?);
            if ends <= now || owner.is_none_or(|owner| self.is_dead(owner)) {
                let sql = "UPDATE verification SET state = 3 WHERE workspace = $1 AND id = $2";
                tx.run(sql, args![self.workspace, id]).await?;
            }
        }
        let sql = "DELETE FROM verification WHERE workspace = $1 AND state <> 1 AND asked < $2";
        tx.run(sql, args![self.workspace, before.as_microsecond()]).await?;
        tx.commit().await
    }
}

impl SqlStore {
    /// As the port's `add_verification`, within a transaction.
    pub(crate) async fn add_verification_in(&self, tx: &mut Tx, verification: &Verification) -> Result<()> {
        let op = tx.at("add verification");
        tx.run(
            "INSERT INTO verification (workspace, id, state, lease_until, looked_at, asked, doc, outcome)
             VALUES ($1, $2, $3, 0, $4, $5, $6, $7)",
            args![
                self.workspace,
                verification.id.0,
                state(verification.state),
                number(verification.looked_at),
                verification.asked.as_microsecond(),
                to_doc(op, &Verification { outcome: None, ..verification.clone() })?,
                to_doc(op, &verification.outcome)?,
            ],
        )
        .await?;
        Ok(())
    }

    /// As the port's `remove_verification`, within a transaction.
    pub(crate) async fn remove_verification_in(&self, tx: &mut Tx, id: VerificationId) -> Result<()> {
        tx.at("remove verification");
        let sql = "DELETE FROM verification WHERE workspace = $1 AND id = $2";
        match tx.run(sql, args![self.workspace, id.0]).await? {
            0 => Err(tx.refuse(Kind::NotFound, format!("there is no verification {id}"))),
            _ => Ok(()),
        }
    }
}

fn state(state: VerificationState) -> i64 {
    match state {
        VerificationState::Ordered => 0,
        VerificationState::Running => 1,
        VerificationState::Done => 2,
        VerificationState::Interrupted => 3,
    }
}

fn made(row: &Row) -> Result<Verification> {
    let mut verification: Verification = from_doc("read verification", &row.text(0)?)?;
    verification.state = match row.int(1)? {
        0 => VerificationState::Ordered,
        1 => VerificationState::Running,
        2 => VerificationState::Done,
        _ => VerificationState::Interrupted,
    };
    verification.looked_at = u64::try_from(row.int(2)?).unwrap_or(0);
    Ok(verification)
}
