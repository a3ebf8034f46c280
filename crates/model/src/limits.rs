//! Limits of an endpoint and their rules (R4).

use serde::{Deserialize, Serialize};

/// The two throttles of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Limits {
    /// Mailboxes in their initial sync at once.
    pub max_concurrent_migrations: u32,
    /// Mailboxes in an incremental or final sync at once.
    pub max_concurrent_incremental_syncs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_concurrent_migrations: 20, max_concurrent_incremental_syncs: 10 }
    }
}

/// The tenant ceiling that holds unless configured: at most [`CEILING_MAX`].
pub const CEILING: u32 = 300;
/// The highest tenant ceiling that can be configured.
pub const CEILING_MAX: u32 = 1000;

impl Limits {
    /// Judges the limits under a tenant ceiling.
    ///
    /// # Errors
    /// A sentence with the rule and the one command that mends it.
    pub fn check(&self, ceiling: u32) -> Result<(), String> {
        let (migrations, incremental) =
            (self.max_concurrent_migrations, self.max_concurrent_incremental_syncs);
        if migrations == 0 || incremental == 0 {
            return Err("MaxConcurrentMigrations and MaxConcurrentIncrementalSyncs must be at least 1".into());
        }
        if incremental > migrations {
            return Err(format!(
                "MaxConcurrentIncrementalSyncs ({incremental}) must not exceed MaxConcurrentMigrations ({migrations}); \
                 raise both: --max-concurrent-migrations {incremental} --max-concurrent-incremental-syncs {incremental}"
            ));
        }
        if migrations > ceiling {
            return Err(format!(
                "MaxConcurrentMigrations ({migrations}) must not exceed the tenant ceiling of {ceiling}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_incremental_limit_never_exceeds_the_migration_limit() {
        let limits = Limits { max_concurrent_migrations: 20, max_concurrent_incremental_syncs: 50 };
        let refusal = limits.check(CEILING).unwrap_err();
        assert!(
            refusal.contains("--max-concurrent-migrations 50 --max-concurrent-incremental-syncs 50"),
            "{refusal}"
        );
        assert_eq!(Limits::default().check(CEILING), Ok(()));
        assert!(Limits { max_concurrent_migrations: 301, ..limits }.check(CEILING).is_err());
        assert!(
            Limits { max_concurrent_migrations: 0, max_concurrent_incremental_syncs: 0 }
                .check(CEILING)
                .is_err()
        );
    }
}
