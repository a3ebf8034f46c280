//! `item list|approve|unapprove`: what was skipped, is missing, doubled, changed, rewritten or left out, with its reason.

use clap::Subcommand;

use super::{
    Asked,
    approval::{self, ApproveItem, UnapproveItem},
    user::{COLUMNS, path},
};
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
    /// Say that one item may stay behind, and why; `batch approve` and `user approve` take many
    Approve(ApproveItem),
    /// Take an approval back
    Unapprove(UnapproveItem),
}

/// Runs it.
pub async fn run(asked: Asked<'_>, command: ItemCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    let (batch, user, kind) = match command {
        ItemCommand::List { batch, user, kind } => (batch, user, kind),
        ItemCommand::Approve(ApproveItem { item, approving }) => {
            let path = path(&api, &item.one).await?;
            approval::approve(&asked, &api, (&path, &COLUMNS), (item.body(), &approving)).await?;
            return Ok(exit::OK);
        }
        ItemCommand::Unapprove(UnapproveItem { item, dry_run }) => {
            let path = path(&api, &item.one).await?;
            approval::unapprove(&asked, &api, (&path, &COLUMNS), (item.body(), dry_run)).await?;
            return Ok(exit::OK);
        }
    };
    let mut query = Vec::new();
    for (name, value) in [("batch", batch), ("user", user), ("kind", kind)] {
        query.extend(value.map(|v| format!("{name}={}", segment(&v))));
    }
    let items = api.get(&format!("/items?{}", query.join("&"))).await?;
    asked.out.list(&items, &KEPT_COLUMNS)?;
    Ok(exit::OK)
}
