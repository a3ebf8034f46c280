//! `report list|get|new|rollback`: what the last passes of mailboxes found, in numbers and a sentence; as files they are
//! [`file`]'s, the way back [`rollback`]'s. Items are `item list`'s.

pub(super) mod file;
mod rollback;

use clap::Subcommand;

use super::Asked;
use crate::{
    api::segment,
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// What to do with reports.
#[derive(Subcommand)]
pub enum ReportCommand {
    /// One of each mailbox that had a pass
    List,
    /// Those of a batch as files: a page, tables, or a workbook
    New(file::ReportFiles),
    /// The way back of a batch as a page, and who approves it
    Rollback(rollback::Rollback),
    /// Those of one mailbox
    Get {
        /// Its address
        address: String,
    },
}

const COLUMNS: [Column; 7] = [
    Column::of("USER", "/user"),
    Column::of("SCORE", "/score"),
    Column::of("IDENTIFIED", "/identified"),
    Column::of("PLACED", "/placed"),
    Column::of("AT", "/at"),
    Column::wide("BYTES", "/bytes"),
    Column::of("SENTENCE", "/sentence"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: ReportCommand) -> Result<u8, Failure> {
    let path = match command {
        ReportCommand::New(args) => return file::run(&asked, args).await,
        ReportCommand::Rollback(args) => return rollback::run(&asked, args).await,
        ReportCommand::List => "/reports".to_owned(),
        ReportCommand::Get { address } => format!("/users/{}/reports", segment(&address)),
    };
    let api = Reach::of(&asked).await?.api();
    asked.out.list(&api.get(&path).await?, &COLUMNS)?;
    Ok(exit::OK)
}
