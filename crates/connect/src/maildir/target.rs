//! A Maildir that is written: through `tmp`, synced, renamed into `cur`. Marks are snapshots of the ids there.

use std::{
    collections::HashSet,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::Write,
    path::Path,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use mailferry_model::{
    Error, Kind, Result, Scope,
    caps::{Fidelity, TargetCaps},
    folder::{Folder, FolderPath, FolderSpec},
    id::{FolderId, Mark, TargetId},
    item::{Body, Chunks, Form, Item, Trace},
    key::Digest,
    port::{Cx, Edit, EditKind, Edited, Ensured, Outcome, Put, Setting, Target},
};

use super::client::{Mail, ShortId, Store, classify, of_item};
use crate::convert::digest;

/// Counts deliveries of this process, whatever their mailbox.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Tells this process from one with the same number on another machine.
static SALT: LazyLock<u32> = LazyLock::new(|| RandomState::new().hash_one(0_u8) as u32);

/// A Maildir opened for writing.
pub(super) struct MaildirTarget {
    cx: Cx,
    store: Store,
    caps: TargetCaps,
    /// Keyword files and subscriptions are read, changed and written by one at a time.
    writing: Mutex<()>,
}

impl MaildirTarget {
    pub fn of(cx: &Cx, store: Store) -> Self {
        let caps = TargetCaps {
            forms: vec![Form::Mime],
            writers: 2,
            group_items: 64,
            group_bytes: 8 << 20,
            max_item: None,
            fidelity: Fidelity::Exact,
            markers: false,
            tells_ids: true,
            removes: true,
            moves: true,
            separator: Some('.'),
            subscriptions: true,
            keywords: None,
        };
        Self { cx: cx.clone(), store, caps, writing: Mutex::new(()) }
    }

    fn error(&self, kind: Kind, op: &'static str, text: &str) -> Error {
        Error::new(kind, self.store.side, op, text)
    }

    async fn place(&self, folder: &FolderId, put: Put) -> Outcome {
        let placed = match put {
            Put::Item(item) => self.write(folder, item).await,
            Put::Move { from, id } => self.rename(&from, &id, folder),
        };
        match placed {
            Ok(id) => Outcome::Placed(Some(id)),
            // Renaming into `cur` is the last step: before it nothing is there.
            Err(error) => Outcome::Refused(error),
        }
    }

    async fn write(&self, folder: &FolderId, item: Item) -> Result<TargetId> {
        let failed = |e| classify(self.store.side, "append", e);
        let dir = self.store.dir(folder)?;
        let now = self.cx.clock.now();
        let (second, micro) = (now.as_second(), now.subsec_microsecond());
        let (process, serial) = (std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
        let unique = format!("{second}.M{micro:06}P{process}Q{serial}R{:08x}.mailferry", *SALT);
        let temporary = dir.join("tmp").join(&unique);
        let written = self.fill(&temporary, item.body).await;
        let (size, wide) = match written {
            Ok(sizes) => sizes,
            Err(error) => {
                _ = fs::remove_file(&temporary);
                return Err(error);
            }
        };
        let base = format!("{unique},S={size},W={wide}");
        let letters = {
            let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            self.store.letters(&dir, &item.flags).map_err(failed)?
        };
        if let Some(date) = item.date {
            let time = UNIX_EPOCH + Duration::from_secs(date.seconds.max(0) as u64);
            File::options()
                .write(true)
                .open(&temporary)
                .and_then(|f| f.set_modified(time))
                .map_err(failed)?;
        }
        fs::rename(&temporary, dir.join("cur").join(format!("{base}:2,{letters}"))).map_err(failed)?;
        sync_dir(&dir.join("cur")).map_err(failed)?;
        Ok(TargetId::from_bytes(base))
    }

    /// Writes a body; its size on disk and with every LF as CRLF, which is what `S=` and `W=` promise.
    async fn fill(&self, path: &Path, body: Body) -> Result<(u64, u64)> {
        let failed = |e| classify(self.store.side, "append", e);
        let mut file = File::create_new(path).map_err(failed)?;
        let size = body.size();
        let mut pieces = match body {
            Body::Bytes(chunks) => stream::iter(chunks.into_pieces().into_iter().map(Ok)).boxed(),
            Body::Stream { pieces, .. } => pieces,
        };
        let (mut written, mut bare, mut last) = (0, 0, 0);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            written += piece.len() as u64;
            for byte in &piece[..] {
                bare += u64::from(*byte == b'\n' && last != b'\r');
                last = *byte;
            }
            file.write_all(&piece).map_err(failed)?;
            self.cx.meter.moved(self.store.side, piece.len() as u64);
        }
        if written != size {
            let error = self.error(Kind::Conflict, "append", "the body is not as long as announced");
            return Err(error.scope_of(Scope::Item).retry_of(mailferry_model::Retry::Soon));
        }
        file.sync_all().map_err(failed)?;
        Ok((size, size + bare))
    }

    fn rename(&self, from: &FolderId, id: &TargetId, to: &FolderId) -> Result<TargetId> {
        let failed = |e| classify(self.store.side, "move", e);
        let (mails, from_dir, dir) = (self.store.list(from)?, self.store.dir(from)?, self.store.dir(to)?);
        let mail =
            mails.get(&text(id)).ok_or_else(|| self.error(Kind::NotFound, "move", "the item is gone"))?;
        let flags = mail.flags(&self.store.keywords(&from_dir));
        let letters = {
            let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            self.store.letters(&dir, &flags).map_err(failed)?
        };
        fs::rename(mail.path(), dir.join("cur").join(format!("{}:2,{letters}", mail.base())))
            .map_err(failed)?;
        Ok(id.clone())
    }

    fn change(&self, dir: &Path, mail: &Mail, kind: &EditKind) -> Result<Edited> {
        let failed = |e| classify(self.store.side, "change flags", e);
        match kind {
            EditKind::Remove => fs::remove_file(mail.path()).map(|()| Edited::Whole).map_err(failed),
            EditKind::Flags(difference) => {
                let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
                let flags = mail.flags(&self.store.keywords(dir)).apply(difference);
                let letters = self.store.letters(dir, &flags).map_err(failed)?;
                let new = dir.join("cur").join(format!("{}:2,{letters}", mail.base()));
                fs::rename(mail.path(), new).map_err(failed)?;
                // Keywords have the small letters.
                let taken = letters.chars().filter(char::is_ascii_lowercase).count();
                Ok(if taken < flags.keywords().len() { Edited::WithoutKeywords } else { Edited::Whole })
            }
        }
    }
}

/// A mark names all that is there, each by what its id is remembered by, behind a byte that no name begins with.
fn mark(there: Vec<ShortId>) -> Mark {
    let mut bytes = vec![0];
    bytes.extend(there.iter().flatten());
    Mark::from_bytes(bytes)
}

/// What was there when a mark was made.
#[derive(Default)]
struct There {
    short: HashSet<ShortId>,
    /// Of marks as they once were: a line for each id.
    whole: HashSet<String>,
}

impl There {
    fn of(mark: &Mark) -> Self {
        match mark.as_bytes() {
            [0, ids @ ..] => {
                let short = ids.chunks_exact(16).filter_map(|id| id.try_into().ok()).collect();
                Self { short, ..Self::default() }
            }
            lines => {
                let whole = String::from_utf8_lossy(lines).lines().map(str::to_owned).collect();
                Self { whole, ..Self::default() }
            }
        }
    }

    fn holds(&self, mail: &Mail) -> bool {
        self.short.contains(&mail.short_id()) || self.whole.contains(&*mail.base())
    }
}

fn text(id: &TargetId) -> String {
    String::from_utf8_lossy(id.as_bytes()).into_owned()
}

fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

#[async_trait]
impl Target for MaildirTarget {
    fn caps(&self) -> &TargetCaps {
        &self.caps
    }

    async fn folders(&self) -> Result<Vec<Folder>> {
        self.store.folders()
    }

    async fn ensure_folder(&self, spec: &FolderSpec) -> Result<Ensured> {
        let id = self.store.id(&spec.path)?;
        if self.store.dir(&id).is_ok() {
            return Ok(Ensured { id, created: false });
        }
        let dir = self.store.root.join(text(&TargetId::from_bytes(id.as_bytes())));
        let failed = |e| classify(self.store.side, "create folder", e).scope_of(Scope::Folder);
        self.store.make(&dir).map_err(failed)?;
        File::create(dir.join("maildirfolder")).map_err(failed)?;
        Ok(Ensured { id, created: true })
    }

    async fn rename_folder(&self, folder: &FolderId, to: &FolderPath) -> Result<FolderId> {
        let (id, failed) =
            (self.store.id(to)?, |e| classify(self.store.side, "rename folder", e).scope_of(Scope::Folder));
        let (old, new) = (String::from_utf8_lossy(folder.as_bytes()), String::from_utf8_lossy(id.as_bytes()));
        if self.store.dir(folder).is_err() && self.store.dir(&id).is_ok() {
            return Ok(id);
        }
        if old.is_empty() || self.store.dir(&id).is_ok() {
            return Err(self.error(Kind::AlreadyExists, "rename folder", "the new name is taken"));
        }
        for listed in self.store.folders()? {
            let name = String::from_utf8_lossy(listed.id.as_bytes()).into_owned();
            let Some(rest) = name.strip_prefix(&*old).filter(|r| r.is_empty() || r.starts_with('.')) else {
                continue;
            };
            fs::rename(self.store.root.join(&name), self.store.root.join(format!("{new}{rest}")))
                .map_err(failed)?;
        }
        Ok(id)
    }

    async fn remove_folder(&self, folder: &FolderId) -> Result<()> {
        let Ok(dir) = self.store.dir(folder) else { return Ok(()) };
        if folder.as_bytes().is_empty() || !self.store.list(folder)?.mails().is_empty() {
            return Err(self.error(Kind::Conflict, "remove folder", "the folder holds items"));
        }
        fs::remove_dir_all(dir)
            .map_err(|e| classify(self.store.side, "remove folder", e).scope_of(Scope::Folder))
    }

    async fn marks(&self, folders: &[FolderId]) -> Result<Vec<Mark>> {
        let mut marks = Vec::with_capacity(folders.len());
        for folder in folders {
            marks.push(mark(self.store.short_ids(folder)?));
        }
        Ok(marks)
    }

    fn traces(&self, folder: &FolderId, beyond: Option<&Mark>) -> BoxStream<'_, Result<Trace<TargetId>>> {
        let (mails, keywords) = match self.store.list(folder).and_then(|m| Ok((m, self.store.dir(folder)?))) {
            Ok((mails, dir)) => (mails, self.store.keywords(&dir)),
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let side = self.store.side;
        let there = beyond.map(There::of).unwrap_or_default();
        stream::iter(mails.into_mails().filter(move |m| !there.holds(m)))
            .filter_map(move |mail| {
                let trace = mail.look(side).map(|(key, message_id, size)| {
                    let flags = mail.flags(&keywords);
                    let id = TargetId::from_bytes(mail.base().as_bytes());
                    Ok(Trace { id, marker: None, key, size, date: mail.date(), flags, message_id })
                });
                async { trace }
            })
            .boxed()
    }

    async fn digests(&self, folder: &FolderId, ids: &[TargetId]) -> Vec<Result<Digest>> {
        let mails = match self.store.list(folder) {
            Ok(mails) => mails,
            Err(error) => return ids.iter().map(|_| Err(error.clone())).collect(),
        };
        let one = |id: &TargetId| {
            let mail =
                mails.get(&text(id)).ok_or_else(|| self.error(Kind::NotFound, "read", "the item is gone"))?;
            let bytes = mail.read().map_err(|e| of_item(classify(self.store.side, "read", e)))?;
            Ok(digest(&Chunks::from(bytes::Bytes::from(bytes))))
        };
        ids.iter().map(one).collect()
    }

    async fn put(&self, folder: &FolderId, puts: Vec<Put>) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(puts.len());
        for put in puts {
            outcomes.push(self.place(folder, put).await);
        }
        outcomes
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn edit(&self, folder: &FolderId, edits: Vec<Edit>) -> Vec<Result<Edited>> {
        let found = self.store.list(folder).and_then(|mails| Ok((mails, self.store.dir(folder)?)));
        let (mut mails, dir) = match found {
            Ok(found) => found,
            Err(error) => return edits.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut answers = Vec::with_capacity(edits.len());
        for edit in edits {
            let answer = match mails.get(&text(&edit.id)) {
                Some(mail) => self.change(&dir, mail, &edit.kind),
                None => Ok(Edited::NotThere),
            };
            if let Ok(now) = self.store.list(folder) {
                mails = now;
            }
            answers.push(answer);
        }
        answers
    }

    async fn apply(&self, settings: Vec<Setting>) -> Vec<Result<()>> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.store.root.join("subscriptions");
        let known = fs::read_to_string(&path).unwrap_or_default();
        let mut known: Vec<String> = known.lines().map(str::to_owned).collect();
        for Setting::Subscription { folder, on } in &settings {
            let name = String::from_utf8_lossy(folder.as_bytes()).trim_start_matches('.').to_owned();
            let name = if name.is_empty() { "INBOX".to_owned() } else { name };
            known.retain(|k| *k != name);
            if *on {
                known.push(name);
            }
        }
        let written = fs::write(&path, known.iter().map(|k| format!("{k}\n")).collect::<String>());
        let answer = written.map_err(|e| classify(self.store.side, "subscribe", e));
        settings.iter().map(|_| answer.clone()).collect()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
