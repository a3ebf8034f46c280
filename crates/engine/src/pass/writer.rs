//! The ledger's writer: one task that commits outcomes together, so that puts never wait for the store.
//!
//! Everything recorded before something else is in the same commit or an earlier one. `Placed` is written
//! only after the target's `flush`. A folder's counts are kept here, so that they agree with the entries of
//! the same commit, whatever moment a crash picks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use futures_util::future::{Either, select};
use mailferry_model::{
    Error, Result,
    id::FolderId,
    ledger::{Commit, Entry, FolderEntry, FolderNo, State, Window},
    port::Cx,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::terms::{Sides, Terms};

enum Word {
    Entries(Vec<(Entry, Option<Before>)>),
    Folder(Box<FolderEntry>),
    Close(Vec<FolderId>),
    Marks(Vec<Window>),
    Sync(oneshot::Sender<Result<()>>),
}

/// What the ledger said of an item before, as far as counts need it.
pub(crate) struct Before {
    state: State,
    size: u64,
    kept: bool,
}

impl Before {
    pub fn of(entry: &Entry) -> Self {
        Self { state: entry.state, size: entry.size, kept: entry.target.is_some() }
    }

    pub fn is_placed(&self) -> bool {
        self.state == State::Placed
    }
}

/// Adds an item to its folder's counts, or takes it out.
pub(crate) fn count(folder: &mut FolderEntry, item: &Before, step: fn(u64, u64) -> u64) {
    match item.state {
        State::Owed => folder.owed = step(folder.owed, 1),
        State::Placed => {
            folder.placed = step(folder.placed, 1);
            folder.bytes = step(folder.bytes, item.size);
        }
        State::Skipped => folder.skipped = step(folder.skipped, 1),
        State::Gone if item.kept => folder.left = step(folder.left, 1),
        State::Gone => {}
    }
}

/// A handle to the writer. Dropping it stops the task; what was not synced may not be written.
pub(crate) struct Writer {
    words: mpsc::Sender<Word>,
    task: JoinHandle<()>,
    failed: Arc<OnceLock<Error>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Writer {
    pub fn start(sides: &Sides, terms: &Terms, cx: &Cx, folders: &[FolderEntry], pass: u32) -> Self {
        let (words, inbox) = mpsc::channel(4096);
        let failed = Arc::new(OnceLock::new());
        let folders = folders.iter().map(|f| (f.no, f.clone())).collect();
        let loop_ = Loop {
            sides: sides.clone(),
            terms: terms.clone(),
            cx: cx.clone(),
            inbox,
            failed: failed.clone(),
            pass,
            folders,
            dirty: BTreeSet::new(),
        };
        Self { words, task: tokio::spawn(loop_.run()), failed }
    }

    pub async fn entries(&self, entries: Vec<(Entry, Option<Before>)>) -> Result<()> {
        self.say(Word::Entries(entries)).await
    }

    pub async fn folder(&self, folder: FolderEntry) -> Result<()> {
        self.say(Word::Folder(Box::new(folder))).await
    }

    pub async fn close_windows(&self, folders: Vec<FolderId>) -> Result<()> {
        self.say(Word::Close(folders)).await
    }

    /// Marks that move up, behind everything said before.
    pub async fn raise_marks(&self, marks: Vec<Window>) -> Result<()> {
        self.say(Word::Marks(marks)).await
    }

    /// Returns when everything said before is in the ledger.
    pub async fn sync(&self) -> Result<()> {
        let (answer, done) = oneshot::channel();
        self.say(Word::Sync(answer)).await?;
        done.await.map_err(|_| stopped())?
    }

    async fn say(&self, word: Word) -> Result<()> {
        if let Some(error) = self.failed.get() {
            return Err(error.clone());
        }
        self.words.send(word).await.map_err(|_| stopped())
    }
}

fn stopped() -> Error {
    Error::bug("write ledger", "the ledger's writer has stopped")
}

struct Loop {
    sides: Sides,
    terms: Terms,
    cx: Cx,
    inbox: mpsc::Receiver<Word>,
    failed: Arc<OnceLock<Error>>,
    pass: u32,
    folders: BTreeMap<FolderNo, FolderEntry>,
    dirty: BTreeSet<FolderNo>,
}

impl Loop {
    async fn run(mut self) {
        let mut commit = Commit::default();
        let mut flush = false;
        let mut deadline = None;
        loop {
            let word = match (&mut deadline, self.terms.commit_after) {
                (Some(sleep), _) => {
                    let next = std::pin::pin!(self.inbox.recv());
                    match select(next, sleep).await {
                        Either::Left((word, _)) => Some(word),
                        Either::Right(_) => None,
                    }
                }
                (None, _) => Some(self.inbox.recv().await),
            };
            let mut answer = None;
            let full = match word {
                None => true,
                Some(None) => return,
                Some(Some(Word::Entries(entries))) => {
                    for (entry, before) in entries {
                        flush |= entry.state == State::Placed;
                        self.count(&entry, before);
                        commit.items.push(entry);
                    }
                    commit.items.len() >= self.terms.commit_items
                }
                Some(Some(Word::Folder(folder))) => {
                    self.replace(*folder);
                    false
                }
                Some(Some(Word::Close(folders))) => {
                    commit.close = folders;
                    false
                }
                Some(Some(Word::Marks(marks))) => {
                    commit.marks = marks;
                    false
                }
                Some(Some(Word::Sync(sender))) => {
                    answer = Some(sender);
                    true
                }
            };
            if full {
                deadline = None;
                self.write(std::mem::take(&mut commit), std::mem::take(&mut flush)).await;
                if let Some(answer) = answer {
                    drop(answer.send(self.failed.get().cloned().map_or(Ok(()), Err)));
                }
            } else if deadline.is_none()
                && let Some(after) = self.terms.commit_after
            {
                deadline = Some(self.cx.clock.sleep(after));
            }
        }
    }

    /// Keeps the counts of an entry's folder.
    fn count(&mut self, entry: &Entry, before: Option<Before>) {
        let Some(folder) = self.folders.get_mut(&entry.folder) else { return };
        if let Some(before) = before {
            count(folder, &before, u64::saturating_sub);
        }
        count(folder, &Before::of(entry), u64::saturating_add);
        if entry.state == State::Placed && entry.pass == self.pass {
            folder.placed_pass = self.pass;
        }
        self.dirty.insert(entry.folder);
    }

    /// Takes over everything but the counts.
    fn replace(&mut self, folder: FolderEntry) {
        self.dirty.insert(folder.no);
        let known = self.folders.entry(folder.no).or_insert_with(|| folder.clone());
        let FolderEntry { owed, placed, skipped, left, bytes, placed_pass, .. } = *known;
        *known = FolderEntry { owed, placed, skipped, left, bytes, placed_pass, ..folder };
    }

    async fn write(&mut self, mut commit: Commit, flush: bool) {
        let dirty = std::mem::take(&mut self.dirty);
        commit.folders = dirty.iter().filter_map(|no| self.folders.get(no).cloned()).collect();
        if self.failed.get().is_some() || commit == Commit::default() {
            return;
        }
        let flushed = if flush { self.sides.target.flush().await } else { Ok(()) };
        let written = match flushed {
            Ok(()) => self.sides.ledger.commit(self.terms.claim.lease, &commit).await,
            Err(e) => Err(e),
        };
        if let Err(error) = written {
            drop(self.failed.set(error));
        }
    }
}
