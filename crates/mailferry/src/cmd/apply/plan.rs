//! What has to be done so that the endpoints are as a file says: a pure comparison.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::file::WantedEndpoint;

/// What is done with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is not there.
    Make,
    /// It is there, and different.
    Change,
    /// It is there, and the file does not name it.
    Remove,
    /// It is as it shall be.
    Keep,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of what: a setting, a limit, a secret.
    pub field: String,
    /// As it is.
    pub before: Option<String>,
    /// As it shall be; of a secret only where it comes from.
    pub after: Option<String>,
}

/// What is done with one endpoint, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Its name, as it is where it is there.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// What differs.
    pub fields: Vec<Difference>,
    /// What is sent.
    #[serde(skip)]
    pub body: Value,
}

/// The secrets of an endpoint that are to be set: name, reference, and the value itself.
pub type Fresh = BTreeMap<String, (String, String)>;

/// Compares an endpoint with what is there of it; `fresh` are the secrets that are not there yet or are others.
pub fn compare(wanted: &WantedEndpoint, there: Option<&Value>, fresh: &Fresh) -> Step {
    let none = json!({});
    let before = there.unwrap_or(&none);
    let mut fields = Vec::new();
    let mut settings = serde_json::Map::new();
    let old: BTreeMap<&str, &str> = (before["settings"].as_object().into_iter().flatten())
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    let names: BTreeSet<&str> =
        old.keys().copied().chain(wanted.settings.keys().map(String::as_str)).collect();
    for name in names {
        let (is, shall) = (old.get(name).map(ToString::to_string), wanted.settings.get(name).cloned());
        if is != shall {
            settings.insert(name.to_owned(), json!(shall));
            fields.push(Difference { field: name.to_owned(), before: is, after: shall });
        }
    }
    let mut body = json!({ "settings": settings });
    for (field, sent, shall) in [
        ("MaxConcurrentMigrations", "maxConcurrentMigrations", wanted.limits.max_concurrent_migrations),
        (
            "MaxConcurrentIncrementalSyncs",
            "maxConcurrentIncrementalSyncs",
            wanted.limits.max_concurrent_incremental_syncs,
        ),
    ] {
        let is = before[field].as_u64();
        if let Some(shall) = shall.filter(|shall| is != Some(u64::from(*shall))) {
            body[sent] = json!(shall);
            let (before, after) = (is.map(|n| n.to_string()), Some(shall.to_string()));
            fields.push(Difference { field: sent.to_owned(), before, after });
        }
    }
    let kept: Vec<&str> =
        before["secrets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, (reference, value)) in fresh {
        body["secrets"][name] = json!(value);
        let before = kept.contains(&name.as_str()).then(|| "another one".to_owned());
        fields.push(Difference { field: name.clone(), before, after: Some(format!("from {reference}")) });
    }
    let name = before["name"].as_str().unwrap_or(&wanted.name).to_owned();
    let action = match there {
        None => {
            body["name"] = json!(name);
            body["type"] = json!(wanted.kind);
            Action::Make
        }
        Some(_) if fields.is_empty() => Action::Keep,
        Some(there) => {
            body["version"] = there["version"].clone();
            Action::Change
        }
    };
    Step { action, name, kind: wanted.kind.clone(), fields, body }
}

/// Removes what a file does not name.
pub fn removal(there: &Value) -> Step {
    let text = |field: &str| there[field].as_str().unwrap_or_default().to_owned();
    Step {
        action: Action::Remove,
        name: text("name"),
        kind: text("type"),
        fields: Vec::new(),
        body: Value::Null,
    }
}

/// The plan as people read it.
pub fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps.iter().filter(|step| step.action != Action::Keep) {
        let sign = match step.action {
            Action::Make => '+',
            Action::Change => '~',
            Action::Remove | Action::Keep => '-',
        };
        text.push_str(&format!("{sign} {} ({})\n", step.name, step.kind));
        for Difference { field, before, after } in &step.fields {
            text.push_str(&match (before, after) {
                (Some(before), Some(after)) => format!("    {field}: {before} -> {after}\n"),
                (None, Some(after)) => format!("    {field}: {after}\n"),
                (before, None) => {
                    format!("    {field}: {} -> (none)\n", before.as_deref().unwrap_or_default())
                }
            });
        }
    }
    let n = |action| steps.iter().filter(|step| step.action == action).count();
    text.push_str(&format!(
        "To make: {}, to change: {}, to remove: {}; as they shall be: {}.",
        n(Action::Make),
        n(Action::Change),
        n(Action::Remove),
        n(Action::Keep)
    ));
    text
}
