//! Tables without borders, and the same columns as CSV.

use serde_json::Value;

use super::words::cell;

/// A column: its heading, where its value is found (a JSON pointer), and where it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// For tables; the CSV heading is the last part of the pointer.
    pub heading: &'static str,
    /// Where the value is.
    pub pointer: &'static str,
    /// Shown only with `-o wide` and in CSV.
    pub is_wide: bool,
}

impl Column {
    /// A column of every table; the first one is the name.
    pub const fn of(heading: &'static str, pointer: &'static str) -> Self {
        Self { heading, pointer, is_wide: false }
    }

    /// A column of wide tables.
    pub const fn wide(heading: &'static str, pointer: &'static str) -> Self {
        Self { heading, pointer, is_wide: true }
    }

    pub(super) fn field(&self) -> &'static str {
        self.pointer.rsplit('/').next().unwrap_or(self.pointer)
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.heading.eq_ignore_ascii_case(name) || self.field().eq_ignore_ascii_case(name)
    }

    fn value<'a>(&self, row: &'a Value) -> &'a Value {
        row.pointer(self.pointer).unwrap_or(&Value::Null)
    }
}

/// How many columns are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Those that everybody needs.
    Narrow,
    /// All.
    Wide,
}

/// The name of a thing.
pub fn name(row: &Value, columns: &[Column]) -> String {
    columns.first().map(|c| plain(c.value(row))).unwrap_or_default()
}

/// A table; numbers stand at the right of their column.
pub fn table(rows: &[Value], columns: &[Column], only: &[String], width: Width) -> String {
    let columns: Vec<&Column> = match only.is_empty() {
        true => columns.iter().filter(|c| width == Width::Wide || !c.is_wide).collect(),
        false => chosen(columns, only),
    };
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|c| c.heading.to_owned()).collect()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|c| cell(c.field(), c.value(row))).collect()));
    let numeric: Vec<bool> = columns
        .iter()
        .map(|c| {
            let is_number = |r: &Value| c.value(r).is_number();
            rows.iter().any(is_number) && rows.iter().all(|r| is_number(r) || c.value(r).is_null())
        })
        .collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        let mut shown = String::new();
        for (at, cell) in line.iter().enumerate() {
            let pad = " ".repeat(widths[at] - cell.chars().count());
            let (before, after) = if numeric[at] { (pad.as_str(), "") } else { ("", pad.as_str()) };
            shown.push_str(&format!("{before}{cell}{after}  "));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// CSV with the field names of the JSON; text that a spreadsheet would take for a formula is guarded.
pub fn csv(rows: &[Value], columns: &[Column], only: &[String]) -> String {
    let columns = if only.is_empty() { columns.iter().collect() } else { chosen(columns, only) };
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing into memory cannot fail.
    let _ = writer.write_record(columns.iter().map(|c| c.field()));
    for row in rows {
        let _ = writer.write_record(columns.iter().map(|c| guarded(c.value(row))));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// CSV of objects whose fields nobody knows beforehand.
pub fn csv_of_any(rows: &[Value]) -> String {
    let Some(first) = rows.first().and_then(Value::as_object) else { return String::new() };
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    let _ = writer.write_record(first.keys());
    for row in rows {
        let _ = writer.write_record(first.keys().map(|field| guarded(&row[field.as_str()])));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// The first field of an object.
pub fn name_of_any(row: &Value) -> String {
    row.as_object().and_then(|fields| fields.values().next()).map(plain).unwrap_or_default()
}

fn guarded(value: &Value) -> String {
    let text = plain(value);
    match value.is_string() && text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// The fields of one thing, one a line.
pub fn fields(thing: &Value) -> String {
    let Some(fields) = thing.as_object() else { return format!("{}\n", plain(thing)) };
    let width = fields.keys().map(|k| k.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(_, v)| !v.is_null()) {
        text.push_str(&format!("{name:width$}  {}\n", cell(name, value)));
    }
    text
}

fn chosen<'a>(columns: &'a [Column], only: &[String]) -> Vec<&'a Column> {
    only.iter().filter_map(|name| columns.iter().find(|c| c.is_called(name.trim()))).collect()
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::of("NAME", "/name"), Column::of("TOTAL", "/n"), Column::wide("OWNER", "/by/who")];

    #[test]
    fn tables_are_aligned_and_csv_is_guarded() {
        let rows =
            [json!({"name": "Straße", "n": 5, "by": {"who": "=cmd"}}), json!({"name": "b", "n": 1234})];
        insta::assert_snapshot!(table(&rows, &COLUMNS, &[], Width::Narrow), @r"
        NAME    TOTAL
        Straße      5
        b        1234
        ");
        assert_eq!(csv(&rows, &COLUMNS, &[]), "name,n,who\r\nStraße,5,'=cmd\r\nb,1234,\r\n");
        assert_eq!(csv(&rows, &COLUMNS, &["total".to_owned()]), "n\r\n5\r\n1234\r\n");
        assert_eq!(name(&rows[0], &COLUMNS), "Straße");
    }
}
