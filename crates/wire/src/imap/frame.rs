//! One whole response or command as it was cut from the stream.
//!
//! A frame shares the memory of the read buffer it was cut from: copy out what is kept for long. `Debug` shows sizes
//! only, because frames carry mail and passwords.

use bytes::Bytes;
use std::fmt;

/// A response or command: its text and its small literals in one piece, without the last line end.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Frame {
    pub(crate) bytes: Bytes,
    /// Literals that were delivered as events: where their octets would stand in `bytes`, and how many they were.
    pub(crate) streamed: Vec<Streamed>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streamed {
    pub(crate) at: usize,
    pub(crate) size: u64,
}

impl Frame {
    /// A frame from text that is already whole, as tests and recorded traces have it.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), streamed: Vec::new() }
    }

    /// The text and the small literals; of a streamed literal only its `{size}` and line end.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The sizes of the literals that were streamed, in order.
    pub fn streamed_sizes(&self) -> impl Iterator<Item = u64> + '_ {
        self.streamed.iter().map(|s| s.size)
    }

    /// The first word: of a response `*`, `+` or the tag; of a command the tag.
    pub fn tag(&self) -> Bytes {
        let end =
            self.bytes.iter().position(|b| matches!(b, b' ' | b'\r' | b'\n')).unwrap_or(self.bytes.len());
        self.bytes.slice(..end)
    }

    /// Text in front of a streamed literal and what came after it, joined.
    pub(crate) fn join(head: Frame, tail: Bytes) -> Frame {
        let mut joined = bytes::BytesMut::with_capacity(head.bytes.len() + tail.len());
        joined.extend_from_slice(&head.bytes);
        joined.extend_from_slice(&tail);
        Frame { bytes: joined.freeze(), streamed: head.streamed }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} octets, {} streamed)", self.bytes.len(), self.streamed.len())
    }
}
