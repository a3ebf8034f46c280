//! `demo`: a whole migration on this machine. What it shows is put together in one place, to be filled by the lab.

use clap::Args;

use super::Asked;
use crate::exit::Failure;

/// The flags of `demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Keep what was made, to look at it
    #[arg(long)]
    pub keep: bool,
}

/// Shows a migration.
pub async fn run(_asked: Asked<'_>, _args: DemoArgs) -> Result<u8, Failure> {
    Err(mailferry_model::Error::new(
        mailferry_model::Kind::Unsupported,
        mailferry_model::Side::Us,
        "demo",
        "this build has no demo",
    )
    .into())
}
