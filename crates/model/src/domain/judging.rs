//! What the DNS says, held against what it shall say; and how long others may still believe the old.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Domain, Record, RecordKind, Wanted};

/// Longer than this, in seconds, a record is believed after it was changed: mail goes on arriving at the old place.
pub const LONG_TTL: u32 = 3600;
/// What it should be lowered to before a switch.
const SHORT_TTL: u32 = 300;
/// So long before a switch people have to hear of it.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// How a record stands to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It is so.
    AsWanted,
    /// It is another one.
    Differs,
    /// It is not there.
    Missing,
    /// Nothing is wanted of it.
    NotAsked,
    /// Nobody could be asked.
    Unknown,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is for.
    pub kind: RecordKind,
    /// Its name.
    pub name: String,
    /// What is there.
    pub now: Vec<String>,
    /// What shall be there.
    pub wanted: Option<String>,
    /// Seconds that others may keep it.
    pub ttl: Option<u32>,
    /// How it stands.
    pub verdict: Verdict,
    /// What people should know.
    pub notes: Vec<String>,
}

/// Judges what was found.
pub fn judge(domain: &Domain, at: Option<Timestamp>, now: Timestamp) -> Vec<Row> {
    domain.records.iter().map(|record| row(record, &domain.wanted, at, now)).collect()
}

/// The switch of which somebody is to be warned now, and of what: once for each, from two days before it on.
pub fn switch_warning(
    domain: &Domain,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Option<(Timestamp, Vec<String>)> {
    let at = at.filter(|at| *at > now && now.duration_until(*at) <= AHEAD)?;
    if domain.warned == Some(at) {
        return None;
    }
    let long = judge(domain, Some(at), now).into_iter().filter(|row| is_long(row.ttl, row.verdict));
    let told: Vec<String> = long
        .map(|row| {
            format!("{} {} is believed for {}", label(row.kind), row.name, lasts(row.ttl.unwrap_or(0)))
        })
        .collect();
    (!told.is_empty()).then_some((at, told))
}

fn row(record: &Record, wanted: &Wanted, at: Option<Timestamp>, now: Timestamp) -> Row {
    let asked = asked(record, wanted);
    let mut notes = Vec::new();
    let verdict = match (&record.fault, &asked) {
        (Some(fault), _) => {
            notes.push(format!("It could not be asked for: {fault}."));
            Verdict::Unknown
        }
        (None, None) => Verdict::NotAsked,
        (None, Some(_)) if record.values.is_empty() => Verdict::Missing,
        (None, Some(asked)) if fits(record, asked) => Verdict::AsWanted,
        (None, Some(_)) => Verdict::Differs,
    };
    notes.extend(faults(record, wanted));
    if is_long(record.ttl, verdict) {
        notes.push(of_ttl(record.ttl.unwrap_or(0), at, now));
    }
    let (kind, name, values, ttl) = (record.kind, record.name.clone(), record.values.clone(), record.ttl);
    Row { kind, name, now: values, wanted: asked.map(|asked| asked.shown), ttl, verdict, notes }
}

/// What is there and will be another one is believed for so long.
fn is_long(ttl: Option<u32>, verdict: Verdict) -> bool {
    verdict == Verdict::Differs && ttl.is_some_and(|ttl| ttl > LONG_TTL)
}

fn of_ttl(ttl: u32, at: Option<Timestamp>, now: Timestamp) -> String {
    let lasts = lasts(ttl);
    let Some(at) = at else {
        return format!(
            "Others may believe it for {lasts} after it was changed: lower its TTL to {SHORT_TTL} seconds, {lasts} before the \
             switch at the latest; two days before is usual."
        );
    };
    let latest = at.checked_sub(SignedDuration::from_secs(i64::from(ttl))).unwrap_or(now);
    match latest > now {
        true => format!(
            "Others may believe it for {lasts}: lower its TTL to {SHORT_TTL} seconds before {latest}, so that it is short when \
             the switch comes."
        ),
        false => format!(
            "Others may believe it for {lasts}, longer than there is until the switch: lower its TTL to {SHORT_TTL} seconds \
             now, keep the old server taking mail for that long after the switch, or switch later."
        ),
    }
}

fn lasts(seconds: u32) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s >= 3600 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        s => format!("{} min", s.div_ceil(60)),
    }
}

/// What a kind of record is called.
fn label(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Mx => "MX",
        RecordKind::Spf => "SPF",
        RecordKind::Dkim => "DKIM",
        RecordKind::Dmarc => "DMARC",
        RecordKind::Autodiscover => "autodiscover",
    }
}

/// What is wanted of a record: as it is shown, and what is looked for.
struct Asked {
    shown: String,
    parts: Vec<String>,
}

fn asked(record: &Record, wanted: &Wanted) -> Option<Asked> {
    let one = |text: &str, any: &str| {
        let shown = if text.is_empty() { any.to_owned() } else { text.to_owned() };
        Asked { shown, parts: vec![text.to_lowercase()] }
    };
    match record.kind {
        RecordKind::Mx if wanted.mx.is_empty() => None,
        RecordKind::Mx => {
            let hosts = wanted.mx.iter().map(|host| bare(host)).collect::<Vec<_>>();
            Some(Asked { shown: hosts.join(", "), parts: hosts })
        }
        RecordKind::Spf => wanted.spf.as_deref().map(|text| one(text, "any")),
        RecordKind::Dmarc => wanted.dmarc.as_deref().map(|text| one(text, "any")),
        RecordKind::Autodiscover => wanted.autodiscover.as_deref().map(|host| one(&bare(host), "any")),
        RecordKind::Dkim => {
            let selector = record.name.split_once("._domainkey.").map_or("", |(selector, _)| selector);
            wanted.dkim.get(selector).map(|text| one(text, "any key"))
        }
    }
}

/// A host without its preference and its last dot.
fn bare(host: &str) -> String {
    host.rsplit(' ').next().unwrap_or(host).trim_end_matches('.').to_lowercase()
}

fn fits(record: &Record, asked: &Asked) -> bool {
    let there: Vec<String> = record.values.iter().map(|value| value.to_lowercase()).collect();
    let wanted = asked.parts.first().map(String::as_str).unwrap_or_default();
    match record.kind {
        RecordKind::Mx => {
            let mut there: Vec<String> = record.values.iter().map(|value| bare(value)).collect();
            let mut wanted = asked.parts.clone();
            there.sort();
            wanted.sort();
            there == wanted
        }
        // RFC 7208 §4.6.1: mechanisms are words of their own.
        RecordKind::Spf => {
            there.iter().any(|text| wanted.is_empty() || text.split_whitespace().any(|w| w == wanted))
        }
        // RFC 7489 §6.3
        RecordKind::Dmarc => there.iter().any(|text| {
            let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            wanted.is_empty() || squeezed.split(';').any(|tag| tag == wanted.replace(' ', ""))
        }),
        RecordKind::Dkim | RecordKind::Autodiscover => {
            there.iter().any(|text| wanted.is_empty() || bare(text) == bare(wanted))
        }
    }
}

/// What is wrong with a record, whatever is wanted of it.
fn faults(record: &Record, wanted: &Wanted) -> Vec<String> {
    let mut notes = Vec::new();
    match record.kind {
        // RFC 7208 §4.5: more than one is an error for all who ask.
        RecordKind::Spf if record.values.len() > 1 => {
            notes.push(
                "There are several SPF records: receivers take that for an error. Make one of them."
                    .to_owned(),
            );
        }
        // RFC 7489 §6.6.3
        RecordKind::Dmarc if record.values.len() > 1 => {
            notes.push(
                "There are several DMARC records: receivers pass over all of them. Make one of them."
                    .to_owned(),
            );
        }
        RecordKind::Mx if !wanted.mx.is_empty() && record.values.len() > 1 => {
            let new = |value: &&String| wanted.mx.iter().any(|host| bare(host) == bare(value));
            let is_new = record.values.iter().filter(new).count();
            if is_new > 0 && is_new < record.values.len() {
                notes.push(
                    "Mail goes to the old and to the new place at once. Take the old hosts away.".to_owned(),
                );
            }
        }
        _ => {}
    }
    notes
}
