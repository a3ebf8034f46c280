//! Tests of the whole: framing, answers, commands. Tests of single parts stand beside them.

mod commands;
mod framing;
mod replies;

use super::*;

/// Reads one answer that is whole.
fn reply(text: &str) -> Reply {
    Reply::parse(&frame(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Cuts one frame out of text, CRLF added.
fn frame(text: &str) -> Frame {
    let mut framer = ResponseFramer::default();
    framer.feed(text.as_bytes());
    framer.feed(b"\r\n");
    match framer.next() {
        Ok(Some(Event::Response(frame))) if framer.is_idle() => frame,
        other => panic!("{text}: {other:?}"),
    }
}
