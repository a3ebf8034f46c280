//! One realistic message: plain, alternative, with an inline image or an attachment.
//!
//! Lines end with a single line feed, as mail stores keep them; on the wire each becomes two bytes.

use super::random::Random;

const WORDS: &str = "offer meeting project invoice customer delivery machine contract report budget travel summer \
winter engine office window garden answer question Müller Straße Größe café naïve número łódka 東京 письмо \
please attached regards tomorrow yesterday quarter agreement deadline review draft version release server \
mailbox folder message calendar address the a of and to in is that for it with as on be at by this";
const NAMES: [&str; 12] =
    ["Anna", "Chiara", "Dmitri", "Eva", "Gül", "Hiro", "Ines", "Jörg", "Kasia", "Liam", "Noor", "Olga"];
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Characters of a line of base64, without its end.
const BASE64_LINE: usize = 76;

/// Text and base64, made once; messages take pieces at line ends.
#[derive(Debug)]
pub struct Pools {
    text: String,
    base64: String,
}

impl Pools {
    /// Makes them.
    pub fn new(random: &mut Random) -> Self {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut text = String::new();
        for _ in 0..12_000 {
            for _ in 0..6 + random.below(5) {
                text.push_str(random.one_of(&words).copied().unwrap_or_default());
                text.push(' ');
            }
            text.push('\n');
        }
        let mut base64 = String::new();
        for _ in 0..70_000 {
            base64.extend((0..BASE64_LINE).map(|_| char::from(ALPHABET[random.below(64)])));
            base64.push('\n');
        }
        Self { text, base64 }
    }

    fn lines(&self, random: &mut Random, size: usize) -> &str {
        let bytes = self.text.as_bytes();
        let next_line = |from: usize| {
            let end = bytes.iter().skip(from).position(|b| *b == b'\n');
            end.map_or(bytes.len(), |n| from + n + 1)
        };
        let start = next_line(random.below(bytes.len().saturating_sub(size + 500)));
        self.text.get(start..next_line(start + size)).unwrap_or_default()
    }

    fn binary(&self, random: &mut Random, size: usize) -> &str {
        let line = BASE64_LINE + 1;
        let (wanted, all) = ((size / line).max(1), self.base64.len() / line);
        let start = random.below(all.saturating_sub(wanted)) * line;
        self.base64.get(start..start + wanted.min(all) * line).unwrap_or_default()
    }
}

/// A message of about so many bytes.
pub fn compose(random: &mut Random, pools: &Pools, number: usize, size: usize, epoch: i64) -> String {
    let date = header_date(epoch);
    let name = |random: &mut Random| encoded_word(random.one_of(&NAMES).copied().unwrap_or_default());
    let (from, to) = (name(random), name(random));
    let subject: Vec<String> = pools.lines(random, 30).split_whitespace().take(5).map(encoded_word).collect();
    let id = random.next();
    let mut head = format!(
        "Return-Path: <{number}@example.org>\nReceived: from mx.example.net (mx.example.net [192.0.2.{}])\n\
         \tby mail.example.org with ESMTPS id {id:x}; {date}\nFrom: {from} <{}@example.net>\n\
         To: {to} <user@example.org>\nSubject: {}\nDate: {date}\nMessage-ID: <{number}.{id:x}@example.org>\n",
        number % 250,
        number % 97,
        subject.join(" "),
    );
    if number.is_multiple_of(3) {
        head.push_str(&format!("In-Reply-To: <{}.0@example.org>\n", number.saturating_sub(1)));
    }
    head.push_str("MIME-Version: 1.0\n");
    let bound = format!("=_{id:016x}");
    let left = size.saturating_sub(700).max(300);
    let kind = random.part();
    let body = if size < 12_000 && kind < 0.5 {
        text_part(pools.lines(random, left))
    } else if size < 30_000 && kind < 0.6 {
        let (text, html) = (pools.lines(random, left / 3), pools.lines(random, left * 2 / 3));
        multi("alternative", &bound, &[text_part(text), html_part(html)])
    } else {
        let (text, html) = (pools.lines(random, 1000), pools.lines(random, 2000));
        let inner = multi("alternative", &format!("{bound}a"), &[text_part(text), html_part(html)]);
        let file = pools.binary(random, left.saturating_sub(3400));
        let (kind, file) = if kind < 0.75 {
            ("related", file_part("image/png", "logo.png", "inline", file))
        } else {
            ("mixed", file_part("application/pdf", &format!("Angebot-{number}.pdf"), "attachment", file))
        };
        multi(kind, &bound, &[inner, file])
    };
    head + &body
}

fn text_part(body: &str) -> String {
    format!("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}")
}

fn html_part(body: &str) -> String {
    format!(
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
         <html><body><p>\n{body}</p></body></html>\n"
    )
}

fn file_part(kind: &str, name: &str, disposition: &str, body: &str) -> String {
    format!(
        "Content-Type: {kind}; name=\"{name}\"\nContent-Transfer-Encoding: base64\n\
         Content-Disposition: {disposition}; filename=\"{name}\"\n\n{body}"
    )
}

fn multi(kind: &str, bound: &str, parts: &[String]) -> String {
    let inside: String = parts.iter().map(|part| format!("--{bound}\n{part}\n")).collect();
    format!("Content-Type: multipart/{kind}; boundary=\"{bound}\"\n\n{inside}--{bound}--\n")
}

/// A word for a header: as it is, or encoded when it is not ASCII.
fn encoded_word(word: &str) -> String {
    if word.is_ascii() { word.to_owned() } else { format!("=?utf-8?B?{}?=", base64(word.as_bytes(), true)) }
}

/// Base64 with the common alphabet.
pub fn base64(bytes: &[u8], padded: bool) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().chain(std::iter::repeat(&0)).take(3);
        let group = group.fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
        for n in 0..4 {
            if n <= chunk.len() {
                out.push(char::from(ALPHABET[group >> (18 - 6 * n) & 63]));
            } else if padded {
                out.push('=');
            }
        }
    }
    out
}

/// A date as headers write it, in UTC.
fn header_date(epoch: i64) -> String {
    let (days, seconds) = (epoch.div_euclid(86_400), epoch.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let name = usize::try_from(month - 1).ok().and_then(|n| MONTHS.get(n)).copied().unwrap_or_default();
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{day} {name} {year} {hour:02}:{minute:02}:{second:02} +0000")
}

/// Year, month and day of a number of days since 1970, by counting 400-year cycles from 1 March 0000.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (cycle, day_of_cycle) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    (year + cycle * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{Pools, Random, base64, compose, header_date};

    #[test]
    fn dates_and_base64() {
        assert_eq!(header_date(1_709_208_000), "29 Feb 2024 12:00:00 +0000");
        assert_eq!(header_date(0), "1 Jan 1970 00:00:00 +0000");
        assert_eq!(base64(b"ab", true), "YWI=");
        assert_eq!(base64(b"abc", false), "YWJj");
    }

    #[test]
    fn messages_have_about_the_wanted_size() {
        let mut random = Random::seeded(1);
        let pools = Pools::new(&mut random);
        for (number, size) in [2_000, 11_000, 50_000, 4_912_000].into_iter().enumerate() {
            let text = compose(&mut random, &pools, number, size, 1_600_000_000);
            assert!(text.len() > size / 2 && text.len() < size * 2, "{size}: {}", text.len());
            assert!(text.contains("\nMessage-ID: <") && !text.contains('\r'));
        }
    }
}
