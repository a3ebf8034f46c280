//! `Target`: a mailbox that is written, by people too. Every call twice is the same as once, except `put`.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{
    caps::TargetCaps,
    error::{Error, Result},
    flags::Difference,
    folder::{Folder, FolderPath, FolderSpec},
    id::{FolderId, Mark, TargetId},
    item::{Item, Trace},
    key::Digest,
};

/// Something to be put into a folder.
#[derive(Debug)]
pub enum Put {
    /// A new item.
    Item(Item),
    /// An item that lies in another folder of the target.
    Move {
        /// The folder it lies in.
        from: FolderId,
        /// Its id there.
        id: TargetId,
    },
}

/// What became of one put.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is there (durable after [`Target::flush`]); with its id, where the target tells.
    Placed(Option<TargetId>),
    /// It is not there and was refused: for an item of a group, only if it was sent alone.
    Refused(Error),
    /// Nobody knows: the connection was dropped, or the target says NO and its folder could not be looked at. Settle by
    /// traces, never repeat blindly. Where the error [wants rest](Error::wants_rest), not in this pass.
    Unsure(Error),
}

/// A change to an item that lies at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which item.
    pub id: TargetId,
    /// What to do.
    pub kind: EditKind,
}

/// What an edit does. Idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditKind {
    /// Sets and clears flags, leaves all others.
    Flags(Difference),
    /// Removes this item alone; where the target cannot, it is marked as deleted.
    Remove,
}

/// How far an edit was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// As asked.
    Whole,
    /// All but these keywords, which the target does not take.
    WithoutKeywords(Vec<Box<str>>),
    /// There was nothing to edit: the item is gone.
    NotThere,
}

/// A setting of the mailbox: an upsert by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Whether the owner is subscribed to a folder.
    Subscription {
        /// The folder.
        folder: FolderId,
        /// Subscribed or not.
        on: bool,
    },
}

/// A folder that exists now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ensured {
    /// Its id.
    pub id: FolderId,
    /// Whether this call created it.
    pub created: bool,
}

/// A mailbox opened for writing.
#[async_trait]
pub trait Target: Send + Sync {
    /// What it can do; the same for the whole session.
    fn caps(&self) -> &TargetCaps;

    /// All folders of the personal namespace, parents before children.
    async fn folders(&self) -> Result<Vec<Folder>>;

    /// Creates a folder unless it exists. Calls are made in order and may overlap.
    ///
    /// # Errors
    /// Scope folder: `Malformed` or `Unsupported` if the name is refused; `AlreadyExists` if the target would
    /// merge it with a folder of another name (`Work` and `WORK`): the caller picks another name.
    async fn ensure_folder(&self, spec: &FolderSpec) -> Result<Ensured>;

    /// Renames a folder with all below it; its new id. Renamed already: the same answer.
    async fn rename_folder(&self, folder: &FolderId, to: &FolderPath) -> Result<FolderId>;

    /// Removes a folder that is empty; one that does not exist is fine, one that holds items is `Conflict`.
    async fn remove_folder(&self, folder: &FolderId) -> Result<()>;

    /// Where these folders stand now, in order.
    async fn marks(&self, folders: &[FolderId]) -> Result<Vec<Mark>>;

    /// What lies beyond a mark (`None`: everything), without bodies. A mark from another life of the folder
    /// (another UIDVALIDITY) is `CursorExpired`.
    fn traces(&self, folder: &FolderId, beyond: Option<&Mark>) -> BoxStream<'_, Result<Trace<TargetId>>>;

    /// Digests, one answer for each id in order; reads bodies: to break ties and for deep verification.
    async fn digests(&self, folder: &FolderId, ids: &[TargetId]) -> Vec<Result<Digest>>;

    /// Puts items into a folder: one outcome each, in order. Notifies nobody. Within [`TargetCaps`]; a stream
    /// comes alone. Several calls overlap. A refused group is answered after it was halved down to the items
    /// that the target refuses, once traces have shown that nothing of it was kept.
    async fn put(&self, folder: &FolderId, puts: Vec<Put>) -> Vec<Outcome>;

    /// Returns when everything that was `Placed` before the call is durable.
    async fn flush(&self) -> Result<()>;

    /// Changes items; one answer each, in order. An item that is gone is fine, and
    /// told where its flags were to be changed. A keyword that the target does not take
    /// holds up nothing else.
    async fn edit(&self, folder: &FolderId, edits: Vec<Edit>) -> Vec<Result<Edited>>;

    /// Applies settings; one answer each, in order.
    async fn apply(&self, settings: Vec<Setting>) -> Vec<Result<()>>;

    /// Ends the session, waiting for answers up to the put timeout.
    async fn close(&self) -> Result<()>;
}
