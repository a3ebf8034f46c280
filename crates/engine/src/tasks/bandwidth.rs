//! The bandwidth timetable: what the tenant's settings allow at this hour is what the meter admits.

use jiff::{Timestamp, tz::TimeZone};
use mailferry_model::{
    Result,
    port::{Meter, Store},
    schedule::zone,
};

/// Tells the meter what holds now.
pub(super) async fn reconcile(store: &dyn Store, meter: &dyn Meter, now: Timestamp) -> Result<()> {
    let config = store.config().await?;
    let zone = zone(config.bandwidth_time_zone.as_deref()).unwrap_or(TimeZone::UTC);
    meter.limit(config.bandwidth.and_then(|table| table.holds(now, &zone).rate));
    Ok(())
}
