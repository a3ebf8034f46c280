//! The flags that say when a batch does what by itself.

use clap::Args;
use jiff::tz::TimeZone;
use mailferry_model::{
    port::Clock,
    schedule::{Windows, moment, zone},
};
use serde_json::{Map, Value, json};

use crate::{clock::SystemClock, exit::Failure};

/// The flags.
#[derive(Args, Clone, Debug, Default)]
pub struct ScheduleArgs {
    /// Start it, and let its mailboxes begin at this time: 2026-12-01T18:00:00+01:00, or 2026-12-01 18:00 with --tz; or now
    #[arg(long, value_name = "TIME")]
    pub start_after: Option<String>,
    /// Complete what is synced at this time, or later
    #[arg(long, value_name = "TIME")]
    pub complete_after: Option<String>,
    /// Sync what is synced again, so many hours after the last sync (24 otherwise); never or 0: only on demand
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub sync_every: Option<u32>,
    /// The hours in which mailboxes move: "Mon-Fri 19:00-07:00, Sat-Sun"
    #[arg(long, value_name = "WINDOWS")]
    pub windows: Option<Windows>,
    /// The zone of times that name none, in which windows are meant, and of times in tables: Europe/Berlin (UTC otherwise)
    #[arg(long, value_name = "ZONE", value_parser = zoned)]
    pub tz: Option<String>,
}

impl ScheduleArgs {
    /// What was given, field by field. Times without a zone are in `known`, where no other is given.
    ///
    /// # Errors
    /// A time that is none, or whose zone nobody tells.
    pub fn given(&self, known: Option<&str>) -> Result<Map<String, Value>, Failure> {
        let zone = match self.tz.as_deref().or(known) {
            Some(name) => Some(zone(Some(name)).map_err(|why| Failure::usage(format!("--tz: {why}")))?),
            None => None,
        };
        let mut given = Map::new();
        let times = [
            ("startAfter", "--start-after", &self.start_after),
            ("completeAfter", "--complete-after", &self.complete_after),
        ];
        for (field, flag, text) in times {
            if let Some(text) = text {
                given.insert(field.to_owned(), time(flag, text, zone.as_ref())?);
            }
        }
        let others = [
            ("syncEveryHours", self.sync_every.map(|hours| json!(hours))),
            ("windows", self.windows.as_ref().map(|windows| json!(windows))),
            ("timeZone", self.tz.as_ref().map(|name| json!(name))),
        ];
        given.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Ok(given)
    }
}

pub(super) fn time(flag: &str, text: &str, zone: Option<&TimeZone>) -> Result<Value, Failure> {
    if text.eq_ignore_ascii_case("now") {
        return Ok(json!(SystemClock::default().now()));
    }
    moment(text, zone).map(|moment| json!(moment)).map_err(|why| Failure::usage(format!("{flag}: {why}")))
}

/// The name of a time zone, if it is one.
pub fn zoned(name: &str) -> Result<String, String> {
    zone(Some(name)).map(|_| name.to_owned())
}

fn hours(text: &str) -> Result<u32, String> {
    let bare = text.strip_suffix('h').unwrap_or(text);
    match bare {
        "never" | "off" => Ok(0),
        bare => bare.parse().map_err(|_| "write a number of hours, or never".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_zone() {
        let args =
            ScheduleArgs { start_after: Some("2026-12-01 18:00".to_owned()), ..ScheduleArgs::default() };
        assert!(args.given(None).is_err());
        let known = Value::Object(args.given(Some("Europe/Berlin")).unwrap());
        assert_eq!(known, json!({ "startAfter": "2026-12-01T17:00:00Z" }));
        let args = ScheduleArgs { tz: Some("America/New_York".to_owned()), sync_every: Some(0), ..args };
        let own = Value::Object(args.given(Some("Europe/Berlin")).unwrap());
        let expected = json!({
            "startAfter": "2026-12-01T23:00:00Z", "syncEveryHours": 0, "timeZone": "America/New_York",
        });
        assert_eq!(own, expected);
        assert_eq!(["12", "6h", "never"].map(hours), [Ok(12), Ok(6), Ok(0)]);
    }
}
