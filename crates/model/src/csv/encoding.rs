//! How a file is encoded: by its byte order mark, by what is valid, or as somebody says.
//!
//! Windows-1252 is guessed, because spreadsheets write it without a word; passwords never are, because one that was
//! read in the wrong encoding would be tried and lock its owner out: `parse` refuses a guess that touches one.

use std::borrow::Cow;

use super::{Refusal, reading::Encoding};

/// The text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Without its byte order mark.
    pub text: Cow<'a, str>,
    /// Whether its encoding was guessed: letters beyond ASCII may be others.
    pub guessed: bool,
}

/// The text of a file, without its byte order mark.
///
/// # Errors
/// `CSV_WORKBOOK` for what a spreadsheet program keeps for itself; `CSV_NOT_UTF8` with the line where it ends to
/// be text.
pub fn text(bytes: &[u8], encoding: Encoding) -> Result<Text<'_>, Refusal> {
    match bytes {
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            let message = "The file is a workbook of a spreadsheet program, or an archive; it is not text.";
            Err(Refusal::new("CSV_WORKBOOK", message.to_owned()))
        }
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => match encoding {
            Encoding::Utf8 => utf8(bytes),
            Encoding::Windows1252 => windows_1252(bytes, false),
            Encoding::Auto => match unmarked(bytes) {
                Some(unit) => utf16(bytes, unit),
                None => utf8(bytes).or_else(|_| windows_1252(bytes, true)),
            },
        },
    }
}

fn utf8(bytes: &[u8]) -> Result<Text<'_>, Refusal> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Text { text: Cow::Borrowed(text), guessed: false }),
        Err(e) => {
            let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
            Err(refused("UTF-8", before.iter().filter(|b| **b == b'\n').count()))
        }
    }
}

/// The five octets that Windows-1252 leaves open are no text.
fn windows_1252(bytes: &[u8], guessed: bool) -> Result<Text<'_>, Refusal> {
    match bytes.iter().position(|byte| matches!(byte, 0 | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)) {
        None => {
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
            Ok(Text { text, guessed })
        }
        Some(at) => {
            let before = bytes.get(..at).unwrap_or_default();
            let lines = before.iter().filter(|b| **b == b'\n').count();
            Err(refused(if guessed { "UTF-8" } else { "Windows-1252" }, lines))
        }
    }
}

/// The byte order of UTF-16 that has no mark: a header is ASCII, so every second octet of it is zero.
fn unmarked(bytes: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match bytes {
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(u16::from_le_bytes),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(u16::from_be_bytes),
        _ => None,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Text<'static>, Refusal> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(refused("UTF-16", text.matches('\n').count())),
        }
    }
    match odd.is_empty() {
        true => Ok(Text { text: Cow::Owned(text), guessed: false }),
        false => Err(refused("UTF-16", text.matches('\n').count())),
    }
}

fn refused(encoding: &str, lines_before: usize) -> Refusal {
    Refusal::new("CSV_NOT_UTF8", format!("The file is not {encoding} (line {}).", lines_before + 1))
}
