//! One row: accepted with what it says, or handed back with what is wrong with it.

use std::collections::HashMap;

use super::{
    Overrides, Row,
    columns::{Column, Header},
    reading::{Passwords, Reading},
};
use crate::{secret::Secret, settings::MailboxAddress, words::unshown};

/// Code, message and suggestion.
pub(super) type Fault = (&'static str, String, String);

/// Judges a row; `seen` are the addresses of those above with their numbers.
pub(super) fn row(
    header: &Header,
    record: &csv::StringRecord,
    number: u64,
    reading: &Reading,
    seen: &mut HashMap<String, u64>,
) -> Result<Row, Fault> {
    check_width(header, record)?;
    check_characters(header, record)?;
    let raw = |column| {
        let at = header.cells.iter().find(|(_, c)| *c == column).map(|(at, _)| *at);
        at.and_then(|at| record.get(at)).unwrap_or_default()
    };
    let named = |column| Some(raw(column).trim().to_owned()).filter(|text| !text.is_empty());
    let secret = |column| Some(raw(column)).filter(|text| !text.is_empty()).map(Secret::from);
    let address = address(named(Column::EmailAddress), "EmailAddress")?;
    let target = match named(Column::TargetAddress) {
        Some(other) => self::address(Some(other), "TargetAddress")?,
        None => reading.target_address(&address),
    };
    let (password, target_password) = (secret(Column::Password), secret(Column::TargetPassword));
    if reading.needs.source == Passwords::Each && password.is_none() {
        return Err(missing("Password", "source"));
    }
    if reading.needs.target == Passwords::Each && target_password.is_none() {
        return Err(missing("TargetPassword", "target"));
    }
    let overrides = Overrides::of(named)?;
    if let Some(first) = seen.insert(address.to_lowercase(), number) {
        seen.insert(address.to_lowercase(), first);
        return Err((
            "CSV_DUPLICATE",
            format!("{address} is in row {first} already."),
            "Remove one of the two rows.".into(),
        ));
    }
    let source = MailboxAddress { address, user: named(Column::UserName), password, token: None };
    let target = MailboxAddress {
        address: target,
        user: named(Column::TargetUserName),
        password: target_password,
        token: None,
    };
    Ok(Row { number, source, target, overrides, cells: Secret::new(kept_cells(header, record)) })
}

fn check_width(header: &Header, record: &csv::StringRecord) -> Result<(), Fault> {
    let surplus = surplus(header, record).len();
    if record.len() == header.width && surplus == 0 {
        return Ok(());
    }
    let columns = header.kept.len();
    let cells = match record.len() < header.width {
        true => record.len().min(columns),
        false => columns + surplus.max(record.len() - header.width),
    };
    Err((
        "CSV_WRONG_CELL_COUNT",
        format!("The row has {cells} cells, the header has {columns}."),
        "Write one cell for each column, empty ones too; put cells with a separator between quotes.".into(),
    ))
}

/// Of columns that mean something; what stands in others is nobody's business.
fn check_characters(header: &Header, record: &csv::StringRecord) -> Result<(), Fault> {
    // Nobody reads a password: what turns its direction belongs to it.
    let is_bad = |column: &Column, cell: &str| match column.is_secret() {
        true => cell.contains(char::is_control),
        false => unshown(cell.trim()).is_some(),
    };
    match header.cells.iter().any(|(at, column)| record.get(*at).is_some_and(|cell| is_bad(column, cell))) {
        false => Ok(()),
        true => Err((
            "CSV_BAD_CHARACTER",
            "A cell holds a control character.".into(),
            "Remove tabs, line breaks, NULs and marks of direction from the cells.".into(),
        )),
    }
}

fn missing(column: &str, side: &str) -> Fault {
    (
        "CSV_NO_PASSWORD",
        format!("{column} is empty, and the {side} endpoint has no sign-in for all mailboxes."),
        format!("Fill in {column}, or give the {side} endpoint an administrator's sign-in."),
    )
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
pub(super) fn kept_cells(header: &Header, record: &csv::StringRecord) -> Vec<String> {
    let cell = |at: &usize| record.get(*at).unwrap_or_default().to_owned();
    header.kept.iter().map(cell).chain(surplus(header, record)).collect()
}

/// Cells for which there is no column, without empty ones at their end.
fn surplus(header: &Header, record: &csv::StringRecord) -> Vec<String> {
    let known = header.surplus.iter().map(|at| record.get(*at).unwrap_or_default());
    let mut cells: Vec<String> = known.chain(record.iter().skip(header.width)).map(str::to_owned).collect();
    cells.truncate(cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
    cells
}
