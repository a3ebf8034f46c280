//! An IMAP mailbox that is read: opened with EXAMINE, bodies with PEEK, nothing is ever written.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_model::{
    Result,
    caps::SourceCaps,
    folder::{Folder, Namespace},
    id::{Cursor, Fingerprint, FolderId, ItemId},
    item::{Form, Page, Stub, Trace},
    key::Digest,
    port::{Cx, Fetched, Source},
};
use mailferry_wire::imap::{Capability, UidSet};

use super::client::{
    directory::{Asker, Directories, extended},
    ids, look,
    open::Account,
    pool::Pool,
};

mod changes;
mod facts;
mod fetch;
mod short;

/// A mailbox opened for reading.
pub struct ImapSource {
    pool: Arc<Pool>,
    caps: SourceCaps,
    directories: Directories,
    /// UIDVALIDITY of folders as their changes were read: ids mean nothing under another.
    epochs: Mutex<HashMap<FolderId, u32>>,
    /// First listings in progress.
    runs: Mutex<HashMap<FolderId, changes::Run>>,
}

impl ImapSource {
    /// Signs in.
    ///
    /// # Errors
    /// What connecting or signing in says.
    pub async fn open(cx: &Cx, account: Account) -> Result<Self> {
        let (pool, early) = Pool::open(cx, account, extended).await?;
        let caps = SourceCaps {
            forms: vec![Form::Mime],
            connections: pool.limit() as u16,
            fingerprints_flags: pool.can(Capability::CondStore),
            tells_removals: pool.can(Capability::QResync),
            subscriptions: true,
        };
        let (epochs, runs) = (Mutex::default(), Mutex::default());
        Ok(Self { pool, caps, directories: Directories::with_early(early), epochs, runs })
    }

    fn epoch(&self, folder: &FolderId) -> Option<u32> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner).get(folder).copied()
    }

    fn set_epoch(&self, folder: &FolderId, uid_validity: u32) {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.clone(), uid_validity);
    }
}

#[async_trait]
impl Source for ImapSource {
    fn caps(&self) -> &SourceCaps {
        &self.caps
    }

    async fn folders(&self) -> Result<Vec<Folder>> {
        Ok(self.directories.get(&self.pool, Asker::Folders).await?.folders.clone())
    }

    async fn state(&self, also: &[FolderId]) -> Result<Vec<(FolderId, Fingerprint)>> {
        let directory = self.directories.get(&self.pool, Asker::States).await?;
        let asked = directory
            .folders
            .iter()
            .filter(|f| f.selectable && (f.namespace == Namespace::Personal || also.contains(&f.id)));
        Ok(asked
            .filter_map(|f| {
                let status = directory.state(&ids::folder_name(&f.id))?;
                Some((f.id.clone(), ids::fingerprint(status)?))
            })
            .collect())
    }

    async fn changes(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page> {
        self.pool.retried(|| self.read_changes(folder, cursor)).await
    }

    fn fetch(&self, folder: &FolderId, stubs: Vec<Stub>, _: Form) -> BoxStream<'_, Fetched> {
        fetch::fetch(&self.pool, folder, self.epoch(folder), stubs)
    }

    fn traces(&self, folder: &FolderId, only: Option<&[ItemId]>) -> BoxStream<'_, Result<Trace<ItemId>>> {
        let range = match only {
            None => look::Range::From(1),
            Some([]) => return stream::empty().boxed(),
            Some(ids) => look::Range::Only(uids_of(ids, self.epoch(folder)).flatten().collect::<UidSet>()),
        };
        let (name, epoch) = (ids::folder_name(folder), self.epoch(folder));
        let found = async move {
            let hint = self.directories.last();
            let items = hint.and_then(|d| d.state(&name)?.messages);
            look::traces(self.pool.clone(), name, range, epoch, items)
        };
        let trace = |seen: look::Seen| Trace {
            id: ids::item_id(seen.uid_validity, seen.uid),
            marker: None,
            key: seen.key,
            size: seen.size,
            date: seen.date,
            flags: seen.flags,
            message_id: seen.message_id,
        };
        stream::once(found).flatten().map(move |seen| seen.map(trace)).boxed()
    }

    async fn digests(&self, folder: &FolderId, ids: &[ItemId]) -> Vec<Result<Digest>> {
        let uids: Vec<Option<u32>> = uids_of(ids, self.epoch(folder)).collect();
        look::digests(&self.pool, &ids::folder_name(folder), self.epoch(folder), &uids).await
    }

    async fn close(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}

/// The UIDs of items; none for one of another life of the folder.
fn uids_of(ids: &[ItemId], epoch: Option<u32>) -> impl Iterator<Item = Option<u32>> {
    let here = move |uid_validity: &u32| epoch.is_none_or(|epoch| epoch == *uid_validity);
    ids.iter().map(move |id| ids::item_uid(id).filter(|(validity, _)| here(validity)).map(|(_, uid)| uid))
}
