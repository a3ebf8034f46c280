//! What the end of a line says: whether a literal follows, or whether `{n}` is only text for people.
//!
//! Looks at single lines; the state between them is the cutter's.

/// Whether the sender of a literal waits for leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Yes,
    No,
}

/// A literal that was announced.
pub(crate) struct Announced {
    /// `None` when the number does not fit.
    pub(crate) size: Option<u64>,
    pub(crate) wait: Wait,
}

/// Reads `{n}`, `{n+}`, `{n-}` (also behind `~`) at the end of a line.
// RFC 9051 §9 literal, literal8; RFC 7888 §8
pub(crate) fn literal_at_end(line: &[u8]) -> Option<Announced> {
    let inside = line.strip_suffix(b"}")?;
    let (digits, wait) = match inside.strip_suffix(b"+").or_else(|| inside.strip_suffix(b"-")) {
        Some(digits) => (digits, Wait::No),
        None => (inside, Wait::Yes),
    };
    let start = digits.iter().rposition(|b| !b.is_ascii_digit())? + 1;
    if digits[start - 1] != b'{' || start == digits.len() {
        return None;
    }
    let size = std::str::from_utf8(&digits[start..]).ok()?.parse().ok();
    Some(Announced { size, wait })
}

/// Whether a first line is that of a status response or of `+`.
// RFC 9051 §9 resp-cond-state, continue-req
pub(crate) fn is_status(line: &[u8]) -> bool {
    let mut words = line.split(|b| matches!(b, b' ' | b'['));
    let (tag, condition) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let known = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"];
    tag == b"+" || known.iter().any(|name| name.eq_ignore_ascii_case(condition))
}

/// Text for people may end in something that looks like a literal. Only a code that is still open may hold one.
// RFC 9051 §7.1 resp-text; BADCHARSET names charsets as astrings.
pub(crate) fn is_prose(line: &[u8], place: Place) -> bool {
    match (memchr::memchr(b'[', line), memchr::memchr(b']', line)) {
        (_, Some(_)) => true,
        (open, None) => place == Place::First && open.is_none(),
    }
}

/// Where in a response a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Later,
}

/// The line without CRLF, or without a bare LF.
pub(crate) fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
