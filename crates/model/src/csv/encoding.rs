//! How a file is encoded: UTF-8 with or without a byte order mark, or UTF-16 with one, as spreadsheets write it.
//!
//! Nothing is guessed: a password that was read in the wrong encoding would be tried and lock its owner out.

use std::borrow::Cow;

use super::Refusal;

/// The text of a file, without its byte order mark.
///
/// # Errors
/// `CSV_WORKBOOK` for what a spreadsheet program keeps for itself; `CSV_NOT_UTF8` with the line where it ends to
/// be text.
pub fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    match bytes {
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            let message = "The file is a workbook of a spreadsheet program, or an archive; it is not text.";
            Err(Refusal::new("CSV_WORKBOOK", message.to_owned()))
        }
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        _ => {
            let bare = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bare).map(Cow::Borrowed).map_err(|e| {
                let before = bare.get(..e.valid_up_to()).unwrap_or_default();
                refused("UTF-8", before.iter().filter(|b| **b == b'\n').count())
            })
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Refusal> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(refused("UTF-16", text.matches('\n').count())),
        }
    }
    match odd.is_empty() {
        true => Ok(text),
        false => Err(refused("UTF-16", text.matches('\n').count())),
    }
}

fn refused(encoding: &str, lines_before: usize) -> Refusal {
    Refusal::new("CSV_NOT_UTF8", format!("The file is not {encoding} (line {}).", lines_before + 1))
}
