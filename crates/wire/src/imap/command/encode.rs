//! A command as text and literals, and its segments for the wire.
//!
//! Writes nothing and waits for nothing: [`Segment`] tells the I/O side when to. `Debug` shows names and sizes only,
//! because commands carry passwords and mail.

use crate::imap::string::{self, Shape};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt::{self, Write as _};

/// Literals up to this size are copied into the text around them instead of being written on their own.
const COPY_MAX: u64 = 1024;
/// What announcing a literal takes at most.
const AROUND_LITERAL: usize = 26;

/// A command's tag. A connection counts upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u32);

impl Tag {
    /// Reads one of our tags; `None` for anything that we never sent.
    pub fn parse(text: &[u8]) -> Option<Tag> {
        let number = std::str::from_utf8(text.strip_prefix(b"f")?).ok()?.parse().ok().map(Tag)?;
        (number.to_string().as_bytes() == text).then_some(number)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0)
    }
}

/// Which literals the server takes without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Literals {
    /// None: each waits for `+`.
    #[default]
    Synchronizing,
    /// LITERAL-: up to 4096 octets.
    Minus,
    /// LITERAL+: all.
    Plus,
}

impl Literals {
    // RFC 7888 §5
    fn waits(self, size: u64) -> bool {
        match self {
            Literals::Synchronizing => true,
            Literals::Minus => size > 4096,
            Literals::Plus => false,
        }
    }
}

/// What to do next on the wire, in order.
#[derive(Clone, PartialEq, Eq)]
pub enum Segment {
    /// Write these octets.
    Bytes(Bytes),
    /// Flush, then wait for `+`. A tagged answer instead ends the command: drop the remaining segments.
    AwaitContinue,
    /// Write exactly so many octets from the body that the payload stands for. If it ends early, drop the connection.
    Stream {
        /// How many.
        size: u64,
    },
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Bytes(bytes) => write!(f, "Bytes({} octets)", bytes.len()),
            Segment::AwaitContinue => f.write_str("AwaitContinue"),
            Segment::Stream { size } => write!(f, "Stream({size} octets)"),
        }
    }
}

/// The octets of a literal.
#[derive(Clone, PartialEq, Eq)]
pub enum Payload {
    /// At hand, in one piece.
    Bytes(Bytes),
    /// At hand, in pieces as they were read.
    Chunks(Vec<Bytes>),
    /// Elsewhere; the I/O side forwards them.
    Stream {
        /// How many octets.
        size: u64,
    },
}

impl Payload {
    fn pieces(&self) -> usize {
        match self {
            Payload::Bytes(_) | Payload::Stream { .. } => 1,
            Payload::Chunks(chunks) => chunks.len(),
        }
    }

    /// How many octets.
    pub fn size(&self) -> u64 {
        match self {
            Payload::Bytes(bytes) => bytes.len() as u64,
            Payload::Chunks(chunks) => chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            Payload::Stream { size } => *size,
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} octets)", self.size())
    }
}

/// A literal, and where the text in front of it ends.
#[derive(Clone)]
struct Part {
    at: usize,
    binary: &'static str,
    payload: Payload,
}

/// A command without its tag.
#[derive(Clone)]
pub struct Command {
    name: &'static str,
    parts: Vec<Part>,
    /// All text, in one piece: a group of messages is one command, and must not cost memory for each bit of text.
    text: Vec<u8>,
}

/// Text without line ends.
struct OneLine<'a>(&'a mut Vec<u8>);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()) {
            None => self.0.extend_from_slice(text.as_bytes()),
            Some(_) => self.0.extend(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))),
        }
        Ok(())
    }
}

impl Command {
    /// A command that is its name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, parts: Vec::new(), text: name.as_bytes().to_vec() }
    }

    /// Its name, for logs and for `op` in errors.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Adds text that is no string. Line ends are dropped: an attribute or an item name that came from one server
    /// must not become a command to another.
    pub(crate) fn text(mut self, text: impl fmt::Display) -> Self {
        // Only what cannot be shown fails, and all of it is ours.
        _ = write!(OneLine(&mut self.text), "{text}");
        self
    }

    /// Adds a string as an atom, quoted, or as a literal.
    pub(crate) fn astring(self, text: &[u8]) -> Self {
        self.shaped(text, Shape::Atom)
    }

    /// Adds a string that must not be an atom.
    pub(crate) fn quoted(self, text: &[u8]) -> Self {
        self.shaped(text, Shape::Quoted)
    }

    fn shaped(mut self, text: &[u8], plainest: Shape) -> Self {
        match string::shape(text).max(plainest) {
            Shape::Atom => self.text.extend_from_slice(text),
            Shape::Quoted => string::put_quoted(&mut self.text, text),
            Shape::Literal => return self.literal("", Payload::Bytes(Bytes::copy_from_slice(text))),
        }
        self
    }

    /// Adds a literal; `binary` is `~` for a literal8, else empty.
    pub(crate) fn literal(mut self, binary: &'static str, payload: Payload) -> Self {
        self.parts.push(Part { at: self.text.len(), binary, payload });
        self
    }

    /// The segments to write. Where a literal must wait, what was pipelined behind this command must wait too.
    // RFC 9051 §4.3, RFC 7888 §3
    pub fn encode(self, tag: Tag, literals: Literals) -> Vec<Segment> {
        let pieces = self.parts.iter().map(|part| part.payload.pieces() + 2).sum::<usize>();
        let mut segments = Vec::with_capacity(pieces + 1);
        let mut text = BytesMut::with_capacity(self.text.len() + 16 + AROUND_LITERAL * self.parts.len());
        _ = write!(text, "{tag} ");
        let mut from = 0;
        for Part { at, binary, payload } in self.parts {
            let size = payload.size();
            let waits = literals.waits(size);
            let plus = if waits { "" } else { "+" };
            text.extend_from_slice(&self.text[from..at]);
            from = at;
            _ = write!(text, "{binary}{{{size}{plus}}}\r\n");
            if waits {
                segments.push(Segment::Bytes(text.split().freeze()));
                segments.push(Segment::AwaitContinue);
            }
            put_payload(payload, &mut text, &mut segments);
        }
        text.extend_from_slice(&self.text[from..]);
        text.put_slice(b"\r\n");
        segments.push(Segment::Bytes(text.freeze()));
        segments
    }
}

fn put_payload(payload: Payload, text: &mut BytesMut, segments: &mut Vec<Segment>) {
    let flush = |text: &mut BytesMut, segments: &mut Vec<Segment>| {
        if !text.is_empty() {
            segments.push(Segment::Bytes(text.split().freeze()));
        }
    };
    match payload {
        Payload::Stream { size } => {
            flush(text, segments);
            segments.push(Segment::Stream { size });
        }
        Payload::Bytes(bytes) if bytes.len() as u64 <= COPY_MAX => text.extend_from_slice(&bytes),
        Payload::Bytes(bytes) => {
            flush(text, segments);
            segments.push(Segment::Bytes(bytes));
        }
        Payload::Chunks(chunks) => {
            flush(text, segments);
            segments.extend(chunks.into_iter().filter(|chunk| !chunk.is_empty()).map(Segment::Bytes));
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.name)
    }
}
