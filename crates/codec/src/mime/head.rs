//! The head of a message: the header key and the Message-ID. It reads four fields and validates nothing.
//!
//! The key must come out the same from a whole message and from what an IMAP server answers to
//! `BODY[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]`, whatever a server did to folding and white space.

use memchr::memchr;

/// How much of a message is looked at for its head: nearly all end within it.
pub const HEAD_LIMIT: usize = 16 << 10;
/// How much of a message is looked at where the head is longer. Servers that are asked for the four fields look at
/// all of it, so that the key would differ if we stopped sooner.
pub const HEAD_MAX: usize = 1 << 20;

/// What the head tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// BLAKE3-128 over Message-ID, Date, From and Subject: first of each, unfolded, white space folded.
    pub key: [u8; 16],
    /// The Message-ID as written, at most 200 bytes, for reports.
    pub message_id: Option<String>,
}

const FIELDS: [&[u8]; 4] = [b"message-id", b"date", b"from", b"subject"];

/// Reads the head at the beginning of `message`; at most [`HEAD_MAX`] bytes are looked at.
pub fn head(message: &[u8]) -> Head {
    let mut rest = &message[..message.len().min(HEAD_MAX)];
    let mut found: [Option<&[u8]>; 4] = [None; 4];
    while found.contains(&None)
        && let Some((line, after)) = unfolded(rest)
    {
        rest = after;
        if is_blank(line) {
            break;
        }
        if !may_be_ours(line) {
            continue;
        }
        let Some(colon) = memchr(b':', line) else { continue };
        let name = line[..colon].trim_ascii();
        if let Some(at) = FIELDS.iter().position(|f| f.eq_ignore_ascii_case(name))
            && found[at].is_none()
        {
            found[at] = Some(&line[colon + 1..]);
        }
    }
    let mut values = Vec::with_capacity(256);
    let mut message_id = None;
    for value in found {
        let start = values.len();
        fold_white(value.unwrap_or_default(), &mut values);
        if start == 0 && !values.is_empty() {
            message_id = Some(text(&values[..values.len().min(200)]));
        }
        values.push(b'\n');
    }
    let mut key = [0; 16];
    key.copy_from_slice(&blake3::hash(&values).as_bytes()[..16]);
    Head { key, message_id }
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b'\r' | b'\n'))
}

/// Whether a line may hold one of the fields, by its first letter: most do not.
fn may_be_ours(line: &[u8]) -> bool {
    line.first().is_some_and(|first| {
        first.is_ascii_whitespace() || matches!(first.to_ascii_lowercase(), b'm' | b'd' | b'f' | b's')
    })
}

/// Where the head ends: at the empty line, or at the end of the message. // RFC 5322 §2.1
pub(super) fn head_end(message: &[u8]) -> usize {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', message) {
        if matches!(&message[start..=end], b"\r\n" | b"\n") {
            return start;
        }
        start = end + 1;
    }
    message.len()
}

/// Whether the head ends within these bytes.
pub fn is_whole_head(start: &[u8]) -> bool {
    head_end(start) < start.len()
}

/// The next field with its continuation lines, and what follows. // RFC 5322 §2.2.3
fn unfolded(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let line_end = |from: usize| memchr(b'\n', &text[from..]).map_or(text.len(), |at| from + at + 1);
    let mut end = line_end(0);
    // A blank line is not continued.
    if !is_blank(&text[..end]) {
        while matches!(text.get(end), Some(b' ' | b'\t')) {
            end = line_end(end);
        }
    }
    Some(text.split_at(end))
}

/// Appends a value: runs of white space and control characters as one space, none at the ends.
fn fold_white(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    for word in value.split(|byte| *byte <= b' ' || *byte == 0x7f).filter(|word| !word.is_empty()) {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_order_and_line_ends_do_not_change_the_key() {
        let a = head(b"From: a@b\r\nSubject: x\r\n  y\r\nMessage-ID: <1@x>\r\nDate: d\r\nTo: c\r\n\r\nbody");
        let b = head(b"message-id:<1@x>\nDATE: d\nSubject: x y\nFROM: a@b\n\nother");
        assert_eq!(a, b);
        assert_eq!(a.message_id.as_deref(), Some("<1@x>"));
        assert_ne!(a.key, head(b"From: a@b\r\nSubject: x y z\r\n\r\n").key);
    }

    #[test]
    fn a_head_longer_than_usual_has_the_key_of_its_fields() {
        let fields = "Subject: s\r\nMessage-ID: <1@x>\r\n";
        let long = format!("{}{fields}\r\nbody", "X-Long: x\r\n".repeat(2_000));
        assert!(long.len() > HEAD_LIMIT && !is_whole_head(&long.as_bytes()[..HEAD_LIMIT]));
        assert!(is_whole_head(long.as_bytes()));
        assert_eq!(head(long.as_bytes()), head(format!("{fields}\r\n").as_bytes()));
    }

    #[test]
    fn the_end_of_a_head_is_a_blank_line() {
        for whole in ["\r\n", "\nbody", "a: b\r\n\r\n", "a: b\n\nc", "a: b\n\r\n"] {
            assert!(is_whole_head(whole.as_bytes()), "{whole:?}");
        }
        for part in ["", "a: b\r\n", "a: b\r\n\r", "a: b\n c\n"] {
            assert!(!is_whole_head(part.as_bytes()), "{part:?}");
        }
    }

    #[test]
    fn the_body_and_later_fields_of_the_same_name_are_not_read() {
        let once = head(b"Subject: a\r\n\r\nFrom: x\r\n");
        assert_eq!(once, head(b"Subject: a\r\nSubject: b\r\n\r\n"));
        assert_eq!(head(b"").key, head(b"\r\nSubject: a").key);
        assert_eq!(head(b"no header at all").message_id, None);
    }
}
