//! The view of FETCH (and UIDFETCH): what is told about one message.
//!
//! One answer need not tell everything: servers split it, and send FETCH unasked. Merging is the caller's.

use super::{
    cursor::{Cursor, Data, Malformed, Value, Word, parse_number},
    date::InternalDate,
    flags::Flag,
    frame::Frame,
    status::read_flag,
    string::Upper,
};
use bytes::Bytes;
use std::borrow::Cow;

/// One FETCH answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// The message's number; none in UIDFETCH. RFC 9586 §3.3
    pub sequence: Option<u32>,
    /// UID
    pub uid: Option<u32>,
    /// FLAGS
    pub flags: Option<Vec<Flag>>,
    /// INTERNALDATE; one that cannot be read is among `others`.
    pub internal_date: Option<InternalDate>,
    /// RFC822.SIZE, which may lie.
    pub size: Option<u64>,
    /// MODSEQ. RFC 7162 §3.1.4
    pub mod_seq: Option<u64>,
    /// EMAILID. RFC 8474 §5.1
    pub email_id: Option<Bytes>,
    /// THREADID. RFC 8474 §5.2
    pub thread_id: Option<Bytes>,
    /// SAVEDATE. RFC 8514 §4.2
    pub save_date: Option<InternalDate>,
    /// X-GM-MSGID
    pub gmail_message_id: Option<u64>,
    /// X-GM-THRID
    pub gmail_thread_id: Option<u64>,
    /// X-GM-LABELS, in modified UTF-7
    pub gmail_labels: Option<Vec<Bytes>>,
    /// BODY[…], BINARY[…] and the RFC822 items.
    pub sections: Vec<Section>,
    /// Everything else: ENVELOPE, BODYSTRUCTURE, items of the future.
    pub others: Vec<(Bytes, Value)>,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// `BODY`, `BINARY`, `RFC822`, `RFC822.HEADER` or `RFC822.TEXT`, in upper case.
    pub item: Cow<'static, str>,
    /// What stood between the brackets, as written; empty for the whole message.
    pub part: Bytes,
    /// Where it begins, when only a piece was asked for.
    pub origin: Option<u64>,
    /// The octets.
    pub data: Data,
}

impl Section {
    /// Whether it is the whole message.
    pub fn is_whole(&self) -> bool {
        self.part.is_empty() && self.origin.is_none() && matches!(&*self.item, "BODY" | "BINARY" | "RFC822")
    }
}

/// Whether a frame is read to its end or only as far as it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    Head,
}

impl Fetch {
    /// The whole message, NIL included, where it is part of the answer.
    pub fn body(&self) -> Option<&Data> {
        self.sections.iter().find(|s| s.is_whole()).map(|s| &s.data)
    }

    /// The octets of a section asked for by name, such as `HEADER`; sizes of BINARY are not meant.
    pub fn section(&self, part: &str) -> Option<&Data> {
        let mut sections = self.sections.iter().filter(|s| s.item != "BINARY.SIZE");
        sections.find(|s| s.part.eq_ignore_ascii_case(part.as_bytes())).map(|s| &s.data)
    }

    /// Reads the head of [`Event::LiteralStart`](super::Event::LiteralStart): what was told so far; the literal that
    /// begins is the last section. `None` when the response is no FETCH.
    pub fn parse_head(head: &Frame) -> Option<Fetch> {
        let mut cursor = Cursor::start(head);
        cursor.expect(b'*', "*").ok()?;
        cursor.spaces();
        let number = cursor.number32()?;
        cursor.spaces();
        let name = cursor.passing_word(Word::Plain);
        Self::read(name, number, &mut cursor, Extent::Head)?.ok()
    }

    /// Reads what stands behind `* 12 FETCH`; `None` when `name` is neither FETCH nor UIDFETCH.
    pub(crate) fn read(
        name: &[u8],
        number: u32,
        cursor: &mut Cursor<'_>,
        extent: Extent,
    ) -> Option<Result<Self, Malformed>> {
        let mut fetch = Fetch::default();
        match &*Upper::of(name) {
            b"FETCH" => fetch.sequence = Some(number),
            b"UIDFETCH" => fetch.uid = Some(number),
            _ => return None,
        }
        Some(fetch.read_items(cursor, extent).map(|()| fetch))
    }

    fn read_items(&mut self, cursor: &mut Cursor<'_>, extent: Extent) -> Result<(), Malformed> {
        cursor.spaces();
        cursor.expect(b'(', "`(`")?;
        loop {
            cursor.spaces();
            if cursor.eat(b')') || (extent == Extent::Head && cursor.at_end()) {
                return Ok(());
            }
            let name = cursor.passing_word(Word::Item);
            if name.is_empty() {
                return Err(cursor.expected("a FETCH item"));
            }
            self.read_item(name, cursor)?;
        }
    }

    fn read_item(&mut self, name: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let upper = Upper::of(name);
        if cursor.peek() == Some(b'[') {
            return self.read_section(name, cursor);
        }
        cursor.spaces();
        match &*upper {
            b"RFC822" | b"RFC822.HEADER" | b"RFC822.TEXT" => {
                let part: &'static [u8] = if upper.len() == 6 { b"" } else { name_tail(&upper) };
                let item = item_name(&upper);
                let data = cursor.string(Word::Plain)?;
                self.sections.push(Section { item, part: Bytes::from_static(part), origin: None, data });
            }
            b"FLAGS" => self.flags = Some(cursor.list(|c| read_flag(c))?),
            // Bare numbers, as these nearly always are, need no value of their own.
            b"UID" | b"RFC822.SIZE" if self.take_number(&upper, cursor) => {}
            _ => {
                let value = cursor.value()?;
                if self.take(&upper, &value).is_none() {
                    self.others.push((Bytes::copy_from_slice(name), value));
                }
            }
        }
        Ok(())
    }

    /// Keeps a bare number, if one follows that fits.
    fn take_number(&mut self, upper: &[u8], cursor: &mut Cursor<'_>) -> bool {
        let mut probe = cursor.clone();
        let Some(number) = parse_number(probe.passing_word(Word::Plain)) else { return false };
        match (upper, u32::try_from(number)) {
            (b"UID", Ok(uid)) => self.uid = Some(uid),
            (b"RFC822.SIZE", _) => self.size = Some(number),
            _ => return false,
        }
        *cursor = probe;
        true
    }

    /// Keeps a value whose name and form are known.
    fn take(&mut self, upper: &[u8], value: &Value) -> Option<()> {
        // MODSEQ, EMAILID and THREADID stand in parentheses of their own; some servers leave them out.
        let inner = match value {
            Value::List(items) if items.len() == 1 => &items[0],
            other => other,
        };
        match upper {
            b"UID" => self.uid = Some(value.number()?.try_into().ok()?),
            b"RFC822.SIZE" => self.size = Some(value.number()?),
            b"INTERNALDATE" => self.internal_date = Some(InternalDate::parse(value.text()?)?),
            b"MODSEQ" => self.mod_seq = Some(inner.number()?),
            b"EMAILID" => self.email_id = Some(inner.text()?.clone()),
            b"THREADID" => self.thread_id = Some(inner.text()?.clone()),
            b"SAVEDATE" => self.save_date = Some(InternalDate::parse(value.text()?)?),
            b"X-GM-MSGID" => self.gmail_message_id = Some(value.number()?),
            b"X-GM-THRID" => self.gmail_thread_id = Some(value.number()?),
            b"X-GM-LABELS" => {
                let Value::List(labels) = value else { return None };
                self.gmail_labels = Some(labels.iter().filter_map(|label| label.text().cloned()).collect());
            }
            _ => return None,
        }
        Some(())
    }

    // RFC 9051 §9 msg-att-static: "BODY" section ["<" number ">"] SP nstring
    fn read_section(&mut self, name: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        cursor.expect(b'[', "`[`")?;
        let part = read_brackets(cursor)?;
        let origin = if cursor.eat(b'<') { cursor.until(b'>') } else { None };
        let origin = origin.and_then(|text| parse_number(&text));
        cursor.spaces();
        let data = cursor.string(Word::Plain)?;
        let item = item_name(&Upper::of(name));
        // Mostly it is the only one.
        if self.sections.is_empty() {
            self.sections.reserve_exact(1);
        }
        self.sections.push(Section { item, part, origin, data });
        Ok(())
    }
}

/// The usual ones need no memory of their own.
fn item_name(upper: &[u8]) -> Cow<'static, str> {
    const USUAL: [&str; 3] = ["BODY", "BINARY", "RFC822"];
    let usual = USUAL.into_iter().find(|name| name.as_bytes() == upper);
    usual.map_or_else(|| Cow::Owned(String::from_utf8_lossy(upper).into_owned()), Cow::Borrowed)
}

fn name_tail(upper: &[u8]) -> &'static [u8] {
    if upper == b"RFC822.HEADER" { b"HEADER" } else { b"TEXT" }
}

/// Up to the closing bracket, past quoted header names that hold one.
fn read_brackets(cursor: &mut Cursor<'_>) -> Result<Bytes, Malformed> {
    let mut probe = cursor.clone();
    let start = cursor.clone();
    loop {
        match probe.peek() {
            None => return Err(cursor.expected("`]`")),
            Some(b']') => break,
            Some(b'"' | b'{') => _ = probe.string(Word::Code)?,
            Some(byte) => _ = probe.eat(byte),
        }
    }
    let part = start.up_to(&probe);
    *cursor = probe;
    cursor.eat(b']');
    Ok(part)
}
