//! Items and their bodies: what a source hands out and a target takes.
//!
//! A body is never copied on its way: chunks are frozen `Bytes`, larger ones stream. Memory is bounded by
//! [`crate::port::Budget`], which the engine asks before it fetches.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    error::Result,
    flags::Flags,
    id::ItemId,
    key::{Digest, HeaderKey},
};

/// Seconds since 1970 and the zone that was written with them, in minutes east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Date {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub zone: i16,
}

/// What a source tells about an item without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// Its id within the folder.
    pub id: ItemId,
    /// The size the source lists; the body may turn out different.
    pub size: u64,
    /// When it arrived, where the source knows.
    pub date: Option<Date>,
    /// Its flags now.
    pub flags: Flags,
    /// Identity across folders (IMAP EMAILID), where the source has one: tells a move.
    pub identity: Option<Box<str>>,
}

/// One difference in a folder since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There, with these facts: new or changed.
    Upsert(Stub),
    /// There, known before, with these flags now.
    Flags(ItemId, Flags),
    /// There, nothing said about it. Only in a [`Page::listing`].
    Stays(ItemId),
    /// No longer there.
    Gone(ItemId),
}

/// A part of the changes of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What changed; may repeat, never omits.
    pub changes: Vec<Change>,
    /// Where to go on: after the last page of a run, the place for the next pass.
    pub next: crate::id::Cursor,
    /// Whether more pages follow at once.
    pub more: bool,
    /// Whether the pages of this run name everything there is: what they do not name is gone.
    pub listing: bool,
}

/// The shape of a body. An item carries the richest that the pair agrees on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Form {
    /// An Internet message, RFC 5322 and MIME.
    Mime,
}

/// An item on its way.
#[derive(Debug)]
pub struct Item {
    /// Its id at the source.
    pub id: ItemId,
    /// The shape of the body.
    pub form: Form,
    /// Recognises it at the target.
    pub key: HeaderKey,
    /// Message-ID as people would search for it, shortened; for reports.
    pub message_id: Option<Box<str>>,
    /// When it arrived.
    pub date: Option<Date>,
    /// Its flags when it was listed.
    pub flags: Flags,
    /// The bytes.
    pub body: Body,
    /// Known when the body has been read: at once for [`Body::Bytes`], at the end of a [`Body::Stream`].
    pub digest: ItemDigest,
    /// The size that the source lists, where it gives a body that is shorter by much, asked twice.
    pub short_of: Option<u64>,
}

/// The digest of a body that may still be on its way.
#[derive(Clone, Debug)]
pub enum ItemDigest {
    /// Of a body in memory.
    Known(Digest),
    /// Of one that passes: set with its last piece.
    Passing(Arc<OnceLock<Digest>>),
}

impl ItemDigest {
    /// The digest, once the body has been read.
    pub fn get(&self) -> Option<Digest> {
        match self {
            Self::Known(digest) => Some(*digest),
            Self::Passing(digest) => digest.get().copied(),
        }
    }
}

/// The bytes of an item.
pub enum Body {
    /// In memory, in frozen pieces; at most [`Body::IN_MEMORY`] bytes, accounted in the budget.
    Bytes(Chunks),
    /// Exactly `size` bytes, readable once, from a connection of its own. If it ends short, long or with an
    /// error, nothing may be padded or cut: the put fails and the item is fetched again.
    Stream {
        /// Its exact size.
        size: u64,
        /// The pieces.
        pieces: BoxStream<'static, Result<Bytes>>,
    },
}

impl Body {
    /// The largest body that travels in memory (8 MiB); larger ones stream.
    pub const IN_MEMORY: u64 = 8 << 20;

    /// The exact number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Body::Bytes(chunks) => chunks.len(),
            Body::Stream { size, .. } => *size,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::Bytes(chunks) => write!(f, "Bytes({})", chunks.len()),
            Body::Stream { size, .. } => write!(f, "Stream({size})"),
        }
    }
}

/// Frozen pieces that together are one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    /// Most bodies are one piece: that needs no memory of its own.
    pieces: SmallVec<[Bytes; 1]>,
    len: u64,
}

impl Chunks {
    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Bytes) {
        self.len += piece.len() as u64;
        self.pieces.push(piece);
    }

    /// The number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The pieces themselves.
    pub fn into_pieces(self) -> Vec<Bytes> {
        self.pieces.into_vec()
    }

    /// All bytes in one piece; copies if there are several.
    pub fn to_bytes(&self) -> Bytes {
        match &self.pieces[..] {
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }
}

impl From<Bytes> for Chunks {
    fn from(piece: Bytes) -> Self {
        let mut chunks = Self::default();
        chunks.push(piece);
        chunks
    }
}

/// What a target tells about an item that lies there, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace<Id> {
    /// Its id.
    pub id: Id,
    /// Our marker, where the target keeps one.
    pub marker: Option<crate::key::Marker>,
    /// Its header key.
    pub key: HeaderKey,
    /// Its size as listed there.
    pub size: u64,
    /// When it arrived, as listed there.
    pub date: Option<Date>,
    /// Its flags now.
    pub flags: Flags,
    /// Message-ID, shortened; for reports.
    pub message_id: Option<Box<str>>,
}
