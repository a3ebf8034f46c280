//! `batch start`: what the passes of a batch are for.

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use mailferry_model::port::Clock;

use super::RunBatch;
use crate::{api::segment, clock::SystemClock, cmd::run_options::time};

/// The flags of `batch start`.
#[derive(Args)]
pub struct StartBatch {
    /// How.
    #[command(flatten)]
    pub run: RunBatch,
    /// What its passes are for
    #[arg(long, value_enum, default_value_t = Mode::Full)]
    pub mode: Mode,
    /// With pre-stage: what arrived before this time moves: 2026-09-01, or 2026-09-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "older_than")]
    pub before: Option<Timestamp>,
    /// With pre-stage: what is older than so many days moves
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub older_than: Option<u32>,
}

impl StartBatch {
    /// What it asks for besides.
    pub fn more(&self) -> String {
        let ago = |days: u32| SystemClock::default().now() - SignedDuration::from_hours(i64::from(days) * 24);
        let before = self.before.or(self.older_than.map(ago));
        let before = before.map(|at| format!("&before={}", segment(&at.to_string()))).unwrap_or_default();
        let mode = self.mode.to_possible_value();
        format!("&mode={}{before}", mode.as_ref().map_or("full", |mode| mode.get_name()))
    }
}

/// What the passes of a batch are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// All of it
    Full,
    /// Both sides of each mailbox are opened, nothing moves
    VerifyCredentials,
    /// Ten items of each folder, none above 5 MB
    Trial,
    /// What arrived before a time; the rest comes with a full run
    PreStage,
    /// Only what failed or was left behind is tried again
    RetryErrors,
}

fn days(text: &str) -> Result<u32, String> {
    let bare = text.strip_suffix('d').unwrap_or(text);
    bare.parse().map_err(|_| "write a number of days: 60 or 60d".to_owned())
}
