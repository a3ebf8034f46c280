//! The tenant's settings: one row, or none while all of it is as it comes.

use async_trait::async_trait;
use mailferry_model::{
    Result,
    config::Config,
    port::{Configs, Together, Write},
};

use crate::{
    SqlStore,
    sql::{Tx, args},
};

#[async_trait]
impl Configs for SqlStore {
    async fn config(&self) -> Result<Config> {
        let mut tx = self.db.read("read config").await?;
        self.config_in(&mut tx).await
    }

    async fn set_config(&self, config: &Config) -> Result<()> {
        self.together(&[Write::SetConfig(*config)]).await
    }
}

impl SqlStore {
    pub(crate) async fn set_config_in(&self, tx: &mut Tx, config: Config) -> Result<()> {
        tx.run(
            "INSERT INTO config (workspace, tenant_ceiling) VALUES ($1, $2)
             ON CONFLICT (workspace) DO UPDATE SET tenant_ceiling = excluded.tenant_ceiling",
            args![self.workspace, i64::from(config.tenant_ceiling)],
        )
        .await
        .map(drop)
    }

    /// As it stands in a transaction.
    pub(crate) async fn config_in(&self, tx: &mut Tx) -> Result<Config> {
        let sql = "SELECT tenant_ceiling FROM config WHERE workspace = $1";
        let Some(row) = tx.row(sql, args![self.workspace]).await? else { return Ok(Config::default()) };
        Ok(Config { tenant_ceiling: u32::try_from(row.int(0)?).unwrap_or(u32::MAX) })
    }
}
