//! `Convert`: bodies from one shape to another, and named repairs. The engine knows no format.

use crate::{
    error::Result,
    item::{Chunks, Form, Item},
    key::{Digest, HeaderKey},
    ledger::Repair,
};

/// A body after a repair.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// The new bytes.
    pub body: Chunks,
    /// Its header key.
    pub key: HeaderKey,
    /// Its digest.
    pub digest: Digest,
}

/// Conversions between [`Form`]s, given to the engine by the room that knows the formats.
pub trait Convert: Send + Sync {
    /// The item in another form.
    ///
    /// # Errors
    /// `Unsupported` if there is no way, `Malformed` if the content does not allow it (scope item).
    fn convert(&self, item: Item, to: Form) -> Result<Item>;

    /// The repairs that would change this body, in the order in which to try them for a refusal in these words.
    fn repairs(&self, body: &Chunks, refusal: &str) -> Vec<Repair>;

    /// The body after a repair; `None` if the repair changes nothing.
    fn repair(&self, body: &Chunks, repair: Repair) -> Option<Repaired>;

    /// What targets are known to make of such a body by themselves, in words, with the digest of the result:
    /// found at a target it is a rewriting, not a loss.
    fn rewrites(&self, body: &Chunks) -> Vec<(&'static str, Digest)>;
}
