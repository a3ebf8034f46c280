//! What holds for the whole tenant.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    limits::{CEILING, CEILING_MAX},
    schedule::{Holds, Timetable, zone},
};

/// The tenant's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Mailboxes that are synced at once over all endpoints; no endpoint's limit is above it (R4).
    pub tenant_ceiling: u32,
    /// How much each worker may move when, over all its mailboxes; no limit of this kind without it.
    pub bandwidth: Option<Timetable>,
    /// Where its hours are those of; UTC without it.
    pub bandwidth_time_zone: Option<String>,
    /// Whether endpoints are held below their limits by what is seen of them.
    #[serde(default)]
    pub adaptive: Adaptive,
}

/// Whether how much is under way follows what servers sustain (R15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adaptive {
    /// It does, within the limits.
    #[default]
    On,
    /// As much as the limits say.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        Self { tenant_ceiling: CEILING, bandwidth: None, bandwidth_time_zone: None, adaptive: Adaptive::On }
    }
}

impl Config {
    /// What the timetable says at a moment; nothing without one.
    pub fn bandwidth_at(&self, now: Timestamp) -> Option<Holds> {
        let zone = zone(self.bandwidth_time_zone.as_deref()).unwrap_or(TimeZone::UTC);
        Some(self.bandwidth.as_ref()?.holds(now, &zone))
    }

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
