//! The contract of `Configs`.

use mailferry_model::{
    config::{Adaptive, Config},
    port::Store,
};

use super::{Outcome, said, same, sentences};

sentences! { "config":
    it_is_as_it_comes_until_it_is_set,
}

async fn it_is_as_it_comes_until_it_is_set(store: &dyn Store) -> Outcome {
    same!(store.config().await.map_err(said)?, Config::default(), "a fresh store");
    let table = || "Mon-Fri 08:00,2M 19:00,off".parse().ok();
    for (tenant_ceiling, bandwidth, zone) in
        [(7, None, None), (1000, table(), Some("Europe/Berlin")), (7, None, None)]
    {
        let bandwidth_time_zone = zone.map(str::to_owned);
        let adaptive = if tenant_ceiling == 7 { Adaptive::Off } else { Adaptive::On };
        let config = Config { tenant_ceiling, bandwidth, bandwidth_time_zone, adaptive };
        store.set_config(&config).await.map_err(said)?;
        same!(store.config().await.map_err(said)?, config, "afterwards");
    }
    Ok(())
}
