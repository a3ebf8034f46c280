//! Running another program to its end: it does not outlive us, and what it says goes to files, because a daemon that
//! it starts would keep a pipe open, and us waiting.

use std::{
    fs::File,
    io::{Read, Seek},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::{database, exit::Failure};

/// How often we look whether it ended.
const TICK: Duration = Duration::from_millis(5);

/// No step takes so long: who does hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// How a program ended.
pub struct Ended {
    /// Its exit code; none after a signal.
    pub code: Option<u8>,
    /// Its standard output.
    pub said: String,
    /// Its standard error.
    pub complaint: String,
}

/// Ends a program when nobody waits for it any more.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Runs it in a folder. It has a process group of its own, so that Ctrl-C reaches us alone.
pub async fn output(folder: &Path, mut command: Command) -> Result<Ended, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |e: std::io::Error| Failure::own(format!("{name}: {e}"));
    let (mut out, mut err) = (file(folder).map_err(failed)?, file(folder).map_err(failed)?);
    command.current_dir(folder).stdin(Stdio::null()).process_group(0).env_remove(database::VARIABLE);
    command.stdout(out.try_clone().map_err(failed)?).stderr(err.try_clone().map_err(failed)?);
    let mut child = Guard(command.spawn().map_err(failed)?);
    let ends = async {
        loop {
            if let Some(status) = child.0.try_wait().map_err(failed)? {
                break Ok::<_, Failure>(status);
            }
            tokio::time::sleep(TICK).await;
        }
    };
    let late = |_| Failure::own(format!("{name} did not end within {} s", LIMIT.as_secs()));
    let status = tokio::time::timeout(LIMIT, ends).await.map_err(late)??;
    Ok(Ended {
        code: status.code().and_then(|code| u8::try_from(code).ok()),
        said: read(&mut out).map_err(failed)?,
        complaint: read(&mut err).map_err(failed)?,
    })
}

/// A file without a name.
fn file(folder: &Path) -> std::io::Result<File> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let path = folder.join(format!("out{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

fn read(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
