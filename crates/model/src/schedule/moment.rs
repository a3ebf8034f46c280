//! Moments as people write them. Without a zone nothing is guessed: what is natively UTC is meant as local time by
//! almost everybody who writes it.

use jiff::{Timestamp, Zoned, civil, tz::TimeZone};

/// A zone of the IANA database by name; UTC without one.
///
/// # Errors
/// A sentence: there is no such zone.
pub fn zone(name: Option<&str>) -> Result<TimeZone, String> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        format!("There is no time zone {name:?}; they are called Europe/Berlin, America/New_York, UTC …")
    })
}

/// `2026-12-01T18:00:00+01:00`, `2026-12-01T18:00[Europe/Berlin]`, or with a zone given beside it `2026-12-01 18:00`
/// and `2026-12-01` (midnight). A time that a change of the clock leaves out is taken as an hour later.
///
/// # Errors
/// A sentence: it is no moment, or its zone is not told.
// RFC 3339 §5.6, RFC 9557 §4.1.
pub fn moment(text: &str, zone: Option<&TimeZone>) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    if let Ok(moment) = text.parse::<Zoned>() {
        return Ok(moment.timestamp());
    }
    let Ok(local) = text.parse::<civil::DateTime>() else {
        return Err(
            "A time is written 2026-12-01T18:00:00+01:00, or 2026-12-01 18:00 with a time zone.".to_owned()
        );
    };
    let Some(zone) = zone else {
        return Err(
            "The time has no zone: write 2026-12-01T18:00:00+01:00, or give --tz Europe/Berlin.".to_owned()
        );
    };
    local.to_zoned(zone.clone()).map(|moment| moment.timestamp()).map_err(|e| e.to_string())
}

/// A moment in a zone, with the zone.
pub fn shown(moment: Timestamp, name: Option<&str>) -> String {
    let zone = zone(name).unwrap_or(TimeZone::UTC);
    moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()
}
