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
    /// The limits of a new endpoint of which some are named, and a sentence where one that is not named follows.
    pub fn named(migrations: Option<u32>, incremental: Option<u32>) -> (Self, Option<String>) {
        let usual = Self::default();
        let migrations = migrations.unwrap_or(usual.max_concurrent_migrations);
        let follows = usual.max_concurrent_incremental_syncs.min(migrations);
        let limits = Self {
            max_concurrent_migrations: migrations,
            max_concurrent_incremental_syncs: incremental.unwrap_or(follows),
        };
        let lowered = incremental.is_none() && follows < usual.max_concurrent_incremental_syncs;
        let notice = lowered.then(|| {
            format!(
                "MaxConcurrentIncrementalSyncs is {follows} instead of {}, because it must not exceed \
                 MaxConcurrentMigrations.",
                usual.max_concurrent_incremental_syncs
            )
        });
        (limits, notice)
    }

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
    fn a_limit_that_is_not_named_follows_the_other_and_that_is_said() {
        let (limits, notice) = Limits::named(Some(5), None);
        assert_eq!((limits.max_concurrent_migrations, limits.max_concurrent_incremental_syncs), (5, 5));
        assert!(notice.is_some_and(|n| n.starts_with("MaxConcurrentIncrementalSyncs is 5 instead of 10")));
        for (migrations, incremental) in
            [(None, None), (Some(30), None), (Some(10), None), (None, Some(3)), (Some(5), Some(2))]
        {
            assert_eq!(Limits::named(migrations, incremental).1, None, "{migrations:?} {incremental:?}");
        }
        let (both, none) = Limits::named(Some(5), Some(10));
        assert_eq!(
            (both.check(CEILING).is_err(), none),
            (true, None),
            "what was named is refused, never changed"
        );
    }

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
