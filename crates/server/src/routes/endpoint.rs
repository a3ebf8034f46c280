//! Endpoints: new, list, show, change, remove, and what a test found.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use mailferry_model::{
    Kind,
    endpoint::Endpoint,
    finding::TestResult,
    id::EndpointId,
    limits::{CEILING, Limits},
    secret::Secret,
    settings::{Manifest, Settings, Takes},
};
use serde::Deserialize;

use super::{audit, check_name};
use crate::{
    Context,
    problem::{Body, Problem},
    view::EndpointView,
};

/// A new endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Creation {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    max_concurrent_migrations: Option<u32>,
    max_concurrent_incremental_syncs: Option<u32>,
    /// Why it is made without a test before, where it is.
    unverified: Option<String>,
}

/// Changes to an endpoint: what is not named stays; `null` takes a setting away.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Changes {
    version: Option<u64>,
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    max_concurrent_migrations: Option<u32>,
    max_concurrent_incremental_syncs: Option<u32>,
}

pub(crate) async fn list(State(context): State<Context>) -> Result<Json<Vec<EndpointView>>, Problem> {
    let batches = context.store.batches().await?;
    let mut views = Vec::new();
    for endpoint in context.store.endpoints().await? {
        views.push(EndpointView::of(&context, endpoint, &batches).await?);
    }
    Ok(Json(views))
}

pub(crate) async fn show(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<Json<EndpointView>, Problem> {
    let endpoint = context.store.endpoint(&name).await?;
    view(&context, endpoint).await
}

async fn view(context: &Context, endpoint: Endpoint) -> Result<Json<EndpointView>, Problem> {
    let batches = context.store.batches().await?;
    Ok(Json(EndpointView::of(context, endpoint, &batches).await?))
}

pub(crate) async fn create(
    State(context): State<Context>,
    Body(wanted): Body<Creation>,
) -> Result<(StatusCode, Json<EndpointView>), Problem> {
    check_name("ENDPOINT_NAME", &wanted.name)?;
    let manifest = manifest(&context, &wanted.kind)?;
    let mut settings = Settings { values: wanted.settings, ..Settings::default() };
    for (name, secret) in wanted.secrets {
        settings = settings.with_secret(&name, Secret::new(secret));
    }
    check_settings(manifest, &settings)?;
    let limits = Limits::default();
    let limits = Limits {
        max_concurrent_migrations: wanted
            .max_concurrent_migrations
            .unwrap_or(limits.max_concurrent_migrations),
        max_concurrent_incremental_syncs: wanted.max_concurrent_incremental_syncs.unwrap_or_else(|| {
            let migrations = wanted.max_concurrent_migrations.unwrap_or(u32::MAX);
            limits.max_concurrent_incremental_syncs.min(migrations)
        }),
    };
    check_limits(limits)?;
    let now = context.clock.now();
    let endpoint = Endpoint {
        id: EndpointId(context.store.new_id()),
        version: 1,
        name: wanted.name,
        kind: manifest.kind.to_owned(),
        settings: Settings { secrets: BTreeMap::new(), ..settings.clone() },
        limits,
        needs_to_connect: None,
        last_test: None,
        last_good_test: None,
        created: now,
        modified: now,
    };
    context.store.add_endpoint(&endpoint).await?;
    seal(&context, &endpoint, &settings).await?;
    let unverified = wanted.unverified.map(|why| serde_json::json!({ "unverified": why }).to_string());
    audit(&context, "endpoint.new", format!("endpoint {}", endpoint.name), unverified).await?;
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    Ok((StatusCode::CREATED, view(&context, endpoint).await?))
}

pub(crate) async fn change(
    State(context): State<Context>,
    Path(name): Path<String>,
    Body(changes): Body<Changes>,
) -> Result<Json<EndpointView>, Problem> {
    let before = context.store.endpoint(&name).await?;
    let mut endpoint = before.clone();
    if changes.version.is_some_and(|v| v != endpoint.version) {
        return Err(Problem::conflict(
            "OWN_CONFLICT",
            format!("{name} has version {} now.", endpoint.version),
        ));
    }
    for (setting, value) in changes.settings {
        match value {
            Some(value) => endpoint.settings.values.insert(setting, value),
            None => endpoint.settings.values.remove(&setting),
        };
    }
    let mut settings = endpoint.settings.clone();
    for (secret, value) in context.store.unseal(endpoint.id.0).await? {
        settings = settings.with_secret(&secret, value);
    }
    let mut fresh = Settings::default();
    for (secret, value) in changes.secrets {
        settings = settings.with_secret(&secret, Secret::new(value.clone()));
        fresh = fresh.with_secret(&secret, Secret::new(value));
    }
    check_settings(manifest(&context, &endpoint.kind)?, &settings)?;
    if let Some(n) = changes.max_concurrent_migrations {
        endpoint.limits.max_concurrent_migrations = n;
    }
    if let Some(n) = changes.max_concurrent_incremental_syncs {
        endpoint.limits.max_concurrent_incremental_syncs = n;
    }
    check_limits(endpoint.limits)?;
    let reconnects = endpoint.settings != before.settings || !fresh.secrets.is_empty();
    if reconnects {
        // Its batches go on by themselves with the new settings.
        endpoint.needs_to_connect = None;
    }
    endpoint.modified = context.clock.now();
    seal(&context, &endpoint, &fresh).await?;
    context.store.set_endpoint(&endpoint).await?;
    let difference = difference(&before, &endpoint, &fresh);
    audit(&context, "endpoint.set", format!("endpoint {}", endpoint.name), Some(difference)).await?;
    (context.bell)();
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    view(&context, endpoint).await
}

pub(crate) async fn remove(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let endpoint = context.store.endpoint(&name).await?;
    match context.store.remove_endpoint(endpoint.id).await {
        Err(error) if error.kind() == Kind::Locked => {
            let batches = context.store.batches().await?;
            let used = batches.iter().filter(|b| b.source == endpoint.id || b.target == endpoint.id);
            let detail = format!("Batches refer to the endpoint {name}.");
            let blockers = used.map(|b| b.name.clone()).collect();
            return Err(Problem::conflict("ENDPOINT_IN_USE", detail).blocked_by(blockers));
        }
        other => other?,
    }
    context.store.forget_secrets(endpoint.id.0).await?;
    audit(&context, "endpoint.remove", format!("endpoint {name}"), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a test found; a passed one lets waiting batches go on.
pub(crate) async fn tested(
    State(context): State<Context>,
    Path(name): Path<String>,
    Body(result): Body<TestResult>,
) -> Result<Json<EndpointView>, Problem> {
    let mut endpoint = context.store.endpoint(&name).await?;
    if result.result == "Success" {
        endpoint.needs_to_connect = None;
    }
    if result.result != "Failed" {
        endpoint.last_good_test = Some(result.clone());
    }
    endpoint.last_test = Some(result);
    context.store.set_endpoint(&endpoint).await?;
    (context.bell)();
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    view(&context, endpoint).await
}

fn manifest(context: &Context, kind: &str) -> Result<&'static Manifest, Problem> {
    context.manifests.iter().find(|m| m.kind.eq_ignore_ascii_case(kind)).copied().ok_or_else(|| {
        let known: Vec<&str> = context.manifests.iter().map(|m| m.kind).collect();
        let detail = format!("{kind:?} is none of {}.", known.join(", "));
        Problem::refused("SETTINGS_UNKNOWN_KIND", detail)
    })
}

fn check_settings(manifest: &Manifest, settings: &Settings) -> Result<(), Problem> {
    let mut faults = manifest.check(settings);
    for name in settings.secrets.keys() {
        if manifest.setting(name).is_none_or(|s| s.takes != Takes::Secret) {
            faults.push(format!("{} has no secret {name}", manifest.kind));
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Problem::refused("SETTINGS_REFUSED", faults.join("; "))),
    }
}

fn check_limits(limits: Limits) -> Result<(), Problem> {
    limits.check(CEILING).map_err(|words| Problem::refused("LIMITS_REFUSED", words))
}

async fn seal(context: &Context, endpoint: &Endpoint, settings: &Settings) -> Result<(), Problem> {
    for (name, secret) in &settings.secrets {
        context.store.seal(endpoint.id.0, name, secret).await?;
    }
    Ok(())
}

/// What changed, without any secret.
fn difference(before: &Endpoint, after: &Endpoint, fresh: &Settings) -> String {
    let told = |e: &Endpoint| serde_json::json!({ "settings": e.settings, "limits": e.limits });
    let secrets: Vec<&String> = fresh.secrets.keys().collect();
    serde_json::json!({ "before": told(before), "after": told(after), "secretsReplaced": secrets })
        .to_string()
}
