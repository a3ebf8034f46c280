//! Comparing values as PowerShell does: texts without case, the right side read as the kind of the left one.

use std::cmp::Ordering;

use jiff::{Timestamp, civil};
use regex::RegexBuilder;

use super::{datum::Datum, syntax::Operator};

/// Whether the comparison holds.
///
/// # Errors
/// A pattern that cannot be read.
pub fn compare(operator: Operator, left: &Datum, right: &Datum) -> Result<bool, String> {
    let by_case = operator.by_case;
    Ok(match operator.name {
        "eq" => any(left, |l| equal(l, right, by_case)),
        "ne" => !any(left, |l| equal(l, right, by_case)),
        "gt" => order(left, right) == Some(Ordering::Greater),
        "ge" => matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal)),
        "lt" => order(left, right) == Some(Ordering::Less),
        "le" => matches!(order(left, right), Some(Ordering::Less | Ordering::Equal)),
        "like" => any(left, |l| like(&right.shown(), &l.shown(), by_case)),
        "notlike" => !any(left, |l| like(&right.shown(), &l.shown(), by_case)),
        "match" => matches(left, right, by_case)?,
        "notmatch" => !matches(left, right, by_case)?,
        "in" => any(right, |r| equal(left, r, by_case)),
        "notin" => !any(right, |r| equal(left, r, by_case)),
        "contains" => any(left, |l| equal(l, right, by_case)),
        _ => !any(left, |l| equal(l, right, by_case)),
    })
}

fn any(value: &Datum, holds: impl Fn(&Datum) -> bool) -> bool {
    match value {
        Datum::List(all) => all.iter().any(holds),
        one => holds(one),
    }
}

fn equal(left: &Datum, right: &Datum, by_case: bool) -> bool {
    match (left, right) {
        (Datum::Null, Datum::Null) => true,
        (Datum::Null, _) | (_, Datum::Null) => false,
        (Datum::Bool(l), r) => *l == truth(r),
        (Datum::Text(_), _) | (_, Datum::Text(_)) if number(left).is_none() || number(right).is_none() => {
            if let (Some(l), Some(r)) = (moment(left), moment(right)) {
                return l == r;
            }
            let (l, r) = (left.shown(), right.shown());
            if by_case { l == r } else { l.to_lowercase() == r.to_lowercase() }
        }
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

fn truth(value: &Datum) -> bool {
    match value {
        Datum::Text(text) if text.eq_ignore_ascii_case("false") => false,
        other => other.is_true(),
    }
}

/// Their order; none where one of them is nothing.
pub fn order(left: &Datum, right: &Datum) -> Option<Ordering> {
    if matches!(left, Datum::Null) || matches!(right, Datum::Null) {
        return None;
    }
    if let (Some(l), Some(r)) = (number(left), number(right)) {
        return l.partial_cmp(&r);
    }
    if let (Some(l), Some(r)) = (moment(left), moment(right)) {
        return Some(l.cmp(&r));
    }
    Some(left.shown().to_lowercase().cmp(&right.shown().to_lowercase()))
}

/// A number, also one with KB, MB, GB or TB.
pub fn number(value: &Datum) -> Option<f64> {
    let text = match value {
        Datum::Whole(n) => return Some(*n as f64),
        Datum::Number(n) => return Some(*n),
        Datum::Text(text) => text.trim().to_uppercase(),
        _ => return None,
    };
    let sizes = [("KB", 10), ("MB", 20), ("GB", 30), ("TB", 40)];
    let (digits, power) =
        sizes.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, *power))).unwrap_or((&text, 0));
    let plain =
        digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')) && !digits.is_empty();
    digits.parse::<f64>().ok().filter(|_| plain).map(|n| n * (1u64 << power) as f64)
}

/// A time, or a text that is one: with or without a zone, or a day.
pub fn moment(value: &Datum) -> Option<Timestamp> {
    match value {
        Datum::Time(time) => Some(*time),
        Datum::Text(text) => time_of(text),
        _ => None,
    }
}

/// A time as guides write it: `2026-11-20`, `2026-11-20T12:00:00Z`, `11/20/2026`, `11/20/2026 2:00 PM`. UTC without a zone.
pub fn time_of(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let utc = |time: civil::DateTime| time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp());
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Ok(time) = text.parse::<civil::DateTime>() {
        return utc(time);
    }
    let forms = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"];
    let timed = forms.iter().find_map(|form| civil::DateTime::strptime(form, text).ok());
    utc(timed.or_else(|| civil::Date::strptime("%m/%d/%Y", text).ok().map(Into::into))?)
}

fn matches(left: &Datum, right: &Datum, by_case: bool) -> Result<bool, String> {
    let pattern = RegexBuilder::new(&right.shown()).case_insensitive(!by_case).size_limit(1 << 20).build();
    let pattern = pattern.map_err(|_| "the pattern behind -match cannot be read".to_owned())?;
    Ok(any(left, |l| pattern.is_match(&l.shown())))
}

/// Whether a text is like a pattern with `*`, `?` and `[a-z]`.
pub fn like(pattern: &str, text: &str, by_case: bool) -> bool {
    let fold = |t: &str| if by_case { t.to_owned() } else { t.to_lowercase() };
    let pattern: Vec<char> = fold(pattern).chars().collect();
    let text: Vec<char> = fold(text).chars().collect();
    // One place to go back to is enough: a later `*` makes an earlier one as good as any.
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        match one(&pattern, p, text[t]) {
            Some(next) => (p, t) = (next, t + 1),
            None if pattern.get(p) == Some(&'*') => {
                back = Some((p, t));
                p += 1;
            }
            None => match back {
                Some((star, at)) => {
                    back = Some((star, at + 1));
                    (p, t) = (star + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Where the pattern goes on if its next part stands for that character.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '*' => None,
        '?' => Some(at + 1),
        '`' => pattern.get(at + 1).filter(|p| **p == c).map(|_| at + 2),
        '[' => {
            let length = pattern[at..].iter().position(|p| *p == ']')?;
            let set = &pattern[at + 1..at + length];
            let ranged = set.windows(3).any(|w| w[1] == '-' && (w[0]..=w[2]).contains(&c));
            (ranged || set.contains(&c)).then_some(at + length + 1)
        }
        p if *p == c => Some(at + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(left: &str, operator: &str, right: &str) -> bool {
        let operator = Operator::of(operator).unwrap();
        compare(operator, &Datum::Text(left.to_owned()), &Datum::Text(right.to_owned())).unwrap()
    }

    #[test]
    fn texts_numbers_and_times_are_compared_as_natively() {
        for (left, operator, right) in [
            ("Hybrid-Endpoint-Primary", "like", "*hybrid-endpoint-primary*"),
            ("w1", "like", "w[0-9]"),
            ("abcabd", "like", "*ab?"),
            ("InProgress", "eq", "inprogress"),
            ("InProgress", "cne", "inprogress"),
            ("10", "gt", "9"),
            ("10MB", "gt", "9000KB"),
            ("2026-11-20T00:00:00Z", "lt", "11/21/2026"),
            ("StalledDueToTarget_BigFunnel", "match", "^stalled.*_(big|small)"),
            ("x", "notlike", "y*"),
        ] {
            assert!(holds(left, operator, right), "{left} -{operator} {right}");
        }
        for (left, operator, right) in
            [("abc", "like", "a"), ("", "like", "?"), ("InProgress", "ceq", "inprogress")]
        {
            assert!(!holds(left, operator, right), "{left} -{operator} {right}");
        }
        let null = compare(Operator::of("ne").unwrap(), &Datum::Null, &Datum::Text("x".to_owned()));
        assert_eq!(null, Ok(true));
        assert!(compare(Operator::of("match").unwrap(), &Datum::Null, &Datum::Text("(".to_owned())).is_err());
    }
}
