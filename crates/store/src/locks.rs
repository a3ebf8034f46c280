//! File locks of owners in the embedded store: the kernel lets go of them when a process dies, however it
//! dies, so that a dead holder's leases end at once instead of running out.
//!
//! An owner's file is locked shared as long as its store is open; who gets it exclusively knows that nobody
//! is left. It tells nothing about other machines: PostgreSQL has no such files.

use std::{
    collections::HashMap,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{Error as IoError, ErrorKind, Result as IoResult},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

/// The locks that this store holds, one an owner.
pub(crate) struct Locks {
    folder: PathBuf,
    held: Mutex<HashMap<Uuid, File>>,
}

impl Locks {
    /// Locks in a folder that exists; sweeps away what the dead left.
    pub(crate) fn new(folder: PathBuf) -> IoResult<Self> {
        for file in folder.read_dir()? {
            let path = file?.path();
            if path.extension().is_some_and(|e| e == "owner") {
                reap(&path);
            }
        }
        Ok(Self { folder, held: Mutex::default() })
    }

    /// Shows that this owner lives, until this store is dropped or its process ends.
    pub(crate) fn hold(&self, owner: Uuid) -> IoResult<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.contains_key(&owner) {
            return Ok(());
        }
        let path = self.path(owner);
        // Somebody may reap the file between opening and locking it: then it is not the one at its path.
        for _ in 0..100 {
            let file = options().create(true).truncate(false).open(&path)?;
            file.lock_shared()?;
            if path.metadata().is_ok_and(|there| file.metadata().is_ok_and(|ours| there.ino() == ours.ino()))
            {
                held.insert(owner, file);
                return Ok(());
            }
        }
        Err(IoError::other("its lock file vanishes again and again"))
    }

    /// Whether no process holds this owner's lock any more.
    pub(crate) fn is_dead(&self, owner: Uuid) -> bool {
        let ours = self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&owner);
        !ours && reap(&self.path(owner))
    }

    fn path(&self, owner: Uuid) -> PathBuf {
        self.folder.join(format!("{owner}.owner"))
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        let held = std::mem::take(self.held.get_mut().unwrap_or_else(PoisonError::into_inner));
        for (owner, file) in held {
            drop(file);
            reap(&self.path(owner));
        }
    }
}

/// A data folder in which nobody works, until this is dropped: whoever opens its store waits.
pub struct Alone(#[expect(dead_code, reason = "held, not read")] File);

/// Keeps others from opening the store of a data folder, which is made if it is not there.
///
/// # Errors
/// `WouldBlock` if somebody opens it at this moment, or a worker of it lives.
pub fn hold_alone(folder: &Path) -> IoResult<Alone> {
    let locks = folder.join("locks");
    DirBuilder::new().recursive(true).mode(0o700).create(&locks)?;
    let alone = options().create(true).truncate(false).open(locks.join("open"))?;
    alone.try_lock().map_err(|_| IoError::from(ErrorKind::WouldBlock))?;
    for file in locks.read_dir()? {
        let path = file?.path();
        if path.extension().is_some_and(|e| e == "owner") && !reap(&path) {
            return Err(ErrorKind::WouldBlock.into());
        }
    }
    Ok(Alone(alone))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Removes a lock file that nobody holds; whether nobody does.
fn reap(path: &Path) -> bool {
    match options().open(path) {
        Ok(file) => match file.try_lock() {
            Ok(()) => {
                // The lock is held until the file is gone, so that nobody believes in it meanwhile.
                let _ = std::fs::remove_file(path);
                true
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}
