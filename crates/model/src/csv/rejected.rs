//! Writing `rejected.csv`: the rows as they were, and what is wrong with each.

use super::{Parsed, VERDICT_COLUMNS};

impl Parsed {
    /// The rejected rows as a file that imports again once corrected: original columns unchanged, then
    /// `RowNumber,ErrorCode,ErrorMessage,Suggestion`. It holds passwords if the original did.
    pub fn rejected_csv(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let header = self.columns.iter().map(String::as_str).chain(VERDICT_COLUMNS);
        // Writing into memory cannot fail.
        let _ = writer.write_record(header);
        for row in &self.rejected {
            let number = row.number.to_string();
            let verdict = [number.as_str(), row.code, &row.message, &row.suggestion];
            let _ = writer.write_record(row.cells.expose().iter().map(String::as_str).chain(verdict));
        }
        writer.into_inner().unwrap_or_default()
    }
}
