//! A secret in base64: of both alphabets, alone or amid other octets, in one piece or in lines.

use std::ops::Range;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use super::{MASK, places};

/// Of shorter ones too little is the same wherever they stand: every second word would be masked.
const SHORTEST: usize = 6;
/// Shorter words hold nothing.
const WORD: usize = 8;

/// Where octets stand encoded, with all that is encoded around them.
pub(super) fn found(text: &str, octets: &[u8]) -> Vec<Range<usize>> {
    if octets.len() < SHORTEST {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    // What encoders break into lines is found across their ends, escaped ones too.
    let kept: Vec<usize> = unbroken(bytes);
    let bare: Vec<u8> = kept.iter().map(|at| bytes[*at]).collect();
    let mut found = Vec::new();
    for needle in needles(octets) {
        let mut from = 0;
        while let Some(at) = bare[from..].windows(needle.len()).position(|w| w == needle) {
            let (begin, end) = (from + at, from + at + needle.len());
            let (before, behind) = (bare[..begin].iter().rev(), bare[end..].iter());
            // What is encoded before and behind it belongs to the same whole, but for words that lines join to it.
            let near = |all: &mut dyn Iterator<Item = &u8>| all.take_while(|b| is_coded(**b)).count();
            let (before, behind) = (near(&mut before.take(4096)), near(&mut behind.take(4096)));
            let begin = contiguous(&kept, begin, begin - before, bytes);
            let end = contiguous(&kept, end - 1, end + behind - 1, bytes);
            found.push(kept[begin]..kept[end] + 1);
            from += at + 1;
        }
    }
    found
}

/// From one place towards another, as far as nothing stands between: so that words beside it stay.
fn contiguous(kept: &[usize], from: usize, to: usize, bytes: &[u8]) -> usize {
    let mut at = from;
    while at != to {
        let next = if to > at { at + 1 } else { at - 1 };
        let (low, high) = (kept[at.min(next)], kept[at.max(next)]);
        // A line end inside of what is encoded has encoded text of its own length before it; a blank is another word.
        if high - low > 1 && bytes[low + 1..high].contains(&b' ') {
            break;
        }
        at = next;
    }
    at
}

fn is_coded(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// The places of all octets but white space, and line ends that are written as escapes.
fn unbroken(bytes: &[u8]) -> Vec<usize> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'\\', b'r' | b'n' | b't', ..] => at += 2,
            [octet, ..] if octet.is_ascii_whitespace() => at += 1,
            _ => {
                kept.push(at);
                at += 1;
            }
        }
    }
    kept
}

/// What is the same in each encoding that holds the octets, for each of the three places where they may begin.
// RFC 4648 §4, §5
fn needles(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for before in 0..3 {
        let whole = [&[0; 2][..before], octets].concat();
        // The first digits hold octets before, the last ones octets behind.
        let (begin, end) = ((before * 8).div_ceil(6), whole.len() * 8 / 6);
        for coded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
            let needle = coded.as_bytes()[begin..end].to_vec();
            if !all.contains(&needle) {
                all.push(needle);
            }
        }
    }
    all
}

/// The text without words of base64 that hold the secret, whole or cut.
pub(super) fn without(text: &str, secret: &str) -> String {
    let standard = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let for_urls = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=');
    let text = without_words(text, standard, &|word| holds(word, secret));
    without_words(&text, for_urls, &|word| holds(&word.replace('-', "+").replace('_', "/"), secret))
}

fn holds(word: &str, secret: &str) -> bool {
    let bare = word.trim_end_matches('=');
    // What is cut off at the end is read as far as it goes.
    let whole = &bare[..bare.len() - usize::from(bare.len() % 4 == 1)];
    let padded = format!("{whole}{}", "=".repeat((4 - whole.len() % 4) % 4));
    let plain = STANDARD.decode(&padded).or_else(|_| STANDARD.decode(&whole[..whole.len() / 4 * 4]));
    plain.is_ok_and(|plain| {
        let plain = String::from_utf8_lossy(&plain).into_owned();
        plain.contains(secret) || !places(&plain, secret).is_empty()
    })
}

fn without_words(text: &str, is_coded: fn(char) -> bool, holds: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for character in text.chars().map(Some).chain([None]) {
        match character.filter(|c| is_coded(*c)) {
            Some(coded) => word.push(coded),
            None => {
                let word = std::mem::take(&mut word);
                out.push_str(if word.len() >= WORD && holds(&word) { MASK } else { &word });
                out.extend(character);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::masked, *};

    /// Whatever of its encodings is left would tell it.
    fn check(text: &str, secret: &str, stays: &str) {
        let masked = masked(text, secret);
        assert!(masked.contains(MASK) && masked.starts_with(stays), "{text} -> {masked}");
        for needle in needles(secret.as_bytes()) {
            for part in needle.windows(6) {
                let part = String::from_utf8(part.to_vec()).unwrap();
                let joined: String = masked.split_whitespace().collect();
                assert!(!joined.contains(&part), "{part} of {text} -> {masked}");
            }
        }
    }

    #[test]
    fn a_secret_is_taken_out_of_base64_wherever_it_stands() {
        // With ? and > there are digits in which the alphabets differ.
        for secret in ["canary-pw", "ca>?>?>?nary", "Zürich~~~???"] {
            for (before, behind) in [
                ("", ""),
                ("a", ""),
                ("ab", "c"),
                ("\0user\0", ""),
                ("user=a\u{1}auth=Bearer ", "\u{1}\u{1}"),
            ] {
                let whole = format!("{before}{secret}{behind}");
                for coded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                    let bare = coded.trim_end_matches('=');
                    check(&format!("NO {coded} is wrong"), secret, "NO ");
                    check(&format!("NO p={bare} is wrong"), secret, "NO ");
                    check(&format!("at /x?q=1&p={bare}&r=2"), secret, "at /x?q=1&");
                    check(&format!("see token-{bare}.sig"), secret, "see ");
                    for size in [4, 5, 7] {
                        for end in ["\r\n", "\n ", "\\r\\n", " "] {
                            let lines: Vec<&str> = coded
                                .as_bytes()
                                .chunks(size)
                                .map(|line| std::str::from_utf8(line).unwrap())
                                .collect();
                            check(&format!("NO: {} :ON", lines.join(end)), secret, "NO");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_holds_no_secret_stays() {
        for text in [
            "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] mail-in-1.example_org ready",
            "https://mail.example.org/ews/exchange.asmx?x=aGVsbG8gd29ybGQ",
            "server-side-error_code-12 in dGhlIHJlc3Q=",
        ] {
            assert_eq!(masked(text, "canary-pw"), text);
        }
    }
}
