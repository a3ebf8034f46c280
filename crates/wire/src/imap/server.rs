//! The server's framing: cuts what a client sends into commands, for emulators.
//!
//! Decides nothing: whether a literal is welcome is asked, what a command means is [`Request`](super::Request)'s
//! business. Lines inside AUTHENTICATE and IDLE come as commands too; the session knows what it waits for.

use super::{
    cutter::{Cut, Cutter, FrameError, Limits, Side},
    frame::Frame,
};
use bytes::{Bytes, BytesMut, buf::Limit};
use std::fmt;

/// What was cut from the client's stream.
#[derive(Debug)]
pub enum Arrival {
    /// A whole command, or a line inside AUTHENTICATE or IDLE (which may be empty).
    Command(Frame),
    /// The client waits for `+` before it sends a literal: call [`CommandFramer::accept`] and send `+`, or
    /// [`CommandFramer::refuse`] and send NO or BAD with the tag of `head`.
    Asked {
        /// The command up to the literal.
        head: Frame,
        /// How large it will be.
        size: u64,
    },
    /// A large literal begins.
    LiteralStart {
        /// The command up to the literal.
        head: Frame,
        /// How many octets follow.
        size: u64,
    },
    /// The next octets of that literal, never empty.
    LiteralChunk(Bytes),
    /// All octets of it were delivered. The command goes on.
    LiteralEnd,
}

/// Cuts commands. Use as [`ResponseFramer`](super::ResponseFramer); in addition answer [`Arrival::Asked`].
pub struct CommandFramer {
    cutter: Cutter,
    waiting: Option<Arrival>,
}

impl CommandFramer {
    /// A framer for one connection.
    pub fn with_limits(limits: Limits) -> Self {
        Self { cutter: Cutter::create(Side::Server, limits), waiting: None }
    }

    /// Room to read into, made for `AsyncReadExt::read_buf`.
    pub fn spare(&mut self) -> Limit<&mut BytesMut> {
        self.cutter.spare()
    }

    /// Takes octets by copying.
    pub fn feed(&mut self, octets: &[u8]) {
        self.cutter.feed(octets);
    }

    /// Whether nothing is half read.
    pub fn is_idle(&self) -> bool {
        self.cutter.is_idle() && self.waiting.is_none()
    }

    /// Lets the client send the literal it asked for.
    pub fn accept(&mut self) -> Result<(), FrameError> {
        self.waiting = self.cutter.accept()?.and_then(arrival);
        Ok(())
    }

    /// Forgets the command whose literal is not welcome.
    pub fn refuse(&mut self) {
        self.cutter.refuse();
    }

    /// The next arrival, `None` when more octets or an answer to [`Arrival::Asked`] are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end at the first None; this goes on"
    )]
    pub fn next(&mut self) -> Result<Option<Arrival>, FrameError> {
        match self.waiting.take() {
            Some(waiting) => Ok(Some(waiting)),
            None => Ok(self.cutter.next()?.and_then(arrival)),
        }
    }
}

fn arrival(cut: Cut) -> Option<Arrival> {
    Some(match cut {
        Cut::Frame(frame) => Arrival::Command(frame),
        Cut::Asked { head, size } => Arrival::Asked { head, size },
        Cut::LiteralStart { head, size } => Arrival::LiteralStart { head, size },
        Cut::LiteralChunk(chunk) => Arrival::LiteralChunk(chunk),
        Cut::LiteralEnd => Arrival::LiteralEnd,
    })
}

impl Default for CommandFramer {
    fn default() -> Self {
        Self::with_limits(Limits::default())
    }
}

impl fmt::Debug for CommandFramer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandFramer").field("buffered", &self.cutter.buffered()).finish_non_exhaustive()
    }
}
