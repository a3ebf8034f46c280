//! Moments, windows, and what is due, at times that are given.

use jiff::Timestamp;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_moment_has_a_zone() {
    let berlin = zone(Some("Europe/Berlin")).unwrap();
    for (text, zone, expected) in [
        ("2026-12-01T18:00:00+01:00", None, "2026-12-01T17:00:00Z"),
        ("2026-12-01T18:00[America/New_York]", None, "2026-12-01T23:00:00Z"),
        ("2026-12-01 18:00", Some(&berlin), "2026-12-01T17:00:00Z"),
        ("2026-07-01", Some(&berlin), "2026-06-30T22:00:00Z"),
        // Left out by the change of the clock.
        ("2026-03-29 02:30", Some(&berlin), "2026-03-29T01:30:00Z"),
    ] {
        assert_eq!(moment(text, zone), Ok(at(expected)), "{text}");
    }
    assert!(moment("2026-12-01 18:00", None).unwrap_err().contains("--tz"));
    assert!(moment("tomorrow", Some(&berlin)).is_err() && zone(Some("Mars/Olympus")).is_err());
    assert_eq!(shown(at("2026-12-01T17:00:00Z"), Some("Europe/Berlin")), "2026-12-01 18:00 CET");
}

#[test]
fn windows_open_and_close_in_their_zone() {
    let berlin = zone(Some("Europe/Berlin")).unwrap();
    let windows: Windows = "Mon-Fri 19:00-07:00, Sat-Sunday".parse().unwrap();
    for (now, opens) in [
        ("2026-12-01T12:00:00Z", Some("2026-12-01T18:00:00Z")),
        ("2026-12-01T18:00:00Z", None),
        ("2026-12-02T05:59:59Z", None),
        ("2026-12-02T06:00:00Z", Some("2026-12-02T18:00:00Z")),
        // A Friday night runs into the week-end; Sunday's midnight ends it.
        ("2026-12-05T06:30:00Z", None),
        ("2026-12-06T23:30:00Z", Some("2026-12-07T18:00:00Z")),
    ] {
        assert_eq!(windows.opens_at(at(now), &berlin), opens.map(at), "{now}");
    }
    for (now, closes) in [
        ("2026-12-01T12:00:00Z", None),
        ("2026-12-01T18:00:00Z", Some("2026-12-02T06:00:00Z")),
        // Friday night, Saturday and Sunday are one.
        ("2026-12-04T20:00:00Z", Some("2026-12-06T23:00:00Z")),
    ] {
        assert_eq!(windows.closes_at(at(now), &berlin), closes.map(at), "{now}");
    }
    let always: Windows = "Mon-Sun".parse().unwrap();
    assert_eq!(
        (
            always.opens_at(at("2026-12-01T12:00:00Z"), &berlin),
            always.closes_at(at("2026-12-01T12:00:00Z"), &berlin)
        ),
        (None, None)
    );
    let around: Windows = "Sat-Mon 22:00-24:00".parse().unwrap();
    assert_eq!(
        around.opens_at(at("2026-12-08T00:00:00Z"), &jiff::tz::TimeZone::UTC),
        Some(at("2026-12-12T22:00:00Z"))
    );
    for text in ["", "Mon-Fri", "19:00-07:00"] {
        assert_eq!(text.parse::<Windows>().is_ok(), !text.is_empty(), "{text}");
    }
    for text in ["Mo 19:00-20:00", "Mon 19-20", "Mon 25:00-26:00", "Mon 19:00", "Montag"] {
        assert!(text.parse::<Windows>().is_err(), "{text}");
    }
}
