//! As a target: not built yet.

use mailferry_model::{Error, port::Cx};

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    super::client::not_yet(cx)
}
