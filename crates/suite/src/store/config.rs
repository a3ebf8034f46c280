//! The contract of `Configs`.

use mailferry_model::{config::Config, port::Store};

use super::{Outcome, said, same, sentences};

sentences! { "config":
    it_is_as_it_comes_until_it_is_set,
}

async fn it_is_as_it_comes_until_it_is_set(store: &dyn Store) -> Outcome {
    same!(store.config().await.map_err(said)?, Config::default(), "a fresh store");
    for tenant_ceiling in [7, 1000] {
        let config = Config { tenant_ceiling };
        store.set_config(&config).await.map_err(said)?;
        same!(store.config().await.map_err(said)?, config, "afterwards");
    }
    Ok(())
}
