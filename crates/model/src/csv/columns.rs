//! The columns: their names, and the header that says which are there.

use super::Refusal;

/// A column that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The address people know the mailbox by: required.
    EmailAddress,
    /// The name to sign in with at the source, where it differs.
    UserName,
    /// The password at the source.
    Password,
    /// The address at the target, where it differs.
    TargetAddress,
    /// The name to sign in with at the target, where it differs.
    TargetUserName,
    /// The password at the target.
    TargetPassword,
}

/// All columns with their names, in the order of the documentation.
pub const COLUMNS: [(Column, &str); 6] = [
    (Column::EmailAddress, "EmailAddress"),
    (Column::UserName, "UserName"),
    (Column::Password, "Password"),
    (Column::TargetAddress, "TargetAddress"),
    (Column::TargetUserName, "TargetUserName"),
    (Column::TargetPassword, "TargetPassword"),
];

/// What `rejected.csv` adds; ignored when it is imported again.
pub const VERDICT_COLUMNS: [&str; 4] = ["RowNumber", "ErrorCode", "ErrorMessage", "Suggestion"];

/// How a column of `rejected.csv` is called that holds a cell for which there was no column: with its number.
pub(super) const SURPLUS: &str = "Surplus";

/// What each cell of a row stands for.
pub(super) struct Header {
    /// The names as they were written, those of a verdict left out.
    pub names: Vec<String>,
    /// Position of each kept cell within the row, and its meaning.
    pub cells: Vec<(usize, Column)>,
    /// Position of each cell that an earlier verdict found to be too many.
    pub surplus: Vec<usize>,
    /// Number of cells in the header, those of a verdict included.
    pub width: usize,
}

/// Reads the header.
pub(super) fn header<'a>(names: impl Iterator<Item = &'a str>) -> Result<Header, Refusal> {
    let mut header = Header { names: Vec::new(), cells: Vec::new(), surplus: Vec::new(), width: 0 };
    let mut unknown = Vec::new();
    for (at, name) in names.enumerate() {
        header.width = at + 1;
        let name = name.trim();
        if VERDICT_COLUMNS.iter().any(|v| v.eq_ignore_ascii_case(name)) {
            continue;
        }
        if is_surplus(name) {
            header.surplus.push(at);
            continue;
        }
        match COLUMNS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
            Some((column, _)) if header.cells.iter().any(|(_, c)| c == column) => {
                return Err(Refusal::new("CSV_COLUMN_TWICE", format!("The column {name} is there twice.")));
            }
            Some((column, _)) => {
                header.names.push(name.to_owned());
                header.cells.push((at, *column));
            }
            None => unknown.push(format!("{name:?}")),
        }
    }
    if header.cells.is_empty() && !unknown.is_empty() {
        // Not repeated here: it may be the row of a mailbox, with its password.
        let message =
            "The first line names none of the columns: they are misspelt, or it is the row of a mailbox.";
        return Err(Refusal::new("CSV_NO_HEADER", message.to_owned()));
    }
    if !unknown.is_empty() {
        let known: Vec<&str> = COLUMNS.iter().map(|(_, name)| *name).collect();
        return Err(Refusal::new(
            "CSV_UNKNOWN_COLUMN",
            format!("Unknown column {}; the columns are {}.", unknown.join(", "), known.join(", ")),
        ));
    }
    if !header.cells.iter().any(|(_, c)| *c == Column::EmailAddress) {
        let message = "The first line must name the columns, EmailAddress among them.".to_owned();
        return Err(Refusal::new("CSV_NO_ADDRESS_COLUMN", message));
    }
    Ok(header)
}

fn is_surplus(name: &str) -> bool {
    let number = name.get(..SURPLUS.len()).filter(|word| word.eq_ignore_ascii_case(SURPLUS));
    number.is_some_and(|_| name[SURPLUS.len()..].parse::<u32>().is_ok())
}
