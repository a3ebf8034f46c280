//! A Maildir that is read: every pass lists the directory; file names tell flags and sizes.

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

use super::client::{Mail, Store, classify, of_item};
use crate::convert::{digest, key};

/// A Maildir opened for reading.
pub(super) struct MaildirSource {
    cx: Cx,
    store: Store,
    caps: SourceCaps,
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
        Self { cx: cx.clone(), store, caps }
    }

    fn gone(&self) -> Error {
        Error::new(Kind::NotFound, self.store.side, "read", "the item is gone")
    }

    fn read(&self, mail: Option<&Mail>) -> Result<Chunks> {
        let mail = mail.ok_or_else(|| self.gone())?;
        let bytes = mail.read().map_err(|e| classify(self.store.side, "read", e))?;
        Ok(Chunks::from(bytes::Bytes::from(bytes)))
    }

    fn item(&self, stub: Stub, mail: Option<&Mail>) -> Fetched {
        let id = stub.id.clone();
        let item = self.read(mail).map(|body| {
            self.cx.meter.moved(self.store.side, body.len());
            let (key, message_id) = key(&body.to_bytes());
            let digest = ItemDigest::Known(digest(&body));
            let size = body.len();
            let body = match size > Body::IN_MEMORY {
                true => Body::Stream { size, pieces: stream::iter(cut(body)).boxed() },
                false => Body::Bytes(body),
            };
            Item {
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
    ItemId::from_bytes(&mail.base)
}

fn base(id: &ItemId) -> String {
    String::from_utf8_lossy(id.as_bytes()).into_owned()
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
            for mail in mails.values() {
                names.update(format!("{}:{}\r\n", mail.base, mail.letters).as_bytes());
            }
            state.push((folder.id, Fingerprint::from_bytes(names.finish())));
        }
        Ok(state)
    }

    async fn changes(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page> {
        let keywords = self.store.keywords(&self.store.dir(folder)?);
        let change = |mail: &Mail| {
            Change::Upsert(Stub {
                id: item_id(mail),
                size: mail.size(),
                date: mail.date(),
                flags: mail.flags(&keywords),
                identity: None,
            })
        };
        let changes = self.store.list(folder)?.values().map(change).collect();
        let next = cursor.cloned().unwrap_or_else(|| Cursor::from_bytes("1"));
        Ok(Page { changes, next, more: false, listing: true })
    }

    fn fetch(&self, folder: &FolderId, stubs: Vec<Stub>, _: Form) -> BoxStream<'_, Fetched> {
        let mails = match self.store.list(folder) {
            Ok(mails) => mails,
            Err(error) => {
                return stream::iter(stubs.into_iter().map(move |s| (s.id, Err(error.clone())))).boxed();
            }
        };
        stream::iter(stubs)
            .map(move |stub| {
                let mail = mails.get(&base(&stub.id));
                let (id, item) = self.item(stub, mail);
                (id, item.map_err(of_item))
            })
            .boxed()
    }

    fn traces(&self, folder: &FolderId, only: Option<&[ItemId]>) -> BoxStream<'_, Result<Trace<ItemId>>> {
        let (mails, keywords) = match self.store.list(folder).and_then(|m| Ok((m, self.store.dir(folder)?))) {
            Ok((mails, dir)) => (mails, self.store.keywords(&dir)),
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let side = self.store.side;
        let wanted: Option<Vec<String>> = only.map(|ids| ids.iter().map(base).collect());
        let mails = mails.into_values().filter(move |m| wanted.as_ref().is_none_or(|w| w.contains(&m.base)));
        stream::iter(mails)
            .filter_map(move |mail| {
                let trace = mail.look(side).map(|(key, message_id, size)| {
                    let flags = mail.flags(&keywords);
                    Ok(Trace {
                        id: item_id(&mail),
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
        let mails = match self.store.list(folder) {
            Ok(mails) => mails,
            Err(error) => return ids.iter().map(|_| Err(error.clone())).collect(),
        };
        ids.iter()
            .map(|id| self.read(mails.get(&base(id))).map(|body| digest(&body)).map_err(of_item))
            .collect()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
