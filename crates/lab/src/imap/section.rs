//! Which octets of a message a section names. Parts of MIME are not taken apart.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::body::Body;

/// The octets of a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Octets {
    /// A piece of the message.
    Piece(Range<u64>),
    /// Lines picked from its head.
    Picked(Bytes),
}

/// The octets of a section, `None` for one that is not built.
// RFC 9051 §6.4.5.1
pub(super) fn find(body: &Body, part: &str) -> Option<Octets> {
    let head = body.head_size();
    let upper = part.to_ascii_uppercase();
    Some(match upper.as_str() {
        "" => Octets::Piece(0..body.size()),
        "HEADER" => Octets::Piece(0..head),
        "TEXT" => Octets::Piece(head..body.size()),
        other => {
            let (wanted, names) = match other.strip_prefix("HEADER.FIELDS.NOT") {
                Some(names) => (Wanted::Others, names),
                None => (Wanted::These, other.strip_prefix("HEADER.FIELDS")?),
            };
            let names = names.trim().strip_prefix('(')?.strip_suffix(')')?;
            let names: Vec<&str> = names.split_whitespace().map(|name| name.trim_matches('"')).collect();
            Octets::Picked(pick(&body.read(0..head), &names, wanted))
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    These,
    Others,
}

/// Fields with their continuation lines, and the empty line at the end.
fn pick(head: &[u8], names: &[&str], wanted: Wanted) -> Bytes {
    let mut out = BytesMut::new();
    let mut taken = false;
    for line in head.split_inclusive(|octet| *octet == b'\n') {
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default().trim_ascii();
            let named = names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
            taken = named == (wanted == Wanted::These);
        }
        if taken {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"\r\n");
    out.freeze()
}

/// The value of the first field of that name, unfolded no further than its line ends.
pub(super) fn field(head: &[u8], name: &str) -> Option<String> {
    let picked = pick(head, &[name], Wanted::These);
    let text = String::from_utf8_lossy(&picked).into_owned();
    let value = text.split_once(':')?.1.replace(['\r', '\n'], "");
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let text = "From: a\r\nSubject: x\r\n y\r\nTo: b\r\n\r\nBody: no\r\n";
        let body = Body::from(Bytes::from(text));
        let picked = |part: &str| match find(&body, part) {
            Some(Octets::Picked(octets)) => String::from_utf8(octets.to_vec()).unwrap(),
            Some(Octets::Piece(range)) => String::from_utf8(body.read(range).to_vec()).unwrap(),
            None => "-".to_owned(),
        };
        assert_eq!(picked("HEADER.FIELDS (subject)"), "Subject: x\r\n y\r\n\r\n");
        assert_eq!(picked("HEADER.FIELDS.NOT (SUBJECT TO)"), "From: a\r\n\r\n");
        assert_eq!(picked("TEXT"), "Body: no\r\n");
        assert_eq!(picked("HEADER") + &picked("TEXT"), text);
        assert_eq!(picked("1.MIME"), "-");
        assert_eq!(field(text.as_bytes(), "subject").as_deref(), Some("x y"));
    }
}
