//! Writing `rejected.csv`: the rows as they were, and what is wrong with each.

use super::{Parsed, VERDICT_COLUMNS, columns::SURPLUS};

impl Parsed {
    /// The rejected rows as a file that imports again once corrected: original columns unchanged, then
    /// `Surplus1,…` for cells that had no column, then `RowNumber,ErrorCode,ErrorMessage,Suggestion`. A row is
    /// rejected again as long as its surplus cells are not empty. It holds passwords if the original did.
    pub fn rejected_csv(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let width = self.rejected.iter().map(|row| row.cells.expose().len()).max().unwrap_or(0);
        let surplus = (1..=width.saturating_sub(self.columns.len())).map(|n| format!("{SURPLUS}{n}"));
        let verdict = VERDICT_COLUMNS.map(str::to_owned);
        // Writing into memory cannot fail.
        let _ = writer.write_record(self.columns.iter().cloned().chain(surplus).chain(verdict));
        for row in &self.rejected {
            let number = row.number.to_string();
            let verdict = [number.as_str(), row.code, &row.message, &row.suggestion];
            let cells = row.cells.expose().iter().map(String::as_str).chain(std::iter::repeat(""));
            let _ = writer.write_record(cells.take(width.max(self.columns.len())).chain(verdict));
        }
        writer.into_inner().unwrap_or_default()
    }

    /// Some of its usable rows as a file of their own, passwords too, by their place among them.
    pub fn part_csv(&self, wanted: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        // Writing into memory cannot fail.
        let _ = writer.write_record(&self.columns);
        for (_, row) in self.rows.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            let cells = row.cells.expose().iter().map(String::as_str).chain(std::iter::repeat(""));
            let _ = writer.write_record(cells.take(self.columns.len()));
        }
        writer.into_inner().unwrap_or_default()
    }
}
