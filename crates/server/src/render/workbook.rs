//! All tables as a workbook (XLSX): numbers are numbers, times are times, the first line stays and filters.
//!
//! Its lines go to files of the system's temporary folder while they are written. What begins like a formula is text
//! here by its kind, and needs no guard.

use std::io::{Read, Seek, SeekFrom};

use axum::body::Body;
use mailferry_model::{
    Error, Kind, Result, Side,
    report::sheet::{Cell, Row, Sheet},
};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use tokio::sync::mpsc::{Receiver, channel};

use super::{
    Report,
    lines::Lines,
    stream::{self, Sink},
};

/// Lines of a sheet, as far as spreadsheets go, with the one that names the columns.
const MOST_LINES: u32 = 1_048_576;
/// Characters of a cell, as far as spreadsheets go.
const MOST_TEXT: usize = 32_767;
/// How much is read at once of what was written.
const PART: usize = 64 << 10;

/// What is written next.
enum Next {
    Sheet(Sheet),
    Rows(Vec<Row>),
}

/// The workbook of a report.
pub(crate) fn workbook(report: Report) -> Body {
    stream::written(move |sink| async move {
        let (sender, receiver) = channel(4);
        let writing = tokio::task::spawn_blocking(move || write(receiver, &sink));
        // Where the writer ended early nobody takes the rest, and the writer says why.
        let mut taken = true;
        for sheet in Sheet::ALL {
            taken = taken && sender.send(Next::Sheet(sheet)).await.is_ok();
            let mut lines = Lines::of(&report, sheet);
            while taken && let Some(rows) = lines.next().await? {
                taken = rows.is_empty() || sender.send(Next::Rows(rows)).await.is_ok();
            }
        }
        // Only a report that was read to its end gets one.
        if taken {
            taken = sender.send(Next::Rows(Vec::new())).await.is_ok();
        }
        drop(sender);
        let written = writing.await.map_err(|e| Error::bug("write report", e.to_string()))?;
        written.and(if taken { Ok(()) } else { Err(Error::bug("write report", "it ended early")) })
    })
}

/// Writes what comes, and sends it when it is whole.
fn write(mut next: Receiver<Next>, sink: &Sink) -> Result<()> {
    let mut book = Book { workbook: Workbook::new(), formats: Formats::new(), sheets: 0, at: None };
    let mut whole = false;
    while let Some(part) = next.blocking_recv() {
        match part {
            Next::Sheet(sheet) => book.begin(sheet).map_err(|e| failed(&e))?,
            Next::Rows(rows) if rows.is_empty() => whole = true,
            Next::Rows(rows) => rows.iter().try_for_each(|row| book.put(row)).map_err(|e| failed(&e))?,
        }
    }
    if !whole {
        return Err(Error::new(Kind::Cancelled, Side::Us, "write report", "it was not read to its end"));
    }
    book.end().map_err(|e| failed(&e))?;
    let io = |e: std::io::Error| Error::new(Kind::Busy, Side::Us, "write report", e.to_string());
    let mut file = tempfile::tempfile().map_err(io)?;
    book.workbook.save_to_writer(&mut file).map_err(|e| failed(&e))?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    loop {
        let mut part = Vec::with_capacity(PART);
        if Read::by_ref(&mut file).take(PART as u64).read_to_end(&mut part).map_err(io)? == 0 {
            return Ok(());
        }
        sink.send_blocking(part)?;
    }
}

/// A workbook that is written.
struct Book {
    workbook: Workbook,
    formats: Formats,
    /// How many sheets it has.
    sheets: usize,
    at: Option<Place>,
}

/// Where it goes on.
#[derive(Clone, Copy)]
struct Place {
    sheet: Sheet,
    /// How many sheets the same table has filled.
    filled: usize,
    line: u32,
}

type Written = std::result::Result<(), XlsxError>;

impl Book {
    /// A new sheet with its columns.
    fn begin(&mut self, sheet: Sheet) -> Written {
        self.end()?;
        let filled = self.at.filter(|at| at.sheet == sheet).map_or(0, |at| at.filled + 1);
        let name =
            if filled == 0 { sheet.name().to_owned() } else { format!("{} {}", sheet.name(), filled + 1) };
        let worksheet = self.workbook.add_worksheet_with_constant_memory()?;
        worksheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (at, column) in (0..).zip(sheet.columns()) {
            worksheet.set_column_width(at, width(column))?;
            worksheet.write_string_with_format(0, at, *column, &self.formats.head)?;
        }
        self.sheets += 1;
        self.at = Some(Place { sheet, filled, line: 1 });
        Ok(())
    }

    /// One line more, on a further sheet where this one is full.
    fn put(&mut self, row: &Row) -> Written {
        if let Some(full) = self.at.filter(|at| at.line >= MOST_LINES) {
            self.begin(full.sheet)?;
        }
        let Some(at) = self.at.as_mut() else { return Ok(()) };
        put(self.workbook.worksheet_from_index(self.sheets - 1)?, at.line, row, &self.formats)?;
        at.line += 1;
        Ok(())
    }

    /// The sheet has all its lines: they can be filtered.
    fn end(&mut self) -> Written {
        let Some(at) = self.at else { return Ok(()) };
        let last = u16::try_from(at.sheet.columns().len() - 1).unwrap_or(u16::MAX);
        self.workbook.worksheet_from_index(self.sheets - 1)?.autofilter(0, 0, at.line - 1, last).map(drop)
    }
}

struct Formats {
    head: Format,
    time: Format,
    number: Format,
}

impl Formats {
    fn new() -> Self {
        Self {
            head: Format::new().set_bold(),
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            number: Format::new().set_num_format("0"),
        }
    }
}

fn width(column: &str) -> f64 {
    match column {
        "Reason" | "ErrorMessage" | "Fix" => 60.0,
        "EmailAddress" | "SourceIdentity" | "FolderPath" => 32.0,
        _ if column.ends_with("Utc") => 20.0,
        _ => (column.len() + 3) as f64,
    }
}

fn put(worksheet: &mut Worksheet, line: u32, row: &Row, formats: &Formats) -> Written {
    for (at, cell) in (0..).zip(row) {
        match cell {
            Cell::Nothing => {}
            Cell::Text(text) => _ = worksheet.write_string(line, at, cut(text))?,
            Cell::Number(n) => {
                _ = worksheet.write_number_with_format(line, at, *n as f64, &formats.number)?
            }
            Cell::Time(time) => {
                let time = ExcelDateTime::from_timestamp(time.as_second())?;
                worksheet.write_datetime_with_format(line, at, &time, &formats.time)?;
            }
        }
    }
    Ok(())
}

/// As much of a text as a cell holds.
fn cut(text: &str) -> String {
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(shown).take(MOST_TEXT / 2).collect()
}

fn failed(error: &XlsxError) -> Error {
    Error::new(Kind::Busy, Side::Us, "write report", error.to_string())
}
