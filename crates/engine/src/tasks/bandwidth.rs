//! The bandwidth timetable: what the tenant's settings allow at this hour is what the meter admits.

use jiff::Timestamp;
use mailferry_model::{
    Result,
    port::{Meter, Store},
};

/// Tells the meter what holds now.
pub(super) async fn reconcile(store: &dyn Store, meter: &dyn Meter, now: Timestamp) -> Result<()> {
    meter.limit(store.config().await?.bandwidth_at(now).and_then(|holds| holds.rate));
    Ok(())
}
