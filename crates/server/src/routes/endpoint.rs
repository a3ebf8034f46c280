//! Endpoints: new, list, show, change, remove, and what a test found.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{
    Kind,
    endpoint::Endpoint,
    finding::TestResult,
    id::{EndpointId, EndpointTestId},
    limits::{CEILING, Limits},
    secret::Secret,
    settings::{Manifest, Settings, Takes},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{audit, check_name, same};
use crate::{
    Context,
    door::Door,
    etag::{IfMatch, Versioned},
    page::{Page, PageQuery, Part},
    problem::{Body, Problem},
    shape,
    view::EndpointView,
};

/// A new endpoint.
/// `secrets` are kept sealed and never shown.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EndpointCreation)]
pub(crate) struct Creation {
    #[schema(min_length = 1, max_length = 64)]
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
    /// The id of the test of these settings, where there was one.
    #[schema(value_type = Option<String>)]
    tested: Option<EndpointTestId>,
}

/// Changes to an endpoint: what is not named stays; `null` takes a setting away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EndpointChanges)]
pub(crate) struct Changes {
    version: Option<u64>,
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    max_concurrent_migrations: Option<u32>,
    max_concurrent_incremental_syncs: Option<u32>,
}

/// Which endpoints.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only of this kind of system.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// Only with this status: `Connected`, `NeedsToConnect`, `Failed`, `NotTested`.
    status: Option<String>,
}

/// All endpoints
#[utoipa::path(get, path = "/endpoints", operation_id = "listEndpoints", tag = "endpoints", params(Which, PageQuery), responses((status = 200, description = "By name", body = Vec<EndpointView>)))]
pub(crate) async fn list(
    context: Context,
    Query(which): Query<Which>,
    page: Page,
) -> Result<Part<EndpointView>, Problem> {
    let batches = context.store.batches().await?;
    let mut views = Vec::new();
    for endpoint in context.store.endpoints().await? {
        views.push(EndpointView::of(&context, endpoint, &batches).await?);
    }
    views.retain(|view| view.fits(which.kind.as_deref(), which.status.as_deref()));
    page.cut(views, EndpointView::key)
}

/// One endpoint
#[utoipa::path(get, path = "/endpoints/{name}", operation_id = "getEndpoint", tag = "endpoints", params(("name" = String, Path, description = "Its name")), responses((status = 200, description = "The endpoint", body = EndpointView)))]
pub(crate) async fn show(
    context: Context,
    Path(name): Path<String>,
) -> Result<Versioned<EndpointView>, Problem> {
    let endpoint = context.store.endpoint(&name).await?;
    view(&context, StatusCode::OK, endpoint).await
}

async fn view(
    context: &Context,
    status: StatusCode,
    endpoint: Endpoint,
) -> Result<Versioned<EndpointView>, Problem> {
    let batches = context.store.batches().await?;
    let body = EndpointView::of(context, endpoint, &batches).await?;
    Ok(Versioned { status, version: body.version(), body })
}

/// Make an endpoint; nothing connects yet
#[utoipa::path(post, path = "/endpoints", operation_id = "createEndpoint", tag = "endpoints", request_body = Creation, responses((status = 201, description = "The endpoint", body = EndpointView)))]
pub(crate) async fn create(
    context: Context,
    Body(wanted): Body<Creation>,
) -> Result<Versioned<EndpointView>, Problem> {
    check_name("ENDPOINT_NAME", &wanted.name)?;
    let manifest = manifest(&context, &wanted.kind)?;
    let mut settings = manifest.tidied(Settings { values: wanted.settings, ..Settings::default() });
    for (name, secret) in wanted.secrets {
        settings = settings.with_secret(&name, Secret::new(secret));
    }
    check_settings(manifest, &settings)?;
    check_paths(&context, manifest, &settings, None)?;
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
    let tested = match wanted.tested {
        Some(id) => Some(tested(&context, id, manifest, &settings).await?),
        None => None,
    };
    let mut endpoint = Endpoint {
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
    if let Some(mut result) = tested {
        _ = endpoint.keep_test(&mut result);
    }
    context.store.add_endpoint(&endpoint).await?;
    seal(&context, &endpoint, &settings).await?;
    let unverified = wanted.unverified.map(|why| serde_json::json!({ "unverified": why }).to_string());
    audit(&context, "endpoint.new", format!("endpoint {}", endpoint.name), unverified).await?;
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    view(&context, StatusCode::CREATED, endpoint).await
}

/// Change an endpoint; batches that wait for it go on by themselves
#[utoipa::path(patch, path = "/endpoints/{name}", operation_id = "changeEndpoint", tag = "endpoints", params(("name" = String, Path, description = "Its name")), request_body = Changes, responses((status = 200, description = "As it is now", body = EndpointView)))]
pub(crate) async fn change(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(changes): Body<Changes>,
) -> Result<Versioned<EndpointView>, Problem> {
    let before = context.store.endpoint(&name).await?;
    if_match.check(before.version)?;
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
    let manifest = manifest(&context, &endpoint.kind)?;
    endpoint.settings = manifest.tidied(endpoint.settings);
    let mut settings = endpoint.settings.clone();
    for (secret, value) in context.store.unseal(endpoint.id.0).await? {
        settings = settings.with_secret(&secret, value);
    }
    let mut fresh = Settings::default();
    for (secret, value) in changes.secrets {
        settings = settings.with_secret(&secret, Secret::new(value.clone()));
        fresh = fresh.with_secret(&secret, Secret::new(value));
    }
    check_settings(manifest, &settings)?;
    check_paths(&context, manifest, &settings, Some(&before.settings))?;
    if let Some(n) = changes.max_concurrent_migrations {
        endpoint.limits.max_concurrent_migrations = n;
    }
    if let Some(n) = changes.max_concurrent_incremental_syncs {
        endpoint.limits.max_concurrent_incremental_syncs = n;
    }
    check_limits(endpoint.limits)?;
    let reconnects = endpoint.settings != before.settings || !fresh.secrets.is_empty();
    if reconnects {
        // Its batches go on by themselves with the new settings, of which no test is known yet.
        endpoint.needs_to_connect = None;
        endpoint.last_test = None;
    }
    if endpoint.settings != before.settings {
        check_batches(&context, &endpoint).await?;
    }
    endpoint.modified = context.clock.now();
    seal(&context, &endpoint, &fresh).await?;
    context.store.set_endpoint(&endpoint).await?;
    let difference = difference(&before, &endpoint, &fresh);
    audit(&context, "endpoint.set", format!("endpoint {}", endpoint.name), Some(difference)).await?;
    (context.bell)();
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    view(&context, StatusCode::OK, endpoint).await
}

/// Remove an endpoint that no batch refers to
#[utoipa::path(delete, path = "/endpoints/{name}", operation_id = "removeEndpoint", tag = "endpoints", params(("name" = String, Path, description = "Its name")), responses((status = 204, description = "Removed")))]
pub(crate) async fn remove(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let endpoint = context.store.endpoint(&name).await?;
    if_match.check(endpoint.version)?;
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

/// What the last test of an endpoint found
#[utoipa::path(get, path = "/endpoints/{name}/test", operation_id = "getEndpointTest", tag = "endpoints", params(("name" = String, Path, description = "Its name")), responses((status = 200, description = "The findings, step by step", body = shape::TestResult)))]
pub(crate) async fn last_test(
    context: Context,
    Path(name): Path<String>,
) -> Result<Json<TestResult>, Problem> {
    let endpoint = context.store.endpoint(&name).await?;
    endpoint.last_test.map(Json).ok_or_else(|| {
        let detail = format!("The endpoint {name} was not tested yet.");
        Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail)
    })
}

/// What a test found that was made of these very settings before.
async fn tested(
    context: &Context,
    id: EndpointTestId,
    manifest: &Manifest,
    settings: &Settings,
) -> Result<TestResult, Problem> {
    let test = context.store.endpoint_test(id).await?;
    match test.result {
        Some(result) if test.kind == manifest.kind && test.settings.values == settings.values => Ok(result),
        _ => {
            let detail = "The test that is named is of other settings, or has no result.";
            Err(Problem::refused("SETTINGS_REFUSED", detail))
        }
    }
}

pub(super) fn manifest(context: &Context, kind: &str) -> Result<&'static Manifest, Problem> {
    context.manifests.iter().find(|m| m.kind.eq_ignore_ascii_case(kind)).copied().ok_or_else(|| {
        let known: Vec<&str> = context.manifests.iter().map(|m| m.kind).collect();
        let detail = format!("{kind:?} is none of {}.", known.join(", "));
        Problem::refused("SETTINGS_UNKNOWN_KIND", detail)
    })
}

pub(super) fn check_settings(manifest: &Manifest, settings: &Settings) -> Result<(), Problem> {
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

/// Whoever asks over the network names no path of this machine, but below folders that its own configuration allows.
/// What was there before stays.
pub(super) fn check_paths(
    context: &Context,
    manifest: &Manifest,
    settings: &Settings,
    before: Option<&Settings>,
) -> Result<(), Problem> {
    let Door::Listening(keeper) = &context.door else { return Ok(()) };
    let paths = manifest.settings.iter().filter(|s| s.takes == Takes::Path);
    for (name, path) in paths.filter_map(|s| Some((s.name, settings.get(s.name)?))) {
        let stays = before.is_some_and(|b| b.get(name) == Some(path));
        if !stays && !keeper.allows(path) {
            let detail = format!("{name} names a path of the service's machine that is not allowed.");
            return Err(Problem::new(StatusCode::FORBIDDEN, "ENDPOINT_PATH", detail));
        }
    }
    Ok(())
}

/// Source and target of its batches must stay two.
async fn check_batches(context: &Context, endpoint: &Endpoint) -> Result<(), Problem> {
    for batch in context.store.batches().await? {
        let (is_source, is_target) = (batch.source == endpoint.id, batch.target == endpoint.id);
        let other = match (is_source, is_target) {
            (false, false) => continue,
            (true, false) => context.store.endpoint_by_id(batch.target).await?,
            (false, true) => context.store.endpoint_by_id(batch.source).await?,
            (true, true) => endpoint.clone(),
        };
        let ends = if is_source { (endpoint, &other) } else { (&other, endpoint) };
        same::check(context, &batch, ends).await?;
    }
    Ok(())
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
