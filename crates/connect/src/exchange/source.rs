//! Exchange as a source: not built yet. Tests of the endpoint are.

use mailferry_model::{Error, port::Cx};

use crate::checks::later;

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    let text =
        "this version tests Exchange endpoints and does not move their mailboxes yet; by IMAP it moves mail";
    later::not_yet(cx, text)
}
