//! `Source`: a mailbox that is read and never changed.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{
    caps::SourceCaps,
    error::Result,
    folder::Folder,
    id::{Cursor, Fingerprint, FolderId, ItemId},
    item::{Form, Item, Page, Stub, Trace},
    key::Digest,
};

/// The answer to one asked item.
pub type Fetched = (ItemId, Result<Item>);

/// A mailbox opened read-only. The suite compares it before and after: it never changes.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it can do; the same for the whole session.
    fn caps(&self) -> &SourceCaps;

    /// All folders, parents before children, also those that will be left out.
    async fn folders(&self) -> Result<Vec<Folder>>;

    /// A fingerprint for each selectable folder of the personal namespace and those in `also`, in as few calls
    /// as the protocol allows. A folder without one is left out of the answer and will be listed.
    async fn state(&self, also: &[FolderId]) -> Result<Vec<(FolderId, Fingerprint)>>;

    /// What changed in a folder since `cursor` (`None`: since nothing was there). May repeat, never omits.
    ///
    /// # Errors
    /// `CursorExpired` if the cursor cannot be honoured (another UIDVALIDITY, too old): ask again with `None`;
    /// `NotFound` with scope folder if the folder is gone.
    async fn changes(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page>;

    /// The bodies of these stubs, in any order, exactly one answer for each. Dropping the stream stops it.
    ///
    /// Bodies over [`crate::item::Body::IN_MEMORY`] come as streams; the engine asks for such an item alone.
    /// An answer for an item that is gone is `NotFound`. A connection that ends in the middle answers all that
    /// is unanswered with `Unreachable` (scope mailbox).
    fn fetch(&self, folder: &FolderId, stubs: Vec<Stub>, form: Form) -> BoxStream<'_, Fetched>;

    /// Header keys and listed sizes without bodies, of all items or of those named. Items that are gone are
    /// left out.
    fn traces(&self, folder: &FolderId, only: Option<&[ItemId]>) -> BoxStream<'_, Result<Trace<ItemId>>>;

    /// Digests, one answer for each id in order; reads bodies: to break ties and for deep verification.
    async fn digests(&self, folder: &FolderId, ids: &[ItemId]) -> Vec<Result<Digest>>;

    /// Ends the session. What was handed out is not touched.
    async fn close(&self) -> Result<()>;
}
