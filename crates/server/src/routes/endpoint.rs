//! Endpoints: new, list, show, remove, and what a test found. Changing one is [`change`]'s.

pub(crate) mod change;

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{
    Kind,
    batch::Batch,
    endpoint::Endpoint,
    finding::TestResult,
    id::{EndpointId, EndpointTestId},
    limits::Limits,
    port::Write,
    secret::Secret,
    settings::{Manifest, Settings, Takes},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{check_name, entry, removing::Removing};
use crate::{
    Context,
    body::Body,
    door::Door,
    etag::{IfMatch, Versioned},
    page::{Page, PageQuery, Part},
    problem::Problem,
    shape,
    view::{Around, EndpointView},
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
    #[serde(alias = "MaxConcurrentMigrations")]
    max_concurrent_migrations: Option<u32>,
    #[serde(alias = "MaxConcurrentIncrementalSyncs")]
    max_concurrent_incremental_syncs: Option<u32>,
    /// Why it is made without a test before, where it is.
    unverified: Option<String>,
    /// The id of the test of these settings, where there was one.
    #[schema(value_type = Option<String>)]
    tested: Option<EndpointTestId>,
    /// Only judge: the answer is what would be made, with 200, and nothing is.
    #[serde(default)]
    dry_run: bool,
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
    let called = |known: &str, asked: &String| known.eq_ignore_ascii_case(asked);
    let kinds: Vec<&str> = context.manifests.iter().map(|m| m.kind).collect();
    for (what, asked, known) in
        [("type", &which.kind, &kinds[..]), ("status", &which.status, &EndpointView::STATUSES[..])]
    {
        if asked.as_ref().is_some_and(|asked| !known.iter().any(|known| called(known, asked))) {
            let detail = format!("There is no such {what}; there are {}.", known.join(", "));
            return Err(Problem::refused("REQUEST_MALFORMED", detail));
        }
    }
    let batches = context.store.batches().await?;
    let around = Around::of(&context, &batches).await?;
    let mut views = Vec::new();
    for endpoint in context.store.endpoints().await? {
        views.push(EndpointView::of(&context, endpoint, &around).await?);
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
    let around = Around::of(context, &batches).await?;
    let body = EndpointView::of(context, endpoint, &around).await?;
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
    check_settings(&context, manifest, &settings)?;
    check_paths(&context, manifest, &settings, None)?;
    let named = (wanted.max_concurrent_migrations, wanted.max_concurrent_incremental_syncs);
    let (limits, notice) = Limits::named(named.0, named.1);
    check_limits(&context, limits, "").await?;
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
        told_waiting: false,
        certificate_told: None,
        created: now,
        modified: now,
    };
    if let Some(mut result) = tested {
        _ = endpoint.keep_test(&mut result);
    }
    if wanted.dry_run {
        check_free(&context, &endpoint.name).await?;
        return Ok(view(&context, StatusCode::OK, endpoint).await?.noting(notice));
    }
    let mut change = serde_json::json!({
        "type": endpoint.kind, "settings": endpoint.settings, "limits": endpoint.limits,
    });
    if let Some(why) = wanted.unverified {
        change["unverified"] = why.into();
    }
    let change = Some(change.to_string());
    let entry = entry(&context, "endpoint.new", format!("endpoint {}", endpoint.name), change);
    let secrets: Vec<_> =
        settings.secrets.iter().map(|(name, s)| (endpoint.id.0, name.as_str(), s)).collect();
    let writes = [Write::AddEndpoint(&endpoint), Write::Seal(&secrets), Write::Record(&entry)];
    context.store.together(&writes).await?;
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    Ok(view(&context, StatusCode::CREATED, endpoint).await?.noting(notice))
}

/// For a dry run; what is made asks the store itself.
async fn check_free(context: &Context, name: &str) -> Result<(), Problem> {
    match context.store.endpoint(name).await {
        Ok(_) => {
            Err(Problem::conflict("OWN_ALREADY_EXISTS", format!("There is an endpoint {name:?} already.")))
        }
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Remove an endpoint that no batch refers to
#[utoipa::path(delete, path = "/endpoints/{name}", operation_id = "removeEndpoint", tag = "endpoints", params(("name" = String, Path, description = "Its name"), Removing), responses((status = 204, description = "Removed; with dryRun: it could be")))]
pub(crate) async fn remove(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Query(removing): Query<Removing>,
) -> Result<StatusCode, Problem> {
    let endpoint = context.store.endpoint(&name).await?;
    if_match.check(endpoint.version)?;
    if removing.dry_run {
        let used = context.store.batches().await?;
        return in_use(&endpoint, &used).map_or(Ok(StatusCode::NO_CONTENT), Err);
    }
    let entry = entry(&context, "endpoint.remove", format!("endpoint {name}"), None);
    // Written first, it is still the one that was looked at.
    let writes = [Write::SetEndpoint(&endpoint), Write::RemoveEndpoint(endpoint.id), Write::Record(&entry)];
    match context.store.together(&writes).await {
        Err(error) if error.kind() == Kind::Locked => {
            let used = context.store.batches().await?;
            return in_use(&endpoint, &used).map_or(Err(error.into()), Err);
        }
        other => if_match.kept(other)?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Why an endpoint stays: the batches that refer to it.
fn in_use(endpoint: &Endpoint, batches: &[Batch]) -> Option<Problem> {
    let used = batches.iter().filter(|b| b.source == endpoint.id || b.target == endpoint.id);
    let blockers: Vec<String> = used.map(|b| b.name.clone()).collect();
    let detail = format!("Batches refer to the endpoint {}.", endpoint.name);
    let problem = Problem::conflict("ENDPOINT_IN_USE", detail).naming("endpoint", &endpoint.name);
    (!blockers.is_empty()).then(|| problem.blocked_by(blockers))
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
        let detail = format!("The type is none of {}.", known.join(", "));
        Problem::refused("SETTINGS_UNKNOWN_KIND", detail)
    })
}

pub(super) fn check_settings(
    context: &Context,
    manifest: &Manifest,
    settings: &Settings,
) -> Result<(), Problem> {
    let mut faults = manifest.check(settings);
    for name in settings.secrets.keys() {
        if manifest.setting(name).is_none_or(|s| s.takes != Takes::Secret) {
            faults.push(format!("{} has no secret {name}", manifest.kind));
        }
    }
    if faults.is_empty() {
        faults = (context.judges)(manifest.kind, settings);
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

/// Limits that break no rule; `command` is what takes other ones.
async fn check_limits(context: &Context, limits: Limits, command: &str) -> Result<(), Problem> {
    let ceiling = context.store.config().await?.tenant_ceiling;
    limits
        .check(ceiling)
        .map_err(|words| Problem::refused("LIMITS_REFUSED", words).mended_by(limits.mended(ceiling, command)))
}
