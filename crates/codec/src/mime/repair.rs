//! Named repairs of messages that some servers refuse. Each changes as little as possible; the caller records it.
//!
//! Which server refuses what is a matter of the connectors; here is only how to find and mend a fault.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use super::head::head_end;

/// What may be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// NUL bytes anywhere.
    Nul,
    /// LF without CR or CR without LF.
    BareLf,
    /// Bytes over 127 in the head.
    EightBitHeader,
    /// A line in the head that is neither a field nor its continuation.
    NoHeaderLine,
}

/// The faults that a message has, worst first.
pub fn faults(message: &[u8]) -> Vec<Fault> {
    let mut faults = Vec::new();
    if memchr(0, message).is_some() {
        faults.push(Fault::Nul);
    }
    let bare = |at: usize| at == 0 || message[at - 1] != b'\r';
    if memchr_iter(b'\n', message).any(bare)
        || memchr_iter(b'\r', message).any(|at| message.get(at + 1) != Some(&b'\n'))
    {
        faults.push(Fault::BareLf);
    }
    let head = &message[..head_end(message)];
    if lines(head).any(|line| !is_header_line(line)) {
        faults.push(Fault::NoHeaderLine);
    }
    if !head.is_ascii() {
        faults.push(Fault::EightBitHeader);
    }
    faults
}

/// The message without that fault; `None` if it has not got it.
pub fn mend(message: &[u8], fault: Fault) -> Option<Vec<u8>> {
    if !faults(message).contains(&fault) {
        return None;
    }
    Some(match fault {
        Fault::Nul => message.iter().map(|b| if *b == 0 { b' ' } else { *b }).collect(),
        Fault::BareLf => with_crlf(message),
        Fault::EightBitHeader => {
            let end = head_end(message);
            let mut out = Vec::with_capacity(message.len() + 256);
            lines(&message[..end]).for_each(|line| out.extend_from_slice(&encoded(line)));
            out.extend_from_slice(&message[end..]);
            out
        }
        Fault::NoHeaderLine => {
            let end = head_end(message);
            let mut out = Vec::with_capacity(message.len() + 64);
            for line in lines(&message[..end]) {
                if !is_header_line(line) {
                    out.extend_from_slice(b"X-Invalid-Header: ");
                }
                out.extend_from_slice(line);
            }
            out.extend_from_slice(&message[end..]);
            out
        }
    })
}

/// What a server is known to do to a message by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewriting {
    /// Bytes over 127 in the head became `X` (Cyrus with `munge8bit`).
    MungedHead,
    /// NUL bytes came back as 0x80 (Dovecot).
    MaskedNul,
    /// Both.
    Both,
}

/// The message after each rewriting that would change it.
pub fn rewritings(message: &[u8]) -> Vec<(Rewriting, Vec<u8>)> {
    let end = head_end(message);
    let (eight_bit, nul) = (!message[..end].is_ascii(), memchr(0, message).is_some());
    let rewritten = |rewriting: Rewriting| {
        let munge = |at: usize, byte: u8| match (rewriting, byte) {
            (Rewriting::MungedHead | Rewriting::Both, 128..) if at < end => b'X',
            (Rewriting::MaskedNul | Rewriting::Both, 0) => 0x80,
            (_, byte) => byte,
        };
        (rewriting, message.iter().enumerate().map(|(at, byte)| munge(at, *byte)).collect())
    };
    let known = [
        (eight_bit, Rewriting::MungedHead),
        (nul, Rewriting::MaskedNul),
        (eight_bit && nul, Rewriting::Both),
    ];
    known.into_iter().filter(|(fits, _)| *fits).map(|(_, rewriting)| rewritten(rewriting)).collect()
}

/// Every line end as CRLF.
fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 40);
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            other => out.push(other),
        }
    }
    out
}

/// Lines with their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|b| *b == b'\n')
}

/// A field, or a continuation of one. // RFC 5322 §2.2
fn is_header_line(line: &[u8]) -> bool {
    match line.first() {
        Some(b' ' | b'\t') => true,
        _ => match memchr(b':', line) {
            Some(0) | None => false,
            Some(colon) => line[..colon].trim_ascii_end().iter().all(|b| (33..127).contains(b)),
        },
    }
}

/// A line with its 8-bit words as encoded words: UTF-8 if it is that, else Latin-1. // RFC 2047 §4.2
fn encoded(line: &[u8]) -> Cow<'_, [u8]> {
    if line.is_ascii() {
        return Cow::Borrowed(line);
    }
    let charset: &[u8] = if std::str::from_utf8(line).is_ok() { b"UTF-8" } else { b"ISO-8859-1" };
    let name_end = memchr(b':', line).map_or(0, |c| c + 1);
    let mut out: Vec<u8> = line[..name_end].iter().map(|b| if b.is_ascii() { *b } else { b'?' }).collect();
    for word in line[name_end..].split_inclusive(|b| b.is_ascii_whitespace()) {
        let text = word.trim_ascii_end();
        if text.is_ascii() {
            out.extend_from_slice(word);
            continue;
        }
        out.extend_from_slice(b"=?");
        out.extend_from_slice(charset);
        out.extend_from_slice(b"?Q?");
        for &byte in text {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(byte),
                other => out.extend_from_slice(format!("={other:02X}").as_bytes()),
            }
        }
        out.extend_from_slice(b"?=");
        out.extend_from_slice(&word[text.len()..]);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_fault_is_found_and_mended() {
        for (fault, bad, good) in [
            (Fault::Nul, &b"A: b\r\n\r\nx\0y"[..], &b"A: b\r\n\r\nx y"[..]),
            (Fault::BareLf, b"A: b\n\r\nx\ry\r\n", b"A: b\r\n\r\nx\r\ny\r\n"),
            (Fault::NoHeaderLine, b"A: b\r\noops\r\n\r\nx", b"A: b\r\nX-Invalid-Header: oops\r\n\r\nx"),
            (Fault::EightBitHeader, b"A: \xc3\xa4 b\r\n\r\n\xe4", b"A: =?UTF-8?Q?=C3=A4?= b\r\n\r\n\xe4"),
            (Fault::EightBitHeader, b"A: \xe4\r\n\r\n", b"A: =?ISO-8859-1?Q?=E4?=\r\n\r\n"),
        ] {
            assert_eq!(faults(bad), [fault], "{fault:?}");
            assert_eq!(mend(bad, fault).as_deref(), Some(good), "{fault:?}");
            assert_eq!(faults(good), [], "{fault:?}");
        }
        assert_eq!(mend(b"A: b\r\n\r\n", Fault::Nul), None);
    }

    #[test]
    fn what_servers_make_of_a_message_is_known() {
        let made = rewritings(b"S: \xe4\r\n\r\n\0\xe4");
        assert_eq!(made[0], (Rewriting::MungedHead, b"S: X\r\n\r\n\0\xe4".to_vec()));
        assert_eq!(made[1], (Rewriting::MaskedNul, b"S: \xe4\r\n\r\n\x80\xe4".to_vec()));
        assert_eq!(made[2], (Rewriting::Both, b"S: X\r\n\r\n\x80\xe4".to_vec()));
        assert_eq!(rewritings(b"S: a\r\n\r\n\xe4"), []);
    }

    proptest! {
        #[test]
        fn a_repair_takes_its_fault_away(bytes in prop::collection::vec(prop::sample::select(&b"\r\n\0a: \xc3\xa4"[..]), 0..60)) {
            for fault in faults(&bytes) {
                let mended = mend(&bytes, fault).unwrap();
                prop_assert!(!faults(&mended).contains(&fault), "{fault:?} {mended:?}");
            }
        }
    }
}
