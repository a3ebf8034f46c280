//! Whether the data folder takes more: tried, because neither quotas nor limits of the process show in what a disk says
//! of itself. What is tried does not stay.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// What is tried: more than one commit of a busy mailbox writes.
const TRIAL: usize = 256 << 10;
/// An answer holds so long: anybody may ask the service for it.
const HOLDS: Duration = Duration::from_secs(5);

/// Writes so much durably and takes it away again.
pub fn trial(folder: &Path) -> io::Result<()> {
    let trial = folder.join(format!("trial-{}", Uuid::now_v7().simple()));
    let mut options = OpenOptions::new();
    let written = options.write(true).create_new(true).mode(0o600).open(&trial).and_then(|mut file| {
        file.write_all(&vec![b'.'; TRIAL])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&trial);
    written.and(removed)
}

/// A folder that is tried when somebody asks, and not again for a while.
pub struct Watched {
    folder: PathBuf,
    last: Mutex<Option<(Instant, Option<String>)>>,
}

impl Watched {
    /// This folder.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder, last: Mutex::default() }
    }

    /// Why it takes no more, if it does not.
    pub fn fault(&self) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, fault)) = last.as_ref().filter(|(at, _)| at.elapsed() < HOLDS) {
            return fault.clone();
        }
        let fault = trial(&self.folder).err().map(|e| format!("The data folder takes no more: {e}."));
        *last = Some((Instant::now(), fault.clone()));
        fault
    }
}
