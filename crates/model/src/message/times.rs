//! Times as people read them in their language, with the zone: "Friday 4 December 2026, 18:00 (Europe/Berlin)".

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};

use super::Lang;
use crate::schedule::zone;

/// What stands where nobody has said it.
pub(super) fn unsaid(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "to be announced",
        Lang::De => "wird noch bekannt gegeben",
        Lang::Ur => "بعد میں بتایا جائے گا",
    }
}

/// A time in a zone, in words.
pub(super) fn said(at: Option<Timestamp>, name: Option<&str>, lang: Lang) -> String {
    let Some(at) = at else { return unsaid(lang).to_owned() };
    let local = at.to_zoned(zone(name).unwrap_or(TimeZone::UTC));
    let (day, month) = (local.weekday(), usize::from(local.month().unsigned_abs()) - 1);
    let (date, year, clock) = (local.day(), local.year(), local.strftime("%H:%M"));
    let (day, month) = (weekday(day, lang), months(lang)[month]);
    let zone = name.unwrap_or("UTC");
    match lang {
        Lang::En => format!("{day} {date} {month} {year}, {clock} ({zone})"),
        Lang::De => format!("{day}, {date}. {month} {year}, {clock} Uhr ({zone})"),
        Lang::Ur => format!("{day}، {date} {month} {year}، {clock} ({zone})"),
    }
}

fn weekday(day: Weekday, lang: Lang) -> &'static str {
    let days: [&str; 7] = match lang {
        Lang::En => ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        Lang::De => ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
        Lang::Ur => ["پیر", "منگل", "بدھ", "جمعرات", "جمعہ", "ہفتہ", "اتوار"],
    };
    days[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

fn months(lang: Lang) -> [&'static str; 12] {
    match lang {
        Lang::En => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        Lang::De => [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        Lang::Ur => [
            "جنوری",
            "فروری",
            "مارچ",
            "اپریل",
            "مئی",
            "جون",
            "جولائی",
            "اگست",
            "ستمبر",
            "اکتوبر",
            "نومبر",
            "دسمبر",
        ],
    }
}
