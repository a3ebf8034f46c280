//! Tables as separated text. RFC 4180; a cell that a spreadsheet would run as a formula begins with an apostrophe.
//!
//! It writes lines into memory, as many as it is given: whoever has more than fit gives them in parts.

use std::str::FromStr;

use super::sheet::{Cell, Row};

/// What stands between cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// `,`
    #[default]
    Comma,
    /// `;`, as spreadsheets want it where the comma divides decimals.
    Semicolon,
    /// A tab.
    Tab,
}

impl Separator {
    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

impl FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "," | "comma" => Ok(Self::Comma),
            ";" | "semicolon" => Ok(Self::Semicolon),
            "\t" | "tab" => Ok(Self::Tab),
            _ => Err("a separator is , or ; or tab".to_owned()),
        }
    }
}

/// For whom a file begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    /// Programs.
    #[default]
    Program,
    /// Spreadsheets, which take a file without a byte order mark for Windows-1252.
    Spreadsheet,
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The first line: the columns.
pub fn head(columns: &[&str], separator: Separator, reader: Reader) -> Vec<u8> {
    let mut bytes = if reader == Reader::Spreadsheet { MARK.to_vec() } else { Vec::new() };
    let columns: Vec<Row> = vec![columns.iter().map(|column| Cell::text(*column)).collect()];
    bytes.extend(lines(&columns, separator));
    bytes
}

/// Lines, each with its end.
pub fn lines(rows: &[Row], separator: Separator) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(separator.byte())
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        // Writing into memory cannot fail.
        let _ = writer.write_record(row.iter().map(shown));
    }
    writer.into_inner().unwrap_or_default()
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => guarded(text),
        Cell::Number(n) => n.to_string(),
        Cell::Time(at) => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }
}

/// What no spreadsheet runs. Numbers need no guard, because only we write them.
fn guarded(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn lines_are_those_of_the_rfc() {
        let row = vec![
            Cell::text("Grüße, \"Ann\"\nسلام"),
            Cell::Number(-3),
            Cell::Time(Timestamp::from_second(1_767_225_600).unwrap()),
            Cell::Nothing,
        ];
        let text = String::from_utf8(lines(&[row], Separator::Comma)).unwrap();
        assert_eq!(text, "\"Grüße, \"\"Ann\"\"\nسلام\",-3,2026-01-01T00:00:00Z,\r\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"] {
            let bytes = lines(&[vec![Cell::text(text)]], Separator::Semicolon);
            let mut read =
                csv::ReaderBuilder::new().has_headers(false).delimiter(b';').from_reader(&bytes[..]);
            let cell = read.records().next().unwrap().unwrap()[0].to_owned();
            assert_eq!(cell, format!("'{text}"));
        }
        assert_eq!(lines(&[vec![Cell::text("a=1")]], Separator::Comma), b"a=1\r\n");
    }

    #[test]
    fn a_spreadsheet_is_told_that_it_is_utf_8() {
        let head = |reader| head(&["Ä", "B"], Separator::Tab, reader);
        assert_eq!(head(Reader::Spreadsheet), "\u{feff}Ä\tB\r\n".as_bytes());
        assert_eq!(head(Reader::Program), "Ä\tB\r\n".as_bytes());
        assert!("|".parse::<Separator>().is_err());
        assert_eq!("tab".parse(), Ok(Separator::Tab));
    }
}
