//! Cuts a byte stream into lines with their literals; the part that client and server framing have in common.
//!
//! Looks at every octet of text once and at no octet of a literal. Understands nothing but line ends and `{n}`.

use super::{
    frame::{Frame, Streamed},
    line::{self, Place, Wait, literal_at_end, trim_line_end},
};
use bytes::{Buf, BufMut, Bytes, BytesMut, buf::Limit};
use std::collections::VecDeque;

/// Filled buffers that are remembered to be used again.
const FILLED: usize = 6;
/// Of those that are free, how many are kept beside the one that is used next.
const SPARE: usize = 1;
/// What usually closes the line after a literal.
const AFTER_LITERAL: usize = 64;

/// What is kept whole, what is streamed, and where a peer has gone too far.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most text that one response or command may have, literals not counted. A SEARCH for a million messages
    /// is 8 MB on one line.
    pub text: usize,
    /// Literals from this size on are delivered as events.
    pub stream_min: u64,
    /// When the small literals of one frame exceed this together, the next ones are streamed as well.
    pub inline_total: u64,
    /// How much room is offered for each read, unless more is known to come.
    pub read: usize,
    /// Streamed literals are handed on in multiples of so many octets, but for what is left at the end. At most a
    /// quarter of `read`.
    pub piece: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: 16 << 20, stream_min: 256 << 10, inline_total: 4 << 20, read: 64 << 10, piece: 1 }
    }
}

/// The peer does not speak IMAP, or means harm: drop the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More text without an end than [`Limits::text`].
    #[error("a line or its continuations are longer than {0} octets")]
    TextTooLong(usize),
    /// A literal of more than 2^63 octets.
    #[error("a literal announces an impossible size")]
    LiteralTooLarge,
    /// So many large literals in one frame, with so much text, that joining them would cost too much.
    #[error("too many large literals in one response or command")]
    TooManyLiterals,
}

/// Who waits before sending a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Reads responses: servers send literals at once.
    Client,
    /// Reads commands: `{n}` waits for our `+`.
    Server,
}

#[derive(Debug)]
pub(crate) enum Cut {
    Frame(Frame),
    /// Server only: nothing more is cut until `accept` or `refuse`.
    Asked {
        head: Frame,
        size: u64,
    },
    LiteralStart {
        head: Frame,
        size: u64,
    },
    LiteralChunk(Bytes),
    LiteralEnd,
}

#[derive(Clone, Copy)]
enum State {
    Line,
    Asked(u64),
    /// A small literal ends here in the buffer.
    Inline(usize),
    Stream(u64),
    Failed(FrameError),
}

pub(crate) struct Cutter {
    side: Side,
    limits: Limits,
    buf: BytesMut,
    /// Buffers that were filled, oldest first: used again when nobody holds a part of them.
    filled: VecDeque<BytesMut>,
    state: State,
    /// Up to here the buffer was searched for a line end.
    searched: usize,
    line_start: usize,
    text: usize,
    inline: u64,
    /// This response is a status, so it ends in text.
    status: bool,
    /// Octets copied to join what lies around streamed literals.
    joined: usize,
    /// What came before the last streamed literal of this frame.
    head: Option<Frame>,
}

impl Cutter {
    pub(crate) fn create(side: Side, limits: Limits) -> Self {
        let (buf, state) = (BytesMut::new(), State::Line);
        Self {
            side,
            limits,
            buf,
            filled: VecDeque::new(),
            state,
            searched: 0,
            line_start: 0,
            text: 0,
            inline: 0,
            joined: 0,
            status: false,
            head: None,
        }
    }

    pub(crate) fn feed(&mut self, octets: &[u8]) {
        self.buf.extend_from_slice(octets);
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buf.len()
    }

    /// Whether the stream may end here without cutting anything.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Line) && self.buf.is_empty() && self.head.is_none()
    }

    /// Octets of a literal that are known to be missing.
    pub(crate) fn missing(&self) -> u64 {
        match self.state {
            State::Inline(end) => end.saturating_sub(self.buf.len()) as u64,
            State::Stream(left) => left.saturating_sub(self.buf.len() as u64),
            _ => 0,
        }
    }

    /// Room to read into: for a literal that is kept whole what is missing of it, else whatever is left unless that
    /// is little.
    pub(crate) fn spare(&mut self) -> Limit<&mut BytesMut> {
        let need = match self.state {
            State::Inline(_) => self.missing() as usize + AFTER_LITERAL,
            _ => self.limits.read / 4,
        };
        if self.buf.capacity() - self.buf.len() < need {
            self.turn(self.read_hint());
        }
        let room = self.buf.capacity() - self.buf.len();
        (&mut self.buf).limit(room)
    }

    /// Goes on in another buffer with room for so many octets more.
    fn turn(&mut self, room: usize) {
        let wanted = self.buf.len() + room;
        let again = self.free(wanted);
        let mut next = again
            .unwrap_or_else(|| BytesMut::with_capacity(wanted.max(self.limits.read + self.limits.read / 4)));
        next.extend_from_slice(&self.buf);
        let mut old = std::mem::replace(&mut self.buf, next);
        old.clear();
        if self.filled.len() == FILLED {
            self.filled.pop_front();
        }
        self.filled.push_back(old);
    }

    /// The newest buffer that nobody holds: it is the likeliest to be in the processor's cache. Most others that
    /// are free are given back.
    fn free(&mut self, room: usize) -> Option<BytesMut> {
        let (mut newest, mut kept) = (None, 0);
        for at in (0..self.filled.len()).rev() {
            if !self.filled[at].try_reclaim(room) {
                continue;
            }
            if newest.is_some() && kept < SPARE {
                kept += 1;
                continue;
            }
            newest = newest.or(self.filled.remove(at));
        }
        newest
    }

    pub(crate) fn read_hint(&self) -> usize {
        match self.state {
            // A small literal is made room for exactly, with what closes the line, so that it is never moved twice.
            State::Inline(_) => (self.missing() as usize + AFTER_LITERAL).max(self.limits.read),
            // Pieces are handed on as they come: buffers of one size are soon used again.
            _ => self.limits.read,
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Cut>, FrameError> {
        loop {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Asked(_) => return Ok(None),
                State::Line => {
                    if let Some(cut) = self.line()? {
                        return Ok(Some(cut));
                    }
                    if !matches!(self.state, State::Inline(_)) {
                        return Ok(None);
                    }
                }
                State::Inline(end) => {
                    if self.buf.len() < end {
                        return Ok(None);
                    }
                    (self.line_start, self.searched, self.state) = (end, end, State::Line);
                }
                State::Stream(left) => return Ok(self.stream(left)),
            }
        }
    }

    fn stream(&mut self, left: u64) -> Option<Cut> {
        if left == 0 {
            (self.line_start, self.searched, self.state) = (0, 0, State::Line);
            return Some(Cut::LiteralEnd);
        }
        let (there, piece) = (self.buf.len() as u64, self.limits.piece.max(1) as u64);
        let size = if there >= left { left } else { there - there % piece };
        if size == 0 {
            return None;
        }
        self.state = State::Stream(left - size);
        Some(Cut::LiteralChunk(self.buf.split_to(size as usize).freeze()))
    }

    fn line(&mut self) -> Result<Option<Cut>, FrameError> {
        loop {
            let Some(found) = memchr::memchr(b'\n', &self.buf[self.searched..]) else {
                self.searched = self.buf.len();
                self.check_text(self.searched - self.line_start)?;
                return Ok(None);
            };
            let end = self.searched + found + 1;
            self.check_text(end - self.line_start)?;
            let line = trim_line_end(&self.buf[self.line_start..end]);
            let first = self.line_start == 0 && self.head.is_none();
            if first && line.is_empty() && self.side == Side::Client {
                // Blank lines between responses mean nothing; some servers send them. From a client an empty line
                // may be an answer inside AUTHENTICATE.
                self.buf.advance(end);
                self.searched = 0;
                continue;
            }
            let place = if first { Place::First } else { Place::Later };
            if first {
                self.status = self.side == Side::Client && line::is_status(line);
            }
            return match literal_at_end(line).filter(|_| !(self.status && line::is_prose(line, place))) {
                None => Ok(Some(Cut::Frame(self.finish(end)))),
                Some(literal) => {
                    self.text += end - self.line_start;
                    let size =
                        literal.size.filter(|n| *n <= i64::MAX as u64).ok_or(FrameError::LiteralTooLarge);
                    let size = size.map_err(|error| self.fail(error))?;
                    if self.side == Side::Server && literal.wait == Wait::Yes {
                        (self.state, self.searched) = (State::Asked(size), end);
                        let head = Frame { bytes: self.text_so_far(end), streamed: self.streamed() };
                        return Ok(Some(Cut::Asked { head, size }));
                    }
                    self.begin(end, size)
                }
            };
        }
    }

    /// The client may send the literal it asked for.
    pub(crate) fn accept(&mut self) -> Result<Option<Cut>, FrameError> {
        let State::Asked(size) = self.state else { return Ok(None) };
        self.begin(self.searched, size)
    }

    /// The client may not: the command is forgotten.
    pub(crate) fn refuse(&mut self) {
        if matches!(self.state, State::Asked(_)) {
            self.buf.advance(self.searched);
            self.reset();
        }
    }

    fn begin(&mut self, end: usize, size: u64) -> Result<Option<Cut>, FrameError> {
        if size < self.limits.stream_min && self.inline + size <= self.limits.inline_total {
            self.inline += size;
            self.state = State::Inline(end + size as usize);
            return Ok(None);
        }
        if self.joined > self.limits.text.saturating_mul(64) {
            return Err(self.fail(FrameError::TooManyLiterals));
        }
        let mut head = self.joined(end);
        head.streamed.push(Streamed { at: head.bytes.len(), size });
        self.head = Some(head.clone());
        (self.line_start, self.searched, self.state) = (0, 0, State::Stream(size));
        Ok(Some(Cut::LiteralStart { head, size }))
    }

    fn finish(&mut self, end: usize) -> Frame {
        let mut frame = self.joined(end);
        let length = trim_line_end(&frame.bytes).len();
        frame.bytes.truncate(length);
        self.reset();
        frame
    }

    fn joined(&mut self, end: usize) -> Frame {
        let bytes = self.buf.split_to(end).freeze();
        match self.head.take() {
            None => Frame { bytes, streamed: Vec::new() },
            Some(head) => {
                self.joined += head.bytes.len() + bytes.len();
                Frame::join(head, bytes)
            }
        }
    }

    fn text_so_far(&self, end: usize) -> Bytes {
        let mut text = self.head.as_ref().map_or(BytesMut::new(), |head| BytesMut::from(&head.bytes[..]));
        text.extend_from_slice(&self.buf[..end]);
        text.freeze()
    }

    fn streamed(&self) -> Vec<Streamed> {
        self.head.as_ref().map_or(Vec::new(), |head| head.streamed.clone())
    }

    fn reset(&mut self) {
        (self.searched, self.line_start, self.text, self.inline, self.joined) = (0, 0, 0, 0, 0);
        (self.head, self.state) = (None, State::Line);
    }

    fn check_text(&mut self, more: usize) -> Result<(), FrameError> {
        if self.text + more > self.limits.text {
            return Err(self.fail(FrameError::TextTooLong(self.limits.text)));
        }
        Ok(())
    }

    fn fail(&mut self, error: FrameError) -> FrameError {
        self.state = State::Failed(error);
        self.buf = BytesMut::new();
        error
    }
}
