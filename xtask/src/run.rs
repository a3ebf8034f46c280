//! Starting other programs: what they said is shown only when they failed.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs to the end and returns what the program said on standard output.
pub fn text(command: &mut Command) -> Result<String> {
    let name = shown(command);
    let out = command.stdin(Stdio::null()).output().with_context(|| name.clone())?;
    if !out.status.success() {
        bail!("{name}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Runs to the end. Its output goes to a file, not a pipe: a daemon that it starts would keep
/// the pipe open, and us waiting.
pub fn quiet(command: &mut Command) -> Result<()> {
    let name = shown(command);
    let mut said = tempfile::tempfile()?;
    let status = command
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said.try_clone()?)
        .status()
        .with_context(|| name.clone())?;
    if status.success() {
        return Ok(());
    }
    bail!("{name}: {status}\n{}", read_back(&mut said)?.trim())
}

/// Runs to the end with all output in a file; whether it succeeded, and the output.
pub fn logged(command: &mut Command, log: &mut File) -> Result<bool> {
    let name = shown(command);
    let status = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .status()
        .with_context(|| name)?;
    Ok(status.success())
}

/// The same command, ended after so many seconds: first asked to end, after ten more seconds made to.
pub fn within(seconds: u32, command: &Command) -> Command {
    let mut timed = Command::new("timeout");
    timed.args(["--kill-after=10", &seconds.to_string()]);
    timed.arg(command.get_program()).args(command.get_args());
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed
}

/// What a file written by a child now holds.
pub fn read_back(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let parts = std::iter::once(command.get_program()).chain(command.get_args());
    parts.map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The debug build of the product.
pub fn mailferry(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::root::target().join("debug/mailferry"));
    command.args(arguments);
    command
}

/// Whether a program is in the path.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path).chain(sbin).any(|folder| folder.join(program).is_file())
}
