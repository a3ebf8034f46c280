//! `cargo xtask test`: all checks in stages, each with its time; the first that fails ends the run.
//!
//! The last line is `N passed, N failed, N skipped`: tests of all kinds, and one for each stage
//! that is no test run but failed or was skipped.

mod count;
mod stages;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::peers::Guard;
use crate::{root, run};
pub use count::Count;

/// How much to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What one runs before each commit.
    Fast,
    /// What one runs before each push, and what the build server runs.
    Usual,
    /// Also fifty kills in each of four variants, and the benchmark.
    Long,
}

/// One stage.
pub struct Stage {
    name: &'static str,
    from: Depth,
    run: fn(&mut Bench) -> Result<Outcome>,
}

/// How a stage ended.
pub enum Outcome {
    /// It did what it should; how many tests that were.
    Done(Count),
    /// It did not.
    Failed(Count),
    /// It could not be done here, and why.
    Skipped(String),
}

/// What stages share.
pub struct Bench {
    /// How much is asked for.
    pub depth: Depth,
    /// The repository.
    pub root: PathBuf,
    /// The output of the stage that runs.
    pub log: File,
    /// Variables for the tests.
    pub environment: Vec<(String, String)>,
    /// Peers that are missing.
    pub missing: Vec<String>,
    /// Servers to end at the end.
    pub servers: Vec<Guard>,
    /// Folders to remove at the end.
    pub folders: Vec<tempfile::TempDir>,
}

impl Bench {
    /// A Cargo command that writes no colours.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(root::cargo());
        command.args(arguments).env("CARGO_TERM_COLOR", "never").env("NO_COLOR", "1");
        self.prepare(&mut command);
        command
    }

    /// Gives a command our folder and variables.
    pub fn prepare(&self, command: &mut Command) {
        command.current_dir(&self.root).envs(self.environment.iter().cloned());
    }

    /// Runs a command into the log.
    pub fn succeeds(&mut self, command: &mut Command) -> Result<bool> {
        run::logged(command, &mut self.log)
    }

    /// What the stage has written until now.
    pub fn said(&mut self) -> Result<String> {
        run::read_back(&mut self.log)
    }
}

struct Row {
    name: &'static str,
    took: Duration,
    result: String,
}

/// Runs the stages; whether nothing failed.
pub fn run(depth: Depth) -> Result<bool> {
    let mut bench = Bench {
        depth,
        root: root::root(),
        log: tempfile::tempfile()?,
        environment: Vec::new(),
        missing: Vec::new(),
        servers: Vec::new(),
        folders: Vec::new(),
    };
    let (mut total, mut rows, began) = (Count::default(), Vec::new(), Instant::now());
    for stage in stages::STAGES.iter().filter(|stage| stage.from <= depth) {
        println!("── {}", stage.name);
        bench.log = tempfile::tempfile()?;
        let start = Instant::now();
        let outcome = (stage.run)(&mut bench);
        let (count, result) = judge(&mut bench, outcome)?;
        let took = start.elapsed();
        println!("   {result} in {:.1} s", took.as_secs_f64());
        rows.push(Row { name: stage.name, took, result });
        total.add(count);
        if count.failed > 0 {
            break;
        }
    }
    drop(bench);
    print_table(&rows, began.elapsed());
    println!("{total}");
    Ok(total.failed == 0)
}

/// The count and the words of a stage's end; shows its output when it failed.
fn judge(bench: &mut Bench, outcome: Result<Outcome>) -> Result<(Count, String)> {
    Ok(match outcome {
        Ok(Outcome::Done(count)) if count == Count::default() => (count, "ok".to_owned()),
        Ok(Outcome::Done(count)) => (count, count.to_string()),
        Ok(Outcome::Skipped(why)) => {
            println!("   !! SKIPPED: {why}");
            (Count { skipped: 1, ..Count::default() }, "skipped".to_owned())
        }
        Ok(Outcome::Failed(mut count)) => {
            println!("{}", bench.said()?.trim_end());
            count.failed = count.failed.max(1);
            (count, "FAILED".to_owned())
        }
        Err(error) => {
            println!("{}\nerror: {error:#}", bench.said()?.trim_end());
            (Count { failed: 1, ..Count::default() }, "FAILED".to_owned())
        }
    })
}

fn print_table(rows: &[Row], took: Duration) {
    println!("\n{:<22} {:>9}  result", "stage", "seconds");
    for row in rows {
        println!("{:<22} {:>9.1}  {}", row.name, row.took.as_secs_f64(), row.result);
    }
    println!("{:<22} {:>9.1}\n", "together", took.as_secs_f64());
}
