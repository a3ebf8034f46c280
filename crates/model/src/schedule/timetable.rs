//! How much may be moved when: `Mon-Fri 08:00,2M 19:00,off`, after rclone's timetables.
//!
//! From each time on its rate holds until the next one, over midnight and over the end of the week. Days stand before
//! the times that they hold for; without days a time is of every day. `off` is no limit. A rate without a time holds from
//! midnight on: alone always, behind days on these.

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    rate::rate,
    windows::{days, time},
};

/// A timetable, kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timetable {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    days: Vec<civil::Weekday>,
    from: civil::Time,
    rate: Option<u64>,
}

/// What holds now, in bytes a second (no limit without it), and when another rate begins, if one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Bytes a second; no limit without it.
    pub rate: Option<u64>,
    /// When another rate begins.
    pub until: Option<Timestamp>,
}

impl std::str::FromStr for Timetable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let faulty = |part: &str| {
            format!("{part:?} is no part of a timetable: they are written 2M, or Mon-Fri 08:00,2M 19:00,off.")
        };
        let mut entries = Vec::new();
        let mut on = days("Mon-Sun").unwrap_or_default();
        // Days for which nothing was said yet.
        let mut named_days = None;
        for part in text.split_whitespace() {
            let (days_and_time, amount) = match part.split_once(',') {
                Some((at, amount)) => (Some(at), amount),
                None => (None, part),
            };
            if let (None, Some(named)) = (days_and_time, days(part)) {
                on = named;
                named_days = Some(part);
                continue;
            }
            let rate = rate(amount).map_err(|_| faulty(part))?;
            let (named, from) = match days_and_time {
                None => (on.clone(), civil::Time::midnight()),
                // As rclone writes a single day: Mon-08:00,2M
                Some(at) => match at.rsplit_once('-') {
                    Some((day, at)) => {
                        (days(day).ok_or_else(|| faulty(part))?, time(at).ok_or_else(|| faulty(part))?)
                    }
                    None => (on.clone(), time(at).ok_or_else(|| faulty(part))?),
                },
            };
            entries.push(Entry { days: named, from, rate });
            named_days = None;
        }
        match (entries.is_empty(), named_days) {
            (true, _) => Err(faulty(text)),
            (false, Some(part)) => Err(faulty(part)),
            (false, None) => Ok(Self { text: text.trim().to_owned(), entries }),
        }
    }
}

impl TryFrom<String> for Timetable {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timetable> for String {
    fn from(timetable: Timetable) -> Self {
        timetable.text
    }
}

impl std::fmt::Display for Timetable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Timetable {
    /// What holds at a moment.
    pub fn holds(&self, now: Timestamp, zone: &TimeZone) -> Holds {
        let today = now.to_zoned(zone.clone()).date();
        // In a week each entry has begun once.
        let days = (-7..=8_i64).filter_map(|offset| today.checked_add(offset.days()).ok());
        let mut begins: Vec<(Timestamp, usize)> = days
            .flat_map(|day| {
                let entries =
                    self.entries.iter().enumerate().filter(move |(_, e)| e.days.contains(&day.weekday()));
                entries.filter_map(move |(at, entry)| {
                    let begins = day.to_datetime(entry.from).to_zoned(zone.clone()).ok()?;
                    Some((begins.timestamp(), at))
                })
            })
            .collect();
        begins.sort();
        let rate_of = |at: usize| self.entries[at].rate;
        let rate = begins.iter().rev().find(|(at, _)| *at <= now).and_then(|(_, at)| rate_of(*at));
        let next = begins.iter().find(|(at, entry)| *at > now && rate_of(*entry) != rate);
        Holds { rate, until: next.map(|(at, _)| *at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rate_at(table: &str, moment: &str) -> Option<u64> {
        table.parse::<Timetable>().unwrap().holds(at(moment), &TimeZone::UTC).rate
    }

    #[test]
    fn a_rate_holds_until_the_next_over_night_and_week() {
        let table = "Mon-Fri 08:00,2M 19:00,off Sat-Sun 10:00,512k";
        // 2026-11-30 is a Monday.
        assert_eq!(rate_at(table, "2026-11-30T09:00:00Z"), Some(2 << 20));
        assert_eq!(rate_at(table, "2026-11-30T19:00:00Z"), None);
        assert_eq!(rate_at(table, "2026-12-01T07:59:00Z"), None, "over night");
        assert_eq!(rate_at(table, "2026-12-05T09:59:00Z"), None, "of Friday evening");
        assert_eq!(rate_at(table, "2026-12-05T10:00:00Z"), Some(512 << 10));
        assert_eq!(rate_at(table, "2026-12-07T07:59:59Z"), Some(512 << 10), "of Sunday");
        let holds = table.parse::<Timetable>().unwrap().holds(at("2026-12-05T11:00:00Z"), &TimeZone::UTC);
        assert_eq!(holds.until, Some(at("2026-12-07T08:00:00Z")), "Sunday begins with the same rate");
    }

    #[test]
    fn one_rate_alone_holds_always_and_rclones_days_are_read() {
        let holds = "2M".parse::<Timetable>().unwrap().holds(at("2026-12-05T11:00:00Z"), &TimeZone::UTC);
        assert_eq!(holds, Holds { rate: Some(2 << 20), until: None });
        assert_eq!(rate_at("off", "2026-12-05T11:00:00Z"), None);
        let table = "Mon-00:00,512k Fri-23:59,10M Sat-10:00,1M Sun-20:00,off";
        assert_eq!(rate_at(table, "2026-12-03T12:00:00Z"), Some(512 << 10));
        assert_eq!(rate_at(table, "2026-12-05T00:00:00Z"), Some(10 << 20));
        assert_eq!(rate_at(table, "2026-12-06T21:00:00Z"), None);
    }

    #[test]
    fn a_rate_without_a_time_is_of_the_days_before_it() {
        let table = "Mon-Fri 08:00,2M Sat-Sun off";
        assert_eq!(rate_at(table, "2026-12-01T03:00:00Z"), Some(2 << 20), "no weekday's midnight ends it");
        assert_eq!(rate_at(table, "2026-12-05T03:00:00Z"), None, "Saturday");
        assert_eq!(rate_at(table, "2026-12-07T03:00:00Z"), None, "Monday before eight");
        assert!("Mon-Fri 08:00,2M Sat-Sun".parse::<Timetable>().unwrap_err().contains("Sat-Sun"));
    }

    #[test]
    fn hours_are_those_of_the_zone_also_where_the_clock_changes() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let table: Timetable = "08:00,1M 18:00,off".parse().unwrap();
        assert_eq!(table.holds(at("2026-07-01T06:30:00Z"), &berlin).rate, Some(1 << 20), "summer");
        assert_eq!(table.holds(at("2026-12-01T06:30:00Z"), &berlin).rate, None, "winter");
        // The clock goes back on 25 October.
        let holds = table.holds(at("2026-10-24T17:00:00Z"), &berlin);
        assert_eq!(holds.until, Some(at("2026-10-25T07:00:00Z")));
    }

    #[test]
    fn what_is_no_timetable_is_named() {
        for wrong in
            ["", "  ", "fast", "08:00", "08:00,fast", "25:00,1M", "Mon-Fri", "Mon-Fry 08:00,1M", "08:00,-1M"]
        {
            let why = wrong.parse::<Timetable>().unwrap_err();
            assert!(why.contains("Mon-Fri 08:00,2M"), "{wrong}: {why}");
        }
        let table: Timetable = " Mon-Fri 08:00,2M  19:00,off ".parse().unwrap();
        assert_eq!(table.to_string().parse::<Timetable>().unwrap().entries, table.entries);
    }
}
