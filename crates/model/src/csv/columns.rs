//! The columns: their names, and the header that says which are there.

use super::{Refusal, reading::Unknown};

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
    /// The folder of the source in which the user's mailbox lies (native, IMAP).
    UserRoot,
    /// At most so many items may be unreadable (native, remote moves).
    BadItemLimit,
    /// At most so many items may be too large (native, remote moves).
    LargeItemLimit,
    /// Mailbox, archive or both (native, remote moves).
    MailboxType,
    /// Where Exchange keeps the mailbox (native, off-boarding).
    TargetDatabase,
    /// Where Exchange keeps the archive (native, off-boarding).
    TargetArchiveDatabase,
    /// Whether a new password is asked for at the first sign-in (native, staged).
    ForceChangePassword,
}

/// All columns with their names, in the order of the documentation.
pub const COLUMNS: [(Column, &str); 13] = [
    (Column::EmailAddress, "EmailAddress"),
    (Column::UserName, "UserName"),
    (Column::Password, "Password"),
    (Column::TargetAddress, "TargetAddress"),
    (Column::TargetUserName, "TargetUserName"),
    (Column::TargetPassword, "TargetPassword"),
    (Column::UserRoot, "UserRoot"),
    (Column::BadItemLimit, "BadItemLimit"),
    (Column::LargeItemLimit, "LargeItemLimit"),
    (Column::MailboxType, "MailboxType"),
    (Column::TargetDatabase, "TargetDatabase"),
    (Column::TargetArchiveDatabase, "TargetArchiveDatabase"),
    (Column::ForceChangePassword, "ForceChangePassword"),
];

impl Column {
    /// Whether it holds what nobody may see.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Password | Self::TargetPassword)
    }

    /// Of those that are read and then left alone: why.
    pub(super) fn unused(self) -> Option<&'static str> {
        match self {
            Self::TargetDatabase | Self::TargetArchiveDatabase => {
                Some("only Exchange's own moves choose a database")
            }
            Self::BadItemLimit | Self::LargeItemLimit => {
                Some("nothing fails because of skipped items, each is named and counts in the score")
            }
            Self::ForceChangePassword => Some("no passwords are set at the target"),
            _ => None,
        }
    }
}

/// What `rejected.csv` adds; ignored when it is imported again.
pub const VERDICT_COLUMNS: [&str; 4] = ["RowNumber", "ErrorCode", "ErrorMessage", "Suggestion"];

/// How a column of `rejected.csv` is called that holds a cell for which there was no column: with its number.
pub(super) const SURPLUS: &str = "Surplus";

/// Names this far apart by letters that were changed, left out, added or swapped are one name misspelt.
const MISSPELT: usize = 2;

/// What each cell of a row stands for.
#[derive(Default)]
pub(super) struct Header {
    /// The names as they were written, those of a verdict left out.
    pub names: Vec<String>,
    /// Position of each of these within the row.
    pub kept: Vec<usize>,
    /// Position and meaning of those that mean something.
    pub cells: Vec<(usize, Column)>,
    /// Position of each cell that an earlier verdict found to be too many.
    pub surplus: Vec<usize>,
    /// Number of cells in the header, those of a verdict included.
    pub width: usize,
    /// Names that mean nothing.
    pub unknown: Vec<String>,
}

/// Reads the header.
pub(super) fn header<'a>(names: impl Iterator<Item = &'a str>, unknown: Unknown) -> Result<Header, Refusal> {
    let mut header = Header::default();
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
        match column(name) {
            Some(column) if header.cells.iter().any(|(_, c)| *c == column) => {
                return Err(Refusal::new("CSV_COLUMN_TWICE", format!("The column {name} is there twice.")));
            }
            Some(column) => header.cells.push((at, column)),
            None => header.unknown.push(name.to_owned()),
        }
        header.names.push(name.to_owned());
        header.kept.push(at);
    }
    check(&header, unknown)?;
    Ok(header)
}

/// The column of this name: without case, and however its words are set apart.
fn column(name: &str) -> Option<Column> {
    let bare = bare(name);
    COLUMNS.iter().find(|(_, known)| known.eq_ignore_ascii_case(&bare)).map(|(column, _)| *column)
}

fn bare(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_' | '\u{a0}')).collect()
}

fn check(header: &Header, unknown: Unknown) -> Result<(), Refusal> {
    if header.cells.is_empty() && !header.unknown.is_empty() {
        // Not repeated here: it may be the row of a mailbox, with its password.
        let message =
            "The first line names none of the columns: they are misspelt, or it is the row of a mailbox.";
        return Err(Refusal::new("CSV_NO_HEADER", message.to_owned()));
    }
    let misspelt = header.unknown.iter().find_map(|name| Some((name, meant(name)?)));
    if let Some((name, meant)) = misspelt.filter(|_| unknown == Unknown::Told) {
        let message = format!("There is no column {name:?}; {meant} is probably meant.");
        return Err(Refusal::new("CSV_UNKNOWN_COLUMN", message));
    }
    if !header.cells.iter().any(|(_, c)| *c == Column::EmailAddress) {
        let message = "The first line must name the columns, EmailAddress among them.".to_owned();
        return Err(Refusal::new("CSV_NO_ADDRESS_COLUMN", message));
    }
    Ok(())
}

/// The column that a name is so near to that it must be meant.
fn meant(name: &str) -> Option<&'static str> {
    let bare = bare(name).to_lowercase();
    let apart = |known: &str| strsim::damerau_levenshtein(&bare, &known.to_lowercase());
    let near = COLUMNS.iter().map(|(_, known)| (apart(known), *known)).min()?;
    (near.0 <= MISSPELT).then_some(near.1)
}

fn is_surplus(name: &str) -> bool {
    let number = name.get(..SURPLUS.len()).filter(|word| word.eq_ignore_ascii_case(SURPLUS));
    number.is_some_and(|_| name[SURPLUS.len()..].parse::<u32>().is_ok())
}
