//! Strings in commands and answers: when an atom will do, when quotes, when only a literal.
//!
//! Knows nothing of character sets: mailbox names come here already encoded.

use bytes::BufMut;

/// How a string can be written, the plainest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Bare.
    Atom,
    /// Between quotes.
    Quoted,
    /// Only as a literal.
    Literal,
}

/// Longer strings go as literals: servers limit their lines.
const QUOTED_MAX: usize = 1_000;

/// The plainest form in which `text` can be sent as an astring.
// RFC 9051 §9 astring, quoted. Octets above ASCII are quoted only where UTF-8 was enabled, so a literal is safe.
pub fn shape(text: &[u8]) -> Shape {
    if text.len() > QUOTED_MAX || text.iter().any(|b| matches!(b, 0 | b'\r' | b'\n' | 0x80..)) {
        Shape::Literal
    } else if text.is_empty() || text.eq_ignore_ascii_case(b"NIL") || !text.iter().all(|b| is_atom_char(*b)) {
        Shape::Quoted
    } else {
        Shape::Atom
    }
}

/// Whether an octet may stand in an atom.
// RFC 9051 §9 ATOM-CHAR; `]` is left out although astrings allow it.
pub fn is_atom_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']' | b'[')
}

/// Writes `text` between quotes. The caller has made sure by [`shape`] that it can be quoted.
pub(crate) fn put_quoted(out: &mut impl BufMut, text: &[u8]) {
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// A short name in upper case, for matching without an allocation. A longer one is none that we know: it is empty.
pub(crate) struct Upper {
    octets: [u8; 24],
    length: usize,
}

impl Upper {
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut octets = [0; 24];
        let length = if name.len() <= octets.len() { name.len() } else { 0 };
        octets[..length].copy_from_slice(&name[..length]);
        octets.make_ascii_uppercase();
        Self { octets, length }
    }
}

impl std::ops::Deref for Upper {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (text, expected) in [
            ("INBOX", Shape::Atom),
            ("Sent Items", Shape::Quoted),
            ("", Shape::Quoted),
            ("nil", Shape::Quoted),
            ("[Gmail]/Spam", Shape::Quoted),
            ("a\"b", Shape::Quoted),
            ("a*", Shape::Quoted),
            ("a\nb", Shape::Literal),
            ("ü", Shape::Literal),
        ] {
            assert_eq!(shape(text.as_bytes()), expected, "{text}");
        }
        let mut out = Vec::new();
        put_quoted(&mut out, b"a\"\\b");
        assert_eq!(out, br#""a\"\\b""#);
    }
}
