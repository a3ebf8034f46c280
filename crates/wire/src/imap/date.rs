//! INTERNALDATE: an instant with the zone it was written in.
//!
//! Reading is lenient, because servers print years of two digits, leave out the zone or the seconds; printing is
//! strict. Dates inside messages (RFC 5322) are not its business.

use std::fmt;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An instant in whole seconds and the offset of the zone in which it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InternalDate {
    epoch_seconds: i64,
    offset_minutes: i16,
}

impl InternalDate {
    /// An instant, written in the zone `offset_minutes` east of UTC (kept within a day).
    pub fn from_epoch(epoch_seconds: i64, offset_minutes: i16) -> Self {
        // Years 0 to 9999 are what the grammar can express.
        let epoch_seconds = epoch_seconds.clamp(days(1, 1, 1) * 86_400, days(9998, 12, 31) * 86_400);
        Self { epoch_seconds, offset_minutes: offset_minutes.clamp(-1439, 1439) }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn epoch_seconds(self) -> i64 {
        self.epoch_seconds
    }

    /// Minutes east of UTC of the zone it was written in.
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// Reads ` 1-Jul-1996 02:44:25 -0700` and what servers make of it.
    // RFC 9051 §9 date-time; RFC 5322 §4.3 for years of two digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::parse_usual(text).or_else(|| Self::parse_any(text))
    }

    /// The one form that servers should write.
    fn parse_usual(text: &[u8]) -> Option<Self> {
        let text: &[u8; 26] = text.try_into().ok()?;
        let marks = [(2, b'-'), (6, b'-'), (11, b' '), (14, b':'), (17, b':'), (20, b' ')];
        if marks.into_iter().any(|(at, mark)| text[at] != mark) {
            return None;
        }
        let digit = |at: usize| text[at].is_ascii_digit().then(|| i64::from(text[at] - b'0'));
        let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
        let day = if text[0] == b' ' { digit(1)? } else { two(0)? };
        let month = MONTHS.iter().position(|name| name.as_bytes() == &text[3..6])? as i64 + 1;
        let year = two(7)? * 100 + two(9)?;
        let (hour, minute, second) = (two(12)?, two(15)?, two(18)?);
        let offset = (two(22)? * 60 + two(24)?) as i16;
        let offset = if text[21] == b'-' { -offset } else { offset };
        let fits = (1..=31).contains(&day) && year > 0 && hour < 24 && minute < 60 && second <= 60;
        if !fits || !matches!(text[21], b'+' | b'-') {
            return None;
        }
        let local = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Self::from_epoch(local - i64::from(offset) * 60, offset))
    }

    fn parse_any(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut words = text.split_ascii_whitespace();
        let mut date = words.next()?.split('-');
        let (day, month, year) = (number(date.next()?)?, date.next()?, date.next()?);
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i64 + 1;
        let year = match (number(year)?, year.len()) {
            (n, ..=2) if n < 50 => n + 2000,
            (n, ..=3) => n + 1900,
            (n, 4) => n,
            _ => return None,
        };
        let mut time = words.next().unwrap_or("00:00:00").split(':');
        let mut field = |limit| time.next().map_or(Some(0), |t| number(t).filter(|n| *n <= limit));
        let (hour, minute, second) = (field(23)?, field(59)?, field(60)?);
        if !(1..=31).contains(&day) || year == 0 || date.next().is_some() {
            return None;
        }
        let offset = words.next().map_or(Some(0), zone)?;
        let local = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Self::from_epoch(local - i64::from(offset) * 60, offset))
    }
}

fn number(text: &str) -> Option<i64> {
    (text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn zone(text: &str) -> Option<i16> {
    let Some((sign, digits)) = text.split_at_checked(1) else { return Some(0) };
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        // "GMT", "UTC", "Z", "(CEST)": the letters of other zones are not reliable, so all of them are UTC.
        _ => return Some(0),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits.split_at_checked(2)?,
    };
    let two = |text: &str| number(text).filter(|_| text.len() == 2);
    Some(sign * (two(hours)? * 60 + two(minutes)?) as i16)
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// The day of the calendar (year, month, day) that lies `since` days after 1970-01-01.
fn civil(since: i64) -> (i64, i64, i64) {
    let since = since + 719_468;
    let cycle = since.div_euclid(146_097);
    let day = since.rem_euclid(146_097);
    // Correct for the leap days passed in this cycle of 400 years before dividing by 365.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = cycle * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

impl fmt::Display for InternalDate {
    /// The RFC 3501 form, without quotes, the day padded with a space: ` 1-Jul-1996 02:44:25 -0700`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.epoch_seconds + i64::from(self.offset_minutes) * 60;
        let (year, month, day) = civil(local.div_euclid(86_400));
        let second = local.rem_euclid(86_400);
        let name = MONTHS[(month - 1) as usize % 12];
        let (sign, offset) =
            if self.offset_minutes < 0 { (b'-', -self.offset_minutes) } else { (b'+', self.offset_minutes) };
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let mut text = *b" 0-Jan-0000 00:00:00 +0000";
        let mut put = |at: usize, number: i64| {
            text[at] = b'0' + (number / 10 % 10) as u8;
            text[at + 1] = b'0' + (number % 10) as u8;
        };
        put(0, day);
        put(7, year / 100);
        put(9, year);
        put(12, hour);
        put(15, minute);
        put(18, second);
        put(22, i64::from(offset / 60));
        put(24, i64::from(offset % 60));
        text[3..6].copy_from_slice(name.as_bytes());
        text[21] = sign;
        if day < 10 {
            text[0] = b' ';
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_servers_print() {
        for (text, epoch, offset, printed) in [
            ("17-Jul-1996 02:44:25 -0700", 837_596_665, -420, "17-Jul-1996 02:44:25 -0700"),
            (" 1-Jan-1970 00:00:00 +0000", 0, 0, " 1-Jan-1970 00:00:00 +0000"),
            ("1-jan-1970 00:00:01", 1, 0, " 1-Jan-1970 00:00:01 +0000"),
            ("01-Feb-96 10:00 +0100", 823_165_200, 60, " 1-Feb-1996 10:00:00 +0100"),
            ("29-Feb-2000 23:59:60 +0000", 951_868_800, 0, " 1-Mar-2000 00:00:00 +0000"),
            ("31-Dec-1969 23:59:59 GMT", -1, 0, "31-Dec-1969 23:59:59 +0000"),
            ("05-Nov-2026 09:08:07 +05:30", 1_793_849_887, 330, " 5-Nov-2026 09:08:07 +0530"),
            ("02-Mar-126 00:00:00 +0000", 1_772_409_600, 0, " 2-Mar-2026 00:00:00 +0000"),
        ] {
            let date = InternalDate::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((date.epoch_seconds(), date.offset_minutes()), (epoch, offset), "{text}");
            assert_eq!(date.to_string(), printed);
        }
        for text in [
            "",
            "x",
            "1-Foo-2000 00:00:00 +0000",
            "0-Jan-2000",
            "1-Jan-20000 00:00:00",
            "1-Jan-2000 24:00:00 +0000",
            "1-Jan-2000 00:00:00 +1",
        ] {
            assert_eq!(InternalDate::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(epoch in -60_000_000_000i64..250_000_000_000, offset in -1439i16..=1439) {
            let date = InternalDate::from_epoch(epoch, offset);
            let text = date.to_string();
            prop_assert_eq!(InternalDate::parse_usual(text.as_bytes()), Some(date));
            prop_assert_eq!(InternalDate::parse_any(text.as_bytes()), Some(date));
        }

        #[test]
        fn never_panics(text in any::<Vec<u8>>(), epoch in any::<i64>(), offset in any::<i16>()) {
            InternalDate::parse(&text);
            let usual = InternalDate::parse_usual(&text);
            prop_assert!(usual.is_none() || usual == InternalDate::parse_any(&text));
            let _ = InternalDate::from_epoch(epoch, offset).to_string();
        }
    }
}
