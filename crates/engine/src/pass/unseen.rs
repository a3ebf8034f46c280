//! Target folders that do not open while they are verified: named with their items, and nothing is said of those. Puts
//! nothing, and does not ask twice.

use mailferry_model::{
    Error, Kind, Side,
    error::Reaction,
    ledger::FolderEntry,
    report::{FOLDER_UNSEEN, Findings, Named},
};

/// Whether an error means that one target folder cannot be looked at, and nothing else. A folder that was numbered anew
/// in the meantime is none: the next pass finds out what became of it.
pub(super) fn is_closed(error: &Error) -> bool {
    error.side() == Side::Target
        && error.reaction() == Reaction::PauseFolder
        && error.kind() != Kind::CursorExpired
}

/// Names a folder with those of its items that were placed; `findings` are those of this folder, which count them as
/// placed by now.
pub(super) fn tell(findings: &mut Findings, folder: &FolderEntry, error: &Error) {
    let items = std::mem::take(&mut findings.placed);
    findings.bytes = 0;
    if items == 0 {
        return;
    }
    tracing::warn!(folder = folder.no.0, error = error.kind().code(), "a target folder cannot be verified");
    findings.skipped.push(Named {
        folder: folder.source_path.to_string(),
        uid: String::new(),
        message_id: None,
        size: 0,
        code: FOLDER_UNSEEN.to_owned(),
        reason: format!(
            "its folder at the target does not open, so nobody has seen whether they are there: {}",
            error.context()
        ),
        items: Some(items),
        date: None,
        tries: None,
    });
}
