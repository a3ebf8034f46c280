//! The hours in which mailboxes move: `Mon-Fri 19:00-07:00, Sat-Sun`.
//!
//! Days are English, as in rclone's timetables, alone or as a range; without hours a day is whole. Hours that end before
//! they begin end on the next day.

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

const DAYS: [(&str, civil::Weekday); 7] = [
    ("monday", civil::Weekday::Monday),
    ("tuesday", civil::Weekday::Tuesday),
    ("wednesday", civil::Weekday::Wednesday),
    ("thursday", civil::Weekday::Thursday),
    ("friday", civil::Weekday::Friday),
    ("saturday", civil::Weekday::Saturday),
    ("sunday", civil::Weekday::Sunday),
];

/// Some windows of the week, kept as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Windows {
    text: String,
    windows: Vec<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    days: Vec<civil::Weekday>,
    from: civil::Time,
    to: civil::Time,
}

impl std::str::FromStr for Windows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let windows = parts.map(window).collect::<Result<Vec<_>, _>>()?;
        match windows.is_empty() {
            true => Err("Windows are written Mon-Fri 19:00-07:00, Sat-Sun.".to_owned()),
            false => Ok(Self { text: text.trim().to_owned(), windows }),
        }
    }
}

impl TryFrom<String> for Windows {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Windows> for String {
    fn from(windows: Windows) -> Self {
        windows.text
    }
}

impl std::fmt::Display for Windows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Windows {
    /// When the next one opens; `None` if one is open.
    pub fn opens_at(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let spans = self.around(now, zone);
        match spans.iter().any(|(from, to)| *from <= now && now < *to) {
            true => None,
            false => spans.iter().map(|(from, _)| *from).filter(|from| *from > now).min(),
        }
    }

    /// When the one that is open closes, with those that follow it without a pause; `None` if none is open, or if there
    /// is no end of them in the next week.
    pub fn closes_at(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut spans = self.around(now, zone);
        spans.sort();
        let mut end = None;
        for (from, to) in spans {
            if from <= end.unwrap_or(now) && to > end.unwrap_or(now) {
                end = Some(to);
            }
        }
        let week = now.checked_add(jiff::SignedDuration::from_hours(7 * 24)).ok()?;
        end.filter(|end| *end <= week)
    }

    /// From when to when they are open, from the day before to a week later: one that began yesterday may still be open,
    /// and in a week each has opened once.
    fn around(&self, now: Timestamp, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let today = now.to_zoned(zone.clone()).date();
        let days = (-1..=8_i64).filter_map(|offset| today.checked_add(offset.days()).ok());
        let on = |day: civil::Date| {
            let open = self.windows.iter().filter(move |window| window.days.contains(&day.weekday()));
            open.filter_map(move |window| window.on(day, zone))
        };
        days.flat_map(on).collect()
    }
}

impl Window {
    /// When it opens on this day, and when it closes.
    fn on(&self, day: civil::Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let end = if self.to <= self.from { day.checked_add(1.day()).ok()? } else { day };
        let at = |day: civil::Date, time: civil::Time| {
            day.to_datetime(time).to_zoned(zone.clone()).ok().map(|z| z.timestamp())
        };
        Some((at(day, self.from)?, at(end, self.to)?))
    }
}

fn window(text: &str) -> Result<Window, String> {
    let faulty = || format!("{text:?} is no window: they are written Mon-Fri 19:00-07:00, or Sat-Sun.");
    let (days, hours) = match text.split_once(char::is_whitespace) {
        Some((days, hours)) => (days, Some(hours.trim())),
        None if text.contains(':') => ("Mon-Sun", Some(text)),
        None => (text, None),
    };
    let (from, to) = match hours {
        None => (civil::Time::midnight(), civil::Time::midnight()),
        Some(hours) => {
            let (from, to) = hours.split_once('-').ok_or_else(faulty)?;
            (time(from).ok_or_else(faulty)?, time(to).ok_or_else(faulty)?)
        }
    };
    Ok(Window { days: self::days(days).ok_or_else(faulty)?, from, to })
}

pub(super) fn days(text: &str) -> Option<Vec<civil::Weekday>> {
    let at = |name: &str| {
        let name = name.trim().to_lowercase();
        DAYS.iter().position(|(full, _)| name.len() >= 3 && full.starts_with(&name))
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (at(first)?, at(last)?),
        None => (at(text)?, at(text)?),
    };
    let count = (last + DAYS.len() - first) % DAYS.len() + 1;
    Some((0..count).map(|n| DAYS[(first + n) % DAYS.len()].1).collect())
}

/// `19:00`; `24:00` is the midnight at the end of a day.
pub(super) fn time(text: &str) -> Option<civil::Time> {
    match text.trim() {
        "24:00" => Some(civil::Time::midnight()),
        text => civil::Time::strptime("%H:%M", text).ok(),
    }
}
