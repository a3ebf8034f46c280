//! The parts of a bundle: each names what goes in.

use std::collections::BTreeMap;

use mailferry_model::{
    finding::TestResult,
    settings::{Manifest, Settings, Takes},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::pseudonyms::Pseudonyms;
use crate::{cmd::doctor::Row, exit::Failure, instance::Instance};

/// Audit entries that go in: the newest.
const NEWEST: usize = 500;
/// What doctor finds where nothing names a path or a server.
const TELL_NOTHING: [&str; 6] = ["clock", "disk", "schema", "certificates", "port", "open files"];

/// The program and the system.
pub fn version() -> Value {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|l| l.strip_prefix("PRETTY_NAME=")).map(|n| n.trim_matches('"'));
    json!({
        "mailferry": env!("CARGO_PKG_VERSION"),
        "schema": mailferry_store::newest_schema(),
        "system": system,
        "architecture": std::env::consts::ARCH,
        "made": jiff::Timestamp::now(),
    })
}

/// What the doctor found.
pub fn doctor(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let found = TELL_NOTHING.contains(&row.check).then_some(&row.found);
        json!({ "check": row.check, "outcome": row.outcome, "code": row.code, "found": found })
    };
    rows.iter().map(row).collect()
}

/// Endpoints: what can be chosen as it is, what can be typed as pseudonyms.
pub async fn endpoints(instance: &Instance, names: &mut Pseudonyms) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for endpoint in instance.store.endpoints().await? {
        let manifest = instance.connectors.iter().map(|c| c.manifest()).find(|m| m.kind == endpoint.kind);
        let secrets = instance.store.unseal(endpoint.id.0).await;
        let secrets = secrets.map(|all| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        all.push(json!({
            "name": names.of("endpoint", &endpoint.name),
            "type": endpoint.kind,
            "settings": settings(&endpoint.settings, manifest, names),
            "secrets": secrets.map_err(|e| e.code()).map_or_else(|code| json!({ "error": code }), |n| json!(n)),
            "limits": endpoint.limits,
            "needsToConnect": endpoint.needs_to_connect.is_some(),
            "lastTest": endpoint.last_test.as_ref().map(test),
            "created": endpoint.created,
            "modified": endpoint.modified,
        }));
    }
    Ok(all.into())
}

fn settings(
    settings: &Settings,
    manifest: Option<&Manifest>,
    names: &mut Pseudonyms,
) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for (name, value) in &settings.values {
        let takes = manifest.and_then(|m| m.setting(name)).map(|spec| spec.takes);
        let shown = match takes {
            Some(Takes::OneOf(words)) if words.contains(&value.as_str()) => value.clone(),
            Some(Takes::Port | Takes::Number) if value.chars().all(|c| c.is_ascii_digit()) => value.clone(),
            Some(Takes::Switch) if value == "yes" => value.clone(),
            Some(Takes::Host | Takes::Url) => names.of("host", value),
            Some(Takes::Path) => names.of("path", value),
            Some(Takes::Certificates) => "certificates".to_owned(),
            _ => names.of("text", value),
        };
        told.insert(name.clone(), shown);
    }
    told
}

/// A test by its steps and codes.
fn test(result: &TestResult) -> Value {
    let whole = json!(result);
    let steps = whole["steps"].as_array().into_iter().flatten().map(|step| {
        let picked = ["step", "id", "outcome", "native", "code", "elapsedMs"].into_iter();
        picked.filter(|f| !step[f].is_null()).map(|f| (f.to_owned(), step[f].clone())).collect()
    });
    let steps: Vec<serde_json::Map<String, Value>> = steps.collect();
    json!({ "result": whole["result"], "signedIn": whole["signedIn"], "at": whole["at"], "steps": steps })
}

/// Batches: statuses, times, how many mailboxes are how.
pub async fn batches(instance: &Instance, names: &mut Pseudonyms) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for batch in instance.store.batches().await? {
        let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
        for user in instance.store.users(batch.id).await? {
            *statuses.entry(word(&user.status)).or_default() += 1;
        }
        let jobs = instance.store.jobs(batch.id).await?.len();
        let ends = [batch.source, batch.target];
        let mut of = Vec::new();
        for end in ends {
            of.push(names.of("endpoint", &instance.store.endpoint_by_id(end).await?.name));
        }
        let options = json!(batch.options);
        // Only what cannot be a name: patterns and mappings hold names of folders.
        let plain =
            options.as_object().into_iter().flatten().filter(|(_, v)| v.is_boolean() || v.is_number());
        let plain: serde_json::Map<String, Value> = plain.map(|(k, v)| (k.clone(), v.clone())).collect();
        all.push(json!({
            "name": names.of("batch", &batch.name), "source": of[0], "target": of[1],
            "status": batch.status, "users": statuses, "jobs": jobs, "options": plain,
            "created": batch.created, "started": batch.started,
            "synced": batch.synced, "completed": batch.completed,
        }));
    }
    Ok(all.into())
}

/// Mailboxes: statuses, codes of what holds them up, counts.
pub async fn users(instance: &Instance, names: &mut Pseudonyms) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for batch in instance.store.batches().await? {
        for user in instance.store.users(batch.id).await? {
            let detail = user.detail.as_ref();
            let detail = detail.map(|d| json!({ "code": d.code, "since": d.since, "nextTry": d.next_try }));
            all.push(json!({
                "address": names.address(&user.address), "batch": names.of("batch", &batch.name),
                "status": user.status, "detail": detail, "totals": user.totals, "score": user.score,
                "lastSynced": user.last_synced, "lastProgress": user.last_progress,
            }));
        }
    }
    Ok(all.into())
}

/// How many items of each mailbox have which code.
pub async fn items(instance: &Instance, names: &mut Pseudonyms) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for kept in instance.reports.reports().await? {
        let mut codes: BTreeMap<String, u64> = BTreeMap::new();
        count(&json!(kept), &mut codes);
        all.push(json!({ "address": names.address(&kept.user), "codes": codes }));
    }
    Ok(all.into())
}

/// Counts the codes of the catalogue, wherever they stand.
fn count(value: &Value, codes: &mut BTreeMap<String, u64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| count(item, codes)),
        Value::Object(fields) => {
            let code = fields.get("code").and_then(Value::as_str);
            if let Some(entry) = code.and_then(mailferry_model::catalogue::find) {
                *codes.entry(entry.code.clone()).or_default() += 1;
            }
            fields.values().for_each(|field| count(field, codes));
        }
        _ => {}
    }
}

/// What was done last, by whom and to what, as pseudonyms; not what changed.
pub async fn audit(instance: &Instance, names: &mut Pseudonyms) -> Result<Value, Failure> {
    let (mut newest, mut after) = (std::collections::VecDeque::new(), 0);
    loop {
        let page = instance.store.audit(after).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        newest.extend(page);
        let surplus = newest.len().saturating_sub(NEWEST);
        newest.drain(..surplus);
    }
    let row = |(no, entry): &(u64, mailferry_model::audit::AuditEntry)| {
        let (kind, subject) = entry.subject.split_once(' ').unwrap_or(("thing", &entry.subject));
        let kind = if ["endpoint", "batch", "user", "store"].contains(&kind) { kind } else { "thing" };
        let subject = if kind == "store" { "store".to_owned() } else { names.of(kind, subject) };
        let actor = names.of("actor", &entry.actor);
        json!({ "no": no, "at": entry.at, "actor": actor, "action": entry.action, "subject": subject })
    };
    Ok(json!({
        "entries": newest.iter().map(row).collect::<Vec<_>>(),
        "chain": instance.store.check_audit().await?.map_or("whole".to_owned(), |no| format!("broken at {no}")),
    }))
}

fn word(status: &impl Serialize) -> String {
    json!(status).as_str().unwrap_or_default().to_owned()
}
