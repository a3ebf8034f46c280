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

/// A line of the dialogue before anything of a mailbox is read, to the letter but for what a terminal would obey.
pub fn as_it_came(frame: &Frame) -> String {
    let line = String::from_utf8_lossy(frame.bytes());
    line.trim_end().chars().filter(|c| !c.is_control()).take(2000).collect()
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
