//! The ledger's writer: one task that commits outcomes together, so that puts never wait for the store.
//!
//! Everything recorded before something else is in the same commit or an earlier one. `Placed` is written
//! only after the target's `flush`.

use std::sync::{Arc, OnceLock};

use futures_util::future::{Either, select};
use mailferry_model::{
    Error, Result,
    id::FolderId,
    ledger::{Commit, Entry, FolderEntry, State},
    port::Cx,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::terms::{Sides, Terms};

enum Word {
    Entry(Box<Entry>),
    Folder(Box<FolderEntry>),
    Close(Vec<FolderId>),
    Sync(oneshot::Sender<Result<()>>),
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
    pub fn start(sides: &Sides, terms: &Terms, cx: &Cx) -> Self {
        let (words, inbox) = mpsc::channel(4096);
        let failed = Arc::new(OnceLock::new());
        let loop_ = Loop {
            sides: sides.clone(),
            terms: terms.clone(),
            cx: cx.clone(),
            inbox,
            failed: failed.clone(),
        };
        Self { words, task: tokio::spawn(loop_.run()), failed }
    }

    pub async fn entry(&self, entry: Entry) -> Result<()> {
        self.say(Word::Entry(Box::new(entry))).await
    }

    pub async fn folder(&self, folder: FolderEntry) -> Result<()> {
        self.say(Word::Folder(Box::new(folder))).await
    }

    pub async fn close_windows(&self, folders: Vec<FolderId>) -> Result<()> {
        self.say(Word::Close(folders)).await
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
                Some(Some(Word::Entry(entry))) => {
                    flush |= entry.state == State::Placed;
                    commit.items.push(*entry);
                    commit.items.len() >= self.terms.commit_items
                }
                Some(Some(Word::Folder(folder))) => {
                    commit.folders.retain(|f| f.no != folder.no);
                    commit.folders.push(*folder);
                    false
                }
                Some(Some(Word::Close(folders))) => {
                    commit.close = folders;
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

    async fn write(&mut self, commit: Commit, flush: bool) {
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
