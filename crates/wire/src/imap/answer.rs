//! Writing answers, for emulators.
//!
//! Collects lines into segments; bodies are passed on, not copied. Checks nothing, so that an emulator can also
//! answer wrongly: [`Answer::raw`] writes what it is given.

use super::{
    cursor::Data,
    flags::Flag,
    list::MailboxName,
    status::Condition,
    string::{self, Shape},
};
use bytes::{Bytes, BytesMut};
use std::fmt;

/// Lines to be written.
#[derive(Default)]
pub struct Answer {
    done: Vec<Bytes>,
    text: BytesMut,
}

impl Answer {
    /// Octets as they stand; the caller adds CRLF.
    pub fn raw(&mut self, octets: &[u8]) -> &mut Self {
        self.text.extend_from_slice(octets);
        self
    }

    /// Text as it stands, without a line end.
    pub fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        self.raw(text.to_string().as_bytes())
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Self {
        self.raw(b"\r\n")
    }

    /// `* line`
    pub fn untagged(&mut self, line: impl fmt::Display) -> &mut Self {
        self.text(format_args!("* {line}\r\n"))
    }

    /// `tag OK [code] text`; `*` as the tag for an untagged status.
    pub fn status(&mut self, tag: &[u8], condition: Condition, code: &str, text: &str) -> &mut Self {
        self.raw(tag).text(format_args!(" {}", condition.as_str()));
        if !code.is_empty() {
            self.text(format_args!(" [{code}]"));
        }
        self.text(format_args!(" {text}\r\n"))
    }

    /// `+ text`
    pub fn proceed(&mut self, text: &str) -> &mut Self {
        self.text(format_args!("+ {text}\r\n"))
    }

    /// A string as an atom, quoted, or as a literal.
    pub fn astring(&mut self, text: &[u8]) -> &mut Self {
        match string::shape(text) {
            Shape::Atom => self.raw(text),
            _ => self.nstring(&Data::Bytes(Bytes::copy_from_slice(text))),
        }
    }

    /// NIL, a quoted string, or a literal. Of a streamed string only the announcement: forward the octets.
    pub fn nstring(&mut self, data: &Data) -> &mut Self {
        match data {
            Data::Nil => self.raw(b"NIL"),
            Data::Bytes(bytes) if string::shape(bytes) != Shape::Literal => {
                string::put_quoted(&mut self.text, bytes);
                self
            }
            Data::Bytes(bytes) => self.literal(bytes.clone()),
            Data::Streamed { size } => self.text(format_args!("{{{size}}}\r\n")),
        }
    }

    /// A literal, its octets passed on without a copy unless there are few.
    pub fn literal(&mut self, octets: Bytes) -> &mut Self {
        self.text(format_args!("{{{}}}\r\n", octets.len()));
        if octets.len() <= 1024 {
            return self.raw(&octets);
        }
        self.done.push(self.text.split().freeze());
        self.done.push(octets);
        self
    }

    /// Flags in parentheses.
    pub fn flags(&mut self, flags: &[Flag]) -> &mut Self {
        self.text(format_args!("({})", super::items::join(flags)))
    }

    /// `* LIST (attributes) "/" name`; with `LSUB` as the verb the same for it.
    pub fn list(
        &mut self,
        verb: &str,
        attributes: &[&str],
        separator: Option<u8>,
        name: &MailboxName,
    ) -> &mut Self {
        self.text(format_args!("* {verb} ({}) ", attributes.join(" ")));
        self.nstring(&separator.map_or(Data::Nil, |byte| Data::Bytes(Bytes::copy_from_slice(&[byte]))));
        self.raw(b" ").astring(name.raw()).end()
    }

    /// What is to be written, in order.
    pub fn take(&mut self) -> Vec<Bytes> {
        let mut done = std::mem::take(&mut self.done);
        if !self.text.is_empty() {
            done.push(self.text.split().freeze());
        }
        done
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} segments)", self.done.len() + 1)
    }
}
