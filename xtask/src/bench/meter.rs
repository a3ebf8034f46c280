//! Metering a program as a whole: wall time, CPU and peak memory, its children included.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// What one run used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// From start to end.
    pub seconds: f64,
    /// User and system time.
    pub cpu: f64,
    /// The peaks of all its processes together.
    pub peak_mib: f64,
}

/// The kernel counts CPU in hundredths of a second, on all machines that Debian knows.
const TICKS: f64 = 100.0;
const STEP: Duration = Duration::from_millis(4);

/// Runs a command to its end, silent unless it fails.
pub fn run(command: &mut Command) -> Result<Used> {
    run_and_read(command).map(|(used, _)| used)
}

/// The same with what it said.
pub fn run_and_read(command: &mut Command) -> Result<(Used, String)> {
    let name = crate::run::shown(command);
    let mut said = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| name.clone())?;
    let (pid, ended) = (child.id(), AtomicBool::new(false));
    let id = Pid::from_raw(i32::try_from(pid)?).context("process id 0")?;
    let (seconds, cpu, peak) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(pid, &ended));
        // The end is seen but not taken, so that /proc still tells the CPU time.
        let seen = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let seconds = began.elapsed().as_secs_f64();
        let cpu = cpu_of(pid);
        ended.store(true, Ordering::Relaxed);
        let peak = sampler.join().unwrap_or(0);
        seen.map(|_| (seconds, cpu, peak))
    })?;
    let status = child.wait()?;
    if !status.success() {
        let signal = status.signal().map_or(String::new(), |signal| format!(" (signal {signal})"));
        bail!("{name}: {status}{signal}\n{}", crate::run::read_back(&mut said)?.trim());
    }
    let used = Used { seconds, cpu, peak_mib: peak as f64 / 1024.0 };
    Ok((used, crate::run::read_back(&mut said)?))
}

/// The highest sum of the peaks, in KiB.
fn sample(pid: u32, ended: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !ended.load(Ordering::Relaxed) {
        peak = peak.max(tree(pid).into_iter().map(peak_of).sum());
        std::thread::sleep(STEP);
    }
    peak
}

/// A process and its descendants.
fn tree(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        let children =
            std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        next += 1;
    }
    all
}

fn peak_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// CPU seconds of a process and of the children it has waited for.
pub(super) fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let ticks = after_name.split(' ').skip(11).take(4).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn a_program_is_metered() {
        let used =
            super::run(Command::new("sh").args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"]))
                .unwrap();
        assert!(used.seconds > 0.0 && used.cpu > 0.0 && used.peak_mib > 0.1, "{used:?}");
        assert!(super::run(&mut Command::new("false")).is_err());
    }
}
