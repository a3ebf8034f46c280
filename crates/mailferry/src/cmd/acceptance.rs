//! `user accept` and `batch accept`: what people tick of mailboxes since their completion.

use clap::Args;
use serde_json::json;

use super::{Asked, approval::noticed, user::One};
use crate::{api::Api, exit::Failure, out::Column};

/// Which ticks, and how.
#[derive(Args)]
pub struct Accepting {
    /// What people found in order, separated by commas: mail-flow, calendar, mobile
    #[arg(long, value_name = "TICK", value_delimiter = ',', required = true)]
    pub tick: Vec<String>,
    /// For people: it is kept with your name
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Take the ticks back instead
    #[arg(long)]
    pub take_back: bool,
    /// Only say what it would be
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `user accept`.
#[derive(Args)]
pub struct AcceptUser {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// Which ticks.
    #[command(flatten)]
    pub accepting: Accepting,
}

/// The flags of `batch accept`.
#[derive(Args)]
pub struct AcceptBatch {
    /// Its name
    pub name: String,
    /// Which ticks.
    #[command(flatten)]
    pub accepting: Accepting,
}

/// Ticks, or takes back; sentences for people, the user or batch for programs.
pub async fn accept(
    asked: &Asked<'_>,
    api: &Api,
    (path, columns): (&str, &[Column]),
    how: &Accepting,
) -> Result<(), Failure> {
    let body = json!({
        "ticks": how.tick, "comment": how.comment, "takeBack": how.take_back, "dryRun": how.dry_run,
    });
    noticed(asked, &api.post(&format!("{path}/accept"), body).await?, columns);
    Ok(())
}
