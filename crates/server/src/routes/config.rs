//! What holds for the whole tenant: the ceiling over all endpoints (R4).

use axum::Json;
use mailferry_model::{
    config::{Adaptive, Config},
    port::Write,
    schedule::{Timetable, zone},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::entry;
use crate::{
    Context,
    body::{Body, named},
    problem::Problem,
    view::ConfigView,
};

/// Changes: what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ConfigChanges)]
pub(crate) struct Changes {
    /// Mailboxes that are synced at once over all endpoints.
    #[schema(minimum = 1, maximum = 1000)]
    tenant_ceiling: Option<u32>,
    /// How much each worker may move when: `2M`, or `Mon-Fri 08:00,2M 19:00,off`; null: no limit.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>)]
    bandwidth: Option<Option<Timetable>>,
    /// The zone of its hours, such as Europe/Berlin; null: UTC.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>)]
    bandwidth_time_zone: Option<Option<String>>,
    /// Whether endpoints are held below their limits by what is seen of them: `on` or `off`.
    #[schema(value_type = Option<String>)]
    adaptive: Option<Adaptive>,
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// What holds for the whole tenant
#[utoipa::path(get, path = "/config", operation_id = "getConfig", tag = "config", responses((status = 200, description = "As it is", body = ConfigView)))]
pub(crate) async fn show(context: Context) -> Result<Json<ConfigView>, Problem> {
    let config = context.store.config().await?;
    Ok(Json(ConfigView::of(config, context.clock.now())))
}

/// Change what holds for the whole tenant; running batches follow within seconds
#[utoipa::path(patch, path = "/config", operation_id = "changeConfig", tag = "config", request_body = Changes, responses((status = 200, description = "As it is now", body = ConfigView)))]
pub(crate) async fn change(
    context: Context,
    Body(changes): Body<Changes>,
) -> Result<Json<ConfigView>, Problem> {
    let before = context.store.config().await?;
    let after = Config {
        tenant_ceiling: changes.tenant_ceiling.unwrap_or(before.tenant_ceiling),
        bandwidth: changes.bandwidth.unwrap_or_else(|| before.bandwidth.clone()),
        bandwidth_time_zone: changes
            .bandwidth_time_zone
            .unwrap_or_else(|| before.bandwidth_time_zone.clone()),
        adaptive: changes.adaptive.unwrap_or(before.adaptive),
    };
    zone(after.bandwidth_time_zone.as_deref()).map_err(|why| Problem::refused("REQUEST_MALFORMED", why))?;
    after
        .check()
        .map_err(|words| Problem::refused("LIMITS_REFUSED", words).mended_by(vec![after.mended()]))?;
    let endpoints = context.store.endpoints().await?;
    let above = endpoints.iter().filter(|e| e.limits.max_concurrent_migrations > after.tenant_ceiling);
    let above: Vec<String> = above.map(|e| e.name.clone()).collect();
    if !above.is_empty() {
        let detail = format!("MaxConcurrentMigrations of endpoints is above {}.", after.tenant_ceiling);
        return Err(Problem::conflict("LIMITS_ABOVE_CEILING", detail).blocked_by(above));
    }
    if after != before && !changes.dry_run {
        let change = serde_json::json!({ "before": before, "after": after }).to_string();
        let entry = entry(&context, "config.set", "config".to_owned(), Some(change));
        context.store.together(&[Write::SetConfig(&after), Write::Record(&entry)]).await?;
        (context.bell)();
    }
    Ok(Json(ConfigView::of(after, context.clock.now())))
}
