//! A message as a letter (a file `.eml`): text and page side by side. It is a draft: whoever sends it puts the sender on.
//!
//! Nothing is sent here. What comes from addresses and names cannot begin a header of its own: it is encoded, or what cannot
//! be shown is left out.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use mailferry_model::{message::Written, words::unshown};

/// Stands between the parts; base64 cannot hold it.
const BOUNDARY: &str = "=_mailferry-message_=";

/// Bytes of a header's encoded word, so that its line is at most 76 long (RFC 2047 §2) even behind the header's name.
const WORD: usize = 39;

/// A letter to an address, or to nobody yet.
pub(crate) fn letter(message: &Written, to: Option<&str>, now: Timestamp) -> String {
    let to = to.map(|to| format!("To: {}\r\n", shown(to))).unwrap_or_default();
    // RFC 5322 §3.3.
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!(
        "{to}Subject: {subject}\r\nDate: {date}\r\nX-Unsent: 1\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"{BOUNDARY}\"\r\n\r\n\
         --{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\
         --{BOUNDARY}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{html}\
         --{BOUNDARY}--\r\n",
        subject = encoded(&message.subject),
        text = body(&message.text),
        html = body(&message.html),
    )
}

/// Without what would end a line, or is read as something else.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| unshown(letter.encode_utf8(&mut [0; 4])).is_none()).collect()
}

/// A header's text: as it is where it is plain, else in encoded words, a line each.
// RFC 2047 §4.1.
fn encoded(text: &str) -> String {
    let text = shown(text);
    // A line may have 998 letters, and what looks like an encoded word would be read as one.
    if text.is_ascii() && text.len() < 900 && !text.contains("=?") {
        return text;
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        match words.last_mut() {
            Some(last) if last.len() + letter.len_utf8() <= WORD => last.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    let words: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

/// A part's bytes, in lines of 76 letters, with the line ends that text has in mail.
fn body(text: &str) -> String {
    let encoded = STANDARD.encode(text.replace('\n', "\r\n"));
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / 38 + 2);
    let mut rest = &*encoded;
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(76));
        lines.push_str(line);
        lines.push_str("\r\n");
        rest = behind;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(subject: &str) -> Written {
        Written { subject: subject.into(), text: "Grüße\n".into(), html: "<p>سلام</p>\n".into() }
    }

    #[test]
    fn a_letter_has_both_forms_and_short_lines() {
        let subject = "آپ کا میل باکس anna@old.example منتقل ہو رہا ہے، اور یہ ایک لمبا عنوان ہے";
        let letter = letter(&written(subject), Some("anna@old.example"), Timestamp::UNIX_EPOCH);
        assert!(letter.starts_with("To: anna@old.example\r\nSubject: =?utf-8?B?"), "{letter}");
        assert!(letter.contains("\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
        assert!(letter.split("\r\n").all(|line| line.len() <= 78 && !line.contains('\n')), "{letter}");
        let head = letter.split("\r\nDate").next().unwrap().split("Subject: ").nth(1).unwrap();
        let words = head.split("\r\n ").map(|word| {
            assert!(word.len() <= 75, "{word}");
            let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            String::from_utf8(STANDARD.decode(inner).unwrap()).unwrap()
        });
        assert_eq!(words.collect::<String>(), subject);
        assert!(
            letter.contains(&STANDARD.encode("Grüße\r\n"))
                && letter.contains(&STANDARD.encode("<p>سلام</p>\r\n"))
        );
        assert_eq!(letter.matches(BOUNDARY).count(), 4);
    }

    #[test]
    fn nothing_begins_a_header_of_its_own() {
        let letter = letter(&written("a\r\nBcc: x@x"), Some("a@x\r\nBcc: y@x"), Timestamp::UNIX_EPOCH);
        assert!(!letter.contains("\nBcc"), "{letter}");
        assert!(
            super::letter(&written("=?utf-8?B?eA==?="), None, Timestamp::UNIX_EPOCH)
                .starts_with("Subject: =?utf-8?B?PT")
        );
    }
}
