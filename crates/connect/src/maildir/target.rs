//! A Maildir that is written: through `tmp`, synced, renamed into `cur`. Marks are snapshots of the ids there.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    hash::{BuildHasher, RandomState},
    io::Write,
    os::unix::ffi::OsStrExt,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
    item::{Body, Chunks, Date, Form, Item, Trace},
    key::Digest,
    port::{Cx, Edit, EditKind, Edited, Ensured, Outcome, Put, Setting, Target},
};

use super::client::{Dir, Mail, ShortId, Store, classify, make_parts, of_item, set_written};
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
        let (tmp, cur) = (dir.make("tmp").map_err(failed)?, dir.sub("cur").map_err(failed)?);
        let unique = self.unique();
        let written = self.fill(&tmp, &unique, item.body, item.date).await;
        let written = written.and_then(|(size, wide)| {
            let base = format!("{unique},S={size},W={wide}");
            let letters = {
                let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
                self.store.letters(&dir, &item.flags).map_err(failed)?
            };
            tmp.rename(&unique, &cur, format!("{base}:2,{letters}")).map_err(failed)?;
            Ok(base)
        });
        let base = written.inspect_err(|_| _ = tmp.remove(&unique))?;
        cur.sync().map_err(failed)?;
        Ok(TargetId::from_bytes(base))
    }

    /// A name that no other file has.
    fn unique(&self) -> String {
        let now = self.cx.clock.now();
        let (second, micro) = (now.as_second(), now.subsec_microsecond());
        let (process, serial) = (std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
        format!("{second}.M{micro:06}P{process}Q{serial}R{:08x}.mailferry", *SALT)
    }

    /// Writes a body; its size on disk and with every LF as CRLF, which is what `S=` and `W=` promise.
    async fn fill(&self, tmp: &Dir, name: &str, body: Body, date: Option<Date>) -> Result<(u64, u64)> {
        let failed = |e| classify(self.store.side, "append", e);
        let mut file = tmp.create(name).map_err(failed)?;
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
        if let Some(date) = date {
            set_written(&file, date.seconds).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        Ok((size, size + bare))
    }

    /// Moves a message. Where the folder has its unique name already it gets another one: nothing is overwritten.
    fn rename(&self, from: &FolderId, id: &TargetId, to: &FolderId) -> Result<TargetId> {
        let failed = |e| classify(self.store.side, "move", e);
        let (mails, keywords, dir) =
            (self.store.list(from)?, self.store.keywords_of(from)?, self.store.dir(to)?);
        let mail =
            mails.get(id.as_bytes()).ok_or_else(|| self.error(Kind::NotFound, "move", "the item is gone"))?;
        let mut base = mail.base().to_vec();
        if mail.is_twin() || self.store.list(to)?.has_base(&base) {
            let sizes = base.iter().position(|byte| *byte == b',').unwrap_or(base.len());
            base = [self.unique().as_bytes(), &base[sizes..]].concat();
        }
        let letters = {
            let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            self.store.letters(&dir, &mail.flags(&keywords)).map_err(failed)?
        };
        mail.rename(&dir.sub("cur").map_err(failed)?, &base, &letters).map_err(failed)?;
        Ok(TargetId::from_bytes(base))
    }

    fn change(&self, dir: &Dir, mail: &Mail, kind: &EditKind) -> Result<Edited> {
        let failed = |e| classify(self.store.side, "change flags", e);
        match kind {
            EditKind::Remove => mail.remove().map(|()| Edited::Whole).map_err(failed),
            EditKind::Flags(difference) => {
                let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
                let flags = mail.flags(&self.store.keywords(dir)).apply(difference);
                let letters = self.store.letters(dir, &flags).map_err(failed)?;
                let cur = dir.sub("cur").map_err(failed)?;
                mail.rename(&cur, mail.base(), &letters).map_err(failed)?;
                let known = self.store.keywords(dir);
                let lacks = |keyword: &str| !known.iter().any(|k| k.eq_ignore_ascii_case(keyword));
                let lacking: Vec<_> = flags.keywords().iter().filter(|k| lacks(k)).cloned().collect();
                Ok(if lacking.is_empty() { Edited::Whole } else { Edited::WithoutKeywords(lacking) })
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
        self.short.contains(&mail.short_id()) || self.whole.contains(&*String::from_utf8_lossy(mail.base()))
    }
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
        let root = self.store.ensure_root()?;
        if id.as_bytes().is_empty() {
            return Ok(Ensured { id, created: true });
        }
        let failed = |e| classify(self.store.side, "create folder", e).scope_of(Scope::Folder);
        let dir = root.make(OsStr::from_bytes(id.as_bytes())).map_err(failed)?;
        make_parts(&dir).map_err(failed)?;
        match dir.create("maildirfolder") {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
            _ => {}
        }
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
        if self.store.dir(folder).is_err() {
            return Ok(());
        }
        if folder.as_bytes().is_empty() || !self.store.list(folder)?.mails().is_empty() {
            return Err(self.error(Kind::Conflict, "remove folder", "the folder holds items"));
        }
        fs::remove_dir_all(self.store.root.join(OsStr::from_bytes(folder.as_bytes())))
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
        let (mails, keywords) =
            match self.store.list(folder).and_then(|m| Ok((m, self.store.keywords_of(folder)?))) {
                Ok(found) => found,
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
        let side = self.store.side;
        let there = beyond.map(There::of).unwrap_or_default();
        stream::iter(mails.into_mails().filter(move |m| !there.holds(m)))
            .filter_map(move |mail| {
                let trace = mail.look(side).map(|(key, message_id, size)| {
                    let flags = mail.flags(&keywords);
                    let id = TargetId::from_bytes(mail.id());
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
            let mail = mails
                .get(id.as_bytes())
                .ok_or_else(|| self.error(Kind::NotFound, "read", "the item is gone"))?;
            let bytes = mail.read().map_err(|e| of_item(classify(self.store.side, "read", e)))?;
            Ok(digest(&Chunks::from(bytes::Bytes::from(bytes))))
        };
        ids.iter().map(one).collect()
    }

    async fn put(&self, folder: &FolderId, puts: Vec<Put>) -> Vec<Outcome> {
        if folder.as_bytes().is_empty()
            && let Err(error) = self.store.ensure_root()
        {
            return puts.iter().map(|_| Outcome::Refused(error.clone())).collect();
        }
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
            let answer = match mails.get(edit.id.as_bytes()) {
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
        let root = match self.store.ensure_root() {
            Ok(root) => root,
            Err(error) => return settings.iter().map(|_| Err(error.clone())).collect(),
        };
        let known = root.read_text("subscriptions");
        let mut known: Vec<String> = known.lines().map(str::to_owned).collect();
        for Setting::Subscription { folder, on } in &settings {
            let name = String::from_utf8_lossy(folder.as_bytes()).trim_start_matches('.').to_owned();
            let name = if name.is_empty() { "INBOX".to_owned() } else { name };
            known.retain(|k| *k != name);
            if *on {
                known.push(name);
            }
        }
        let text: String = known.iter().map(|k| format!("{k}\n")).collect();
        let written = root.make("tmp").and_then(|tmp| root.replace("subscriptions", &text, &tmp));
        let answer = written.map_err(|e| classify(self.store.side, "subscribe", e));
        settings.iter().map(|_| answer.clone()).collect()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
