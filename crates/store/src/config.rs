//! The tenant's settings: one row, or none while all of it is as it comes.

use async_trait::async_trait;
use mailferry_model::{
    Kind, Result,
    config::{Adaptive, Config},
    port::{Configs, Together, Write},
};

use crate::{
    SqlStore,
    sql::{Tx, args, refuse},
};

#[async_trait]
impl Configs for SqlStore {
    async fn config(&self) -> Result<Config> {
        let mut tx = self.db.read("read config").await?;
        self.config_in(&mut tx).await
    }

    async fn set_config(&self, config: &Config) -> Result<()> {
        self.together(&[Write::SetConfig(config)]).await
    }
}

impl SqlStore {
    pub(crate) async fn set_config_in(&self, tx: &mut Tx, config: &Config) -> Result<()> {
        tx.run(
            "INSERT INTO config (workspace, tenant_ceiling, bandwidth, bandwidth_zone, adaptive)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (workspace) DO UPDATE SET tenant_ceiling = excluded.tenant_ceiling,
                 bandwidth = excluded.bandwidth, bandwidth_zone = excluded.bandwidth_zone, adaptive = excluded.adaptive",
            args![
                self.workspace,
                i64::from(config.tenant_ceiling),
                config.bandwidth.as_ref().map(ToString::to_string).unwrap_or_default(),
                config.bandwidth_time_zone.clone().unwrap_or_default(),
                i64::from(config.adaptive == Adaptive::On),
            ],
        )
        .await
        .map(drop)
    }

    /// As it stands in a transaction.
    pub(crate) async fn config_in(&self, tx: &mut Tx) -> Result<Config> {
        let sql =
            "SELECT tenant_ceiling, bandwidth, bandwidth_zone, adaptive FROM config WHERE workspace = $1";
        let Some(row) = tx.row(sql, args![self.workspace]).await? else { return Ok(Config::default()) };
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let timetable = given(row.text(1)?).map(|text| text.parse()).transpose();
        Ok(Config {
            tenant_ceiling: u32::try_from(row.int(0)?).unwrap_or(u32::MAX),
            bandwidth: timetable.map_err(|why: String| refuse(Kind::Malformed, "read config", why))?,
            bandwidth_time_zone: given(row.text(2)?),
            adaptive: if row.int(3)? == 0 { Adaptive::Off } else { Adaptive::On },
        })
    }
}
