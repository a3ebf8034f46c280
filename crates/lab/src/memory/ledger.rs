//! The ledger in memory: epochs are fenced, faults may strike its writes, the tail since the last durable
//! write may be lost.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use mailferry_model::{
    Error, Kind, Result, Side,
    id::{ItemId, MailboxId},
    ledger::{Commit, Entry, FolderNo, Head, Lease, State, Window},
    port::Ledger,
};

use crate::fault::{Faults, Strike};

#[derive(Clone, Default)]
struct Book {
    head: Head,
    items: BTreeMap<(FolderNo, ItemId), Entry>,
}

#[derive(Default)]
struct Kept {
    now: Book,
    durable: Book,
    epoch: u64,
}

/// A ledger that clones share; it belongs to one mailbox.
#[derive(Clone, Default)]
pub struct MemoryLedger {
    kept: Arc<Mutex<Kept>>,
    faults: Faults,
}

impl MemoryLedger {
    /// The same ledger under other faults.
    pub fn under(&self, faults: &Faults) -> Self {
        Self { kept: self.kept.clone(), faults: faults.clone() }
    }

    /// A new holder: the next epoch.
    pub fn lease(&self) -> Lease {
        let mut kept = self.lock();
        kept.epoch += 1;
        Lease { mailbox: MailboxId(uuid::Uuid::nil()), epoch: kept.epoch }
    }

    /// Forgets everything but the epoch.
    pub fn lose(&self) {
        let mut kept = self.lock();
        *kept = Kept { epoch: kept.epoch, ..Kept::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, lease: Lease, change: impl FnOnce(&mut Book)) -> Result<()> {
        let mut kept = self.lock();
        if kept.epoch != lease.epoch {
            return Err(Error::new(
                Kind::Conflict,
                Side::Us,
                "write ledger",
                "another worker has taken over",
            ));
        }
        change(&mut kept.now);
        Ok(())
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn mailbox(&self, _identity: &str) -> Result<MailboxId> {
        Ok(MailboxId(uuid::Uuid::nil()))
    }

    async fn head(&self, _mailbox: MailboxId) -> Result<Head> {
        Ok(self.lock().now.head.clone())
    }

    async fn open(&self, lease: Lease, windows: &[Window]) -> Result<()> {
        self.write(lease, |book| {
            for window in windows {
                if !book.head.windows.iter().any(|w| w.folder == window.folder) {
                    book.head.windows.push(window.clone());
                }
            }
        })?;
        let mut kept = self.lock();
        kept.durable = kept.now.clone();
        Ok(())
    }

    async fn commit(&self, lease: Lease, commit: &Commit) -> Result<()> {
        let strike = self.faults.on_commit();
        match strike {
            Some(Strike::CommitLost) => return self.faults.die().await,
            Some(Strike::CommitTail) => {
                {
                    let mut kept = self.lock();
                    kept.now = kept.durable.clone();
                }
                return self.faults.die().await;
            }
            _ => {}
        }
        self.write(lease, |book| {
            if let Some(pass) = commit.pass {
                (book.head.begun, book.head.passes) = (true, pass);
            }
            for entry in &commit.items {
                book.items.insert((entry.folder, entry.id.clone()), entry.clone());
            }
            for folder in &commit.folders {
                match book.head.folders.iter_mut().find(|f| f.no == folder.no) {
                    Some(known) => *known = folder.clone(),
                    None => book.head.folders.push(folder.clone()),
                }
            }
            for mark in &commit.marks {
                book.head.windows.retain(|w| w.folder != mark.folder);
                book.head.windows.push(mark.clone());
            }
            book.head.windows.retain(|w| !commit.close.contains(&w.folder));
        })?;
        if commit.is_lasting() {
            let mut kept = self.lock();
            kept.durable = kept.now.clone();
        }
        match strike {
            Some(_) => self.faults.die().await,
            None => Ok(()),
        }
    }

    async fn read(&self, _mailbox: MailboxId, folder: FolderNo) -> Result<Vec<Entry>> {
        Ok(self.lock().now.items.values().filter(|e| e.folder == folder).cloned().collect())
    }

    async fn pack(&self, lease: Lease, folder: FolderNo) -> Result<()> {
        self.write(lease, |book| {
            book.items.retain(|_, e| e.folder != folder || e.state != State::Gone || e.target.is_some());
        })?;
        let mut kept = self.lock();
        kept.durable = kept.now.clone();
        Ok(())
    }

    async fn forget(&self, lease: Lease) -> Result<()> {
        self.write(lease, |book| *book = Book::default())
    }
}
