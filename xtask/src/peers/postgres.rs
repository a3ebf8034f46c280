//! A throw-away PostgreSQL: a Unix socket in its own folder, no port, nothing kept safe on disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Peer, make_folder, process};

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Starts one in a folder.
pub fn up(dir: &Path) -> Result<Peer> {
    let dir = make_folder(dir)?;
    let (programs, data, log) = (programs()?, dir.join("data"), dir.join("log"));
    let password_less = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
    if process::is_root() {
        let (uid, gid) = process::ids_of("postgres")?;
        process::give(&dir, uid, gid)?;
    }
    crate::run::quiet(
        as_postgres(&programs.join("initdb"), &dir)?.args(["-D"]).arg(&data).args(password_less),
    )?;
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=200",
        dir.display()
    );
    let mut start = as_postgres(&programs.join("pg_ctl"), &dir)?;
    start.args(["-w", "-t", "30", "-l"]).arg(&log).arg("-D").arg(&data).args(["-o", &options, "start"]);
    crate::run::quiet(&mut start).with_context(|| process::tail(&log))?;
    let peer = Peer {
        server: "postgres".to_owned(),
        version: crate::run::text(Command::new(programs.join("postgres")).arg("--version"))?
            .trim()
            .to_owned(),
        pid: process::wait_for_pid(&data.join("postmaster.pid"))?,
        log,
        config: data,
        mail: None,
        url: Some(format!("postgresql://postgres@localhost/postgres?host={}", dir.display())),
        dir,
    };
    peer.publish()?;
    Ok(peer)
}

/// The programs of the newest version that is installed.
pub fn programs() -> Result<PathBuf> {
    let versions = Path::new(DEBIAN).read_dir().into_iter().flatten().flatten();
    let folders = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").is_file());
    match folders.max() {
        Some(folder) => Ok(folder),
        None => bail!("PostgreSQL is not installed"),
    }
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path, dir: &Path) -> Result<Command> {
    let mut command = if process::is_root() {
        let (tool, arguments): (&str, &[&str]) = if crate::run::has("runuser") {
            ("runuser", &["-u", "postgres", "--"])
        } else if crate::run::has("setpriv") {
            ("setpriv", &["--reuid=postgres", "--regid=postgres", "--init-groups"])
        } else {
            bail!("neither runuser nor setpriv is here")
        };
        let mut command = Command::new(tool);
        command.args(arguments).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(dir);
    Ok(command)
}
