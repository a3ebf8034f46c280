//! Views of what is told about a mailbox: STATUS, SEARCH, ESEARCH, VANISHED, QUOTA.
//!
//! Numbers are 64 bits wide wherever the RFCs allow it.

use super::{
    cursor::{Cursor, Malformed, Value, Word},
    list::MailboxName,
    sequence_set::SequenceSet,
};
use bytes::Bytes;

/// An answer to STATUS. What was not asked or not told is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// MESSAGES
    pub messages: Option<u64>,
    /// UIDNEXT
    pub uid_next: Option<u32>,
    /// UIDVALIDITY
    pub uid_validity: Option<u32>,
    /// UNSEEN
    pub unseen: Option<u64>,
    /// RECENT
    pub recent: Option<u64>,
    /// DELETED
    pub deleted: Option<u64>,
    /// SIZE in octets. RFC 8438
    pub size: Option<u64>,
    /// HIGHESTMODSEQ, 0 where the mailbox keeps none. RFC 7162 §3.1.7
    pub highest_mod_seq: Option<u64>,
    /// MAILBOXID. RFC 8474 §4.3
    pub mailbox_id: Option<Bytes>,
    /// APPENDLIMIT. RFC 7889 §4
    pub append_limit: Option<u64>,
    /// Everything else.
    pub others: Vec<(Bytes, Value)>,
}

impl MailboxStatus {
    /// An answer that tells nothing yet.
    pub fn for_mailbox(mailbox: MailboxName) -> Self {
        Self {
            mailbox,
            messages: None,
            uid_next: None,
            uid_validity: None,
            unseen: None,
            recent: None,
            deleted: None,
            size: None,
            highest_mod_seq: None,
            mailbox_id: None,
            append_limit: None,
            others: Vec::new(),
        }
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut status = Self::for_mailbox(MailboxName::from_wire(cursor.astring(Word::Plain)?));
        // A bare name with spaces: everything up to the parenthesis.
        cursor.spaces();
        if cursor.peek() != Some(b'(') {
            let more = cursor.up_to_byte(b'(').ok_or(cursor.expected("`(`"))?;
            let whole = [status.mailbox.raw(), &b" "[..], more.trim_ascii_end()].concat();
            status.mailbox = MailboxName::from_wire(whole);
        }
        cursor.expect(b'(', "`(`")?;
        loop {
            cursor.spaces();
            if cursor.eat(b')') {
                return Ok(status);
            }
            let name = cursor.astring(Word::Plain)?;
            cursor.spaces();
            let value = cursor.value()?;
            if status.take(&name.to_ascii_uppercase(), &value).is_none() {
                status.others.push((name, value));
            }
        }
    }

    fn take(&mut self, upper: &[u8], value: &Value) -> Option<()> {
        match upper {
            b"MESSAGES" => self.messages = Some(value.number()?),
            b"UIDNEXT" => self.uid_next = Some(value.number()?.try_into().ok()?),
            b"UIDVALIDITY" => self.uid_validity = Some(value.number()?.try_into().ok()?),
            b"UNSEEN" => self.unseen = Some(value.number()?),
            b"RECENT" => self.recent = Some(value.number()?),
            b"DELETED" => self.deleted = Some(value.number()?),
            b"SIZE" => self.size = Some(value.number()?),
            b"HIGHESTMODSEQ" => self.highest_mod_seq = Some(value.number()?),
            b"APPENDLIMIT" => self.append_limit = Some(value.number()?),
            b"MAILBOXID" => match value {
                Value::List(items) => self.mailbox_id = Some(items.first()?.text()?.clone()),
                other => self.mailbox_id = Some(other.text()?.clone()),
            },
            _ => return None,
        }
        Some(())
    }
}

/// An answer to SEARCH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Numbers or UIDs, as asked.
    pub numbers: Vec<u32>,
    /// The highest MODSEQ among them. RFC 7162 §3.1.5
    pub mod_seq: Option<u64>,
}

impl Search {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut search = Self::default();
        loop {
            cursor.spaces();
            if cursor.at_end() {
                return Ok(search);
            }
            if cursor.peek() == Some(b'(') {
                if let Value::List(items) = cursor.value()? {
                    search.mod_seq = items.get(1).and_then(Value::number);
                }
                continue;
            }
            search.numbers.push(cursor.number32().ok_or(cursor.expected("a message number"))?);
        }
    }
}

/// An answer to SEARCH with RETURN. RFC 9051 §7.3.4
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Esearch {
    /// The tag of the command that asked.
    pub tag: Option<Bytes>,
    /// What the numbers are.
    pub by: Numbering,
    /// MIN
    pub min: Option<u32>,
    /// MAX
    pub max: Option<u32>,
    /// ALL
    pub all: Option<SequenceSet>,
    /// COUNT
    pub count: Option<u64>,
    /// MODSEQ. RFC 7162 §3.1.10
    pub mod_seq: Option<u64>,
    /// Everything else.
    pub others: Vec<(Bytes, Value)>,
}

/// What a number names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    #[default]
    Sequence,
    /// UIDs.
    Uid,
}

impl Esearch {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut answer = Self::default();
        if cursor.peek() == Some(b'(')
            && let Value::List(items) = cursor.value()?
        {
            answer.tag = items.get(1).and_then(|v| v.text().cloned());
        }
        loop {
            cursor.spaces();
            if cursor.at_end() {
                return Ok(answer);
            }
            let name = cursor.astring(Word::Plain)?;
            if name.eq_ignore_ascii_case(b"UID") {
                answer.by = Numbering::Uid;
                continue;
            }
            cursor.spaces();
            let value = cursor.value()?;
            if answer.take(&name.to_ascii_uppercase(), &value).is_none() {
                answer.others.push((name, value));
            }
        }
    }

    fn take(&mut self, upper: &[u8], value: &Value) -> Option<()> {
        match upper {
            b"MIN" => self.min = Some(value.number()?.try_into().ok()?),
            b"MAX" => self.max = Some(value.number()?.try_into().ok()?),
            b"ALL" => self.all = Some(SequenceSet::parse(value.text()?)?),
            b"COUNT" => self.count = Some(value.number()?),
            b"MODSEQ" => self.mod_seq = Some(value.number()?),
            _ => return None,
        }
        Some(())
    }
}

/// Messages that are gone. RFC 7162 §3.2.10
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// When they went.
    pub when: When,
    /// Which UIDs; may name UIDs that never were.
    pub uids: SequenceSet,
}

/// When messages vanished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In this session: message numbers shift.
    Now,
    /// Before it (EARLIER): numbers stay.
    Earlier,
}

impl Vanished {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut when = When::Now;
        if cursor.peek() == Some(b'(') {
            cursor.value()?;
            cursor.spaces();
            when = When::Earlier;
        }
        let uids = SequenceSet::parse(&cursor.word(Word::Plain)).ok_or(cursor.expected("a UID set"))?;
        Ok(Self { when, uids })
    }
}

/// A quota root with its limits. RFC 9208 §5.1
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The root's name, often empty.
    pub root: Bytes,
    /// Name, use, limit; STORAGE counts in units of 1024 octets.
    pub resources: Vec<(String, u64, u64)>,
}

impl Quota {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let root = cursor.astring(Word::Plain)?;
        cursor.spaces();
        let Value::List(items) = cursor.value()? else { return Err(cursor.expected("quota resources")) };
        let resource = |triple: &[Value]| {
            let name = String::from_utf8_lossy(triple[0].text()?).to_ascii_uppercase();
            Some((name, triple[1].number()?, triple[2].number()?))
        };
        Ok(Self { root, resources: items.chunks_exact(3).filter_map(resource).collect() })
    }
}
