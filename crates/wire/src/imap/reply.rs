//! What a server says, one value a response.
//!
//! Unknown responses are [`Reply::Other`], never an error; a known response that makes no sense is [`Malformed`], so
//! that a broken FETCH cannot pass for silence. Nothing here judges.

use super::{
    capabilities::Capabilities,
    cursor::{Cursor, Data, Malformed, Word},
    fetch::{Extent, Fetch},
    flags::Flag,
    frame::Frame,
    list::{Listed, MailboxName, Namespaces},
    mailbox::{Esearch, MailboxStatus, Quota, Search, Vanished},
    status::{Condition, Status, read_flag},
    string::Upper,
};
use bytes::Bytes;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The end of a command.
    Done {
        /// The command's tag; compare with [`Tag::parse`](super::Tag::parse).
        tag: Bytes,
        /// How it went.
        status: Status,
    },
    /// A status that belongs to no command: greeting, BYE, `* OK [UIDVALIDITY …]`.
    Status(Status),
    /// `+`: the server waits for more.
    Continue(Bytes),
    /// CAPABILITY
    Capability(Capabilities),
    /// ENABLED. RFC 5161 §3.2
    Enabled(Capabilities),
    /// ID, fields as told. RFC 2971 §3.2
    Id(Vec<(String, Option<String>)>),
    /// NAMESPACE
    Namespace(Namespaces),
    /// LIST (also XLIST)
    List(Listed),
    /// LSUB
    Lsub(Listed),
    /// STATUS
    MailboxStatus(MailboxStatus),
    /// SEARCH
    Search(Search),
    /// ESEARCH
    Esearch(Esearch),
    /// FLAGS
    Flags(Vec<Flag>),
    /// EXISTS
    Exists(u32),
    /// RECENT
    Recent(u32),
    /// EXPUNGE
    Expunge(u32),
    /// VANISHED
    Vanished(Vanished),
    /// FETCH, UIDFETCH
    Fetch(Box<Fetch>),
    /// QUOTA
    Quota(Quota),
    /// QUOTAROOT
    QuotaRoot {
        /// Which mailbox.
        mailbox: MailboxName,
        /// The names of its roots.
        roots: Vec<Bytes>,
    },
    /// Anything else.
    Other {
        /// The first word that is no number, as written.
        name: Bytes,
        /// The number in front of it.
        number: Option<u32>,
        /// What follows.
        data: Bytes,
    },
}

impl Reply {
    /// Reads a response.
    // RFC 9051 §9 response
    pub fn parse(frame: &Frame) -> Result<Reply, Malformed> {
        let mut cursor = Cursor::start(frame);
        let tag = cursor.passing_word(Word::Plain);
        match tag {
            b"" => Err(cursor.expected("a tag")),
            b"+" => {
                cursor.eat(b' ');
                Ok(Reply::Continue(cursor.rest()))
            }
            b"*" => {
                cursor.spaces();
                Self::read_untagged(&mut cursor)
            }
            _ => {
                cursor.spaces();
                let condition = Condition::parse(cursor.passing_word(Word::Item))
                    .ok_or(cursor.expected("OK, NO or BAD"))?;
                Ok(Reply::Done {
                    tag: Bytes::copy_from_slice(tag),
                    status: Status::read(condition, &mut cursor),
                })
            }
        }
    }

    fn read_untagged(cursor: &mut Cursor<'_>) -> Result<Reply, Malformed> {
        if let Some(number) = cursor.number32() {
            cursor.spaces();
            let name = cursor.passing_word(Word::Plain);
            if let Some(fetch) = Fetch::read(name, number, cursor, Extent::Whole) {
                return fetch.map(|fetch| Reply::Fetch(Box::new(fetch)));
            }
            return Ok(match &*Upper::of(name) {
                b"EXISTS" => Reply::Exists(number),
                b"RECENT" => Reply::Recent(number),
                b"EXPUNGE" => Reply::Expunge(number),
                _ => Self::other(name, Some(number), cursor),
            });
        }
        let name = cursor.passing_word(Word::Item);
        if let Some(condition) = Condition::parse(name) {
            return Ok(Reply::Status(Status::read(condition, cursor)));
        }
        cursor.spaces();
        Ok(match &*Upper::of(name) {
            b"CAPABILITY" => Reply::Capability(Capabilities::parse(&cursor.rest())),
            b"ENABLED" => Reply::Enabled(Capabilities::parse(&cursor.rest())),
            b"ID" => Reply::Id(read_id(cursor)?),
            b"NAMESPACE" => Reply::Namespace(Namespaces::read(cursor)?),
            b"LIST" | b"XLIST" => Reply::List(Listed::read(cursor)?),
            b"LSUB" => Reply::Lsub(Listed::read(cursor)?),
            b"STATUS" => Reply::MailboxStatus(MailboxStatus::read(cursor)?),
            b"SEARCH" => Reply::Search(Search::read(cursor)?),
            b"ESEARCH" => Reply::Esearch(Esearch::read(cursor)?),
            b"FLAGS" => Reply::Flags(cursor.list(|c| read_flag(c))?),
            b"VANISHED" => Reply::Vanished(Vanished::read(cursor)?),
            b"QUOTA" => Reply::Quota(Quota::read(cursor)?),
            b"QUOTAROOT" => read_quota_root(cursor)?,
            _ => Self::other(name, None, cursor),
        })
    }

    fn other(name: &[u8], number: Option<u32>, cursor: &mut Cursor<'_>) -> Reply {
        cursor.spaces();
        Reply::Other { name: Bytes::copy_from_slice(name), number, data: cursor.rest() }
    }
}

pub(crate) fn read_id(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Option<String>)>, Malformed> {
    if cursor.peek() != Some(b'(') {
        return Ok(Vec::new());
    }
    let text = |data: Data| data.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let flat = cursor.list(|c| c.string(Word::Plain).map(text))?;
    Ok(flat
        .chunks(2)
        .map(|pair| (pair[0].clone().unwrap_or_default(), pair.get(1).cloned().flatten()))
        .collect())
}

fn read_quota_root(cursor: &mut Cursor<'_>) -> Result<Reply, Malformed> {
    let mailbox = MailboxName::from_wire(cursor.astring(Word::Plain)?);
    let mut roots = Vec::new();
    loop {
        cursor.spaces();
        if cursor.at_end() {
            return Ok(Reply::QuotaRoot { mailbox, roots });
        }
        roots.push(cursor.astring(Word::Plain)?);
    }
}
