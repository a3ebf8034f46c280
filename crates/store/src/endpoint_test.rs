//! Tests of endpoints that were ordered: each is one worker's, for as long as that lives.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mailferry_model::{
    Kind, Result,
    endpoint_test::{EndpointTest, TestState},
    id::EndpointTestId,
    port::{EndpointTests, Together, Write},
};
use uuid::Uuid;

use crate::{
    SqlStore,
    queue::{taken_over, until},
    row::{from_doc, to_doc},
    sql::{Row, Tx, args},
};

#[async_trait]
impl EndpointTests for SqlStore {
    async fn add_endpoint_test(&self, test: &EndpointTest) -> Result<()> {
        self.together(&[Write::AddEndpointTest(test)]).await
    }

    async fn endpoint_test(&self, id: EndpointTestId) -> Result<EndpointTest> {
        let mut tx = self.db.read("read endpoint test").await?;
        let sql = "SELECT doc, state FROM endpoint_test WHERE workspace = $1 AND id = $2";
        let row = tx.row(sql, args![self.workspace, id.0]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no test {id}")))?)
    }

    async fn endpoint_tests(&self) -> Result<Vec<EndpointTest>> {
        let mut tx = self.db.read("list endpoint tests").await?;
        let sql = "SELECT doc, state FROM endpoint_test WHERE workspace = $1 ORDER BY id DESC";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn endpoint_tests_under_way(&self) -> Result<u64> {
        let mut tx = self.db.read("count endpoint tests").await?;
        let sql = "SELECT COUNT(*) FROM endpoint_test WHERE workspace = $1 AND state < 2";
        let row = tx.row(sql, args![self.workspace]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    }

    async fn claim_endpoint_test(&self, owner: Uuid, how_long: Duration) -> Result<Option<EndpointTest>> {
        let op = "claim endpoint test";
        self.live(op, owner)?;
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let row = tx
            .row(
                "UPDATE endpoint_test SET state = 1, owner = $2, lease_until = $3
                 WHERE workspace = $1 AND state = 0 AND id = (
                     SELECT id FROM endpoint_test WHERE workspace = $1 AND state = 0 ORDER BY id LIMIT 1)
                 RETURNING doc, state",
                args![self.workspace, owner, until(now, how_long)],
            )
            .await?;
        let test = row.as_ref().map(made).transpose()?;
        tx.commit().await?;
        Ok(test)
    }

    async fn hold_endpoint_test(&self, id: EndpointTestId, owner: Uuid, how_long: Duration) -> Result<()> {
        let op = "hold endpoint test";
        let mut tx = self.db.write(op).await?;
        let now = tx.now().await?;
        let sql = "UPDATE endpoint_test SET lease_until = $4
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        if tx.run(sql, args![self.workspace, id.0, owner, until(now, how_long)]).await? == 0 {
            return Err(taken_over(op));
        }
        tx.commit().await
    }

    async fn end_endpoint_test(&self, test: &EndpointTest, owner: Uuid) -> Result<()> {
        let op = "end endpoint test";
        let mut tx = self.db.write(op).await?;
        let sql = "UPDATE endpoint_test SET state = $4, doc = $5
                   WHERE workspace = $1 AND id = $2 AND owner = $3 AND state = 1";
        let doc = to_doc(op, test)?;
        if tx.run(sql, args![self.workspace, test.id.0, owner, state(test.state), doc]).await? == 0 {
            return Err(taken_over(op));
        }
        self.forget_secrets_of(&mut tx, test.id.0).await?;
        tx.commit().await
    }

    async fn sweep_endpoint_tests(&self, before: Timestamp) -> Result<()> {
        let mut tx = self.db.write("sweep endpoint tests").await?;
        let now = tx.now().await?;
        let sql = "SELECT id, owner, lease_until FROM endpoint_test
                   WHERE workspace = $1 AND state = 1 ORDER BY id";
        for row in tx.rows(sql, args![self.workspace]).await? {
            let (id, owner, ends) = (row.id(0)?, row.maybe_id(1)?, row.int(2)?);
            if ends <= now || owner.is_none_or(|owner| self.is_dead(owner)) {
                let sql = "UPDATE endpoint_test SET state = 3 WHERE workspace = $1 AND id = $2";
                tx.run(sql, args![self.workspace, id]).await?;
                self.forget_secrets_of(&mut tx, id).await?;
            }
        }
        let sql = "DELETE FROM endpoint_test WHERE workspace = $1 AND state <> 1 AND asked < $2 RETURNING id";
        for row in tx.rows(sql, args![self.workspace, before.as_microsecond()]).await? {
            self.forget_secrets_of(&mut tx, row.id(0)?).await?;
        }
        tx.commit().await
    }
}

impl SqlStore {
    /// As the port's `add_endpoint_test`, within a transaction.
    pub(crate) async fn add_endpoint_test_in(&self, tx: &mut Tx, test: &EndpointTest) -> Result<()> {
        let op = tx.at("add endpoint test");
        tx.run(
            "INSERT INTO endpoint_test (workspace, id, state, lease_until, asked, doc)
             VALUES ($1, $2, $3, 0, $4, $5)",
            args![
                self.workspace,
                test.id.0,
                state(test.state),
                test.asked.as_microsecond(),
                to_doc(op, test)?
            ],
        )
        .await?;
        Ok(())
    }
}

impl SqlStore {
    async fn forget_secrets_of(&self, tx: &mut Tx, id: Uuid) -> Result<()> {
        let sql = "DELETE FROM secret WHERE workspace = $1 AND owner = $2";
        tx.run(sql, args![self.workspace, id]).await.map(drop)
    }
}

fn state(state: TestState) -> i64 {
    match state {
        TestState::Ordered => 0,
        TestState::Running => 1,
        TestState::Done => 2,
        TestState::Interrupted => 3,
    }
}

fn made(row: &Row) -> Result<EndpointTest> {
    let mut test: EndpointTest = from_doc("read endpoint test", &row.text(0)?)?;
    test.state = match row.int(1)? {
        0 => TestState::Ordered,
        1 => TestState::Running,
        2 => TestState::Done,
        _ => TestState::Interrupted,
    };
    Ok(test)
}
