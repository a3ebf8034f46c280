//! Whether a folder is still the one that was meant, and how far a refusal reaches. Asks nothing.

use std::sync::Arc;

use mailferry_model::{Error, Kind, Result, Scope};

use crate::imap::client::{
    pool::Pool,
    selection::{Opened, Selection},
};

/// The folder has other UIDs now than those that were asked for.
pub fn renumbered(pool: &Pool) -> Error {
    Error::new(Kind::CursorExpired, pool.cx.side, "read", "UIDVALIDITY has changed").scope_of(Scope::Folder)
}

/// What refuses a listing reaches at least the folder; a server that wants to be left alone, all of them.
pub fn of_folder(error: Error) -> Error {
    let scope = error.scope().max(Scope::Folder);
    error.scope_of(scope)
}

/// Checks that a folder is still the one that was meant.
///
/// # Errors
/// Why it could not be opened, or `CursorExpired`.
pub fn check(pool: &Pool, selection: &Selection, expected: Option<u32>) -> Result<Option<Arc<Opened>>> {
    match selection.peek() {
        None => Ok(None),
        Some(Err(error)) => Err(error),
        Some(Ok(opened)) => match expected {
            Some(expected) if expected != opened.uid_validity => Err(renumbered(pool)),
            _ => Ok(Some(opened)),
        },
    }
}
