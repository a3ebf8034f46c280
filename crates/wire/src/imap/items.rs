//! Names of the items that FETCH and STATUS are asked for, read by the server side and written by the client's.
//!
//! What the answers hold is in [`Fetch`](super::Fetch) and [`MailboxStatus`](super::MailboxStatus).

use std::fmt;

macro_rules! named_items {
    ($(#[$head:meta])* $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)? } $($(#[$doc2:meta])* $more:ident($inner:ty)),*) => {
        $(#[$head])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$doc])* $variant,)* $($(#[$doc2])* $more($inner),)* }

        impl $enum {
            /// Reads a name without parameters, in any case.
            pub fn from_name(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($name) { return Some(Self::$variant); })*
                None
            }
        }

        impl fmt::Display for $enum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($name),)*
                    $(Self::$more(inner) => write!(f, "{inner}"),)*
                }
            }
        }
    };
}

named_items! {
    /// An item of STATUS. RFC 9051 §6.3.11
    StatusItem {
        /// How many messages.
        Messages = "MESSAGES",
        /// How many are recent (gone in IMAP4rev2).
        Recent = "RECENT",
        /// The next UID.
        UidNext = "UIDNEXT",
        /// UIDVALIDITY
        UidValidity = "UIDVALIDITY",
        /// How many are unseen.
        Unseen = "UNSEEN",
        /// How many are marked `\Deleted`.
        Deleted = "DELETED",
        /// Octets altogether. RFC 8438
        Size = "SIZE",
        /// RFC 7162 §3.1.7
        HighestModSeq = "HIGHESTMODSEQ",
        /// RFC 8474 §4.3
        MailboxId = "MAILBOXID",
        /// RFC 7889 §4
        AppendLimit = "APPENDLIMIT",
    }
}

named_items! {
    /// An item of FETCH. RFC 9051 §6.4.5
    FetchItem {
        /// UID
        Uid = "UID",
        /// Flags.
        Flags = "FLAGS",
        /// The date of arrival.
        InternalDate = "INTERNALDATE",
        /// The size.
        Size = "RFC822.SIZE",
        /// The parsed head.
        Envelope = "ENVELOPE",
        /// The parsed structure.
        BodyStructure = "BODYSTRUCTURE",
        /// The parsed structure, short.
        Body = "BODY",
        /// RFC 7162 §3.1.4
        ModSeq = "MODSEQ",
        /// RFC 8474 §5.1
        EmailId = "EMAILID",
        /// RFC 8474 §5.2
        ThreadId = "THREADID",
        /// RFC 8514 §4.2
        SaveDate = "SAVEDATE",
        /// Gmail's id of a message.
        GmailMessageId = "X-GM-MSGID",
        /// Gmail's id of a conversation.
        GmailThreadId = "X-GM-THRID",
        /// Gmail's labels.
        GmailLabels = "X-GM-LABELS",
        /// The whole message, marking it seen.
        Rfc822 = "RFC822",
        /// The head, marking nothing.
        Rfc822Header = "RFC822.HEADER",
        /// The text, marking the message seen.
        Rfc822Text = "RFC822.TEXT",
        /// FLAGS INTERNALDATE RFC822.SIZE ENVELOPE
        All = "ALL",
        /// FLAGS INTERNALDATE RFC822.SIZE
        Fast = "FAST",
        /// All and BODY
        Full = "FULL",
    }
    /// BODY[…] or BINARY[…]
    Section(SectionItem),
    /// An item that we do not know, as written.
    Other(String)
}

/// BODY[…] or BINARY[…], as asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SectionItem {
    /// Whether transfer encodings are undone.
    pub form: SectionForm,
    /// Whether asking marks the message seen.
    pub access: Access,
    /// Between the brackets; empty for the whole message.
    pub part: String,
    /// First octet and number of octets.
    pub partial: Option<(u64, u64)>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionForm {
    /// BODY: as stored.
    Body,
    /// BINARY: with transfer encodings undone. RFC 3516 §4.2
    Binary,
    /// BINARY.SIZE: only how large that would be.
    BinarySize,
}

/// Whether a message is marked by being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// PEEK: no.
    Peek,
    /// It gets `\Seen`. A migration never does this.
    SetsSeen,
}

impl FetchItem {
    /// `BODY.PEEK[part]`; an empty part is the whole message.
    pub fn peek(part: &str) -> Self {
        let (form, access) = (SectionForm::Body, Access::Peek);
        FetchItem::Section(SectionItem { form, access, part: part.to_owned(), partial: None })
    }

    /// `BODY.PEEK[part]<first.count>`
    pub fn peek_partial(part: &str, first: u64, count: u64) -> Self {
        let (form, access) = (SectionForm::Body, Access::Peek);
        FetchItem::Section(SectionItem { form, access, part: part.to_owned(), partial: Some((first, count)) })
    }
}

impl SectionItem {
    /// Reads the name in front of the bracket.
    pub(crate) fn from_name(name: &str, part: String) -> Option<Self> {
        let (form, access) = match name.to_ascii_uppercase().as_str() {
            "BODY" => (SectionForm::Body, Access::SetsSeen),
            "BODY.PEEK" => (SectionForm::Body, Access::Peek),
            "BINARY" => (SectionForm::Binary, Access::SetsSeen),
            "BINARY.PEEK" => (SectionForm::Binary, Access::Peek),
            "BINARY.SIZE" => (SectionForm::BinarySize, Access::Peek),
            _ => return None,
        };
        Some(Self { form, access, part, partial: None })
    }
}

impl fmt::Display for SectionItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.form, self.access) {
            (SectionForm::Body, Access::SetsSeen) => "BODY",
            (SectionForm::Body, Access::Peek) => "BODY.PEEK",
            (SectionForm::Binary, Access::SetsSeen) => "BINARY",
            (SectionForm::Binary, Access::Peek) => "BINARY.PEEK",
            (SectionForm::BinarySize, _) => "BINARY.SIZE",
        })?;
        write!(f, "[{}]", self.part)?;
        match self.partial {
            Some((first, count)) => write!(f, "<{first}.{count}>"),
            None => Ok(()),
        }
    }
}

/// Items with spaces between them.
pub(crate) fn join(items: &[impl fmt::Display]) -> String {
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(&item.to_string());
    }
    out
}
