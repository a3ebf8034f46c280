//! An IMAP mailbox that is written: by APPEND, with flags and dates, and never more than was asked.
//!
//! Nothing is repeated here whose first try may have worked: what goes unanswered is `Unsure`.

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
    Error, Kind, Result, Scope,
    caps::{Fidelity, TargetCaps},
    folder::{Folder, FolderPath, FolderSpec, Namespace},
    id::{FolderId, Mark, TargetId},
    item::{Form, Trace},
    key::Digest,
    port::{Cx, Edit, Edited, Ensured, Outcome, Put, Setting, Target},
};
use mailferry_wire::imap::{AppendLimit, Capability, Flag};

use super::client::{
    directory::{Asker, Directories, extended},
    ids, look,
    open::Account,
    pool::Pool,
};

mod edit;
mod folders;
mod group;
mod put;
mod standing;

pub(in crate::imap) use group::appended;

/// Bytes of one group.
const GROUP_BYTES: u64 = 8 << 20;
/// Items of one group.
const GROUP_ITEMS: usize = 128;

/// A mailbox opened for writing.
pub struct ImapTarget {
    pool: Arc<Pool>,
    caps: TargetCaps,
    directories: Directories,
    separator: Option<u8>,
    /// Roles that a folder has already.
    roles: Mutex<Vec<mailferry_model::folder::Role>>,
    /// Where folders stood at the latest: everything sent from now on lies beyond.
    bases: Mutex<HashMap<FolderId, (u32, u32)>>,
    /// The flags that last, by folder, where they were told.
    permanent: Mutex<HashMap<FolderId, Vec<Flag>>>,
}

impl ImapTarget {
    /// Signs in and lists the folders once.
    ///
    /// # Errors
    /// What connecting, signing in or listing says.
    pub async fn open(cx: &Cx, account: Account) -> Result<Self> {
        let (pool, early) = Pool::open(cx, account, extended).await?;
        let directories = Directories::with_early(early);
        let directory = directories.peek(&pool).await?;
        let has_uids = pool.can(Capability::UidPlus);
        let caps = TargetCaps {
            forms: vec![Form::Mime],
            writers: pool.limit() as u16,
            group_items: GROUP_ITEMS,
            group_bytes: GROUP_BYTES,
            max_item: pool.caps.append_limit().and_then(|limit| match limit {
                AppendLimit::Octets(octets) => Some(octets),
                AppendLimit::PerMailbox => None,
            }),
            fidelity: Fidelity::Exact,
            markers: false,
            tells_ids: has_uids,
            removes: has_uids,
            moves: has_uids || pool.can(Capability::Move),
            separator: directory.separator.map(char::from),
            subscriptions: true,
            keywords: None,
        };
        let roles = directory.folders.iter().filter_map(|f| f.role).collect();
        Ok(Self {
            separator: directory.separator,
            pool,
            caps,
            directories,
            roles: Mutex::new(roles),
            bases: Mutex::default(),
            permanent: Mutex::default(),
        })
    }

    fn error(&self, kind: Kind, op: &'static str, text: impl Into<String>) -> Error {
        Error::new(kind, self.pool.cx.side, op, text)
    }

    /// Where a folder stood when this is called, or before.
    fn base(&self, folder: &FolderId) -> Option<(u32, u32)> {
        self.bases.lock().unwrap_or_else(PoisonError::into_inner).get(folder).copied()
    }

    /// Everything below this UID has been assigned.
    fn raise_base(&self, folder: &FolderId, uid_validity: u32, uid_next: u32) {
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        let base = bases.entry(folder.clone()).or_insert((uid_validity, uid_next));
        *base = match *base {
            (known, next) if known == uid_validity => (known, next.max(uid_next)),
            _ => (uid_validity, uid_next),
        };
    }

    fn note_permanent(&self, folder: &FolderId, permanent: Option<&Vec<Flag>>) {
        if let Some(flags) = permanent {
            let mut known = self.permanent.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(folder.clone(), flags.clone());
        }
    }
}

#[async_trait]
impl Target for ImapTarget {
    fn caps(&self) -> &TargetCaps {
        &self.caps
    }

    async fn folders(&self) -> Result<Vec<Folder>> {
        let directory = self.directories.get(&self.pool, Asker::Folders).await?;
        Ok(directory.folders.iter().filter(|f| f.namespace == Namespace::Personal).cloned().collect())
    }

    async fn ensure_folder(&self, spec: &FolderSpec) -> Result<Ensured> {
        self.create(spec).await
    }

    async fn rename_folder(&self, folder: &FolderId, to: &FolderPath) -> Result<FolderId> {
        self.rename(folder, to).await
    }

    async fn remove_folder(&self, folder: &FolderId) -> Result<()> {
        self.remove(folder).await
    }

    async fn marks(&self, folders: &[FolderId]) -> Result<Vec<Mark>> {
        if folders.len() > 1 {
            // Marks of many folders are read when they are about to be filled.
            self.pool.prepare();
        }
        self.pool.retried(|| self.read_marks(folders)).await
    }

    fn traces(&self, folder: &FolderId, beyond: Option<&Mark>) -> BoxStream<'_, Result<Trace<TargetId>>> {
        let (range, epoch) = match beyond.map(ids::mark_parts) {
            None => (look::Range::From(1), None),
            Some(Some((uid_validity, uid_next))) => (look::Range::From(uid_next), Some(uid_validity)),
            Some(None) => return stream::iter([Err(look::renumbered(&self.pool))]).boxed(),
        };
        let name = ids::folder_name(folder);
        let beyond_mark = beyond.is_some();
        let found = async move {
            let known = match beyond_mark {
                // What lies beyond a mark is rarely much.
                true => Some(0),
                false => self.directories.last().and_then(|d| d.state(&name)?.messages),
            };
            look::traces(self.pool.clone(), name, range, epoch, known)
        };
        let trace = |seen: look::Seen| Trace {
            id: ids::target_id(seen.uid_validity, seen.uid),
            marker: None,
            key: seen.key,
            size: seen.size,
            date: seen.date,
            flags: seen.flags,
            message_id: seen.message_id,
        };
        stream::once(found).flatten().map(move |seen| seen.map(trace)).boxed()
    }

    async fn digests(&self, folder: &FolderId, ids: &[TargetId]) -> Vec<Result<Digest>> {
        let parts: Vec<Option<(u32, u32)>> = ids.iter().map(ids::target_uid).collect();
        let epoch = parts.iter().flatten().next().map(|(uid_validity, _)| *uid_validity);
        let same = |part: &Option<(u32, u32)>| part.filter(|p| Some(p.0) == epoch).map(|p| p.1);
        let uids: Vec<Option<u32>> = parts.iter().map(same).collect();
        look::digests(&self.pool, &ids::folder_name(folder), epoch, &uids).await
    }

    async fn put(&self, folder: &FolderId, puts: Vec<Put>) -> Vec<Outcome> {
        self.put_all(folder, puts).await
    }

    async fn flush(&self) -> Result<()> {
        // RFC 9051 §6.3.12: OK to APPEND means that the message is in the mailbox.
        Ok(())
    }

    async fn edit(&self, folder: &FolderId, edits: Vec<Edit>) -> Vec<Result<Edited>> {
        self.edit_all(folder, edits).await
    }

    async fn apply(&self, settings: Vec<Setting>) -> Vec<Result<()>> {
        self.subscribe(settings).await
    }

    async fn close(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}

/// What cannot be answered otherwise.
fn no_outcome() -> Error {
    Error::bug("put", "an item was left without an outcome").scope_of(Scope::Mailbox)
}
