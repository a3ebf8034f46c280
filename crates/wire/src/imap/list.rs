//! Views of LIST, LSUB and NAMESPACE.
//!
//! Names stay as they came; [`MailboxName`] turns them into text and back.

use super::{
    cursor::{Cursor, Data, Malformed, Value, Word},
    mutf7,
};
use bytes::Bytes;
use std::{borrow::Cow, fmt};

/// How names beyond ASCII are written on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameEncoding {
    /// Modified UTF-7, the default.
    ModifiedUtf7,
    /// After ENABLE UTF8=ACCEPT or IMAP4rev2. RFC 6855 §3
    Utf8,
}

/// A mailbox name as it stands on the wire.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(Bytes);

impl MailboxName {
    /// A name as a server wrote it.
    pub fn from_wire(raw: impl Into<Bytes>) -> Self {
        Self(raw.into())
    }

    /// A name to be created from text.
    pub fn from_text(text: &str, encoding: NameEncoding) -> Self {
        Self(match encoding {
            NameEncoding::ModifiedUtf7 => mutf7::encode(text).into(),
            NameEncoding::Utf8 => Bytes::copy_from_slice(text.as_bytes()),
        })
    }

    /// INBOX
    pub fn inbox() -> Self {
        Self(Bytes::from_static(b"INBOX"))
    }

    /// As on the wire.
    pub fn raw(&self) -> &Bytes {
        &self.0
    }

    /// As people read it.
    pub fn to_text(&self, encoding: NameEncoding) -> String {
        match encoding {
            NameEncoding::ModifiedUtf7 => mutf7::decode(&self.0),
            NameEncoding::Utf8 => String::from_utf8_lossy(&self.0).into_owned(),
        }
    }

    /// Whether it is INBOX, in any case.
    // RFC 9051 §5.1
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case(b"INBOX")
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// One line of LIST or LSUB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `\HasChildren`, `\Noselect`, `\Sent` … as written.
    pub attributes: Vec<Bytes>,
    /// The hierarchy separator; none in a flat namespace.
    pub separator: Option<u8>,
    /// The name.
    pub name: MailboxName,
    /// CHILDINFO: why a mailbox is listed whose children match. RFC 5258 §3.5
    pub child_info: Vec<Bytes>,
    /// OLDNAME: what it was called before a rename. RFC 9051 §6.3.9.7
    pub old_name: Option<MailboxName>,
    /// Other extended data, by tag.
    pub extended: Vec<(Bytes, Value)>,
}

impl Listed {
    /// Whether an attribute such as `\Noselect` is there; the letter case does not matter.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|a| a.eq_ignore_ascii_case(attribute.as_bytes()))
    }

    /// Whether the name can be selected.
    // RFC 9051 §7.3.1: \NonExistent implies \Noselect
    pub fn is_selectable(&self) -> bool {
        !self.has("\\Noselect") && !self.has("\\NonExistent")
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let attributes = cursor.list(|c| match c.value()? {
            Value::List(_) => Err(c.expected("an attribute")),
            value => Ok(value.text().cloned().unwrap_or_default()),
        })?;
        cursor.spaces();
        let separator = match cursor.string(Word::Plain)? {
            Data::Bytes(text) => text.first().copied(),
            _ => None,
        };
        cursor.spaces();
        let name = read_name(cursor)?;
        let mut listed = Self {
            attributes,
            separator,
            name,
            child_info: Vec::new(),
            old_name: None,
            extended: Vec::new(),
        };
        cursor.spaces();
        if cursor.eat(b'(') {
            listed.read_extended(cursor)?;
        }
        Ok(listed)
    }

    // RFC 9051 §9 mbox-list-extended
    fn read_extended(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        loop {
            cursor.spaces();
            if cursor.eat(b')') {
                return Ok(());
            }
            let tag = cursor.astring(Word::Plain)?;
            cursor.spaces();
            let value = cursor.value()?;
            match (tag.to_ascii_uppercase().as_slice(), &value) {
                (b"CHILDINFO", Value::List(items)) => {
                    self.child_info = items.iter().filter_map(|item| item.text().cloned()).collect();
                }
                (b"OLDNAME", Value::List(items)) if items.len() == 1 => {
                    self.old_name = items[0].text().cloned().map(MailboxName::from_wire);
                }
                _ => self.extended.push((tag, value)),
            }
        }
    }
}

/// A name; a bare one with spaces in it, as broken servers send, goes to the end of the line.
fn read_name(cursor: &mut Cursor<'_>) -> Result<MailboxName, Malformed> {
    let bare = !matches!(cursor.peek(), Some(b'"' | b'{' | b'~'));
    let mut whole = cursor.clone();
    let name = cursor.astring(Word::Plain)?;
    let mut behind = cursor.clone();
    behind.spaces();
    if bare && !behind.at_end() && behind.peek() != Some(b'(') {
        cursor.rest();
        return Ok(MailboxName(whole.rest()));
    }
    Ok(MailboxName(name))
}

/// One namespace. RFC 9051 §6.3.10
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What names in it begin with, maybe nothing.
    pub prefix: MailboxName,
    /// Its hierarchy separator.
    pub separator: Option<u8>,
}

/// The three kinds of namespaces; a kind that the server does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Namespace>,
    /// Other users'.
    pub others: Vec<Namespace>,
    /// Shared and public.
    pub shared: Vec<Namespace>,
}

impl Namespaces {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut kind = || -> Result<Vec<Namespace>, Malformed> {
            cursor.spaces();
            if cursor.at_end() {
                return Ok(Vec::new());
            }
            let Value::List(items) = cursor.value()? else { return Ok(Vec::new()) };
            Ok(items.iter().filter_map(namespace).collect())
        };
        Ok(Self { personal: kind()?, others: kind()?, shared: kind()? })
    }
}

fn namespace(value: &Value) -> Option<Namespace> {
    let Value::List(parts) = value else { return None };
    let prefix = parts.first()?.text().cloned().unwrap_or_default();
    let separator = parts.get(1).and_then(|p| p.text()?.first().copied());
    Some(Namespace { prefix: MailboxName(prefix), separator })
}

impl MailboxName {
    /// As on the wire, for messages to people; octets that are not UTF-8 are replaced.
    pub fn raw_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}
