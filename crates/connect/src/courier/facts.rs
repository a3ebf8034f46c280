//! The details of a notice as people read them: names and values. Opens no connection.

use mailferry_model::notice::Notice;
use serde_json::Value;

/// The facts, and when it happened as the last one. What is null or a list is none.
pub(super) fn of(notice: &Notice) -> Vec<(String, String)> {
    let shown = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Object(parts) if !parts.is_empty() => {
            Some(parts.iter().map(|(name, n)| format!("{name}: {n}")).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    let data = notice.data.as_object().into_iter().flatten();
    let facts = data.filter_map(|(name, value)| Some((name.clone(), shown(value)?)));
    facts.chain([("at".to_owned(), notice.at.to_string())]).collect()
}
