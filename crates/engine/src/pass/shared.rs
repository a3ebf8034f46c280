//! What all tasks of one pass share: sides, terms, folders as they stand, windows, the writer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mailferry_model::{
    Error, Kind, Result, Side,
    cancel::Cancel,
    flags::Flags,
    folder::Folder,
    id::{FolderId, Mark, TargetId},
    item::{Stub, Trace},
    key::HeaderKey,
    ledger::{Entry, FolderEntry, FolderNo, Head, State, Window},
    port::Cx,
    report::Named,
};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    early::Early,
    reading::Readings,
    rising::Rising,
    terms::{Deeds, Progress, Sides, Terms},
    writer::{Before, Writer, count},
};
use crate::seeded::Bug;

/// An item that has to be put.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    pub folder: FolderNo,
    pub stub: Stub,
    /// What the ledger knew of it; mostly nothing.
    pub entry: Option<Box<Entry>>,
}

impl Owed {
    /// The ledger's entry for it, as owed.
    pub fn as_entry(&self) -> Entry {
        self.clone().into_entry()
    }

    /// The same, of an item that nobody needs any more.
    pub fn into_entry(self) -> Entry {
        let Self { folder, stub, entry } = self;
        entry.map_or_else(|| fresh(folder, stub), |entry| *entry)
    }

    /// The flags that it was sent with, if it was.
    pub fn sent_flags(&self) -> &Flags {
        let sent = self.entry.as_deref().filter(|entry| entry.unanswered > 0);
        sent.map_or(&self.stub.flags, |entry| &entry.flags)
    }

    pub fn from_entry(entry: &Entry) -> Self {
        let stub = Stub {
            id: entry.id.clone(),
            size: entry.size,
            date: entry.date,
            flags: entry.flags.clone(),
            identity: None,
        };
        Self { folder: entry.folder, stub, entry: Some(Box::new(entry.clone())) }
    }
}

/// What is written of an item that the ledger does not know yet.
fn fresh(folder: FolderNo, stub: Stub) -> Entry {
    Entry {
        folder,
        id: stub.id,
        state: State::Owed,
        target: None,
        key: Default::default(),
        digest: None,
        size: stub.size,
        date: stub.date,
        flags: stub.flags,
        seen: false,
        unanswered: 0,
        pass: 0,
        tries: 0,
        repair: None,
        reason: None,
    }
}

/// A folder that could not be read in this pass.
pub(crate) struct Paused {
    /// Which.
    pub no: FolderNo,
    /// Why.
    pub error: Error,
    /// How many items its listing named; 0 where it named none.
    pub items: u64,
}

pub(crate) struct Shared {
    pub sides: Sides,
    pub terms: Terms,
    pub cx: Cx,
    pub writer: Writer,
    /// The number of this pass.
    pub pass: u32,
    /// Folders as they stand, committed with what changes them.
    folders: Mutex<BTreeMap<FolderNo, FolderEntry>>,
    /// Puts whose outcome nobody knows, and when the last of them was sent.
    pub doubts: Mutex<Vec<Owed>>,
    pub last_doubt: Mutex<Option<std::time::Duration>>,
    /// The longest that an answer to a put took in this pass.
    slowest: Mutex<std::time::Duration>,
    /// Windows that are open: target folder and mark.
    pub windows: Mutex<HashMap<FolderId, Mark>>,
    opened: OnceCell<()>,
    /// How many items target folders held when they were last verified, of those that this pass puts into.
    noted: Mutex<HashMap<FolderNo, u64>>,
    /// Puts under way, and when marks move up.
    pub rising: Rising,
    /// Every target folder that there is.
    pub target_folders: Vec<FolderId>,
    /// Target ids that the ledger knows, by target folder; loaded where something has to be settled.
    pub claimed: Mutex<HashMap<FolderId, HashSet<TargetId>>>,
    /// What was in a folder at first contact and is no item of ours as far as is known, by target folder.
    pub strays: Mutex<HashMap<FolderId, Vec<Trace<TargetId>>>>,
    pub deeds: Mutex<Deeds>,
    /// What was read ahead, by source folder.
    pub early: Mutex<HashMap<FolderId, Early>>,
    /// Folders whose ledger was written to.
    pub touched: Mutex<BTreeSet<FolderNo>>,
    /// Whether each target folder was subscribed to when the pass began.
    pub target_subscriptions: Vec<(FolderId, Option<bool>)>,
    /// Folders that could not be read, and why: left for the next pass, and reported.
    pub paused: Mutex<Vec<Paused>>,
    /// Copies whose items are gone from the source and that their users have changed: reported.
    pub kept: Mutex<Vec<Named>>,
    /// When verifying without a pass: folders that live another life at the target than the ledger knows.
    pub anew: HashSet<FolderNo>,
    /// Items without a keyword that was carried in this pass and that the target does not take.
    pub lacking: Mutex<Vec<Entry>>,
    /// Something was placed under an id that nobody knows yet.
    nameless: AtomicBool,
    /// Windows are open that an earlier pass left, and not all that it may have put was looked for.
    unsettled: AtomicBool,
    /// Whether an earlier pass left windows open.
    inherits: bool,
    /// A settling of this pass has begun and not ended: what it decides on is in nobody's list meanwhile.
    deciding: AtomicBool,
    /// The source told nothing of something that may lie at the target: it could not be looked for.
    untold: AtomicBool,
    /// Folders that the ledger knows and this pass has nothing to do with: what lies there is claimed all the same.
    pub left_out: Vec<FolderEntry>,
    /// What settling found at the target in this pass, by header key and size.
    found: Mutex<HashMap<(HeaderKey, u64), Vec<Entry>>>,
    /// What was read to its end.
    pub readings: Readings,
    /// One folder is read on each connection of the source; others wait with their lists read, or drain their puts.
    pub reading: Arc<Semaphore>,
    /// One body of a mailbox is streamed at a time. Two on connections that both share with others could each wait
    /// for what stands behind the other.
    pub streaming: Arc<Semaphore>,
    /// Stops reading after an error that reaches the whole mailbox.
    pub halt: Cancel,
    /// Stops puts too: the target failed. What a failed source gave before is still put.
    pub target_failed: Cancel,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    #[expect(
        clippy::too_many_arguments,
        reason = "made in one place, from what the first steps of a pass found"
    )]
    pub fn new(
        sides: Sides,
        terms: Terms,
        cx: Cx,
        writer: Writer,
        pass: u32,
        folders: Vec<FolderEntry>,
        head: &Head,
        listed: &[Folder],
        anew: HashSet<FolderNo>,
    ) -> Arc<Self> {
        let readers = usize::from(sides.source.caps().connections.max(1));
        let windows = &head.windows;
        let left_out = head.left_out(&folders).cloned().collect();
        Arc::new(Self {
            reading: Arc::new(Semaphore::new(readers)),
            streaming: Arc::new(Semaphore::new(1)),
            sides,
            terms,
            cx,
            writer,
            pass,
            folders: Mutex::new(folders.into_iter().map(|f| (f.no, f)).collect()),
            left_out,
            unsettled: AtomicBool::new(!windows.is_empty()),
            inherits: !windows.is_empty(),
            deciding: AtomicBool::new(false),
            untold: AtomicBool::new(false),
            doubts: Mutex::default(),
            last_doubt: Mutex::default(),
            slowest: Mutex::default(),
            windows: Mutex::new(windows.iter().map(|w| (w.folder.clone(), w.mark.clone())).collect()),
            opened: OnceCell::new(),
            noted: Mutex::default(),
            rising: Rising::of(windows),
            target_folders: listed.iter().filter(|f| f.selectable).map(|f| f.id.clone()).collect(),
            target_subscriptions: listed.iter().map(|f| (f.id.clone(), f.subscribed)).collect(),
            touched: Mutex::default(),
            paused: Mutex::default(),
            kept: Mutex::default(),
            anew,
            lacking: Mutex::default(),
            nameless: AtomicBool::new(false),
            found: Mutex::default(),
            readings: Readings::default(),
            claimed: Mutex::default(),
            strays: Mutex::default(),
            deeds: Mutex::default(),
            early: Mutex::default(),
            halt: Cancel::default(),
            target_failed: Cancel::default(),
        })
    }

    /// A folder as it stands.
    pub fn folder(&self, no: FolderNo) -> Result<FolderEntry> {
        locked(&self.folders)
            .get(&no)
            .cloned()
            .ok_or_else(|| Error::bug("look up folder", "unknown folder number"))
    }

    /// The target folder of a folder.
    pub fn target_of(&self, no: FolderNo) -> Result<FolderId> {
        self.folder(no)?.target.ok_or_else(|| Error::bug("look up folder", "no target folder"))
    }

    /// All folders as they stand.
    pub fn all_folders(&self) -> Vec<FolderEntry> {
        locked(&self.folders).values().cloned().collect()
    }

    /// The same, and those that this pass leaves out.
    pub fn known_folders(&self) -> Vec<FolderEntry> {
        self.all_folders().into_iter().chain(self.left_out.iter().cloned()).collect()
    }

    /// What the ledger knows of a folder's items; what was recorded and not synced may be missing.
    pub async fn entries(&self, no: FolderNo) -> Result<Vec<Entry>> {
        self.sides.ledger.read(self.terms.claim.mailbox(), no).await
    }

    /// Changes a folder; written with the next commit after everything recorded before.
    pub async fn change_folder(&self, no: FolderNo, change: impl FnOnce(&mut FolderEntry)) -> Result<()> {
        if self.terms.dry_run {
            return Ok(());
        }
        let changed = {
            let mut folders = locked(&self.folders);
            let Some(folder) = folders.get_mut(&no) else { return Ok(()) };
            change(folder);
            folder.clone()
        };
        self.writer.folder(changed).await
    }

    /// What is put into this folder from here on is not verified until the pass ends: should it not come so far, the
    /// next one reads the whole target folder.
    pub async fn unverified(&self, no: FolderNo) -> Result<()> {
        let Some(items) = self.folder(no)?.target_items else { return Ok(()) };
        locked(&self.noted).insert(no, items);
        self.change_folder(no, |f| f.target_items = None).await
    }

    /// How many items a target folder held when it was last verified; nothing if something was wrong then.
    pub fn noted(&self, folder: &FolderEntry) -> Option<u64> {
        folder.target_items.or_else(|| locked(&self.noted).get(&folder.no).copied())
    }

    /// Records an entry; `before` is what the ledger said of the item.
    pub async fn record(&self, entry: Entry, before: Option<&Entry>) -> Result<()> {
        self.record_all(vec![(entry, before.map(Before::of))]).await
    }

    /// Records entries that only make sense together: all in one commit.
    pub async fn record_all(&self, entries: Vec<(Entry, Option<Before>)>) -> Result<()> {
        if self.terms.dry_run {
            return Ok(());
        }
        self.keep_counts(&entries);
        self.writer.entries(entries).await
    }

    /// Keeps the counts, the claims and what people watch.
    fn keep_counts(&self, entries: &[(Entry, Option<Before>)]) {
        let mut folders = locked(&self.folders);
        let mut touched = None;
        for (entry, before) in entries {
            if touched.replace(entry.folder) != Some(entry.folder) {
                locked(&self.touched).insert(entry.folder);
            }
            self.watch(entry, before.as_ref());
            let Some(folder) = folders.get_mut(&entry.folder) else { continue };
            if let Some(before) = before {
                count(folder, before, u64::saturating_sub);
            }
            count(folder, &Before::of(entry), u64::saturating_add);
            if entry.state == State::Placed && entry.pass == self.pass {
                folder.placed_pass = self.pass;
            }
            if let (Some(target), Some(place)) = (&entry.target, &folder.target)
                && let Some(set) = locked(&self.claimed).get_mut(place)
            {
                set.insert(target.clone());
            }
        }
    }

    /// Keeps what people watch, and whether ids are missing.
    fn watch(&self, entry: &Entry, before: Option<&Before>) {
        if entry.is_nameless() {
            self.nameless.store(true, Ordering::SeqCst);
        }
        let was_placed = before.is_some_and(Before::is_placed);
        match entry.state {
            State::Placed if !was_placed => {
                Progress::add(&self.terms.progress.placed, 1);
                Progress::add(&self.terms.progress.bytes, entry.size);
            }
            State::Skipped => Progress::add(&self.terms.progress.skipped, 1),
            State::Owed if was_placed => {
                Progress::take(&self.terms.progress.placed, 1);
                Progress::take(&self.terms.progress.bytes, entry.size);
            }
            _ => {}
        }
    }

    /// Opens the windows of all target folders, once, before the first put.
    pub async fn ensure_windows(&self) -> Result<()> {
        self.opened
            .get_or_try_init(|| async {
                if Bug::WindowAfterPut.is_on() {
                    return Ok(());
                }
                // What was found there is in the ledger before a mark declares it older than us.
                self.writer.sync().await?;
                let open: HashSet<FolderId> = locked(&self.windows).keys().cloned().collect();
                // What is not there any more has no mark, and nothing is put into it.
                let all: BTreeSet<&FolderId> = self.target_folders.iter().collect();
                let closed: Vec<FolderId> = all.into_iter().filter(|f| !open.contains(f)).cloned().collect();
                let marks = self.sides.target.marks(&closed).await?;
                let windows: Vec<Window> =
                    closed.into_iter().zip(marks).map(|(folder, mark)| Window { folder, mark }).collect();
                self.sides.ledger.open(self.terms.claim.lease, &windows).await?;
                locked(&self.windows).extend(windows.into_iter().map(|w| (w.folder, w.mark)));
                let first = locked(&self.windows).clone();
                for folder in self.all_folders() {
                    if let (None, Some(mark)) =
                        (&folder.first, folder.target.as_ref().and_then(|t| first.get(t)))
                    {
                        self.change_folder(folder.no, |f| f.first = Some(mark.clone())).await?;
                    }
                }
                Ok::<(), Error>(())
            })
            .await
            .copied()
    }

    /// Whether a put may be sent now.
    pub fn may_put(&self) -> Result<()> {
        self.cx.cancel.check()?;
        self.target_failed.check()?;
        if (self.terms.lease_left)() < self.cx.put_timeout {
            let lost = "the lease on this mailbox is running out; another worker may take over";
            return Err(
                Error::new(Kind::Conflict, Side::Us, "put", lost).scope_of(mailferry_model::Scope::Mailbox)
            );
        }
        Ok(())
    }

    /// Settling found this at the target.
    pub fn find(&self, entry: &Entry) {
        locked(&self.found).entry((entry.key, entry.size)).or_default().push(entry.clone());
    }

    /// Whether settling found anything.
    pub fn has_found_any(&self) -> bool {
        !locked(&self.found).is_empty()
    }

    /// Whether settling found something equal that [`take_found`](Self::take_found) has not given.
    pub fn has_found(&self, entry: &Entry) -> bool {
        locked(&self.found).get(&(entry.key, entry.size)).is_some_and(|found| !found.is_empty())
    }

    /// Something equal that settling found: it may be the very copy of this entry, moved by us before the process
    /// ended. Each is given once.
    pub fn take_found(&self, entry: &Entry) -> Option<Entry> {
        locked(&self.found).get_mut(&(entry.key, entry.size))?.pop()
    }

    /// Whether every placed item's id is known, so that windows may close without a look.
    pub fn all_ids_known(&self) -> bool {
        !self.nameless.load(Ordering::SeqCst)
    }

    /// Whether something that an earlier pass may have put has not been looked for yet.
    pub fn is_unsettled(&self) -> bool {
        self.unsettled.load(Ordering::SeqCst) || self.untold.load(Ordering::SeqCst)
    }

    /// The source tells nothing of something that is in doubt: its windows stay open, and a later pass looks for it.
    pub fn leave_untold(&self) {
        self.untold.store(true, Ordering::SeqCst);
    }

    /// The source does not give something that an earlier pass may have put: the same.
    pub fn leave_unread(&self) {
        if self.inherits {
            self.leave_untold();
        }
    }

    /// Whether nothing that this pass sent is in doubt.
    pub fn is_clean(&self) -> bool {
        locked(&self.doubts).is_empty() && !self.deciding.load(Ordering::SeqCst) && self.all_ids_known()
    }

    /// Takes the doubts to decide on them; they stay doubts until [`Self::decided`].
    pub fn decide(&self) -> Vec<Owed> {
        self.deciding.store(true, Ordering::SeqCst);
        std::mem::take(&mut *locked(&self.doubts))
    }

    /// What was taken to be decided on is settled.
    pub fn decided(&self) {
        self.deciding.store(false, Ordering::SeqCst);
    }

    /// All that earlier passes may have put was looked for, and what was found is in the ledger.
    pub fn settled(&self) {
        self.unsettled.store(false, Ordering::SeqCst);
    }

    /// Nothing is in doubt any more. What earlier passes left in doubt and this one did not look for keeps its windows:
    /// a filter may leave it out, or its folder could not be read.
    pub async fn close_windows(&self) -> Result<()> {
        if self.is_unsettled() {
            return Ok(());
        }
        let open: Vec<FolderId> = locked(&self.windows).drain().map(|(f, _)| f).collect();
        if open.is_empty() {
            return Ok(());
        }
        self.writer.close_windows(open).await?;
        self.writer.sync().await
    }

    /// How far apart two looks are that settle a doubt: longer where the target is slow, because what it has not
    /// answered may land as late as four of its slowest puts.
    pub fn grace(&self) -> std::time::Duration {
        let slow = (*locked(&self.slowest) * 4).min(self.cx.put_timeout);
        self.terms.grace.max(slow)
    }

    /// A put that began then was answered now.
    pub fn answered(&self, began: std::time::Duration) {
        let took = self.cx.clock.elapsed().saturating_sub(began);
        let mut slowest = locked(&self.slowest);
        *slowest = took.max(*slowest);
    }

    pub fn add_doubt(&self, owed: Owed) {
        locked(&self.doubts).push(owed);
        *locked(&self.last_doubt) = Some(self.cx.clock.elapsed());
    }
}
