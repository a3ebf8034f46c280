//! Numbers, times and states as people read them. Programs get them exact, in JSON and CSV.

use mailferry_model::words::{shown_in_line, unshown};
use serde_json::Value;

/// A size in the admin centre's sense: 1 GB = 2³⁰.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["KB", "MB", "GB", "TB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match unit {
        "B" => format!("{n} B"),
        _ if value < 10.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// A length of time in seconds.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {:02} s", s as u64 / 60, s as u64 % 60),
        s => format!("{} h {:02} min", s as u64 / 3600, s as u64 % 3600 / 60),
    }
}

/// A part of a whole.
pub fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        _ => format!("{:.1} %", part as f64 / whole as f64 * 100.0),
    }
}

/// A text in a table: one line of what it is.
fn shown_in_cell(text: &str) -> String {
    match unshown(text) {
        None => text.to_owned(),
        Some(_) => shown_in_line(text),
    }
}

/// A value in a table.
pub fn cell(field: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if field.to_ascii_lowercase().contains("status") => label(text),
        Value::String(text) => shown_in_cell(text),
        Value::Number(n) if field.starts_with("bytes") || field == "size" => {
            n.as_u64().map_or_else(|| n.to_string(), bytes)
        }
        Value::Number(n) if field.starts_with("percentage") => format!("{:.1}", n.as_f64().unwrap_or(0.0)),
        Value::Number(n) => n.to_string(),
        Value::Array(items) => items.iter().map(|i| cell(field, i)).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let shown = fields.iter().filter(|(_, v)| !v.is_null());
            shown.map(|(k, v)| format!("{k}={}", cell(k, v))).collect::<Vec<_>>().join(" ")
        }
    }
}

/// `SyncedWithErrors` → `Synced with errors`; a sentence stays one.
fn label(name: &str) -> String {
    if name.contains(' ') {
        return name.to_owned();
    }
    let mut label = String::new();
    for (at, c) in name.chars().enumerate() {
        match at > 0 && c.is_uppercase() {
            true => {
                label.push(' ');
                label.extend(c.to_lowercase());
            }
            false => label.push(c),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_read_them() {
        assert_eq!(
            [0, 1023, 1536, 10 << 20, 3 << 30].map(bytes),
            ["0 B", "1023 B", "1.5 KB", "10 MB", "3.0 GB"]
        );
        assert_eq!([0.012, 3.21, 65.0, 7300.0].map(duration), ["12 ms", "3.2 s", "1 min 05 s", "2 h 01 min"]);
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(cell("status", &"SyncedWithErrors".into()), "Synced with errors");
    }
}
