//! Reading: bytes to rows, each accepted or handed back.

use std::collections::HashMap;

use super::{
    columns::{Header, header},
    encoding::text,
    overrides::Overrides,
    reading::Reading,
    row::{kept_cells, row},
};
use crate::{secret::Secret, settings::MailboxAddress, words::unshown};

/// At most so many rows.
pub const MAX_ROWS: usize = 50_000;
/// At most so many bytes (10 MB).
pub const MAX_BYTES: usize = 10 << 20;

/// A row that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file in which it begins; the header is line 1.
    pub number: u64,
    /// The mailbox at the source.
    pub source: MailboxAddress,
    /// The mailbox at the target.
    pub target: MailboxAddress,
    /// What it says of its mailbox alone.
    pub overrides: Overrides,
    /// Its cells as they were, one for each column: needed where something else rejects it.
    pub cells: Secret<Vec<String>>,
}

/// A row that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The line of the file in which it begins; the header is line 1.
    pub number: u64,
    /// Its cells as they were, passwords too: one for each column, then those for which there is none.
    pub cells: Secret<Vec<String>>,
    /// Catalogue code.
    pub code: &'static str,
    /// One sentence, never with a password.
    pub message: String,
    /// What to do.
    pub suggestion: String,
}

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The columns of the file, in its order.
    pub columns: Vec<String>,
    /// Usable rows in their order.
    pub rows: Vec<Row>,
    /// The others in their order.
    pub rejected: Vec<Rejected>,
    /// What people should know of the file, a sentence each.
    pub notices: Vec<String>,
}

impl Parsed {
    /// What stands in the column of this name, in whatever case; none where there is no such column or nothing in it.
    pub fn cell(&self, row: &Row, column: &str) -> Option<String> {
        let at = self.columns.iter().position(|name| name.trim().eq_ignore_ascii_case(column))?;
        let cell = row.cells.expose().get(at)?.trim();
        (!cell.is_empty() && cell.len() <= 200 && unshown(cell).is_none()).then(|| cell.to_owned())
    }

    /// Rejects usable rows by their number, for reasons that the file alone does not tell: code, message,
    /// suggestion.
    pub fn reject(&mut self, mut faults: HashMap<u64, (&'static str, String, String)>) {
        let mut taken = Vec::new();
        self.rows.retain(|row| match faults.remove(&row.number) {
            Some((code, message, suggestion)) => {
                let (number, cells) = (row.number, row.cells.clone());
                taken.push(Rejected { number, cells, code, message, suggestion });
                false
            }
            None => true,
        });
        self.rejected.append(&mut taken);
        self.rejected.sort_by_key(|row| row.number);
    }
}

/// Why a whole file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Catalogue code.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: String) -> Self {
        Self { code, message }
    }
}

/// Reads a file.
///
/// Encoded as [`text`] takes it, LF or CRLF, separated by comma, semicolon or tab as its header is.
///
/// # Errors
/// What concerns the whole file: its size, encoding and header. A faulty row is in [`Parsed::rejected`].
pub fn parse(bytes: &[u8], reading: &Reading) -> Result<Parsed, Refusal> {
    reading.check()?;
    if bytes.len() > MAX_BYTES {
        let message = format!("The file has {} bytes; at most {MAX_BYTES} are read.", bytes.len());
        return Err(Refusal::new("CSV_TOO_LARGE", message));
    }
    let decoded = text(bytes, reading.encoding)?;
    let text: &str = &decoded.text;
    let first = text.lines().next().unwrap_or_default();
    let separator = [b',', b';', b'\t'].into_iter().find(|s| first.as_bytes().contains(s)).unwrap_or(b',');
    if let Some(line) = open_quote(text, separator) {
        let message =
            format!("A quote is opened in line {line} and never closed: all that follows would be one cell.");
        return Err(Refusal::new("CSV_OPEN_QUOTE", message));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let names = match records.next() {
        Some(record) => record.map_err(|e| Refusal::new("CSV_NOT_UTF8", e.to_string()))?,
        None => return Err(Refusal::new("CSV_EMPTY", "The file is empty.".to_owned())),
    };
    let header = header(names.iter(), reading.unknown)?;
    let (columns, notices) = (header.names.clone(), notices(&header, decoded.guessed));
    let mut parsed = Parsed { columns, notices, ..Parsed::default() };
    let mut seen: HashMap<String, u64> = HashMap::new();
    let (mut at, mut line) = (0, 1);
    for record in records {
        let record = record.map_err(|e| Refusal::new("CSV_NOT_UTF8", e.to_string()))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if parsed.rows.len() + parsed.rejected.len() == MAX_ROWS {
            let message = format!("The file has more than {MAX_ROWS} rows; split it into several batches.");
            return Err(Refusal::new("CSV_TOO_MANY_ROWS", message));
        }
        // The reader's position may lie before line ends that belong to the row above.
        let begins = record.position().map_or(at, |p| p.byte() as usize).min(text.len());
        let begins = begins + text[begins..].bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        line += text[at..begins].bytes().filter(|b| *b == b'\n').count() as u64;
        at = begins;
        let number = line;
        if decoded.guessed {
            check_guess(&header, &record, number)?;
        }
        match row(&header, &record, number, reading, &mut seen) {
            Ok(row) => parsed.rows.push(row),
            Err((code, message, suggestion)) => parsed.rejected.push(Rejected {
                number,
                cells: Secret::new(kept_cells(&header, &record)),
                code,
                message,
                suggestion,
            }),
        }
    }
    if parsed.rows.is_empty() && parsed.rejected.is_empty() {
        return Err(Refusal::new("CSV_EMPTY", "The file has a header and no row.".to_owned()));
    }
    Ok(parsed)
}

/// A password whose letters are a guess would be tried, and lock its owner out.
fn check_guess(header: &Header, record: &csv::StringRecord, number: u64) -> Result<(), Refusal> {
    let secrets = header.cells.iter().filter(|(_, column)| column.is_secret());
    let mut cells = secrets.filter_map(|(at, _)| record.get(*at));
    if cells.all(str::is_ascii) {
        return Ok(());
    }
    let message = format!(
        "The file is not UTF-8, and a password has a letter beyond ASCII (line {number}): its encoding is not guessed."
    );
    Err(Refusal::new("CSV_NOT_UTF8", message))
}

/// Columns that say nothing to a batch and much to pilots, scans and waves.
const PLANNING: [&str; 6] = ["Department", "Group", "MailboxType", "Delegates", "bytes", "items"];

/// What people should know of a file.
fn notices(header: &Header, guessed: bool) -> Vec<String> {
    let mut notices = Vec::new();
    if guessed {
        let told = "The file is not UTF-8; it was read as Windows-1252. If names look wrong, save it as \"CSV UTF-8\".";
        notices.push(told.to_owned());
    }
    let is_read_elsewhere =
        |name: &&String| PLANNING.iter().any(|known| known.eq_ignore_ascii_case(name.trim()));
    let unknown = header.unknown.iter().filter(|name| !is_read_elsewhere(name));
    let unknown: Vec<String> = unknown.map(|name| format!("{name:?}")).collect();
    match unknown.len() {
        0 => {}
        1 => notices.push(format!("The column {} means nothing here; it is left alone.", unknown.join(", "))),
        _ => notices
            .push(format!("The columns {} mean nothing here; they are left alone.", unknown.join(", "))),
    }
    for (_, column) in &header.cells {
        let name = super::COLUMNS.iter().find(|(c, _)| c == column).map_or("", |(_, name)| *name);
        notices.extend(column.unused().map(|why| format!("The column {name} is left alone: {why}.")));
    }
    notices
}

/// The line of the quote that the end of the file leaves open.
// RFC 4180 §2: a quote means something at the beginning of a cell, and within it two are one.
fn open_quote(text: &str, separator: u8) -> Option<usize> {
    let (mut opened, mut line, mut begins) = (None, 1, true);
    for byte in text.bytes() {
        match (opened, byte) {
            (None, b'"') if begins => opened = Some(line),
            (Some(_), b'"') => opened = None,
            _ => {}
        }
        // Of two quotes within a cell the second opens it again.
        begins = match opened {
            Some(_) => false,
            None => byte == separator || byte == b'\n' || byte == b'"',
        };
        line += usize::from(byte == b'\n');
    }
    opened
}
