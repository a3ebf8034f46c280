//! The client's framing: cuts what a server sends into responses.
//!
//! Small literals stay inside their response, large ones come as events, and neither is copied. What the responses
//! mean is [`Reply`](super::Reply)'s business; reading from a socket is the caller's.

use super::{
    cutter::{Cut, Cutter, FrameError, Limits, Side},
    frame::Frame,
};
use bytes::{Bytes, BytesMut, buf::Limit};
use std::fmt;

/// What was cut from the stream.
#[derive(Debug)]
pub enum Event {
    /// A whole response. Where literals were streamed, it comes after them and names their sizes.
    Response(Frame),
    /// A large literal begins. `head` is the response so far: [`Fetch::parse_head`](super::Fetch::parse_head) tells
    /// whose body it is.
    LiteralStart {
        /// The response up to the literal.
        head: Frame,
        /// How many octets follow, never 0 by default.
        size: u64,
    },
    /// The next octets of that literal, never empty.
    LiteralChunk(Bytes),
    /// All `size` octets were delivered. The response goes on.
    LiteralEnd,
}

/// Cuts responses. Give it octets through [`spare`](Self::spare), then call [`next`](Self::next) until it has nothing.
pub struct ResponseFramer {
    cutter: Cutter,
}

impl ResponseFramer {
    /// A framer for one connection.
    pub fn with_limits(limits: Limits) -> Self {
        Self { cutter: Cutter::create(Side::Client, limits) }
    }

    /// Room to read into, made for `AsyncReadExt::read_buf`: exact inside a literal that is kept whole.
    pub fn spare(&mut self) -> Limit<&mut BytesMut> {
        self.cutter.spare()
    }

    /// Takes octets by copying. For tests and small exchanges.
    pub fn feed(&mut self, octets: &[u8]) {
        self.cutter.feed(octets);
    }

    /// How many octets a read should be able to take: what is missing of a literal, else a usual read.
    pub fn read_hint(&self) -> usize {
        self.cutter.read_hint()
    }

    /// How many octets of the literal in progress have not arrived yet; 0 outside literals.
    pub fn missing(&self) -> u64 {
        self.cutter.missing()
    }

    /// Octets that arrived and are not cut yet.
    pub fn buffered(&self) -> usize {
        self.cutter.buffered()
    }

    /// Whether the connection may end, or begin to speak TLS or deflate, here: nothing is half read.
    // RFC 9051 §6.2.1: nothing that was sent before TLS may be taken for an answer after it.
    pub fn is_idle(&self) -> bool {
        self.cutter.is_idle()
    }

    /// The next event, `None` when more octets are needed. After an error it returns that error for ever.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end at the first None; this goes on"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, FrameError> {
        Ok(self.cutter.next()?.and_then(|cut| match cut {
            Cut::Frame(frame) => Some(Event::Response(frame)),
            Cut::LiteralStart { head, size } => Some(Event::LiteralStart { head, size }),
            Cut::LiteralChunk(chunk) => Some(Event::LiteralChunk(chunk)),
            Cut::LiteralEnd => Some(Event::LiteralEnd),
            Cut::Asked { .. } => None,
        }))
    }
}

impl Default for ResponseFramer {
    fn default() -> Self {
        Self::with_limits(Limits::default())
    }
}

impl fmt::Debug for ResponseFramer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFramer")
            .field("buffered", &self.buffered())
            .field("missing", &self.missing())
            .finish()
    }
}
