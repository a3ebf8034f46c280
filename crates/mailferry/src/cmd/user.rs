//! `user list|show`: the mailboxes of batches.

use clap::Subcommand;

use super::Asked;
use crate::{
    api::segment,
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// What to do with users.
#[derive(Subcommand)]
pub enum UserCommand {
    /// All users, of one batch or of all
    List {
        /// Only of this batch
        #[arg(long)]
        batch: Option<String>,
        /// Only in this status, or with this summary: Active, Synced, Completed, Failed, Stopped
        #[arg(long)]
        status: Option<String>,
    },
    /// One user, in whichever batches
    Show {
        /// The address
        address: String,
    },
}

const COLUMNS: [Column; 12] = [
    Column::of("ADDRESS", "/emailAddress"),
    Column::of("BATCH", "/batch"),
    Column::of("STATUS", "/status"),
    Column::of("SYNCED%", "/percentageSynced"),
    Column::of("ITEMS SYNCED", "/itemsSynced"),
    Column::of("ITEMS SKIPPED", "/itemsSkipped"),
    Column::of("SCORE", "/dataConsistencyScore"),
    Column::of("REASON", "/detail/code"),
    Column::wide("DATA MIGRATED", "/bytesSynced"),
    Column::wide("LAST SYNCED", "/lastSynced"),
    Column::wide("LAST PROGRESS", "/lastProgress"),
    Column::wide("WORDS", "/detail/text"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: UserCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    match command {
        UserCommand::List { batch, status } => {
            let mut query = Vec::new();
            query.extend(batch.map(|b| format!("batch={}", segment(&b))));
            query.extend(status.map(|s| format!("status={}", segment(&s))));
            let users = api.get(&format!("/users?{}", query.join("&"))).await?;
            asked.out.list(&users, &COLUMNS)?;
        }
        UserCommand::Show { address } => {
            let users = api.get(&format!("/users/{}", segment(&address))).await?;
            match users.as_array().map(Vec::as_slice) {
                Some([one]) => asked.out.show(one, &COLUMNS),
                _ => asked.out.list(&users, &COLUMNS)?,
            }
        }
    }
    Ok(exit::OK)
}
