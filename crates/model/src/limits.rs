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

/// The incremental limit while a batch of so many mailboxes completes: 28 % of them (R4 says 25 to 30), at most the
/// tenant ceiling; none where the configured one is as high.
pub fn raised_for(mailboxes: u64, limits: &Limits, ceiling: u32) -> Option<u32> {
    let part = u32::try_from(mailboxes.saturating_mul(28).div_ceil(100)).unwrap_or(u32::MAX).min(ceiling);
    (part > limits.max_concurrent_incremental_syncs).then_some(part)
}

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

    /// What mends limits that [`Self::check`] refuses, with the numbers that fit; `command` is what takes the flags,
    /// or nothing where there is none to name.
    pub fn mended(&self, ceiling: u32, command: &str) -> Vec<String> {
        let (migrations, incremental) =
            (self.max_concurrent_migrations, self.max_concurrent_incremental_syncs);
        let flags = |lead: &str, migrations: u32, incremental: u32| {
            let both = format!(
                "--max-concurrent-migrations {migrations} --max-concurrent-incremental-syncs {incremental}"
            );
            format!("{lead}: {}", [command, &both].join(" ").trim_start())
        };
        let raised = incremental.max(migrations);
        if migrations == 0 || incremental == 0 {
            let migrations = migrations.clamp(1, ceiling);
            return vec![flags("Let at least one move", migrations, incremental.clamp(1, migrations))];
        }
        let mut fixes = Vec::new();
        if incremental > migrations && raised <= ceiling {
            fixes.push(flags("Raise both at once", raised, raised));
        }
        if incremental > migrations && migrations <= ceiling {
            fixes.push(flags("Lower the second", migrations, migrations));
        }
        if migrations > ceiling {
            fixes.push(flags("Stay below the ceiling", ceiling, incremental.min(ceiling)));
        }
        if raised > ceiling && raised <= CEILING_MAX {
            fixes.push(format!("Raise the ceiling first: mailferry config set tenant-ceiling {raised}"));
        }
        let or = |fix: String| format!("Or {}{}", fix[..1].to_lowercase(), &fix[1..]);
        let mut all = fixes.into_iter();
        all.next().into_iter().chain(all.map(or)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mends_limits_is_accepted_then() {
        let command = "mailferry endpoint set w";
        for (migrations, incremental) in [
            (20, 50),
            (0, 5),
            (5, 0),
            (0, 0),
            (400, 10),
            (20, 400),
            (2000, 10),
            (2000, 3000),
            (400, 500),
            (0, 900),
        ] {
            let limits = Limits {
                max_concurrent_migrations: migrations,
                max_concurrent_incremental_syncs: incremental,
            };
            assert!(limits.check(CEILING).is_err());
            let fixes = limits.mended(CEILING, command);
            assert!(!fixes.is_empty(), "{limits:?}");
            for fix in fixes.iter().filter(|fix| !fix.contains("tenant-ceiling")) {
                let (_, flags) = fix.split_once(command).unwrap();
                let numbers: Vec<u32> = flags.split(' ').filter_map(|word| word.parse().ok()).collect();
                let mended = Limits {
                    max_concurrent_migrations: numbers[0],
                    max_concurrent_incremental_syncs: numbers[1],
                };
                assert_eq!(mended.check(CEILING), Ok(()), "{limits:?}: {fix}");
            }
        }
    }

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
