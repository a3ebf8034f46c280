//! Reads what changed in a folder and says what it means: owed, flags, gone. Decides nothing about the target.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use mailferry_model::{
    Error, Kind, Result,
    flags::Flags,
    id::{Cursor, Fingerprint, ItemId},
    item::{Change, Page, Stub},
    ledger::{Entry, FolderEntry, FolderNo, State},
};

use super::{
    early,
    known::Known,
    owed::OwedItems,
    reading::persist,
    shared::{Owed, Shared},
    terms::Progress,
};

/// What changed in one folder.
pub(super) struct Gathered {
    pub folder: FolderNo,
    /// What the ledger knew of the folder's items: of all while it is read, then of those that changed.
    pub known: Known,
    /// To be put.
    pub owed: OwedItems,
    /// Flags at the source that differ from the ledger's.
    pub flags: HashMap<ItemId, Flags>,
    /// No longer at the source.
    pub gone: HashSet<ItemId>,
    /// Where the next pass goes on.
    pub cursor: Option<Cursor>,
    /// Read before the listing.
    pub fingerprint: Option<Fingerprint>,
    /// All ids are new ones.
    pub renumbered: bool,
    mentioned: Mentioned,
    /// What this pass takes of what the ledger does not know, where it may take only so much of each folder.
    chosen: HashSet<ItemId>,
    /// At most so many of those.
    room: usize,
}

/// Ids that a listing named, eight bytes each: there may be very many. Two that are taken for one, which hardly ever
/// happens and never twice, keep a removal waiting until the next pass.
#[derive(Default)]
struct Mentioned {
    hashes: HashSet<u64>,
    by: RandomState,
}

impl Mentioned {
    fn insert(&mut self, id: &ItemId) {
        self.hashes.insert(self.by.hash_one(id));
    }

    fn contains(&self, id: &ItemId) -> bool {
        self.hashes.contains(&self.by.hash_one(id))
    }
}

impl Gathered {
    /// Starts from what the ledger knows.
    pub async fn begin(
        shared: &Shared,
        folder: &FolderEntry,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Self> {
        let known = known(shared, folder).await?;
        let there = known.values().filter(|e| e.state != State::Gone).count();
        let mut gathered = Self {
            folder: folder.no,
            room: shared.terms.options.filter.room(there),
            known,
            owed: OwedItems::default(),
            flags: HashMap::new(),
            gone: HashSet::new(),
            cursor: folder.cursor.clone(),
            fingerprint,
            renumbered: false,
            mentioned: Mentioned::default(),
            chosen: HashSet::new(),
        };
        let filter = shared.terms.options.filter.item_hash();
        // A pass that died may have had another filter, and put what is older than the cursor.
        if folder.filter != filter || shared.is_unsettled() {
            gathered.cursor = None;
        }
        let open = |e: &&Entry| match e.state {
            State::Owed => true,
            State::Skipped => shared.terms.retry_skipped,
            State::Placed | State::Gone => false,
        };
        let mut owed: Vec<&Entry> = gathered.known.values().filter(open).collect();
        owed.sort_by(|a, b| a.id.cmp(&b.id));
        let owed: Vec<Owed> = owed.into_iter().map(Owed::from_entry).collect();
        for item in owed {
            gathered.owed.insert(item);
        }
        Ok(gathered)
    }

    /// Reads all pages there are.
    pub async fn read_all(&mut self, shared: &Shared, folder: &FolderEntry) -> Result<()> {
        while self.read_page(shared, folder).await? {}
        Ok(())
    }

    /// Reads all pages there are once more, after [`forget`](Self::forget).
    pub async fn read_again(&mut self, shared: &Shared, folder: &FolderEntry) -> Result<()> {
        self.known = known(shared, folder).await?;
        self.read_all(shared, folder).await?;
        self.forget();
        Ok(())
    }

    /// Forgets what did not change: a mailbox may have more items than there is memory.
    pub fn forget(&mut self) {
        let (gone, flags) = (&self.gone, &self.flags);
        self.known.keep(|e| e.state == State::Gone || gone.contains(&e.id) || flags.contains_key(&e.id));
    }

    /// Reads the next page; whether more follow at once.
    pub async fn read_page(&mut self, shared: &Shared, folder: &FolderEntry) -> Result<bool> {
        shared.cx.cancel.check()?;
        let from = |cursor: Option<Cursor>| async move {
            persist(shared, || shared.sides.source.changes(&folder.source, cursor.as_ref())).await
        };
        let early = self.cursor.is_none().then(|| early::page(shared, &folder.source)).flatten();
        let first = match early {
            Some(Err(e)) if e.kind() == Kind::Unreachable => from(self.cursor.clone()).await,
            Some(page) => page,
            None => from(self.cursor.clone()).await,
        };
        let page = match first {
            Err(e) if e.kind() == Kind::CursorExpired && self.cursor.is_some() => {
                self.renumber();
                from(None).await
            }
            other => other,
        }?;
        Ok(self.take(shared, page))
    }

    /// The folder was numbered anew: it is listed from nothing, and what the listing does not name is gone
    /// unless it is found again under its new id.
    fn renumber(&mut self) {
        self.renumbered = true;
        self.cursor = None;
        self.owed.take();
        self.flags.clear();
        self.mentioned = Mentioned::default();
        self.gone.clear();
    }

    fn take(&mut self, shared: &Shared, page: Page) -> bool {
        let listing = page.listing;
        if self.known.is_empty() {
            self.owed.reserve(page.changes.len());
        }
        for change in page.changes {
            match change {
                Change::Upsert(stub) => self.upsert(shared, stub),
                Change::Flags(id, flags) => {
                    self.mention(&id);
                    self.set_flags(id, flags);
                }
                Change::Stays(id) => self.mention(&id),
                Change::Gone(id) => self.lose(id),
            }
        }
        self.cursor = Some(page.next);
        if !page.more && listing {
            let there = |e: &&Entry| e.state != State::Gone && !self.mentioned.contains(&e.id);
            let unnamed: Vec<ItemId> = self.known.values().filter(there).map(|e| e.id.clone()).collect();
            unnamed.into_iter().for_each(|id| self.lose(id));
        }
        if !page.more {
            self.mentioned = Mentioned::default();
        }
        page.more
    }

    fn upsert(&mut self, shared: &Shared, stub: Stub) {
        self.mention(&stub.id);
        let known = self.known.get(&stub.id);
        match known.map(|e| e.state) {
            Some(State::Placed) => self.set_flags(stub.id, stub.flags),
            Some(State::Skipped) if !shared.terms.retry_skipped => {}
            Some(State::Owed | State::Skipped) => {
                let entry = known.cloned().map(Box::new);
                self.owed.insert(Owed { folder: self.folder, stub, entry });
            }
            Some(State::Gone) | None => {
                let (size, wanted) = (stub.size, self.choose(shared, &stub));
                // What an earlier pass may have put is looked for, whatever this one shall carry.
                let looked_for = wanted || shared.is_unsettled();
                if looked_for && self.owed.insert(Owed { folder: self.folder, stub, entry: None }) && wanted {
                    Progress::add(&shared.terms.progress.identified, 1);
                    Progress::add(&shared.terms.progress.bytes_identified, size);
                }
            }
        }
    }

    /// Whether an item that the ledger does not know shall move.
    fn choose(&mut self, shared: &Shared, stub: &Stub) -> bool {
        let filter = &shared.terms.options.filter;
        // Without such a bound nothing need be remembered.
        if filter.per_folder.is_some() && filter.item(stub) && self.chosen.len() < self.room {
            self.chosen.insert(stub.id.clone());
        }
        self.wants(shared, stub)
    }

    /// Whether an item of its listing shall move, as it was chosen.
    pub fn wants(&self, shared: &Shared, stub: &Stub) -> bool {
        let filter = &shared.terms.options.filter;
        filter.item(stub) && (filter.per_folder.is_none() || self.chosen.contains(&stub.id))
    }

    fn mention(&mut self, id: &ItemId) {
        // Only what is known can be missed in a listing.
        if !self.known.is_empty() {
            self.mentioned.insert(id);
        }
        self.gone.remove(id);
    }

    fn set_flags(&mut self, id: ItemId, flags: Flags) {
        if let Some(owed) = self.owed.get_mut(&id) {
            owed.stub.flags = flags;
        } else if let Some(entry) = self.known.get(&id).filter(|e| e.state == State::Placed) {
            if entry.flags == flags {
                self.flags.remove(&id);
            } else {
                self.flags.insert(id, flags);
            }
        }
    }

    fn lose(&mut self, id: ItemId) {
        self.owed.remove(&id);
        self.flags.remove(&id);
        if self.known.get(&id).is_some_and(|e| e.state != State::Gone) {
            self.gone.insert(id);
        }
    }

    /// What is owed, in the order of the listing.
    pub fn take_owed(&mut self) -> Vec<Owed> {
        self.owed.take()
    }
}

/// What the ledger knows of a folder's items.
async fn known(shared: &Shared, folder: &FolderEntry) -> Result<Known> {
    Ok(Known::of(match folder.placed + folder.owed + folder.skipped + folder.left {
        0 => Vec::new(),
        _ => shared.entries(folder.no).await?,
    }))
}

/// A folder that has vanished in the middle of a pass is left for the next one.
pub(super) fn is_gone(error: &Error) -> bool {
    error.kind() == Kind::NotFound && error.scope() == mailferry_model::Scope::Folder
}
