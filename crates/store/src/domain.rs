//! Domains whose mail flow is looked at.

use async_trait::async_trait;
use mailferry_model::{
    Kind, Result,
    domain::Domain,
    port::{Domains, Together, Write},
};

use crate::{
    SqlStore,
    row::{from_doc, stale, to_doc, version},
    sql::{Row, Tx, args},
};

#[async_trait]
impl Domains for SqlStore {
    async fn keep_domain(&self, domain: &Domain) -> Result<()> {
        self.together(&[Write::KeepDomain(domain)]).await
    }

    async fn domain(&self, name: &str) -> Result<Domain> {
        let mut tx = self.db.read("read domain").await?;
        let sql = "SELECT doc, version FROM domain WHERE workspace = $1 AND name = $2";
        let row = tx.row(sql, args![self.workspace, name.to_owned()]).await?;
        made(&row.ok_or_else(|| tx.refuse(Kind::NotFound, format!("there is no domain {name:?}")))?)
    }

    async fn domains(&self) -> Result<Vec<Domain>> {
        let mut tx = self.db.read("list domains").await?;
        let sql = "SELECT doc, version FROM domain WHERE workspace = $1 ORDER BY name";
        tx.rows(sql, args![self.workspace]).await?.iter().map(made).collect()
    }

    async fn remove_domain(&self, name: &str) -> Result<()> {
        self.together(&[Write::RemoveDomain(name)]).await
    }
}

impl SqlStore {
    /// As the port's `keep_domain`, within a transaction.
    pub(crate) async fn keep_domain_in(&self, tx: &mut Tx, domain: &Domain) -> Result<()> {
        let op = tx.at("keep domain");
        let (name, doc) = (domain.name.as_str(), to_doc(op, domain)?);
        let kept = match domain.version {
            0 => {
                let sql = "INSERT INTO domain (workspace, name, version, doc) VALUES ($1, $2, 1, $3)
                           ON CONFLICT (workspace, name) DO NOTHING";
                tx.run(sql, args![self.workspace, name.to_owned(), doc]).await?
            }
            known => {
                let sql = "UPDATE domain SET version = version + 1, doc = $4
                           WHERE workspace = $1 AND name = $2 AND version = $3";
                tx.run(sql, args![self.workspace, name.to_owned(), version(op, known)?, doc]).await?
            }
        };
        if kept == 0 {
            let known = "SELECT 1 FROM domain WHERE workspace = $1 AND name = $2";
            let known = tx.row(known, args![self.workspace, name.to_owned()]).await?;
            return Err(stale(op, known, "domain", name));
        }
        Ok(())
    }

    /// As the port's `remove_domain`, within a transaction.
    pub(crate) async fn remove_domain_in(&self, tx: &mut Tx, name: &str) -> Result<()> {
        tx.at("remove domain");
        let sql = "DELETE FROM domain WHERE workspace = $1 AND name = $2";
        match tx.run(sql, args![self.workspace, name.to_owned()]).await? {
            0 => Err(tx.refuse(Kind::NotFound, format!("there is no domain {name:?}"))),
            _ => Ok(()),
        }
    }
}

fn made(row: &Row) -> Result<Domain> {
    let mut domain: Domain = from_doc("read domain", &row.text(0)?)?;
    domain.version = row.count(1)?;
    Ok(domain)
}
