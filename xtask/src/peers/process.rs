//! Processes and ports of throw-away servers: waiting until one answers, ending one, passing folders.
//!
//! A process is ended only by its id, and only while its command line names a file of ours.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, getuid, kill_process};

const STEP: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether we may become other users.
pub fn is_root() -> bool {
    getuid().is_root()
}

/// The numbers of a user of the system, and of its group.
pub fn ids_of(user: &str) -> Result<(u32, u32)> {
    let text = std::fs::read_to_string("/etc/passwd")?;
    let line = text.lines().find(|line| line.split(':').next() == Some(user));
    let parts: Vec<&str> =
        line.with_context(|| format!("no user {user} on this machine"))?.split(':').collect();
    match parts[..] {
        [_, _, uid, gid, ..] => Ok((uid.parse()?, gid.parse()?)),
        _ => bail!("/etc/passwd: the line of {user} is broken"),
    }
}

/// The name of the user that we are, and of its group.
pub fn own_names() -> Result<(String, String)> {
    let name = |option: &str| {
        anyhow::Ok(crate::run::text(std::process::Command::new("id").arg(option))?.trim().to_owned())
    };
    Ok((name("-un")?, name("-gn")?))
}

/// Fails when one of the ports is taken.
pub fn ensure_free(ports: &[u16]) -> Result<()> {
    for port in ports {
        TcpListener::bind(local(*port)).with_context(|| format!("port {port}"))?;
    }
    Ok(())
}

/// A port that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(local(0))?.local_addr()?.port())
}

/// Two ports in a row that are free now: plain, and TLS beside it.
fn free_pair() -> Result<u16> {
    for _ in 0..100 {
        let port = free_port()?;
        if port < u16::MAX && TcpListener::bind(local(port + 1)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no two ports in a row are free")
}

/// Starts a server on two free ports; somebody else may be quicker, so it is tried again.
pub fn on_free_pair<T>(start: impl Fn(u16) -> Result<T>) -> Result<T> {
    let mut last = None;
    for _ in 0..3 {
        match free_pair().and_then(&start) {
            Ok(started) => return Ok(started),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("no port")))
}

/// An address on this machine.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Waits until the port greets as IMAP servers do; shows the end of the log when it does not.
pub fn wait_for_greeting(port: u16, log: &Path) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Ok(mut stream) = TcpStream::connect_timeout(&local(port), Duration::from_secs(1)) {
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            let mut greeting = [0; 4];
            if stream.read_exact(&mut greeting).is_ok() && greeting == *b"* OK" {
                return Ok(());
            }
        }
        std::thread::sleep(STEP);
    }
    bail!("port {port} does not answer\n{}", tail(log))
}

/// The last words of a log.
pub fn tail(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}

/// Waits for a file that holds a process id.
pub fn wait_for_pid(file: &Path) -> Result<u32> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let first =
            std::fs::read_to_string(file).ok().and_then(|text| text.lines().next()?.trim().parse().ok());
        if let Some(pid) = first {
            return Ok(pid);
        }
        std::thread::sleep(STEP);
    }
    bail!("{}: no process id", file.display())
}

/// Ends a process if its command line still names the marker, a path of ours; whether it ran.
pub fn stop(pid: u32, marker: &Path) -> Result<bool> {
    let command_line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let marker = marker.as_os_str().as_encoded_bytes();
    if !command_line.windows(marker.len()).any(|part| part == marker) {
        return Ok(false);
    }
    let raw = i32::try_from(pid)?;
    let id = Pid::from_raw(raw).context("process id 0")?;
    for signal in [Signal::TERM, Signal::KILL] {
        if kill_process(id, signal).is_err() {
            return Ok(true);
        }
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if has_ended(pid) {
                return Ok(true);
            }
            std::thread::sleep(STEP);
        }
    }
    bail!("process {pid} does not end")
}

fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

/// Servers that root starts work as other users, who must pass through every folder above. What
/// is temporary is opened for them; anything else is only named.
pub fn open_for_passing(dir: &Path) -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    let temporary = [std::env::temp_dir(), "/tmp".into(), "/dev/shm".into()];
    for folder in dir.ancestors() {
        let mode = folder.metadata()?.mode();
        if mode & 0o001 == 0 {
            let ours = folder == dir || temporary.iter().any(|one| folder.starts_with(one) && folder != one);
            ensure!(ours, "{} lets no other user pass: chmod o+x, or another folder", folder.display());
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode | 0o011))?;
        }
    }
    Ok(())
}

/// Gives a folder and all in it to a user.
pub fn give(path: &Path, uid: u32, gid: u32) -> Result<()> {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).with_context(|| path.display().to_string())?;
    if path.symlink_metadata()?.is_dir() {
        for entry in path.read_dir()? {
            give(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}
