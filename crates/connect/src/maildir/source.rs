//! A Maildir that is read: every pass lists the directory; file names tell flags and sizes.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_model::{
    Error, Kind, Result,
    caps::SourceCaps,
    folder::Folder,
    id::{Cursor, Fingerprint, FolderId, ItemId},
    item::{Body, Change, Chunks, Form, Item, ItemDigest, Page, Stub, Trace},
    key::Digest,
    port::{Cx, Fetched, Source},
};

use super::client::{Listing, Mail, Store, classify, of_item};
use crate::convert::{digest, key};

/// Messages that a page names.
const PAGE: usize = 4_096;

/// A Maildir opened for reading.
pub(super) struct MaildirSource {
    cx: Cx,
    store: Store,
    caps: SourceCaps,
    /// The listings that are handed out page by page.
    runs: Mutex<HashMap<FolderId, Run>>,
    /// How many began.
    begun: AtomicU64,
    /// What was listed last, to find files by.
    last: Mutex<Vec<(FolderId, Arc<Listing>)>>,
}

/// A listing of which some pages are still to come.
#[derive(Clone)]
struct Run {
    number: u64,
    at: usize,
    all: Arc<Listing>,
}

impl Run {
    /// Where it goes on. Another session knows nothing of it and begins anew: what a page named is named again.
    fn cursor(&self) -> Cursor {
        Cursor::from_bytes(format!("1 {} {}", self.number, self.at))
    }
}

/// Finds the files of a folder without listing it for each.
struct Files<'a> {
    source: &'a MaildirSource,
    folder: FolderId,
    all: Option<Arc<Listing>>,
    is_fresh: bool,
}

impl Files<'_> {
    /// What is in a file. One that is not where it was is looked for once more: with its flags its name changes.
    fn body(&mut self, id: &ItemId) -> Result<Chunks> {
        if let Some(all) = &self.all {
            match self.source.read(all.get(id.as_bytes())) {
                Err(e) if e.kind() == Kind::NotFound && !self.is_fresh => {}
                other => return other,
            }
        }
        let all = self.source.list(&self.folder)?;
        let body = self.source.read(all.get(id.as_bytes()));
        (self.all, self.is_fresh) = (Some(all), true);
        body
    }
}

/// The place where the next pass begins: at the beginning.
fn over() -> Cursor {
    Cursor::from_bytes("1")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MaildirSource {
    pub fn of(cx: &Cx, store: Store) -> Self {
        let caps = SourceCaps {
            forms: vec![Form::Mime],
            connections: 2,
            fingerprints_flags: true,
            tells_removals: false,
            subscriptions: true,
        };
        let (runs, begun, last) = (Mutex::default(), AtomicU64::default(), Mutex::default());
        Self { cx: cx.clone(), store, caps, runs, begun, last }
    }

    /// The listing of a folder, afresh.
    fn list(&self, folder: &FolderId) -> Result<Arc<Listing>> {
        let all = Arc::new(self.store.list(folder)?);
        let mut last = locked(&self.last);
        last.retain(|(id, _)| id != folder);
        last.insert(0, (folder.clone(), all.clone()));
        last.truncate(usize::from(self.caps.connections));
        Ok(all)
    }

    /// The files of a folder, as they were listed last.
    fn files(&self, folder: &FolderId) -> Files<'_> {
        let all = locked(&self.last).iter().find(|(id, _)| id == folder).map(|(_, all)| all.clone());
        Files { source: self, folder: folder.clone(), all, is_fresh: false }
    }

    /// The run that this cursor goes on with, or one that begins.
    fn run(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Run> {
        let known = locked(&self.runs).remove(folder);
        match known.filter(|run| Some(&run.cursor()) == cursor) {
            Some(run) => Ok(run),
            None => {
                let number = self.begun.fetch_add(1, Ordering::SeqCst);
                let all = self.list(folder)?;
                for name in &all.ignored {
                    tracing::warn!(name = %name.display(), "neither a file nor a link: ignored");
                }
                Ok(Run { number, at: 0, all })
            }
        }
    }

    fn gone(&self) -> Error {
        Error::new(Kind::NotFound, self.store.side, "read", "the item is gone")
    }

    fn read(&self, mail: Option<&Mail>) -> Result<Chunks> {
        let mail = mail.ok_or_else(|| self.gone())?;
        let bytes = mail.read().map_err(|e| of_item(classify(self.store.side, "read", e)))?;
        Ok(Chunks::from(bytes::Bytes::from(bytes)))
    }

    fn item(&self, files: &mut Files<'_>, stub: Stub) -> Fetched {
        let id = stub.id.clone();
        let item = files.body(&id).map(|body| {
            self.cx.meter.moved(self.store.side, body.len());
            let (key, message_id) = key(&body.to_bytes());
            let digest = ItemDigest::Known(digest(&body));
            let size = body.len();
            let body = match size > Body::IN_MEMORY {
                true => Body::Stream { size, pieces: stream::iter(cut(body)).boxed() },
                false => Body::Bytes(body),
            };
            Item {
                short_of: None,
                id: stub.id,
                form: Form::Mime,
                key,
                message_id,
                date: stub.date,
                flags: stub.flags,
                body,
                digest,
            }
        });
        (id, item)
    }
}

fn cut(body: Chunks) -> Vec<Result<bytes::Bytes>> {
    let whole = body.to_bytes();
    (0..whole.len()).step_by(1 << 18).map(|at| Ok(whole.slice(at..whole.len().min(at + (1 << 18))))).collect()
}

fn item_id(mail: &Mail) -> ItemId {
    ItemId::from_bytes(mail.id())
}

#[async_trait]
impl Source for MaildirSource {
    fn caps(&self) -> &SourceCaps {
        &self.caps
    }

    async fn folders(&self) -> Result<Vec<Folder>> {
        self.store.folders()
    }

    async fn state(&self, _: &[FolderId]) -> Result<Vec<(FolderId, Fingerprint)>> {
        let mut state = Vec::new();
        for folder in self.store.folders()? {
            // What cannot be listed has no state: it is read, and its error told, like what has changed.
            let Ok(mails) = self.store.list(&folder.id) else { continue };
            // The names hold ids and flags: equal names mean that nothing changed.
            let mut names = mailferry_codec::mime::Digester::default();
            for mail in mails.mails() {
                names.update(&mail.id());
                names.update(format!(":{}\r\n", mail.letters()).as_bytes());
            }
            state.push((folder.id, Fingerprint::from_bytes(names.finish())));
        }
        Ok(state)
    }

    async fn changes(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page> {
        let keywords = self.store.keywords_of(folder)?;
        let change = |mail: &Mail| {
            Change::Upsert(Stub {
                id: item_id(mail),
                size: mail.size(),
                date: mail.date(),
                flags: mail.flags(&keywords),
                identity: None,
            })
        };
        let mut run = self.run(folder, cursor)?;
        let rest = &run.all.mails()[run.at..];
        let changes: Vec<Change> = rest.iter().take(PAGE).map(change).collect();
        run.at += changes.len();
        if rest.len() <= PAGE {
            return Ok(Page { changes, next: over(), more: false, listing: true });
        }
        let next = run.cursor();
        locked(&self.runs).insert(folder.clone(), run);
        Ok(Page { changes, next, more: true, listing: true })
    }

    fn fetch(&self, folder: &FolderId, stubs: Vec<Stub>, _: Form) -> BoxStream<'_, Fetched> {
        let mut files = self.files(folder);
        stream::iter(stubs).map(move |stub| self.item(&mut files, stub)).boxed()
    }

    fn traces(&self, folder: &FolderId, only: Option<&[ItemId]>) -> BoxStream<'_, Result<Trace<ItemId>>> {
        let (all, keywords) =
            match self.list(folder).and_then(|all| Ok((all, self.store.keywords_of(folder)?))) {
                Ok(found) => found,
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
        let side = self.store.side;
        let wanted: Option<HashSet<ItemId>> = only.map(|ids| ids.iter().cloned().collect());
        stream::iter(0..all.mails().len())
            .filter_map(move |at| {
                let mail = &all.mails()[at];
                let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted.contains(&item_id(mail)));
                let trace = is_wanted.then(|| mail.look(side)).flatten().map(|(key, message_id, size)| {
                    let flags = mail.flags(&keywords);
                    Ok(Trace {
                        id: item_id(mail),
                        marker: None,
                        key,
                        size,
                        date: mail.date(),
                        flags,
                        message_id,
                    })
                });
                async { trace }
            })
            .boxed()
    }

    async fn digests(&self, folder: &FolderId, ids: &[ItemId]) -> Vec<Result<Digest>> {
        let mut files = self.files(folder);
        ids.iter().map(|id| files.body(id).map(|body| digest(&body))).collect()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
