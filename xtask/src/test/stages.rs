//! The stages of `cargo xtask test`, in order. A new one is a line in [`STAGES`].

use std::process::Command;

use anyhow::Result;

use super::{Bench, Count, Depth, Outcome, Stage};
use crate::peers::{Guard, install, postgres, process};
use crate::{docs, root, run};

/// All stages.
pub const STAGES: &[Stage] = &[
    Stage { name: "peers", from: Depth::Fast, run: peers },
    Stage { name: "tidy", from: Depth::Fast, run: tidy },
    Stage { name: "format", from: Depth::Fast, run: |b| cargo(b, &["fmt", "--all", "--check"]) },
    Stage { name: "clippy", from: Depth::Fast, run: clippy },
    Stage { name: "build", from: Depth::Fast, run: build },
    Stage { name: "generated pages", from: Depth::Fast, run: generated },
    Stage { name: "postgres", from: Depth::Fast, run: start_postgres },
    Stage { name: "tests", from: Depth::Fast, run: tests },
    Stage { name: "doc tests", from: Depth::Usual, run: doc_tests },
    Stage { name: "interop and kill", from: Depth::Usual, run: interop },
    Stage { name: "demo", from: Depth::Usual, run: demo },
    Stage { name: "benchmark", from: Depth::Long, run: benchmark },
];

/// A Cargo command that succeeds or fails.
fn cargo(bench: &mut Bench, arguments: &[&str]) -> Result<Outcome> {
    let mut command = bench.cargo(arguments);
    Ok(ended(bench.succeeds(&mut command)?, Count::default()))
}

fn ended(well: bool, count: Count) -> Outcome {
    if well && count.failed == 0 { Outcome::Done(count) } else { Outcome::Failed(count) }
}

/// Installs what is missing. A build server has all peers; elsewhere what is missing is named.
fn peers(bench: &mut Bench) -> Result<Outcome> {
    bench.missing = install::ensure_all()?;
    if bench.missing.is_empty() {
        return Ok(Outcome::Done(Count::default()));
    }
    let missing = format!("missing: {}", bench.missing.join(", "));
    if root::is_ci() {
        anyhow::bail!("{missing}; CI=true requires them");
    }
    Ok(Outcome::Skipped(missing))
}

fn tidy(_: &mut Bench) -> Result<Outcome> {
    let violations = crate::tidy::run(&root::root())?;
    Ok(ended(violations == 0, Count::default()))
}

fn clippy(bench: &mut Bench) -> Result<Outcome> {
    cargo(bench, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

/// The binary and all tests, so that later stages only run.
fn build(bench: &mut Bench) -> Result<Outcome> {
    let mut binary = bench.cargo(&["build", "--locked", "--package", "mailferry"]);
    let mut tests = bench.cargo(&["test", "--workspace", "--locked", "--no-run"]);
    let well = bench.succeeds(&mut binary)? && bench.succeeds(&mut tests)?;
    Ok(ended(well, Count::default()))
}

fn generated(bench: &mut Bench) -> Result<Outcome> {
    let differ = docs::run(&bench.root, docs::Mode::Check)?;
    Ok(ended(differ == 0, Count::default()))
}

/// A throw-away database for the store's tests, as `MAILFERRY_TEST_POSTGRES_URL`.
fn start_postgres(bench: &mut Bench) -> Result<Outcome> {
    bench.environment.push(("MAILFERRY_XTASK".to_owned(), std::env::current_exe()?.display().to_string()));
    let binary = root::target().join("debug/mailferry").display().to_string();
    bench.environment.push(("MAILFERRY_BIN".to_owned(), binary));
    if bench.depth == Depth::Long {
        bench.environment.push(("MAILFERRY_TEST_LONG".to_owned(), "1".to_owned()));
    }
    if postgres::programs().is_err() {
        return Ok(Outcome::Skipped(
            "PostgreSQL is not installed: the store is tested on SQLite only".to_owned(),
        ));
    }
    let folder = tempfile::Builder::new().prefix("mfpg").tempdir()?;
    process::open_for_passing(folder.path())?;
    let peer = postgres::up(&folder.path().join("pg"))?;
    let url = peer.url.clone().unwrap_or_default();
    println!("   {} at {url}", peer.version);
    bench.environment.push(("MAILFERRY_TEST_POSTGRES_URL".to_owned(), url));
    bench.servers.push(Guard(peer));
    bench.folders.push(folder);
    Ok(Outcome::Done(Count::default()))
}

fn tests(bench: &mut Bench) -> Result<Outcome> {
    let nextest = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--no-tests", "pass"];
    let plain = ["test", "--workspace", "--locked", "--no-fail-fast", "--lib", "--bins", "--tests"];
    let mut command = bench.cargo(if run::has("cargo-nextest") { &nextest } else { &plain });
    let well = bench.succeeds(&mut command)?;
    let count = Count::read(&bench.said()?);
    Ok(ended(well, count))
}

fn doc_tests(bench: &mut Bench) -> Result<Outcome> {
    let mut command = bench.cargo(&["test", "--workspace", "--locked", "--doc"]);
    let well = bench.succeeds(&mut command)?;
    let count = Count::read(&bench.said()?);
    Ok(ended(well, count))
}

fn demo(bench: &mut Bench) -> Result<Outcome> {
    if !crate::demo::exists() {
        return Ok(Outcome::Skipped("the binary has no demo".to_owned()));
    }
    let mut command = run::within(DEMO_SECONDS, &crate::demo::command()?);
    bench.prepare(&mut command);
    let count = Count { passed: 1, ..Count::default() };
    Ok(ended(bench.succeeds(&mut command)?, count))
}

/// Figures are printed, never judged.
fn benchmark(bench: &mut Bench) -> Result<Outcome> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut command = run::within(BENCH_SECONDS, command.args(["bench", "imap", "--runs", "3"]));
    bench.prepare(&mut command);
    let well = bench.succeeds(&mut command)?;
    println!("{}", bench.said()?);
    Ok(ended(well, Count::default()))
}

/// How long all scripts together may take: one that hangs fails.
const SCRIPT_SECONDS: u32 = 1500;

/// The same with fifty kills in each variant.
const LONG_SCRIPT_SECONDS: u32 = 7200;

/// How long a demo may take; ten seconds are usual.
const DEMO_SECONDS: u32 = 180;

/// How long the benchmark may take.
const BENCH_SECONDS: u32 = 3600;

/// The binary against real servers, judged by Python: `tests/interop/run.py`.
fn interop(bench: &mut Bench) -> Result<Outcome> {
    if !run::has("python3") {
        return Ok(Outcome::Skipped("python3 is not installed".to_owned()));
    }
    let long = bench.depth == Depth::Long;
    let seconds = if long { LONG_SCRIPT_SECONDS } else { SCRIPT_SECONDS };
    let mut scripts = Command::new("python3");
    scripts.arg("-B").arg(bench.root.join("tests/interop/run.py"));
    if long {
        scripts.arg("--long");
    }
    let mut command = run::within(seconds, &scripts);
    let peer = format!("{} peer", std::env::current_exe()?.display());
    command.env("MAILFERRY_PEER", peer);
    if root::is_ci() {
        command.env("MAILFERRY_REQUIRE_PEERS", "mailferry dovecot cyrus kerberos");
    }
    bench.prepare(&mut command);
    let well = bench.succeeds(&mut command)?;
    let said = bench.said()?;
    said.lines()
        .filter(|line| line.starts_with("ok ") || line.starts_with("skipped"))
        .for_each(|line| println!("   {line}"));
    Ok(ended(well, Count::read(&said)))
}
