//! What sources and targets can do, as data: the engine decides by these, never by a connector's name.

use serde::{Deserialize, Serialize};

use crate::{flags::Flags, item::Form};

/// What a source can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceCaps {
    /// Shapes it can hand out, richest first.
    pub forms: Vec<Form>,
    /// How many `fetch` streams are useful at once.
    pub connections: u16,
    /// Whether fingerprints also change when only flags change.
    pub fingerprints_flags: bool,
    /// Whether [`crate::item::Change::Gone`] is told; otherwise listings tell.
    pub tells_removals: bool,
    /// Whether it has subscriptions.
    pub subscriptions: bool,
}

/// Whether bytes come back as they were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fidelity {
    /// The same bytes after normalising line ends: size and digest count as keys.
    Exact,
    /// The system rewrites bodies: neither size nor digest counts.
    Rewritten,
}

/// What a target can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetCaps {
    /// Shapes it takes, richest first.
    pub forms: Vec<Form>,
    /// How many `put` calls are useful at once.
    pub writers: u16,
    /// At most so many items in one `put`.
    pub group_items: usize,
    /// At most so many bytes in one `put`, a larger item alone.
    pub group_bytes: u64,
    /// The largest item it takes, where it says.
    pub max_item: Option<u64>,
    /// Whether bytes come back as they were put.
    pub fidelity: Fidelity,
    /// Whether traces carry a marker.
    pub markers: bool,
    /// Whether a placed item's id is told at once.
    pub tells_ids: bool,
    /// Whether one item can be removed by id without touching others.
    pub removes: bool,
    /// Whether an item can be moved between folders.
    pub moves: bool,
    /// Separates folder names, so it cannot be part of one.
    pub separator: Option<char>,
    /// Whether it has subscriptions.
    pub subscriptions: bool,
    /// Keywords: `None` = any, else only these (a folder may allow fewer).
    pub keywords: Option<Flags>,
}
