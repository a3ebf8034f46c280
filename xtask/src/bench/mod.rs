//! `cargo xtask bench`: speed, measured beside peers in the same run, never asserted.
//!
//! Measured is what is built for release: started from a debug build, this program builds the
//! release and hands over to it.

mod corpus;
mod imap;
mod line;
mod message;
mod meter;
mod random;
mod raw;
pub mod relay;
mod report;
mod scheduler;
#[cfg(test)]
mod tests;
mod tools;

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Subcommand;

#[cfg(test)]
pub use line::Line;

use crate::{root, run};

/// What to measure.
#[derive(Subcommand, Debug)]
pub enum What {
    /// IMAP to IMAP: mailferry, mbsync, doveadm backup and the raw limit
    Imap(imap::Options),
    /// Claims a second, and the CPU that scheduling takes while 1,000 of 100,000 mailboxes move
    Scheduler(scheduler::Options),
    /// The raw limit alone, between servers that run already
    Raw(raw::Job),
    /// The mailbox that is measured, written into a user's home as a Maildir++
    Corpus {
        /// The user's home
        home: std::path::PathBuf,
        /// Who shall own it, as UID:GID
        #[arg(long, default_value = "")]
        owner: String,
        /// How many messages
        #[arg(long, default_value_t = 10_000)]
        messages: usize,
        /// The same seed gives the same mailbox
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// Measures it.
pub fn measure(what: &What) -> Result<()> {
    match what {
        What::Imap(_) if cfg!(debug_assertions) => hand_over(),
        What::Imap(options) => imap::run(options),
        What::Scheduler(options) => scheduler::run(options),
        What::Corpus { home, owner, messages, seed } => {
            let written = corpus::write(home, owner, *messages, *seed)?;
            println!("{}", serde_json::json!({"messages": written.messages, "bytes": written.bytes}));
            Ok(())
        }
        What::Raw(job) => {
            let began = Instant::now();
            let copied = raw::copy(job)?;
            let seconds = began.elapsed().as_secs_f64();
            let line = serde_json::json!({
                "seconds": seconds, "messages": copied.messages, "bytes": copied.bytes,
            });
            println!("{line}");
            Ok(())
        }
    }
}

fn hand_over() -> Result<()> {
    let packages = ["build", "--release", "--locked", "--package", "xtask", "--package", "mailferry"];
    run::quiet(Command::new(root::cargo()).args(packages).current_dir(root::root()))?;
    let mut again = Command::new(root::target().join("release/xtask"));
    let status = again.args(std::env::args_os().skip(1)).status()?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
