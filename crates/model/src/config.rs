//! What holds for the whole tenant.

use serde::{Deserialize, Serialize};

use crate::limits::{CEILING, CEILING_MAX};

/// The tenant's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Mailboxes that are synced at once over all endpoints; no endpoint's limit is above it (R4).
    pub tenant_ceiling: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { tenant_ceiling: CEILING }
    }
}

impl Config {
    /// Judges it by itself.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        match self.tenant_ceiling {
            1..=CEILING_MAX => Ok(()),
            other => Err(format!("The tenant ceiling is a number from 1 to {CEILING_MAX}, not {other}.")),
        }
    }

    /// What mends one that [`Self::check`] refuses.
    pub fn mended(&self) -> String {
        let nearest = self.tenant_ceiling.clamp(1, CEILING_MAX);
        format!("Give the nearest that is possible: mailferry config set tenant-ceiling {nearest}")
    }
}
