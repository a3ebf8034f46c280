//! Exchange as a source: not built yet. Tests of the endpoint are.

use mailferry_model::{Error, Kind, Retry, Scope, port::Cx};

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    let text =
        "this version tests Exchange endpoints and does not move their mailboxes yet; by IMAP it moves mail";
    Error::new(Kind::Unsupported, cx.side, "open mailbox", text)
        .scope_of(Scope::Endpoint)
        .retry_of(Retry::AfterFix)
}
