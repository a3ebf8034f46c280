//! The only task runner: `cargo xtask demo`, `test`, `bench`, `tidy`, `docs`, `peer`, `dist`.
//!
//! It wires; the work is in the modules.

mod bench;
mod demo;
mod dist;
mod docs;
mod peers;
mod root;
mod run;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The task runner of mailferry")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Shows a whole migration on this machine
    Demo {
        /// Arguments for `mailferry demo`: --keep leaves servers and mailboxes, to try more
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs all checks in stages, after installing the peers they need
    Test {
        /// Only what one runs before each commit
        #[arg(long, conflicts_with = "long")]
        fast: bool,
        /// Also fifty kills in each of four variants, and the benchmark
        #[arg(long)]
        long: bool,
    },
    /// Measures speed beside peers, in the same run
    Bench {
        /// What
        #[command(subcommand)]
        what: bench::What,
    },
    /// Adds round-trip time between two ports of this machine, until it is ended
    Relay {
        /// Where to listen
        listen: u16,
        /// Where to connect
        target: u16,
        /// The round trip to add
        #[arg(long, default_value_t = 20)]
        rtt_ms: u64,
    },
    /// Starts and ends throw-away servers on 127.0.0.1
    Peer {
        /// Which one
        #[command(subcommand)]
        which: peers::command::Which,
    },
    /// Builds what is given to others: a tarball with checksums and a bill of materials
    Dist {
        /// Pack this program instead of building one
        #[arg(long, value_name = "PATH")]
        program: Option<std::path::PathBuf>,
    },
    /// Checks the rules of the house that neither compiler nor clippy knows
    Tidy,
    /// Writes the generated pages
    Docs {
        /// Only compare: fail when one is out of date
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match start(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does the task; whether all went well.
fn start(task: Task) -> Result<bool> {
    let root = root::root();
    match task {
        Task::Demo { arguments } => demo::run(&arguments),
        Task::Test { fast: true, .. } => test::run(test::Depth::Fast),
        Task::Test { long: true, .. } => test::run(test::Depth::Long),
        Task::Test { .. } => test::run(test::Depth::Usual),
        Task::Bench { what } => bench::measure(&what).map(|()| true),
        Task::Relay { listen, target, rtt_ms } => {
            bench::relay::run(listen, target, std::time::Duration::from_millis(rtt_ms)).map(|()| true)
        }
        Task::Peer { which } => peers::command::run(which).map(|()| true),
        Task::Dist { program } => dist::make(program).map(|()| true),
        Task::Tidy => Ok(tidy::run(&root)? == 0),
        Task::Docs { check: true } => Ok(docs::run(&root, docs::Mode::Check)? == 0),
        Task::Docs { check: false } => docs::run(&root, docs::Mode::Write).map(|_| true),
    }
}
