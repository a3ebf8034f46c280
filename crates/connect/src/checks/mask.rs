//! Takes a secret out of what another side said: as it is, quoted, in other capitals, in base64, or cut off at the end.
//! Our own words are not touched: what is missing in them would tell the secret.

use base64::{Engine, engine::general_purpose::STANDARD};

/// What stands in its place.
const MASK: &str = "…";
/// Shorter secrets are masked only where they stand alone: else every second word would tell them.
const SHORT: usize = 4;

/// The text without the secret.
pub fn masked(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    let text = without_encoded(text, secret);
    let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = without(&text, secret);
    if quoted != secret {
        text = without(&text, &quoted);
    }
    without_beginning(text, secret)
}

/// Without it in whatever capitals.
fn without(text: &str, secret: &str) -> String {
    let (lower, wanted) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut out, mut from) = (String::new(), 0);
    while let Some(at) = lower[from..].find(&wanted).map(|at| at + from) {
        let end = at + wanted.len();
        let alone = !is_word(text[..at].chars().next_back()) && !is_word(text[end..].chars().next());
        let hide = secret.chars().count() >= SHORT || alone;
        out.push_str(&text[from..at]);
        out.push_str(if hide { MASK } else { &text[at..end] });
        from = end;
    }
    out + &text[from..]
}

/// Words of base64 that hold it.
fn without_encoded(text: &str, secret: &str) -> String {
    let is_coded = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let holds = |word: &str| {
        let bare = word.trim_end_matches('=');
        // What is cut off at the end is read as far as it goes.
        let whole = &bare[..bare.len() - usize::from(bare.len() % 4 == 1)];
        let padded = format!("{whole}{}", "=".repeat((4 - whole.len() % 4) % 4));
        let plain = STANDARD.decode(&padded).or_else(|_| STANDARD.decode(&whole[..whole.len() / 4 * 4]));
        plain.is_ok_and(|plain| {
            let plain = String::from_utf8_lossy(&plain).into_owned();
            plain.contains(secret) || without_beginning(plain.clone(), secret) != plain
        })
    };
    let mut out = String::new();
    let mut word = String::new();
    for character in text.chars().map(Some).chain([None]) {
        match character.filter(|c| is_coded(*c)) {
            Some(coded) => word.push(coded),
            None => {
                let word = std::mem::take(&mut word);
                out.push_str(if word.len() >= 8 && holds(&word) { MASK } else { &word });
                out.extend(character);
            }
        }
    }
    out
}

/// Without the beginning of it at the end of a text that was cut.
fn without_beginning(text: String, secret: &str) -> String {
    let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORT).collect::<Vec<_>>();
    match ends.iter().rev().find(|at| text.ends_with(&secret[..**at])) {
        Some(at) => format!("{}{MASK}", &text[..text.len() - at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_each_of_its_forms() {
        let secret = "CAN\"ARY\\S3cr3t";
        let coded = STANDARD.encode(format!("\0user\0{secret}"));
        for text in [
            format!("NO {secret} is wrong"),
            format!("NO {} is wrong", secret.to_uppercase()),
            "BAD LOGIN \"u\" \"CAN\\\"ARY\\\\S3cr3t\"".to_owned(),
            format!("BAD AUTHENTICATE PLAIN {coded}"),
            format!("Basic realm=\"Basic {}\"", STANDARD.encode(format!("a:{secret}"))),
            format!("NO {}CAN\"ARY", "x".repeat(900)),
        ] {
            let masked = masked(&text, secret);
            assert!(!masked.contains("ARY") && !masked.contains(&coded), "{masked}");
            assert!(masked.contains(MASK), "{masked}");
        }
        assert_eq!(masked("nothing of it", secret), "nothing of it");
    }

    #[test]
    fn a_short_one_is_masked_where_it_stands_alone() {
        assert_eq!(masked("a wrong password: a", "a"), "… wrong password: …");
        assert_eq!(masked("certificate", "a"), "certificate");
        assert_eq!(masked("anything", ""), "anything");
    }
}
