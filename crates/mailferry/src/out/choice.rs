//! Which rows of a list are shown, and in which order: `--filter`, `--sort`, `--limit`.

use std::{cmp::Ordering, str::FromStr};

use serde_json::Value;

use super::table::{Column, plain};
use crate::{args::Global, exit::Failure};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    filter: Vec<String>,
    sort: Option<String>,
    limit: Option<usize>,
}

impl Choice {
    /// As the flags say.
    pub fn of(global: &Global) -> Self {
        Self {
            filter: global.filter.clone(),
            sort: global.sort.clone(),
            limit: global.limit.and_then(|l| l.0),
        }
    }

    /// The rows that are wanted, in the order that is wanted.
    ///
    /// # Errors
    /// A condition that cannot be read, or a column that there is not.
    pub fn apply(&self, rows: &[Value], columns: &[Column]) -> Result<Vec<Value>, Failure> {
        let mut rows = rows.to_vec();
        for condition in &self.filter {
            let (pointer, wanted, equal) = condition_of(condition, columns, &rows)?;
            rows.retain(|row| is(row.pointer(&pointer).unwrap_or(&Value::Null), wanted) == equal);
        }
        if let Some(sort) = &self.sort {
            let bare = sort.strip_prefix('-').or_else(|| sort.strip_suffix(":desc"));
            let name = bare.or_else(|| sort.strip_suffix(":asc")).unwrap_or(sort);
            let pointer = pointer_of(name, columns, &rows)?;
            let value = |row: &Value| row.pointer(&pointer).cloned().unwrap_or(Value::Null);
            rows.sort_by(|a, b| match bare {
                None => compare(&value(a), &value(b)),
                Some(_) => compare(&value(b), &value(a)),
            });
        }
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(rows)
    }
}

fn condition_of<'a>(
    text: &'a str,
    columns: &[Column],
    rows: &[Value],
) -> Result<(String, &'a str, bool), Failure> {
    let Some((name, wanted)) = text.split_once('=') else {
        return Err(Failure::usage("--filter: write COLUMN=VALUE"));
    };
    let (name, equal) = name.strip_suffix('!').map_or((name, true), |name| (name, false));
    Ok((pointer_of(name, columns, rows)?, wanted.trim(), equal))
}

/// Where a column's value is: by its heading, or by the name of a field in the JSON.
fn pointer_of(name: &str, columns: &[Column], rows: &[Value]) -> Result<String, Failure> {
    let name = name.trim();
    if let Some(column) = columns.iter().find(|c| c.is_called(name)) {
        return Ok(column.pointer.to_owned());
    }
    let mut fields = rows.iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys);
    fields.find(|f| f.eq_ignore_ascii_case(name)).map(|f| format!("/{f}")).ok_or_else(|| {
        let known: Vec<&str> = columns.iter().map(Column::field).collect();
        Failure::usage(format!(
            "--filter and --sort: there is no such column here; there are {}",
            known.join(", ")
        ))
    })
}

fn is(value: &Value, wanted: &str) -> bool {
    plain(value).eq_ignore_ascii_case(wanted)
}

/// Numbers by size, all other by its letters, nothing first.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => plain(a).to_lowercase().cmp(&plain(b).to_lowercase()),
    }
}

/// `--limit`: a number, or nothing for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(Option<usize>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "all" | "unlimited" => Ok(Self(None)),
            number => number.parse().map(|n| Self(Some(n))).map_err(|_| "write a number, or all".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 2] = [Column::of("NAME", "/name"), Column::of("TOTAL", "/of/n")];

    fn names(filter: &[&str], sort: Option<&str>, limit: Option<usize>) -> Vec<String> {
        let filter = filter.iter().map(|f| (*f).to_owned()).collect();
        let choice = Choice { filter, sort: sort.map(str::to_owned), limit };
        let rows = [("b", 9), ("A", 10), ("c", 9)].map(|(name, n)| json!({"name": name, "of": {"n": n}}));
        let rows = choice.apply(&rows, &COLUMNS).unwrap();
        rows.iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn rows_are_chosen_and_ordered() {
        assert_eq!(names(&[], Some("name"), None), ["A", "b", "c"]);
        assert_eq!(names(&[], Some("-total"), None), ["A", "b", "c"]);
        assert_eq!(names(&[], Some("n:asc"), Some(2)), ["b", "c"]);
        assert_eq!(names(&["n=9", "name!=C"], None, None), ["b"]);
        let wrong = Choice { filter: vec!["colour=red".into()], ..Choice::default() };
        assert!(wrong.apply(&[], &COLUMNS).is_err());
        assert_eq!(["all", "3"].map(str::parse), [Ok(Limit(None)), Ok(Limit(Some(3)))]);
        assert!("x".parse::<Limit>().is_err());
    }
}
