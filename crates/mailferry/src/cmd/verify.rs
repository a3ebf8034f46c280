//! `verify SOURCE TARGET` and `verify BATCH`: a fresh look at both sides; nothing is put.

use std::path::PathBuf;

use clap::Args;
use mailferry_engine::{copy::Task, pass::Depth};
use mailferry_model::{mapping::RunOptions, verification::VerificationDepth};

use super::{
    Asked,
    copy::{Pair, one_mailbox},
    run_options::{LimitArgs, PaceArgs, RunArgs},
    verify_batch as batch,
};
use crate::exit::Failure;

/// The flags of `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// The account that was read; or a batch or a user of one, without a second account
    #[arg(value_name = "SOURCE|BATCH|USER")]
    pub source: String,
    /// The account that was written
    pub target: Option<String>,
    /// Compare digests too: reads every message on both sides
    #[arg(long)]
    pub deep: bool,
    /// Certificate authorities to trust on both sides (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// What should have moved.
    #[command(flatten)]
    pub run: RunArgs,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// Verifies one mailbox, or those of a batch.
pub async fn run(asked: Asked<'_>, args: VerifyArgs) -> Result<u8, Failure> {
    let Some(target) = &args.target else {
        if args.run.options() != RunOptions::default() || args.ca_file.is_some() {
            let text = "what moves, and how its servers are trusted, belongs to the batch: mailferry batch show, \
                        endpoint show; with two accounts these flags have a meaning";
            return Err(Failure::usage(format!("verify {}: {text}", args.source)));
        }
        let depth = if args.deep { VerificationDepth::Deep } else { VerificationDepth::Keys };
        return batch::verify(&asked, &args.source, depth, args.pace.pace()).await;
    };
    let depth = if args.deep { Depth::Deep } else { Depth::All };
    let pair = Pair {
        command: "verify",
        source: &args.source,
        target,
        ca_file: args.ca_file.as_ref(),
        limits: LimitArgs::default(),
    };
    one_mailbox(asked, &pair, &args.run, args.pace.pace(), Task::Verify, depth).await
}
