//! Changing an endpoint: all of it at once or nothing, and what is kept secret goes nowhere else by it.

use std::collections::BTreeMap;

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    batch::Batch,
    endpoint::Endpoint,
    port::Write,
    secret::Secret,
    settings::{Manifest, Settings, Takes, signs_in},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{check_limits, check_paths, check_settings, manifest, view};
use crate::{
    Context,
    body::Body,
    door::{Caller, Door},
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::{batch::taken, entry, own_passwords, same},
    view::EndpointView,
};

/// Changes to an endpoint: what is not named stays; `null` takes a setting or a secret away.
///
/// Over the network whoever changes where secrets go, or how far that place is trusted (`aims` of a setting under
/// `/kinds`), gives all secrets that are kept again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EndpointChanges)]
pub(crate) struct Changes {
    version: Option<u64>,
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    #[serde(default)]
    secrets: BTreeMap<String, Option<String>>,
    #[serde(alias = "MaxConcurrentMigrations")]
    max_concurrent_migrations: Option<u32>,
    #[serde(alias = "MaxConcurrentIncrementalSyncs")]
    max_concurrent_incremental_syncs: Option<u32>,
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// What becomes of the secrets.
struct Secrets {
    /// All that there will be, with the plain values.
    after: Settings,
    /// Names of those that stay as they are.
    kept: Vec<String>,
    fresh: Vec<(String, Secret<String>)>,
    forgotten: Vec<String>,
}

/// Change an endpoint; batches that wait for it go on by themselves
#[utoipa::path(patch, path = "/endpoints/{name}", operation_id = "changeEndpoint", tag = "endpoints", params(("name" = String, Path, description = "Its name")), request_body = Changes, responses((status = 200, description = "As it is now", body = EndpointView)))]
pub(crate) async fn change(
    context: Context,
    caller: Caller,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(mut changes): Body<Changes>,
) -> Result<Versioned<EndpointView>, Problem> {
    let before = context.store.endpoint(&name).await?;
    if_match.check(before.version)?;
    if changes.version.is_some_and(|v| v != before.version) {
        return Err(Problem::conflict("OWN_CONFLICT", format!("{name} has version {} now.", before.version)));
    }
    let manifest = manifest(&context, &before.kind)?;
    let mut endpoint = before.clone();
    apply(&mut endpoint, manifest, &mut changes)?;
    let dry_run = changes.dry_run;
    let secrets = secrets(&context, &endpoint, manifest, changes.secrets).await?;
    check_settings(&context, manifest, &secrets.after)?;
    check_paths(&context, manifest, &secrets.after, Some(&before.settings))?;
    let limits = check_limits(&context, endpoint.limits, "mailferry endpoint set NAME").await;
    limits.map_err(|problem| problem.naming("endpoint", &before.name))?;
    if endpoint == before && secrets.fresh.is_empty() && secrets.forgotten.is_empty() {
        return view(&context, StatusCode::OK, before).await;
    }
    check_aims(&context, &caller, manifest, (&before, &endpoint), &secrets).await?;
    let signs_out = secrets.forgotten.iter().any(|name| signs_in(name));
    if endpoint.settings != before.settings || !secrets.fresh.is_empty() || signs_out {
        // Its batches go on by themselves with the new settings, of which no test is known yet.
        endpoint.needs_to_connect = None;
        endpoint.last_test = None;
    }
    check_target(&context, (&before, &endpoint)).await?;
    if dry_run {
        return view(&context, StatusCode::OK, endpoint).await;
    }
    endpoint.modified = context.clock.now();
    if_match.kept(store(&context, (&before, &endpoint), &secrets).await)?;
    (context.bell)();
    let endpoint = context.store.endpoint_by_id(endpoint.id).await?;
    view(&context, StatusCode::OK, endpoint).await
}

/// Refuses another place for batches that move there, where others move into the same mailboxes.
async fn check_target(context: &Context, (before, after): (&Endpoint, &Endpoint)) -> Result<(), Problem> {
    if taken::is_same_place(context, before, after) {
        return Ok(());
    }
    let batches = context.store.batches().await?;
    let moved: Vec<&Batch> = batches.iter().filter(|b| b.target == before.id).collect();
    taken::check_shared(context, &moved, after).await
}

/// Plain values and limits as they shall be.
fn apply(endpoint: &mut Endpoint, manifest: &Manifest, changes: &mut Changes) -> Result<(), Problem> {
    let mut faults = Vec::new();
    for (setting, value) in std::mem::take(&mut changes.settings) {
        match (value, manifest.setting(&setting)) {
            (Some(value), _) => _ = endpoint.settings.values.insert(setting, value),
            (None, None) => faults.push(manifest.unknown(&setting)),
            (None, Some(spec)) if spec.takes == Takes::Secret => {
                faults.push(format!("{setting} is a secret: it is taken away among the secrets"));
            }
            (None, Some(_)) => _ = endpoint.settings.values.remove(&setting),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::refused("SETTINGS_REFUSED", faults.join("; ")));
    }
    endpoint.settings = manifest.tidied(std::mem::take(&mut endpoint.settings));
    if let Some(n) = changes.max_concurrent_migrations {
        endpoint.limits.max_concurrent_migrations = n;
    }
    if let Some(n) = changes.max_concurrent_incremental_syncs {
        endpoint.limits.max_concurrent_incremental_syncs = n;
    }
    Ok(())
}

async fn secrets(
    context: &Context,
    endpoint: &Endpoint,
    manifest: &Manifest,
    mut changes: BTreeMap<String, Option<String>>,
) -> Result<Secrets, Problem> {
    let mut all = Secrets {
        after: endpoint.settings.clone(),
        kept: Vec::new(),
        fresh: Vec::new(),
        forgotten: Vec::new(),
    };
    for (name, value) in context.store.unseal(endpoint.id.0).await? {
        match changes.get(&name) {
            Some(None) => {
                changes.remove(&name);
                all.forgotten.push(name);
            }
            Some(Some(_)) => {}
            None => {
                all.after = all.after.with_secret(&name, value);
                all.kept.push(name);
            }
        }
    }
    for (name, value) in changes {
        match value.map(Secret::new) {
            Some(value) => {
                all.after = all.after.with_secret(&name, value.clone());
                all.fresh.push((name, value));
            }
            None if manifest.setting(&name).is_none_or(|s| s.takes != Takes::Secret) => {
                return Err(Problem::refused("SETTINGS_REFUSED", manifest.unknown(&name)));
            }
            // It is not there anyway.
            None => {}
        }
    }
    Ok(all)
}

/// Source and target of its batches stay two, and nobody who may change an endpoint learns thereby what is kept of it
/// or of its batches' mailboxes. Whoever has the data folder has the secrets already.
async fn check_aims(
    context: &Context,
    caller: &Caller,
    manifest: &Manifest,
    (before, after): (&Endpoint, &Endpoint),
    secrets: &Secrets,
) -> Result<(), Problem> {
    let aims = manifest.aims(&before.settings, &after.settings);
    if aims.is_empty() {
        return Ok(());
    }
    if matches!(context.door, Door::Listening(_)) && !secrets.kept.is_empty() {
        let detail = format!(
            "{} says where the secrets of {} go, or how far that place is trusted: with it, give {} again.",
            aims.join(", "),
            before.name,
            secrets.kept.join(", ")
        );
        return Err(Problem::refused("ENDPOINT_SECRET_AGAIN", detail).naming("endpoint", &before.name));
    }
    for batch in context.store.batches().await? {
        let (is_source, is_target) = (batch.source == before.id, batch.target == before.id);
        let other = match (is_source, is_target) {
            (false, false) => continue,
            (true, false) => context.store.endpoint_by_id(batch.target).await?,
            (false, true) => context.store.endpoint_by_id(batch.source).await?,
            (true, true) => after.clone(),
        };
        let ends = if is_source { (after, &other) } else { (&other, after) };
        same::check(context, &batch, ends).await?;
        own_passwords::check(context, caller, &batch, (is_source, is_target)).await?;
    }
    Ok(())
}

/// Endpoint, secrets and audit entry, in one.
async fn store(
    context: &Context,
    (before, after): (&Endpoint, &Endpoint),
    secrets: &Secrets,
) -> mailferry_model::Result<()> {
    let id = after.id.0;
    let fresh: Vec<_> = secrets.fresh.iter().map(|(name, value)| (id, name.as_str(), value)).collect();
    let difference = difference((before, after), secrets);
    let entry = entry(context, "endpoint.set", format!("endpoint {}", after.name), Some(difference));
    let mut writes = vec![Write::SetEndpoint(after), Write::Seal(&fresh)];
    writes.extend(secrets.forgotten.iter().map(|name| Write::ForgetSecret(id, name)));
    writes.push(Write::Record(&entry));
    context.store.together(&writes).await
}

/// What changed, without any secret.
fn difference((before, after): (&Endpoint, &Endpoint), secrets: &Secrets) -> String {
    let told = |e: &Endpoint| serde_json::json!({ "settings": e.settings, "limits": e.limits });
    let fresh: Vec<&String> = secrets.fresh.iter().map(|(name, _)| name).collect();
    let mut all = serde_json::json!({
        "before": told(before), "after": told(after), "secretsReplaced": fresh,
    });
    if !secrets.forgotten.is_empty() {
        all["secretsRemoved"] = serde_json::json!(secrets.forgotten);
    }
    all.to_string()
}
