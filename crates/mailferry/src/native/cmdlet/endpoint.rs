//! `Get-`, `New-`, `Set-` and `Remove-MigrationEndpoint`.

use std::sync::Arc;

use axum::http::Method;
use mailferry_model::{limits::Limits, port::Connector};
use mailferry_server::Problem;
use serde_json::{Map, Value, json};

use super::{Answer, Desk, agreed, confirm, is_what_if, lacks};
use crate::{
    api::segment,
    cmd::{
        config::ceiling,
        endpoint::{check_known, note},
    },
    exit::Failure,
    native::{
        bind::Bound,
        credential,
        datum::{Datum, Rows, What},
        table,
    },
    secrets,
};

const PROPERTIES: [&str; 17] = [
    "Identity",
    "EndpointType",
    "RemoteServer",
    "Port",
    "Security",
    "Authentication",
    "Username",
    "EmailAddress",
    "TestMailbox",
    "AcceptUntrustedCertificates",
    "MaxConcurrentMigrations",
    "MaxConcurrentIncrementalSyncs",
    "Status",
    "StatusDetail",
    "Batches",
    "CreationTime",
    "LastModifiedTime",
];
const VIEW: &[&str] = &["Identity", "EndpointType", "RemoteServer"];

/// Endpoints as objects.
pub(super) fn rows(endpoints: Vec<Value>, connectors: &[Arc<dyn Connector>]) -> Rows {
    Rows::new(What::Endpoint, &PROPERTIES, VIEW, endpoints.iter().map(|e| row(e, connectors)).collect())
}

fn row(endpoint: &Value, connectors: &[Arc<dyn Connector>]) -> Vec<Datum> {
    let kind = endpoint["type"].as_str().unwrap_or_default();
    let manifest = connectors.iter().map(|c| c.manifest()).find(|m| m.kind == kind);
    // What holds although nobody gave it.
    let default = |name: &str| manifest?.setting(name)?.default;
    let setting = |name: &str| endpoint["settings"][name].as_str().or_else(|| default(name));
    let worded = |name: &str| setting(name).map(|ours| table::word_to_native(kind, name, ours));
    let untrusted = setting("verify").map(|word| table::word_to_native(kind, "verify", word) == "True");
    vec![
        Datum::of(&endpoint["name"]),
        Datum::Text(table::type_of_kind(kind)),
        Datum::text(setting("remote-server")),
        setting("port").and_then(|p| p.parse().ok()).map_or(Datum::Null, Datum::Whole),
        Datum::text(worded("security").as_deref()),
        Datum::text(worded("auth").as_deref()),
        Datum::text(setting("username")),
        Datum::text(setting("email")),
        Datum::text(setting("test-mailbox")),
        Datum::Bool(untrusted.unwrap_or(false)),
        Datum::of(&endpoint["MaxConcurrentMigrations"]),
        Datum::of(&endpoint["MaxConcurrentIncrementalSyncs"]),
        Datum::of(&endpoint["status"]),
        Datum::of(&endpoint["needsToConnect"]),
        Datum::of(&endpoint["batches"]),
        Datum::time(&endpoint["created"]),
        Datum::time(&endpoint["modified"]),
    ]
}

fn path(name: &str) -> String {
    format!("/endpoints/{}", segment(name))
}

/// All, or one.
pub(super) async fn get(desk: &Desk<'_>, bound: &Bound) -> Result<Rows, Failure> {
    let mut found = match bound.text("identity") {
        Some(name) => vec![desk.api.get(&path(&name)).await?],
        None => desk.api.get("/endpoints").await?.as_array().cloned().unwrap_or_default(),
    };
    if let Some(wanted) = bound.text("type") {
        let kind = table::kind_of_type(&wanted);
        found.retain(|e| e["type"].as_str() == Some(&kind));
    }
    Ok(rows(found, &desk.asked.connectors))
}

/// Makes one.
pub(super) async fn create(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    const CMDLET: &str = "New-MigrationEndpoint";
    let name = bound.text("name").ok_or_else(|| lacks(CMDLET, "Name"))?;
    let kind = kind(bound, CMDLET)?;
    if is_what_if(desk, bound, CMDLET, &name) {
        return Ok(Answer::done());
    }
    confirm(desk, bound, CMDLET, &name)?;
    let (settings, secrets) = settings(bound, kind)?;
    check_known(desk.asked, kind, &settings)?;
    let (migrations, incremental) = limits(desk, bound).await?;
    let body = json!({
        "name": name,
        "type": kind,
        "settings": settings,
        "secrets": secrets,
        "maxConcurrentMigrations": migrations,
        "maxConcurrentIncrementalSyncs": incremental,
    });
    let made = desk.api.post("/endpoints", body).await.map_err(|f| of_kind(f, kind));
    let standard = Limits::default().max_concurrent_migrations;
    let made = made.map_err(|f| natively(f, CMDLET, &name, (migrations.unwrap_or(standard), incremental)))?;
    note(desk.asked.out, &made);
    desk.asked.out.note(&format!(
        "The endpoint {name} is made; nothing has been connected yet: Test-MigrationServerAvailability -Endpoint \"{name}\""
    ));
    Ok(rows(vec![made], &desk.asked.connectors).into())
}

/// Changes one; its batches go on by themselves.
pub(super) async fn change(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    const CMDLET: &str = "Set-MigrationEndpoint";
    let name = bound.text("identity").ok_or_else(|| lacks(CMDLET, "Identity"))?;
    let before = desk.api.get(&path(&name)).await?;
    if is_what_if(desk, bound, CMDLET, &name) {
        return Ok(Answer::done());
    }
    confirm(desk, bound, CMDLET, &name)?;
    let kind = before["type"].as_str().unwrap_or_default().to_owned();
    let (settings, secrets) = settings(bound, &kind)?;
    let mut all = before["settings"].as_object().cloned().unwrap_or_default();
    all.extend(settings.clone());
    check_known(desk.asked, &kind, &all)?;
    let (migrations, incremental) = limits(desk, bound).await?;
    let body = json!({
        "version": before["version"],
        "settings": settings,
        "secrets": secrets,
        "maxConcurrentMigrations": migrations,
        "maxConcurrentIncrementalSyncs": incremental,
    });
    let stays = before["MaxConcurrentMigrations"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let follows = before["MaxConcurrentIncrementalSyncs"].as_u64().and_then(|n| u32::try_from(n).ok());
    let changed = desk.api.call(Method::PATCH, &path(&name), Some(body)).await;
    changed
        .map_err(|f| natively(f, CMDLET, &name, (migrations.unwrap_or(stays), incremental.or(follows))))?;
    desk.asked.out.note(&format!("The endpoint {name} is changed."));
    Ok(Answer::done())
}

/// Removes one that no batch refers to.
pub(super) async fn remove(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    let Some(name) = agreed(desk, bound, "Remove-MigrationEndpoint", path).await? else {
        return Ok(Answer::done());
    };
    desk.api.call(Method::DELETE, &path(&name), None).await?;
    desk.asked.out.note(&format!("The endpoint {name} is removed."));
    Ok(Answer::done())
}

/// The kind that a switch chooses.
pub(super) fn kind(bound: &Bound, cmdlet: &str) -> Result<&'static str, Failure> {
    let on: Vec<&str> =
        bound.all("kind").filter(|(_, _, on)| on.is_true()).map(|(_, name, _)| name).collect();
    match on.as_slice() {
        [one] => table::kind_of_switch(one).ok_or_else(|| lacks(cmdlet, one)),
        [] => {
            let all = table::switches().join(", -");
            let text = format!("{cmdlet}: the kind of system is missing, one of -{all}");
            Err(Failure::Usage("NATIVE_PARAMETERS", text))
        }
        several => {
            let text = format!("{cmdlet}: -{} exclude each other", several.join(" and -"));
            Err(Failure::Usage("NATIVE_PARAMETERS", text))
        }
    }
}

type Object = Map<String, Value>;

/// The settings and secrets that parameters stand for.
pub(super) fn settings(bound: &Bound, kind: &str) -> Result<(Object, Object), Failure> {
    let mut settings = Object::new();
    let mut secrets = Object::new();
    for (setting, _, datum) in bound.all("setting ") {
        let typed = datum.shown();
        let ours = match setting {
            "security" | "auth" | "verify" | "mailbox-permission" => {
                table::word_to_ours(kind, setting, &typed)
            }
            _ => typed,
        };
        settings.insert(table::setting_of(kind, setting).to_owned(), ours.into());
    }
    if let Some(given) = bound.get("credentials") {
        let credential = credential::of(given)?;
        if let Some(user) = credential.user {
            settings.insert("username".to_owned(), user.into());
        }
        secrets.insert("password".to_owned(), credential.password.expose().clone().into());
    }
    for (secret, name, datum) in bound.all("secret ") {
        let Datum::File(path) = datum else { continue };
        let read = secrets::from_file(path).map_err(|e| e.of_option(&format!("-{name}")))?;
        secrets.insert(secret.to_owned(), read.expose().clone().into());
    }
    Ok((settings, secrets))
}

/// The two limits; Unlimited is what a tenant may have.
async fn limits(desk: &Desk<'_>, bound: &Bound) -> Result<(Option<u32>, Option<u32>), Failure> {
    let one = async |key: &'static str| match bound.get(key) {
        None => Ok::<_, Failure>(None),
        Some(Datum::Whole(n)) => Ok(Some(u32::try_from(*n).unwrap_or(0))),
        Some(_) => {
            let ceiling = ceiling(desk.api).await?;
            desk.asked.out.note(&format!("Unlimited is read as the tenant ceiling, {ceiling}"));
            Ok(Some(ceiling))
        }
    };
    Ok((one("max-concurrent-migrations").await?, one("max-concurrent-incremental-syncs").await?))
}

/// A refusal of a kind that there is not, with the switch that asked for it.
pub(super) fn of_kind(failure: Failure, kind: &str) -> Failure {
    match failure {
        Failure::Problem(problem) if problem.code == "SETTINGS_UNKNOWN_KIND" => {
            let detail = format!("-{}: {}", table::type_of_kind(kind), problem.detail);
            Failure::Problem(Box::new(Problem { detail, ..*problem }))
        }
        other => other,
    }
}

/// A refusal in native words, with the real name and numbers in the commands that mend it.
fn natively(
    failure: Failure,
    cmdlet: &str,
    name: &str,
    (migrations, incremental): (u32, Option<u32>),
) -> Failure {
    let Failure::Problem(mut problem) = failure else { return failure };
    let by = if cmdlet.starts_with("New-") { "-Name" } else { "-Identity" };
    let command = format!("{cmdlet} {by} \"{name}\"");
    if incremental.is_some_and(|n| n > migrations && migrations > 0) && problem.code == "LIMITS_REFUSED" {
        let incremental = incremental.unwrap_or_default();
        problem.detail = format!(
            "MaxConcurrentIncrementalSyncs ({incremental}) must not exceed MaxConcurrentMigrations ({migrations}): no \
             more mailboxes can be in incremental and final syncs than may be in migration at all."
        );
    }
    for fix in &mut problem.fix {
        // The command is ours, whatever the name: the native one takes its place.
        if let (Some(from), Some(to)) = (fix.find("mailferry endpoint set "), fix.find("--max-concurrent")) {
            fix.replace_range(from..to, "");
        }
        *fix = fix
            .replace("mailferry config set tenant-ceiling", "Set-MigrationConfig -MaxConcurrentMigrations")
            .replace("--max-concurrent-migrations", &format!("{command} -MaxConcurrentMigrations"))
            .replace("--max-concurrent-incremental-syncs", "-MaxConcurrentIncrementalSyncs")
            .replace("-Name NAME", &format!("-Name \"{name}\""))
            .replace("-Identity NAME", &format!("-Identity \"{name}\""));
    }
    Failure::Problem(problem)
}
