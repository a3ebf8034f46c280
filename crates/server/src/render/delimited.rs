//! A table as separated text.

use axum::body::Body;
use mailferry_model::report::{
    delimited::{Reader, Separator, head, lines},
    sheet::Sheet,
};

use super::{Report, lines::Lines, stream};

/// So many lines are written at once.
const TOGETHER: usize = 500;

/// The table of a report.
pub(crate) fn delimited(report: Report, sheet: Sheet, (separator, reader): (Separator, Reader)) -> Body {
    stream::written(move |sink| async move {
        sink.send(head(sheet.columns(), separator, reader)).await?;
        let mut source = Lines::of(&report, sheet);
        let mut rows = Vec::new();
        while let Some(more) = source.next().await? {
            rows.extend(more);
            if rows.len() >= TOGETHER {
                sink.send(lines(&rows, separator)).await?;
                rows.clear();
            }
        }
        if !rows.is_empty() {
            sink.send(lines(&rows, separator)).await?;
        }
        Ok(())
    })
}
