//! What holds for the whole tenant, and what of it holds now.

use jiff::Timestamp;
use mailferry_model::config::{Adaptive, Config};
use serde::Serialize;
use utoipa::ToSchema;

/// The tenant's settings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Config)]
pub(crate) struct ConfigView {
    /// Mailboxes that are synced at once over all endpoints; no endpoint's limit is above it.
    tenant_ceiling: u32,
    /// How much each worker may move when, over all its mailboxes.
    bandwidth: Option<String>,
    /// The zone of its hours; UTC without it.
    bandwidth_time_zone: Option<String>,
    /// Whether endpoints are held below their limits by what is seen of them: `on` or `off`.
    #[schema(value_type = String)]
    adaptive: Adaptive,
    /// Bytes a second that each worker may move now; no limit without it.
    bandwidth_now: Option<u64>,
    /// When another rate begins.
    bandwidth_until: Option<Timestamp>,
}

impl ConfigView {
    /// At this moment.
    pub(crate) fn of(config: Config, now: Timestamp) -> Self {
        let holds = config.bandwidth_at(now);
        Self {
            tenant_ceiling: config.tenant_ceiling,
            bandwidth: config.bandwidth.map(|table| table.to_string()),
            bandwidth_time_zone: config.bandwidth_time_zone,
            adaptive: config.adaptive,
            bandwidth_now: holds.and_then(|holds| holds.rate),
            bandwidth_until: holds.and_then(|holds| holds.until),
        }
    }
}
