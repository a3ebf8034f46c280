//! A line that is no answer, as far as it may be shown: without it nobody learns what the server said.
//!
//! Mail is left out. Whoever has just sent a password does not call this: servers echo.

use mailferry_wire::imap::Frame;

/// So many octets of a line are shown.
const SHOWN: usize = 200;

/// What makes no sense, with the beginning of the line it was found in.
pub fn nonsense(what: impl std::fmt::Display, frame: &Frame) -> String {
    format!("{what}, in: {}", beginning(frame.bytes()))
}

fn beginning(octets: &[u8]) -> String {
    let line = octets.split(|o| matches!(o, b'\r' | b'\n')).next().unwrap_or_default();
    let mail = line.windows(5).position(|word| word.eq_ignore_ascii_case(b"FETCH"));
    // Behind the name of a section comes what stands in the message.
    let end = mail.and_then(|at| line[at..].iter().position(|o| *o == b'"').map(|quote| at + quote));
    let shown = &line[..end.unwrap_or(line.len()).min(SHOWN)];
    let rest = if shown.len() < octets.len() { " …" } else { "" };
    format!("{}{rest}", shown.escape_ascii())
}
