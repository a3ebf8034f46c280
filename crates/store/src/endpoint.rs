//! Endpoints: a JSON document each, with the columns that names, versions and claims need.

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result,
    endpoint::Endpoint,
    id::EndpointId,
    port::{Endpoints, Together, Write},
};

use crate::{
    SqlStore,
    row::{from_doc, name_key, stale, to_doc, version},
    sql::{Row, Tx, args, refuse},
};

#[async_trait]
impl Endpoints for SqlStore {
    async fn add_endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        self.together(&[Write::AddEndpoint(endpoint)]).await
    }

    async fn set_endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        self.together(&[Write::SetEndpoint(endpoint)]).await
    }

    async fn endpoint(&self, name: &str) -> Result<Endpoint> {
        let op = "read endpoint";
        let mut tx = self.db.read(op).await?;
        let row = tx
            .row(
                "SELECT doc, version FROM endpoint WHERE workspace = $1 AND name_key = $2",
                args![self.workspace, name_key(op, name)?],
            )
            .await?;
        let row = row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no endpoint {name:?}")))?;
        made(&row)
    }

    async fn endpoint_by_id(&self, id: EndpointId) -> Result<Endpoint> {
        let mut tx = self.db.read("read endpoint").await?;
        let row = tx
            .row(
                "SELECT doc, version FROM endpoint WHERE workspace = $1 AND id = $2",
                args![self.workspace, id.0],
            )
            .await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no endpoint {id}")))?)
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>> {
        let mut tx = self.db.read("list endpoints").await?;
        let rows = tx
            .rows(
                "SELECT doc, version FROM endpoint WHERE workspace = $1 ORDER BY name_key",
                args![self.workspace],
            )
            .await?;
        rows.iter().map(made).collect()
    }

    async fn remove_endpoint(&self, id: EndpointId) -> Result<()> {
        self.together(&[Write::RemoveEndpoint(id)]).await
    }
}

impl SqlStore {
    /// As the port's `add_endpoint`, within a transaction.
    pub(crate) async fn add_endpoint_in(&self, tx: &mut Tx, endpoint: &Endpoint) -> Result<()> {
        let op = tx.at("add endpoint");
        tx.run(
            "INSERT INTO endpoint (workspace, id, version, name_key, max_initial, max_incremental, doc)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![
                self.workspace,
                endpoint.id.0,
                version(op, endpoint.version)?,
                name_key(op, &endpoint.name)?,
                i64::from(endpoint.limits.max_concurrent_migrations),
                i64::from(endpoint.limits.max_concurrent_incremental_syncs),
                to_doc(op, endpoint)?,
            ],
        )
        .await
        .map_err(|e| taken(e, op, endpoint))?;
        Ok(())
    }

    /// As the port's `set_endpoint`, within a transaction.
    pub(crate) async fn set_endpoint_in(&self, tx: &mut Tx, endpoint: &Endpoint) -> Result<()> {
        let op = tx.at("set endpoint");
        let changed = tx
            .run(
                "UPDATE endpoint SET version = version + 1, name_key = $4, max_initial = $5,
                     max_incremental = $6, doc = $7
                 WHERE workspace = $1 AND id = $2 AND version = $3",
                args![
                    self.workspace,
                    endpoint.id.0,
                    version(op, endpoint.version)?,
                    name_key(op, &endpoint.name)?,
                    i64::from(endpoint.limits.max_concurrent_migrations),
                    i64::from(endpoint.limits.max_concurrent_incremental_syncs),
                    to_doc(op, endpoint)?,
                ],
            )
            .await
            .map_err(|e| taken(e, op, endpoint))?;
        if changed == 0 {
            let known = "SELECT 1 FROM endpoint WHERE workspace = $1 AND id = $2";
            let known = tx.row(known, args![self.workspace, endpoint.id.0]).await?;
            return Err(stale(op, known, "endpoint", &endpoint.name));
        }
        Ok(())
    }

    /// As the port's `remove_endpoint`, within a transaction.
    pub(crate) async fn remove_endpoint_in(&self, tx: &mut Tx, id: EndpointId) -> Result<()> {
        let op = tx.at("remove endpoint");
        let rows = tx
            .rows(
                "SELECT doc, version FROM batch WHERE workspace = $1 AND (source = $2 OR target = $2)
                 ORDER BY name_key",
                args![self.workspace, id.0],
            )
            .await?;
        if !rows.is_empty() {
            let batches: Result<Vec<_>> = rows.iter().map(crate::batch::made).collect();
            let names: Vec<String> = batches?.into_iter().map(|batch| batch.name).collect();
            return Err(tx.refuse(Kind::Locked, format!("it is used by: {}", names.join(", "))));
        }
        tx.run("DELETE FROM secret WHERE workspace = $1 AND owner = $2", args![self.workspace, id.0]).await?;
        for sql in [
            "DELETE FROM allowance WHERE workspace = $1 AND endpoint = $2",
            "DELETE FROM pulse WHERE workspace = $1 AND endpoint = $2",
        ] {
            tx.run(sql, args![self.workspace, id.0]).await?;
        }
        let removed = tx
            .run("DELETE FROM endpoint WHERE workspace = $1 AND id = $2", args![self.workspace, id.0])
            .await
            .map_err(|e| match e.kind() {
                Kind::NotFound => refuse(Kind::Locked, op, "a batch that was just made uses it"),
                _ => e,
            })?;
        if removed == 0 {
            return Err(tx.refuse(Kind::NotFound, format!("there is no endpoint {id}")));
        }
        Ok(())
    }
}

fn made(row: &Row) -> Result<Endpoint> {
    let mut endpoint: Endpoint = from_doc("read endpoint", &row.text(0)?)?;
    endpoint.version = row.int(1)? as u64;
    Ok(endpoint)
}

fn taken(error: Error, op: &'static str, endpoint: &Endpoint) -> Error {
    match error.kind() {
        Kind::AlreadyExists => {
            refuse(Kind::AlreadyExists, op, format!("there is an endpoint {:?} already", endpoint.name))
        }
        _ => error,
    }
}
