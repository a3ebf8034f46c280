//! Reading: bytes to rows, each accepted or handed back.

use std::collections::HashMap;

use super::{
    columns::{Column, Header, header},
    encoding::text,
};
use crate::{secret::Secret, settings::MailboxAddress, words::unshown};

/// At most so many rows.
pub const MAX_ROWS: usize = 50_000;
/// At most so many bytes (10 MB).
pub const MAX_BYTES: usize = 10 << 20;

/// Whether each mailbox needs a password of its own at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// The endpoint has no sign-in for all: each row needs one.
    Each,
    /// The endpoint signs in for all, or asks for nothing.
    None,
}

/// What the two endpoints need from a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// At the source.
    pub source: Passwords,
    /// At the target.
    pub target: Passwords,
}

/// A row that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file in which it begins; the header is line 1.
    pub number: u64,
    /// The mailbox at the source.
    pub source: MailboxAddress,
    /// The mailbox at the target.
    pub target: MailboxAddress,
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
}

impl Parsed {
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
pub fn parse(bytes: &[u8], needs: Needs) -> Result<Parsed, Refusal> {
    if bytes.len() > MAX_BYTES {
        let message = format!("The file has {} bytes; at most {MAX_BYTES} are read.", bytes.len());
        return Err(Refusal::new("CSV_TOO_LARGE", message));
    }
    let text = text(bytes)?;
    let text: &str = &text;
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
    let header = header(names.iter())?;
    let mut parsed = Parsed { columns: header.names.clone(), ..Parsed::default() };
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
        match row(&header, &record, number, needs, &mut seen) {
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

type Fault = (&'static str, String, String);

fn row(
    header: &Header,
    record: &csv::StringRecord,
    number: u64,
    needs: Needs,
    seen: &mut HashMap<String, u64>,
) -> Result<Row, Fault> {
    let surplus = surplus(header, record).len();
    if record.len() != header.width || surplus > 0 {
        let columns = header.cells.len();
        let cells = match record.len() < header.width {
            true => record.len().min(columns),
            false => columns + surplus.max(record.len() - header.width),
        };
        return Err((
            "CSV_WRONG_CELL_COUNT",
            format!("The row has {cells} cells, the header has {columns}."),
            "Write one cell for each column, empty ones too; put cells with a separator between quotes."
                .into(),
        ));
    }
    let raw = |column| {
        let at = header.cells.iter().find(|(_, c)| *c == column).map(|(at, _)| *at);
        at.and_then(|at| record.get(at)).unwrap_or_default()
    };
    let named = |column| Some(raw(column).trim().to_owned()).filter(|text| !text.is_empty());
    let secret = |column| Some(raw(column)).filter(|text| !text.is_empty()).map(Secret::from);
    for (at, column) in &header.cells {
        // Nobody reads a password: what turns its direction belongs to it.
        let is_bad = |cell: &str| match column {
            Column::Password | Column::TargetPassword => cell.contains(char::is_control),
            _ => unshown(cell).is_some(),
        };
        if record.get(*at).is_some_and(is_bad) {
            return Err((
                "CSV_BAD_CHARACTER",
                "A cell holds a control character.".into(),
                "Remove tabs, line breaks, NULs and marks of direction from the cells.".into(),
            ));
        }
    }
    let address = address(named(Column::EmailAddress), "EmailAddress")?;
    let target = match named(Column::TargetAddress) {
        Some(other) => self::address(Some(other), "TargetAddress")?,
        None => address.clone(),
    };
    let missing = |column: &str, side: &str| {
        (
            "CSV_NO_PASSWORD",
            format!("{column} is empty, and the {side} endpoint has no sign-in for all mailboxes."),
            format!("Fill in {column}, or give the {side} endpoint an administrator's sign-in."),
        )
    };
    let (password, target_password) = (secret(Column::Password), secret(Column::TargetPassword));
    if needs.source == Passwords::Each && password.is_none() {
        return Err(missing("Password", "source"));
    }
    if needs.target == Passwords::Each && target_password.is_none() {
        return Err(missing("TargetPassword", "target"));
    }
    if let Some(first) = seen.insert(address.to_lowercase(), number) {
        seen.insert(address.to_lowercase(), first);
        return Err((
            "CSV_DUPLICATE",
            format!("{address} is in row {first} already."),
            "Remove one of the two rows.".into(),
        ));
    }
    let source =
        MailboxAddress { address: address.clone(), user: named(Column::UserName), password, token: None };
    let target = MailboxAddress {
        address: target,
        user: named(Column::TargetUserName),
        password: target_password,
        token: None,
    };
    Ok(Row { number, source, target, cells: Secret::new(kept_cells(header, record)) })
}

fn address(text: Option<String>, column: &str) -> Result<String, Fault> {
    let Some(text) = text else {
        return Err((
            "CSV_NO_ADDRESS",
            format!("{column} is empty."),
            "Fill in the mailbox's address.".into(),
        ));
    };
    let parts = text.rsplit_once('@');
    let valid = parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
        && !text.contains(char::is_whitespace)
        && text.len() <= 320;
    match valid {
        true => Ok(text),
        false => Err((
            "CSV_BAD_ADDRESS",
            // Not repeated: where columns are mixed up, it is a password.
            format!("What stands in {column} is not an e-mail address."),
            "Write it as name@example.org; a name to sign in with goes to UserName.".into(),
        )),
    }
}

/// The row's own cells, one for each column, and behind them those for which there is no column.
fn kept_cells(header: &Header, record: &csv::StringRecord) -> Vec<String> {
    let cell = |at: &usize| record.get(*at).unwrap_or_default().to_owned();
    header.cells.iter().map(|(at, _)| cell(at)).chain(surplus(header, record)).collect()
}

/// Cells for which there is no column, without empty ones at their end.
fn surplus(header: &Header, record: &csv::StringRecord) -> Vec<String> {
    let known = header.surplus.iter().map(|at| record.get(*at).unwrap_or_default());
    let mut cells: Vec<String> = known.chain(record.iter().skip(header.width)).map(str::to_owned).collect();
    cells.truncate(cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
    cells
}
