//! `item list`: what was skipped, is missing, doubled, changed, rewritten or left out, with its reason.

use clap::Subcommand;

use super::Asked;
use crate::{
    api::segment,
    exit::{self, Failure},
    reach::Reach,
    result::KEPT_COLUMNS,
};

/// What to do with items.
#[derive(Subcommand)]
pub enum ItemCommand {
    /// Items of the last pass of each mailbox
    List {
        /// Only of this batch
        #[arg(long)]
        batch: Option<String>,
        /// Only of this mailbox
        #[arg(long)]
        user: Option<String>,
        /// Only these: skipped, missing, doubled, changedAtTarget, rewritten, notMigratable
        #[arg(long)]
        kind: Option<String>,
    },
}

/// Runs it.
pub async fn run(asked: Asked<'_>, command: ItemCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    let ItemCommand::List { batch, user, kind } = command;
    let mut query = Vec::new();
    for (name, value) in [("batch", batch), ("user", user), ("kind", kind)] {
        query.extend(value.map(|v| format!("{name}={}", segment(&v))));
    }
    let items = api.get(&format!("/items?{}", query.join("&"))).await?;
    asked.out.list(&items, &KEPT_COLUMNS)?;
    Ok(exit::OK)
}
