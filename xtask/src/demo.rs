//! `cargo xtask demo`: builds mailferry and lets it show a migration from start to end.
//!
//! The show itself is `mailferry demo`; here is only what it needs: the peers and the build.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::peers::install;
use crate::{root, run};

/// Runs it; whether it succeeded.
pub fn run(arguments: &[String]) -> Result<bool> {
    let missing = install::ensure_all()?;
    if !missing.is_empty() {
        println!("!! missing: {}; the demo does without", missing.join(", "));
    }
    println!("building mailferry");
    let mut build = Command::new(root::cargo());
    build.args(["build", "--locked", "--package", "mailferry"]).current_dir(root::root());
    // Cargo shows its progress where somebody looks.
    match std::io::stderr().is_terminal() {
        true if build.status().context("cargo build")?.success() => {}
        true => bail!("mailferry does not build"),
        false => run::quiet(&mut build)?,
    }
    let mut demo = command()?;
    let status = demo.args(arguments).status().context("mailferry demo")?;
    Ok(status.success())
}

/// `mailferry demo`, able to start peers.
pub fn command() -> Result<Command> {
    let mut command = run::mailferry(&["demo"]);
    command.env("MAILFERRY_XTASK", std::env::current_exe()?);
    command.arg("--scripts").arg(root::root().join("tests/interop"));
    Ok(command)
}

/// Whether the binary has a demo.
pub fn exists() -> bool {
    let asked = run::mailferry(&["demo", "--help"]).stdin(Stdio::null()).output();
    asked.is_ok_and(|out| out.status.success() && !out.stdout.is_empty())
}
