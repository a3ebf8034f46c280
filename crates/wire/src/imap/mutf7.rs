//! Modified UTF-7, the way mailbox names beyond ASCII are written without UTF8=ACCEPT.
//!
//! Decoding never fails: what is not valid is kept as it stands, so that a folder with a broken name can still be
//! shown. Text decoded from a broken name does not lead back to it: commands take the raw name.

use super::base64;

/// Writes `text` in modified UTF-7.
// RFC 3501 §5.1.3
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pending: Vec<u8> = Vec::new();
    for c in text.chars() {
        if (' '..='~').contains(&c) {
            shift_out(&mut out, &mut pending);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                pending.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    shift_out(&mut out, &mut pending);
    out
}

fn shift_out(out: &mut String, pending: &mut Vec<u8>) {
    if !pending.is_empty() {
        out.push('&');
        out.push_str(&base64::encode_unpadded(base64::MAILBOX, pending));
        out.push('-');
        pending.clear();
    }
}

/// Reads modified UTF-7. Invalid shifts stay as they are; octets above ASCII are taken as UTF-8.
pub fn decode(name: &[u8]) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(start) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..start]);
        rest = &rest[start + 1..];
        match memchr::memchr(b'-', rest) {
            Some(0) => {
                out.push(b'&');
                rest = &rest[1..];
            }
            Some(end) => match decode_shift(&rest[..end]) {
                Some(text) => {
                    out.extend_from_slice(text.as_bytes());
                    rest = &rest[end + 1..];
                }
                None => out.push(b'&'),
            },
            None => out.push(b'&'),
        }
    }
    out.extend_from_slice(rest);
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
    }
}

fn decode_shift(coded: &[u8]) -> Option<String> {
    let octets = base64::decode_with(base64::MAILBOX, coded)?;
    if octets.is_empty() || octets.len() % 2 == 1 {
        return None;
    }
    let units: Vec<u16> = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_names() {
        for (text, name) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("台北", "&U,BTFw-"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("A&B", "A&-B"),
            ("📬", "&2D3c7A-"),
            ("&", "&-"),
            ("Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
            ("tab\there", "tab&AAk-here"),
        ] {
            assert_eq!(encode(text), name);
            assert_eq!(decode(name.as_bytes()), text);
        }
    }

    #[test]
    fn broken_names_are_kept() {
        for name in ["&", "a&b", "&!!-x", "&AP-", "&2D0-", "&AAA", "Entw&APw"] {
            assert_eq!(decode(name.as_bytes()), name);
        }
        assert_eq!(decode("Entwürfe".as_bytes()), "Entwürfe");
        assert_eq!(decode(b"Entw\xfcrfe"), "Entw\u{fffd}rfe");
    }

    proptest! {
        #[test]
        fn there_and_back(text in any::<String>()) {
            let name = encode(&text);
            prop_assert!(name.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(decode(name.as_bytes()), text);
        }

        #[test]
        fn never_panics(name in any::<Vec<u8>>()) {
            decode(&name);
        }
    }
}
