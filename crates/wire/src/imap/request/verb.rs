//! The commands of a client as values.
//!
//! Names and texts stay as they came; which command is allowed when is the emulator's business.

use crate::imap::{
    command::{AppendForm, SelectMode, StoreAction},
    cursor::{Data, Value},
    date::InternalDate,
    flags::Flag,
    items::{FetchItem, StatusItem},
    list::MailboxName,
    mailbox::Numbering,
    sequence_set::SequenceSet,
};
use bytes::Bytes;
use std::fmt;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its tag, to be repeated in the answer.
    pub tag: Bytes,
    /// What is asked.
    pub verb: Verb,
}

/// What is asked. `Debug` of LOGIN and AUTHENTICATE shows no secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Verb {
    /// A command that is its name: CAPABILITY, NOOP, LOGOUT, STARTTLS, NAMESPACE, CLOSE, UNSELECT, CHECK, IDLE,
    /// EXPUNGE, in upper case.
    Plain(String),
    /// LOGIN
    Login {
        /// Who.
        user: Bytes,
        /// The password.
        password: Bytes,
    },
    /// AUTHENTICATE
    Authenticate {
        /// In upper case.
        mechanism: String,
        /// The initial response in base64, where it came along; `=` is an empty one.
        initial: Option<Bytes>,
    },
    /// ID; NIL is empty.
    Id(Vec<(String, Option<String>)>),
    /// ENABLE, in upper case.
    Enable(Vec<String>),
    /// COMPRESS, the mechanism in upper case.
    Compress(String),
    /// LIST
    List(Mailboxes),
    /// LSUB
    Lsub(Mailboxes),
    /// CREATE
    Create {
        /// Which.
        mailbox: MailboxName,
        /// USE attributes.
        special_use: Vec<Bytes>,
    },
    /// DELETE
    Delete(MailboxName),
    /// RENAME
    Rename {
        /// From.
        from: MailboxName,
        /// To.
        to: MailboxName,
    },
    /// SUBSCRIBE
    Subscribe(MailboxName),
    /// UNSUBSCRIBE
    Unsubscribe(MailboxName),
    /// SELECT, EXAMINE
    Select {
        /// Which.
        mailbox: MailboxName,
        /// How.
        mode: SelectMode,
        /// CONDSTORE, QRESYNC.
        resync: Option<Resync>,
    },
    /// STATUS
    Status {
        /// Which.
        mailbox: MailboxName,
        /// What.
        items: Vec<StatusItem>,
    },
    /// GETQUOTAROOT
    GetQuotaRoot(MailboxName),
    /// APPEND, also of several.
    Append {
        /// Where.
        mailbox: MailboxName,
        /// What.
        messages: Vec<Appended>,
    },
    /// FETCH, UID FETCH
    Fetch {
        /// What the numbers are.
        by: Numbering,
        /// Which.
        set: SequenceSet,
        /// What.
        items: Vec<FetchItem>,
        /// CHANGEDSINCE, VANISHED.
        modifier: RequestedModifier,
    },
    /// SEARCH, UID SEARCH
    Search {
        /// What the answers are.
        by: Numbering,
        /// RETURN options in upper case; `None` asks for the old form of the answer.
        returns: Option<Vec<String>>,
        /// The criteria as values, for instance `UID`, `1:*`.
        criteria: Vec<Value>,
    },
    /// STORE, UID STORE
    Store(StoreRequest),
    /// UID EXPUNGE
    UidExpunge(SequenceSet),
    /// COPY, UID COPY
    Copy {
        /// What the numbers are.
        by: Numbering,
        /// Which.
        set: SequenceSet,
        /// Where to.
        to: MailboxName,
    },
    /// MOVE, UID MOVE
    Move {
        /// What the numbers are.
        by: Numbering,
        /// Which.
        set: SequenceSet,
        /// Where to.
        to: MailboxName,
    },
    /// Anything else.
    Other {
        /// In upper case.
        name: String,
        /// What follows.
        arguments: Bytes,
    },
}

/// Arguments of LIST and LSUB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailboxes {
    /// Selection options in upper case: SUBSCRIBED, REMOTE, RECURSIVEMATCH, SPECIAL-USE.
    pub only: Vec<String>,
    /// Reference.
    pub reference: Bytes,
    /// Patterns.
    pub patterns: Vec<Bytes>,
    /// RETURN options in upper case, without STATUS.
    pub returns: Vec<String>,
    /// RETURN (STATUS (…)).
    pub status: Option<Vec<StatusItem>>,
}

/// CONDSTORE and QRESYNC at SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resync {
    /// CONDSTORE
    CondStore,
    /// QRESYNC. RFC 7162 §3.2.5
    Since {
        /// UIDVALIDITY as the client knows it.
        uid_validity: u32,
        /// MODSEQ as the client knows it.
        mod_seq: u64,
        /// The UIDs that it knows.
        known: Option<SequenceSet>,
    },
}

/// Modifiers of FETCH.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestedModifier {
    /// CHANGEDSINCE
    pub changed_since: Option<u64>,
    /// VANISHED
    pub vanished: Option<Asked>,
}

/// That something without a value was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked;

/// STORE of flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRequest {
    /// What the numbers are.
    pub by: Numbering,
    /// Which.
    pub set: SequenceSet,
    /// UNCHANGEDSINCE
    pub unchanged_since: Option<u64>,
    /// How.
    pub action: StoreAction,
    /// `.SILENT`: no FETCH in answer.
    pub silent: Option<Asked>,
    /// What.
    pub flags: Vec<Flag>,
}

/// One message of APPEND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its date.
    pub date: Option<InternalDate>,
    /// How it was announced.
    pub form: AppendForm,
    /// Its octets, or how many were streamed.
    pub body: Data,
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verb::Login { user, .. } => write!(f, "Login({:?})", String::from_utf8_lossy(user)),
            Verb::Authenticate { mechanism, .. } => write!(f, "Authenticate({mechanism})"),
            Verb::Append { mailbox, messages } => {
                write!(f, "Append({mailbox:?}, {} messages)", messages.len())
            }
            other => f.write_str(other.name()),
        }
    }
}

impl Verb {
    /// The command's name without UID, for traces and faults that aim at a command.
    pub fn name(&self) -> &str {
        match self {
            Verb::Plain(name) | Verb::Other { name, .. } => name,
            Verb::Login { .. } => "LOGIN",
            Verb::Authenticate { .. } => "AUTHENTICATE",
            Verb::Id(_) => "ID",
            Verb::Enable(_) => "ENABLE",
            Verb::Compress(_) => "COMPRESS",
            Verb::List(_) => "LIST",
            Verb::Lsub(_) => "LSUB",
            Verb::Create { .. } => "CREATE",
            Verb::Delete(_) => "DELETE",
            Verb::Rename { .. } => "RENAME",
            Verb::Subscribe(_) => "SUBSCRIBE",
            Verb::Unsubscribe(_) => "UNSUBSCRIBE",
            Verb::Select { mode: SelectMode::ReadOnly, .. } => "EXAMINE",
            Verb::Select { .. } => "SELECT",
            Verb::Status { .. } => "STATUS",
            Verb::GetQuotaRoot(_) => "GETQUOTAROOT",
            Verb::Append { .. } => "APPEND",
            Verb::Fetch { .. } => "FETCH",
            Verb::Search { .. } => "SEARCH",
            Verb::Store(_) => "STORE",
            Verb::UidExpunge(_) => "EXPUNGE",
            Verb::Copy { .. } => "COPY",
            Verb::Move { .. } => "MOVE",
        }
    }
}
