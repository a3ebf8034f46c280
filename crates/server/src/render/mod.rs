//! Reports as files: written while they are read, so that a batch of any size takes little memory.
//!
//! What stands in them is `model::report`'s to say; who may have them the routes'. And messages as letters.

mod delimited;
mod html;
mod letter;
mod lines;
mod rollback;
mod stream;
mod workbook;

use jiff::Timestamp;
use mailferry_model::batch::Batch;

use crate::Context;

pub(crate) use self::{
    delimited::delimited,
    html::page,
    letter::letter,
    rollback::{Form, rollback},
    workbook::workbook,
};

/// A report that is asked for.
#[derive(Clone)]
pub(crate) struct Report {
    pub context: Context,
    pub batch: Batch,
    /// When: all durations in it are of then.
    pub now: Timestamp,
}
