//! Whether the service lives, and which it is.

use std::sync::OnceLock;

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, problem::Problem};

/// Whether the service lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; anything else is a problem.
    status: &'static str,
}

/// Which program this is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Version {
    /// `mailferry`.
    name: &'static str,
    version: &'static str,
    /// The version of the routes.
    api: &'static str,
}

/// Whether the service answers, its store can be read, and there is room to write
#[utoipa::path(get, path = "/health", operation_id = "getHealth", tag = "service", responses((status = 200, description = "It lives, and its work is done", body = Health)))]
pub(crate) async fn health(context: Context) -> Result<Json<Health>, Problem> {
    if let Some(why) = context.trouble.no_room().await {
        return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "STORE_DISK_FAILS", why));
    }
    context.store.audit_end().await?;
    if let Some(why) = context.trouble.why() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "STORE_OUT_OF_ORDER", why));
    }
    Ok(Json(Health { status: "ok" }))
}

/// The program's version
#[utoipa::path(get, path = "/version", operation_id = "getVersion", tag = "service", responses((status = 200, description = "The version", body = Version)))]
pub(crate) async fn version() -> Json<Version> {
    Json(Version { name: "mailferry", version: env!("CARGO_PKG_VERSION"), api: "v1" })
}

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "getOpenapi", tag = "service", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi() -> impl IntoResponse {
    // Anybody may ask for it: it is made once.
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| serde_json::to_string(&crate::document()).unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], text.as_str())
}
