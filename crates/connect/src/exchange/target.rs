//! Exchange as a target: not built yet. Tests of the endpoint are.

use mailferry_model::{Error, port::Cx};

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    super::source::not_yet(cx)
}
