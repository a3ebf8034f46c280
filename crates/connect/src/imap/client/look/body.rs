//! A body in an answer, and its beginning, which is all that is read of it. Fetches nothing.

use bytes::Bytes;
use mailferry_codec::mime::{HEAD_LIMIT, HEAD_MAX, is_whole_head};
use mailferry_model::{Error, Kind, Result, Retry};
use mailferry_wire::imap::{Data, Fetch};

use crate::imap::client::{pipe::Kept, pool::Pool};

/// The head in one piece, without a copy where it is: 16 KiB, and more only where it does not end within them.
pub fn beginning(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [] => Bytes::new(),
        [first, rest @ ..] if rest.is_empty() || is_whole_head(first) => first.clone(),
        pieces => {
            let start = joined(pieces, HEAD_LIMIT);
            if is_whole_head(&start) { start } else { joined(pieces, HEAD_MAX) }
        }
    }
}

fn joined(pieces: &[Bytes], most: usize) -> Bytes {
    let mut start = Vec::with_capacity(most.min(pieces.iter().map(Bytes::len).sum()));
    for piece in pieces {
        start.extend_from_slice(&piece[..piece.len().min(most - start.len())]);
    }
    start.into()
}

/// The body in an answer with its digest; `None` if the answer has no body at all.
///
/// # Errors
/// `Malformed` (item) for NIL, worth another try: servers say it for what they cannot read just now, too.
pub fn body(pool: &Pool, fetch: &Fetch, kept: Option<Kept>) -> Option<Result<Kept>> {
    match fetch.body()? {
        Data::Bytes(_) | Data::Streamed { .. } => kept.map(Ok),
        Data::Nil => {
            let text = "the server gives no body (NIL)";
            Some(Err(Error::new(Kind::Malformed, pool.cx.side, "read", text).retry_of(Retry::Soon)))
        }
    }
}
