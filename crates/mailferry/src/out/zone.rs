//! Times in tables as the zone of `--tz` tells them. Programs get them in UTC, whatever is asked for.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// The zone of that name.
pub fn of(name: Option<&str>) -> Option<TimeZone> {
    name.and_then(|name| TimeZone::get(name).ok())
}

/// The same value with its times in that zone: `2026-12-01T18:00:00+01:00`.
pub fn told(value: &Value, zone: &TimeZone) -> Value {
    match value {
        Value::String(text) => match text.ends_with('Z').then(|| text.parse::<Timestamp>()) {
            Some(Ok(at)) => at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into(),
            _ => value.clone(),
        },
        Value::Array(all) => all.iter().map(|one| told(one, zone)).collect(),
        Value::Object(all) => all.iter().map(|(name, one)| (name.clone(), told(one, zone))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_alone_are_told_in_the_zone() {
        let zone = of(Some("Europe/Berlin")).unwrap();
        let value =
            json!({ "at": "2026-12-01T17:00:00.5Z", "name": "A to Z", "days": ["2026-07-01T00:00:00Z", 4] });
        let told = told(&value, &zone);
        let wanted = json!({
            "at": "2026-12-01T18:00:00+01:00", "name": "A to Z", "days": ["2026-07-01T02:00:00+02:00", 4],
        });
        assert_eq!(told, wanted);
    }
}
