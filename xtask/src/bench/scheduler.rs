//! The scheduler: 100,000 mailboxes on PostgreSQL, four workers as they are, passes that are simulated.
//!
//! Measured are how many jobs the four claim in a second when they do nothing else, and which part of one core all of
//! them together use, as /proc tells it, while 1,000 mailboxes move. The database's own work is not in it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use super::meter;
use crate::peers::{Guard, postgres, process};
use crate::{root, run};

const MAILBOXES: u64 = 100_000;
const MOVING: u64 = 1_000;
const WORKERS: usize = 4;
/// How long claims are counted.
const CLAIMING: Duration = Duration::from_secs(10);
/// By then a thousand mailboxes move.
const BEGUN: Duration = Duration::from_secs(120);

/// How it is measured.
#[derive(Args, Debug)]
pub struct Options {
    /// One line of JSON on standard output, and nothing else
    #[arg(long)]
    json: bool,
    /// How long the CPU time is counted, in seconds
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// How long a pass takes, in seconds, on average
    #[arg(long, default_value_t = 120)]
    pass: u64,
    /// Measure a debug build, which is there sooner and slower
    #[arg(long)]
    debug: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Figures {
    mailboxes: u64,
    workers: usize,
    claims_per_s: f64,
    scheduler_cpu_share: f64,
}

/// Measures it.
pub fn run(options: &Options) -> Result<()> {
    let bench = build(options.debug)?;
    let folder = tempfile::Builder::new().prefix("mfpg").tempdir()?;
    process::open_for_passing(folder.path())?;
    let peer = Guard(postgres::up(&folder.path().join("pg"))?);
    let url = peer.0.url.clone().context("PostgreSQL has no URL")?;
    let program = |words: &[&str]| {
        let mut command = Command::new(&bench);
        command.arg(words[0]).arg(&url).args(&words[1..]);
        command
    };
    let say = |text: String| (!options.json).then(|| println!("{text}"));
    say(format!("filling a store with {MAILBOXES} mailboxes"));
    run::quiet(&mut program(&["fill"]))?;
    // What autovacuum would do within a minute.
    asked(&url, "VACUUM ANALYZE")?;
    let seconds = CLAIMING.as_secs().to_string();
    let claiming: Vec<Child> = (0..WORKERS)
        .map(|_| program(&["claim", &seconds]).stdout(Stdio::piped()).spawn())
        .collect::<std::io::Result<_>>()?;
    let claims = claiming.into_iter().map(counted).sum::<Result<u64>>()?;
    say(format!("{claims} claims in {seconds} s"));
    let pass = options.pass.to_string();
    let workers = Workers::start(|| program(&["work", &pass]))?;
    wait_for(&url)?;
    say(format!("{MOVING} mailboxes move; counting CPU time for {} s", options.seconds));
    let (began, before) = (Instant::now(), workers.cpu());
    std::thread::sleep(Duration::from_secs(options.seconds));
    let share = (workers.cpu() - before) / began.elapsed().as_secs_f64();
    let moving = moving(&url)?;
    ensure!(moving >= MOVING * 9 / 10, "only {moving} mailboxes were moving in the end");
    let passes = workers.end()?;
    say(format!("{passes} passes were begun in all"));
    let figures = Figures {
        mailboxes: MAILBOXES,
        workers: WORKERS,
        claims_per_s: (claims as f64 / CLAIMING.as_secs_f64()).round(),
        scheduler_cpu_share: (share * 10_000.0).round() / 10_000.0,
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// The program that does it, as it is built for release unless somebody is in a hurry.
fn build(debug: bool) -> Result<PathBuf> {
    let mut command = Command::new(root::cargo());
    command.args(["build", "--locked", "--package", "mailferry-engine", "--example", "scheduler"]);
    if !debug {
        command.arg("--release");
    }
    run::quiet(command.current_dir(root::root()))?;
    let folder = if debug { "debug" } else { "release" };
    Ok(root::target().join(folder).join("examples/scheduler"))
}

fn counted(child: Child) -> Result<u64> {
    let ended = child.wait_with_output()?;
    ensure!(ended.status.success(), "a worker of the benchmark failed");
    Ok(String::from_utf8_lossy(&ended.stdout).trim().parse()?)
}

/// Workers that end with this value.
struct Workers(Vec<Child>);

impl Workers {
    fn start(command: impl Fn() -> Command) -> Result<Self> {
        let mut all = Self(Vec::new());
        for _ in 0..WORKERS {
            let child = command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            all.0.push(child);
        }
        Ok(all)
    }

    /// Seconds that they have used so far.
    fn cpu(&self) -> f64 {
        self.0.iter().map(|child| meter::cpu_of(child.id())).sum()
    }

    /// Ends them in order; how many passes they began.
    fn end(mut self) -> Result<u64> {
        self.0.iter_mut().for_each(|child| drop(child.stdin.take()));
        self.0.drain(..).map(counted).sum()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn wait_for(url: &str) -> Result<()> {
    let began = Instant::now();
    while moving(url)? < MOVING {
        ensure!(began.elapsed() < BEGUN, "after {} s {} mailboxes move", BEGUN.as_secs(), moving(url)?);
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn moving(url: &str) -> Result<u64> {
    Ok(asked(url, "SELECT count(*) FROM job WHERE owner IS NOT NULL")?.trim().parse()?)
}

/// What the database answers.
fn asked(url: &str, sql: &str) -> Result<String> {
    run::text(Command::new(postgres::programs()?.join("psql")).args(["-qAt", "-d", url, "-c", sql]))
}
