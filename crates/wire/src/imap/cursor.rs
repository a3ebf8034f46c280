//! A lenient tokenizer over one frame: atoms, quoted strings, literals, lists, NIL.
//!
//! The grammar of answers and commands is regular, so nothing here knows what a word means. It accepts more than the
//! RFCs allow and stops only where no sense can be made: an open quote, an open list, nesting beyond reason.

use super::frame::Frame;
use bytes::Bytes;

/// How deep lists may nest; BODYSTRUCTURE of honest mail stays far below.
const MAX_DEPTH: usize = 64;

/// A place in a frame where no sense could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected} expected at octet {at}")]
pub struct Malformed {
    /// Offset into the frame.
    pub at: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

/// Octets of a string, or what stands for them.
#[derive(Clone, PartialEq, Eq)]
pub enum Data {
    /// NIL: the server has nothing to show, which differs from an empty string.
    Nil,
    /// The octets.
    Bytes(Bytes),
    /// The octets were delivered as events before.
    Streamed {
        /// How many there were.
        size: u64,
    },
}

impl Data {
    /// The octets, when they are here.
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Data::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// How many octets there are or were.
    pub fn size(&self) -> u64 {
        match self {
            Data::Nil => 0,
            Data::Bytes(bytes) => bytes.len() as u64,
            Data::Streamed { size } => *size,
        }
    }
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Data::Nil => f.write_str("Nil"),
            Data::Bytes(bytes) => write!(f, "Bytes({} octets)", bytes.len()),
            Data::Streamed { size } => write!(f, "Streamed({size} octets)"),
        }
    }
}

/// Any value, for items that have no view of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A bare word: atom, number, flag.
    Atom(Bytes),
    /// A string or NIL.
    String(Data),
    /// A list in parentheses.
    List(Vec<Value>),
}

impl Value {
    /// The octets of a word or string.
    pub fn text(&self) -> Option<&Bytes> {
        match self {
            Value::Atom(text) | Value::String(Data::Bytes(text)) => Some(text),
            _ => None,
        }
    }

    /// A number, also one between quotes.
    pub fn number(&self) -> Option<u64> {
        parse_number(self.text()?)
    }
}

pub(crate) fn parse_number(text: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, add) }
}

/// Where a bare word ends besides at spaces, parentheses and line ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nowhere else: `[` and `]` belong to it.
    Plain,
    /// At `]`, as inside a response code.
    Code,
    /// At `[`, as the name of a FETCH item or the word in front of a response code.
    Item,
}

#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    frame: &'a Frame,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn start(frame: &'a Frame) -> Self {
        Self { frame, at: 0 }
    }

    pub(crate) fn expected(&self, expected: &'static str) -> Malformed {
        Malformed { at: self.at, expected }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.frame.bytes.get(self.at).copied()
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.frame.bytes.len()
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        if self.eat(byte) { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// Skips spaces, tabs and stray line ends (behind literals some servers fold).
    pub(crate) fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> Bytes {
        let rest = self.frame.bytes.slice(self.at..);
        self.at = self.frame.bytes.len();
        rest
    }

    /// Goes to just behind the next `byte`; the octets before it.
    pub(crate) fn until(&mut self, byte: u8) -> Option<Bytes> {
        let found = memchr::memchr(byte, &self.frame.bytes[self.at..])?;
        let text = self.frame.bytes.slice(self.at..self.at + found);
        self.at += found + 1;
        Some(text)
    }

    /// What lies between this place and a later one of the same frame.
    pub(crate) fn up_to(&self, later: &Cursor<'_>) -> Bytes {
        self.frame.bytes.slice(self.at..later.at.max(self.at))
    }

    /// Goes to the next `byte` without taking it; the octets before it.
    pub(crate) fn up_to_byte(&mut self, byte: u8) -> Option<Bytes> {
        let text = self.until(byte)?;
        self.at -= 1;
        Some(text)
    }

    /// A bare word that is kept, maybe empty.
    pub(crate) fn word(&mut self, word: Word) -> Bytes {
        let length = self.passing_word(word).len();
        self.frame.bytes.slice(self.at - length..self.at)
    }

    /// A bare word that is only looked at, maybe empty.
    pub(crate) fn passing_word(&mut self, word: Word) -> &'a [u8] {
        let rest = &self.frame.bytes[self.at..];
        let stop = |b: &u8| match b {
            b' ' | b'\t' | b'(' | b')' | b'\r' | b'\n' => true,
            b']' => word == Word::Code,
            b'[' => word == Word::Item,
            _ => false,
        };
        let length = rest.iter().position(stop).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let before = self.at;
        let number = parse_number(self.passing_word(Word::Code));
        if number.is_none() {
            self.at = before;
        }
        number
    }

    pub(crate) fn number32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// A string of any form, a bare word included; NIL is [`Data::Nil`].
    pub(crate) fn string(&mut self, word: Word) -> Result<Data, Malformed> {
        match self.peek() {
            Some(b'"') => self.quoted().map(Data::Bytes),
            Some(b'{') => self.literal(),
            Some(b'~') if self.frame.bytes.get(self.at + 1) == Some(&b'{') => {
                self.at += 1;
                self.literal()
            }
            _ => {
                let text = self.word(word);
                match &text[..] {
                    b"" => Err(self.expected("a string")),
                    nil if nil.eq_ignore_ascii_case(b"NIL") => Ok(Data::Nil),
                    _ => Ok(Data::Bytes(text)),
                }
            }
        }
    }

    /// The octets of a string; NIL reads as the word itself, because a mailbox may be called so.
    pub(crate) fn astring(&mut self, word: Word) -> Result<Bytes, Malformed> {
        let before = self.clone();
        match self.string(word)? {
            Data::Bytes(bytes) => Ok(bytes),
            Data::Nil => Ok(Bytes::from_static(b"NIL")),
            Data::Streamed { .. } => Err(before.expected("a short string")),
        }
    }

    fn quoted(&mut self) -> Result<Bytes, Malformed> {
        let start = self.at + 1;
        let text = &self.frame.bytes[start..];
        let mut at = 0;
        let mut escaped = false;
        loop {
            match memchr::memchr2(b'"', b'\\', &text[at..]) {
                None => return Err(self.expected("a closing quote")),
                Some(found) if text[at + found] == b'"' => {
                    let end = start + at + found;
                    self.at = end + 1;
                    let raw = self.frame.bytes.slice(start..end);
                    return Ok(if escaped { unescape(&raw) } else { raw });
                }
                Some(found) => {
                    escaped = true;
                    at = (at + found + 2).min(text.len());
                }
            }
        }
    }

    fn literal(&mut self) -> Result<Data, Malformed> {
        let announced = self.expected("a literal");
        let rest = &self.frame.bytes[self.at + 1..];
        let close = memchr::memchr(b'}', rest).filter(|n| *n <= 21).ok_or(announced)?;
        let digits =
            rest[..close].strip_suffix(b"+").or(rest[..close].strip_suffix(b"-")).unwrap_or(&rest[..close]);
        let size = parse_number(digits).ok_or(announced)?;
        let mut at = self.at + 1 + close + 1;
        at += usize::from(self.frame.bytes.get(at) == Some(&b'\r'));
        at += usize::from(self.frame.bytes.get(at) == Some(&b'\n'));
        if self.frame.streamed.binary_search_by_key(&at, |s| s.at).is_ok() {
            self.at = at;
            return Ok(Data::Streamed { size });
        }
        let end = usize::try_from(size).ok().and_then(|size| at.checked_add(size));
        let end = end.filter(|end| *end <= self.frame.bytes.len()).ok_or(announced)?;
        self.at = end;
        Ok(Data::Bytes(self.frame.bytes.slice(at..end)))
    }

    /// Any value.
    pub(crate) fn value(&mut self) -> Result<Value, Malformed> {
        self.value_at(0)
    }

    fn value_at(&mut self, depth: usize) -> Result<Value, Malformed> {
        match self.peek() {
            Some(b'(') if depth >= MAX_DEPTH => Err(self.expected("less nesting")),
            Some(b'(') => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.spaces();
                    if self.eat(b')') {
                        return Ok(Value::List(items));
                    }
                    items.push(self.value_at(depth + 1)?);
                }
            }
            Some(b'"' | b'{' | b'~') => self.string(Word::Plain).map(Value::String),
            _ => match self.word(Word::Plain) {
                text if text.is_empty() => Err(self.expected("a value")),
                text if text.eq_ignore_ascii_case(b"NIL") => Ok(Value::String(Data::Nil)),
                text => Ok(Value::Atom(text)),
            },
        }
    }

    /// A list whose items are read by `item`; a single item without parentheses counts as a list of one.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        if !self.eat(b'(') {
            return Ok(vec![item(self)?]);
        }
        let mut items = Vec::new();
        loop {
            self.spaces();
            if self.eat(b')') {
                return Ok(items);
            }
            if self.at_end() {
                return Err(self.expected("`)`"));
            }
            let before = self.at;
            items.push(item(self)?);
            if self.at == before {
                return Err(self.expected("an item"));
            }
        }
    }
}

// RFC 9051 §9 quoted-specials. A backslash before anything else is taken as itself: names of broken servers hold some.
fn unescape(raw: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(raw.len());
    let mut octets = raw.iter().peekable();
    while let Some(byte) = octets.next() {
        match octets.peek() {
            Some(next) if *byte == b'\\' && matches!(next, b'"' | b'\\') => {
                out.push(**next);
                octets.next();
            }
            _ => out.push(*byte),
        }
    }
    out.into()
}
