//! What the ledger knows of a folder's items, found by id. One piece of memory and no index: a folder may have very many.

use mailferry_model::{id::ItemId, ledger::Entry};

/// Entries of one folder, each item once, in the order of their ids.
#[derive(Default)]
pub(super) struct Known(Vec<Entry>);

impl Known {
    pub fn of(mut entries: Vec<Entry>) -> Self {
        if !entries.is_sorted_by(|a, b| a.id < b.id) {
            entries.sort_by(|a, b| a.id.cmp(&b.id));
        }
        Self(entries)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, id: &ItemId) -> Option<&Entry> {
        let at = self.0.binary_search_by(|entry| entry.id.cmp(id)).ok()?;
        self.0.get(at)
    }

    pub fn values(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// Forgets all others.
    pub fn keep(&mut self, which: impl Fn(&Entry) -> bool) {
        self.0.retain(which);
        self.0.shrink_to_fit();
    }
}
