//! The ledger of one mailbox: what is owed, placed, skipped or gone, and which windows are open.
//!
//! Shapes only. The engine decides, the store keeps (design: Exactly once). Item: `owed → placed | skipped |
//! gone`. Doubt is not a state but a *window*: a mark of a target folder stored before the first put.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{
    flags::Flags,
    folder::{Folder, FolderPath},
    id::{Cursor, Fingerprint, FolderId, ItemId, MailboxId, Mark, TargetId},
    item::Date,
    key::{Digest, HeaderKey},
};

/// The number of a source folder within its ledger: stays through renames, is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderNo(pub u32);

/// The right to write one mailbox's ledger: every write carries it, and a stale one is refused with
/// [`crate::Kind::Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose ledger.
    pub mailbox: MailboxId,
    /// Grows with each holder.
    pub epoch: u64,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// At the source, not known to be at the target; tried `tries` times.
    Owed,
    /// At the target.
    Placed,
    /// Cannot move; the reason is recorded.
    Skipped,
    /// No longer at the source. Remembered while its copy is still at the target (`target` is known).
    Gone,
}

/// Why an item was skipped or is still owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Catalogue code, such as `TARGET_MALFORMED`.
    pub code: Box<str>,
    /// The other side's words or ours.
    pub text: Box<str>,
    /// Message-ID, so that people can find it.
    pub message_id: Option<Box<str>>,
}

/// What is known of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its folder.
    pub folder: FolderNo,
    /// Its id at the source.
    pub id: ItemId,
    /// What became of it.
    pub state: State,
    /// Its id at the target; `None` where the target did not tell (yet).
    pub target: Option<TargetId>,
    /// Header key of what was sent.
    pub key: HeaderKey,
    /// Digest of what was sent; `None` where it was never read to the end.
    pub digest: Option<Digest>,
    /// Bytes sent.
    pub size: u64,
    /// When it arrived at the source.
    pub date: Option<Date>,
    /// The source's flags as last carried over: the base of the three-way merge.
    pub flags: Flags,
    /// A trace saw it at the target after its put: from then on only a user can have changed it.
    pub seen: bool,
    /// How often a put of it went unanswered: an extra copy may be ours, at most so many.
    pub unanswered: u8,
    /// The pass in which it was placed.
    pub pass: u32,
    /// How often it was tried and refused.
    pub tries: u8,
    /// The repairs under which it was accepted, where some were needed.
    pub repair: Option<Repairs>,
    /// Why it is skipped or still owed.
    pub reason: Option<Box<Reason>>,
}

impl Entry {
    /// Whether it was placed under an id that nobody knows, and has not been seen there.
    pub fn is_nameless(&self) -> bool {
        self.state == State::Placed && self.target.is_none() && !self.seen
    }
}

/// A named change to a body without which a target refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Repair {
    /// NUL bytes become spaces.
    Nul,
    /// Bare LF and bare CR become CRLF.
    BareLf,
    /// 8-bit bytes in the head become `?`… written as an encoded word where that is possible.
    EightBitHeader,
    /// A line in the head that is no header becomes an `X-Invalid-Header`.
    NoHeaderLine,
}

/// The repairs of one body: mostly one; several where the target refuses what one alone makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repairs(u8);

impl Repairs {
    /// This one alone.
    pub fn of(repair: Repair) -> Self {
        Self(1 << repair as u8)
    }

    /// This one too.
    #[must_use]
    pub fn with(self, repair: Repair) -> Self {
        Self(self.0 | 1 << repair as u8)
    }

    /// Each of them, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Repair> {
        Repair::ALL.into_iter().filter(move |repair| self.0 & (1 << *repair as u8) != 0)
    }

    /// As bits, for packing.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From bits, if they mean any, and only repairs that are known.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits != 0 && bits >> Repair::ALL.len() == 0).then_some(Self(bits))
    }
}

impl Repair {
    /// All of them. Their order is that of the bits in [`Repairs`]: it never changes.
    pub const ALL: [Self; 4] = [Self::Nul, Self::BareLf, Self::EightBitHeader, Self::NoHeaderLine];
}

/// What is known of one source folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEntry {
    /// Its number in this ledger.
    pub no: FolderNo,
    /// Its id at the source.
    pub source: FolderId,
    /// Where people saw it at the source.
    pub source_path: FolderPath,
    /// Identity that survives a rename, where the source has one.
    pub identity: Option<Box<str>>,
    /// The source folder's epoch when it was last listed.
    pub epoch: Option<Box<str>>,
    /// The target folder, once ensured.
    pub target: Option<FolderId>,
    /// Where people see it at the target.
    pub target_path: FolderPath,
    /// The target folder's epoch: another one means that all target ids are void.
    pub target_epoch: Option<Box<str>>,
    /// Items in the target folder when it was last verified.
    pub target_items: Option<u64>,
    /// Where the target folder stood before we first put anything: what lies before is not ours.
    pub first: Option<Mark>,
    /// Why it is called differently there, if it is.
    pub renamed: Option<Box<str>>,
    /// Read before the last complete listing.
    pub fingerprint: Option<Fingerprint>,
    /// Where the list of changes was left.
    pub cursor: Option<Cursor>,
    /// Hash of the filter under which it was listed: another one lists anew.
    pub filter: u64,
    /// Items still owed: while there are any, the folder is never skipped.
    pub owed: u64,
    /// Items placed.
    pub placed: u64,
    /// Items skipped.
    pub skipped: u64,
    /// Items gone from the source whose copies are still at the target.
    pub left: u64,
    /// Bytes placed.
    pub bytes: u64,
    /// The last pass in which something was placed.
    pub placed_pass: u32,
    /// Whether the folder is gone from the source.
    pub gone: bool,
    /// Why the target did not make the folder, if the last pass left it out for that; or why it put off renaming it.
    pub unmade: Option<Box<Reason>>,
    /// Whether its owner was subscribed to it at the source when that was last carried; `None`: it never was.
    pub subscribed: Option<bool>,
    /// The first pass that left it out since it was last read, where one did.
    pub unread_since: Option<u32>,
}

impl FolderEntry {
    /// A folder that was listed for the first time, and where it shall be at the target.
    pub fn listed(no: FolderNo, folder: &Folder, wanted: &FolderPath) -> Self {
        Self {
            no,
            source: folder.id.clone(),
            source_path: folder.path.clone(),
            identity: folder.identity.clone(),
            epoch: folder.epoch.clone(),
            target: None,
            target_path: wanted.clone(),
            target_epoch: None,
            target_items: None,
            first: None,
            renamed: None,
            fingerprint: None,
            cursor: None,
            filter: 0,
            owed: 0,
            placed: 0,
            skipped: 0,
            left: 0,
            bytes: 0,
            placed_pass: 0,
            gone: false,
            unmade: None,
            subscribed: None,
            unread_since: None,
        }
    }
}

/// An open window: puts into this target folder may have happened that the ledger does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The target folder.
    pub folder: FolderId,
    /// What is ours and not in the ledger lies beyond this.
    pub mark: Mark,
}

/// The head of a ledger: everything but the items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// All folders ever seen, by number.
    pub folders: Vec<FolderEntry>,
    /// Open windows: empty after a pass that ended in order.
    pub windows: Vec<Window>,
    /// Whether any pass has ever begun: `false` for a new or lost ledger.
    pub begun: bool,
    /// Passes so far.
    pub passes: u32,
}

impl Head {
    /// Folders that are not gone and are none of these: what a pass leaves out.
    pub fn left_out(&self, taken: &[FolderEntry]) -> impl Iterator<Item = &FolderEntry> {
        let taken: HashSet<FolderNo> = taken.iter().map(|folder| folder.no).collect();
        self.folders.iter().filter(move |folder| !folder.gone && !taken.contains(&folder.no))
    }
}

/// What one commit writes, all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Entries, new or replaced by (folder, id). Entries `Gone` without a target id are forgotten at the next packing.
    pub items: Vec<Entry>,
    /// Folder entries, new or replaced by number.
    pub folders: Vec<FolderEntry>,
    /// Marks that move up.
    pub marks: Vec<Window>,
    /// The number of the pass that writes, where it begins.
    pub pass: Option<u32>,
    /// Windows that close: nothing is in doubt any more.
    pub close: Vec<FolderId>,
}

impl Commit {
    /// Whether it must not be lost once it was written: it names the form in which an item is about to be sent, by which
    /// alone that would be known again. Any other only widens a window.
    pub fn is_lasting(&self) -> bool {
        self.items.iter().any(|item| item.state == State::Owed && item.repair.is_some())
    }
}
