//! Status responses: OK, NO, BAD, BYE, PREAUTH with their response codes and text.
//!
//! What an answer means for a migration is decided by `classify` in the connector, not here.

use super::{
    capabilities::Capabilities,
    cursor::{Cursor, Malformed, Value, Word},
    flags::Flag,
    sequence_set::SequenceSet,
};
use bytes::Bytes;
use std::borrow::Cow;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// OK
    Ok,
    /// NO: refused.
    No,
    /// BAD: not understood.
    Bad,
    /// BYE: the server ends the connection.
    Bye,
    /// PREAUTH: signed in already.
    PreAuth,
}

impl Condition {
    /// Reads the word, in any case.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let all = [Condition::Ok, Condition::No, Condition::Bad, Condition::Bye, Condition::PreAuth];
        all.into_iter().find(|c| c.as_str().as_bytes().eq_ignore_ascii_case(word))
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Ok => "OK",
            Condition::No => "NO",
            Condition::Bad => "BAD",
            Condition::Bye => "BYE",
            Condition::PreAuth => "PREAUTH",
        }
    }
}

/// A status response without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How it went.
    pub condition: Condition,
    /// The response code, where one was given.
    pub code: Option<Code>,
    /// Text for people, maybe empty.
    pub text: Bytes,
    /// What people are told in place of code and text, where whoever read it had to take something out.
    pub shown: Option<String>,
}

impl Status {
    /// The text; octets that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// Whether it is OK.
    pub fn is_ok(&self) -> bool {
        self.condition == Condition::Ok
    }

    /// Reads what stands behind the condition. Never fails: what is no code is text.
    pub(crate) fn read(condition: Condition, cursor: &mut Cursor<'_>) -> Status {
        cursor.spaces();
        let mut attempt = cursor.clone();
        let code = Code::read(&mut attempt);
        if code.is_some() {
            *cursor = attempt;
            cursor.spaces();
        }
        Status { condition, code, text: cursor.rest(), shown: None }
    }
}

/// Response codes. RFC 9051 §7.1 and the extensions we use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A code without data.
    Plain(PlainCode),
    /// CAPABILITY
    Capability(Capabilities),
    /// PERMANENTFLAGS
    PermanentFlags(Vec<Flag>),
    /// UIDVALIDITY
    UidValidity(u32),
    /// UIDNEXT
    UidNext(u32),
    /// UNSEEN
    Unseen(u32),
    /// HIGHESTMODSEQ. RFC 7162 §3.1.2.1
    HighestModSeq(u64),
    /// APPENDUID. RFC 4315 §3
    AppendUid {
        /// UIDVALIDITY of the mailbox.
        uid_validity: u32,
        /// The UIDs in the order of the messages.
        uids: SequenceSet,
    },
    /// COPYUID. RFC 4315 §3
    CopyUid {
        /// UIDVALIDITY of the target mailbox.
        uid_validity: u32,
        /// Where they were, in order.
        from: SequenceSet,
        /// What they are now, in the same order.
        to: SequenceSet,
    },
    /// MAILBOXID. RFC 8474 §4.2
    MailboxId(Bytes),
    /// MESSAGELIMIT. RFC 9738 §3.1
    MessageLimit {
        /// How many messages one command may touch.
        limit: u32,
        /// The lowest UID that was done, where the command stopped early.
        lowest_done: Option<u32>,
    },
    /// MODIFIED: not stored, because changed since. RFC 7162 §3.1.3
    Modified(SequenceSet),
    /// BADCHARSET, with the charsets that would do.
    BadCharset(Vec<Bytes>),
    /// Another code, or a known one with data that could not be read.
    Other {
        /// Its name as written.
        name: Bytes,
        /// What followed the name.
        data: Bytes,
    },
}

macro_rules! plain_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Response codes that carry no data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PlainCode { $($(#[$doc])* $variant),* }

        impl PlainCode {
            /// All of them.
            pub const ALL: &[PlainCode] = &[$(PlainCode::$variant),*];

            /// As on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(PlainCode::$variant => $name),* }
            }
        }
    };
}

plain_codes! {
    /// The user must see this text.
    Alert = "ALERT",
    /// The mailbox exists already. RFC 5530
    AlreadyExists = "ALREADYEXISTS",
    /// Wrong credentials. RFC 5530
    AuthenticationFailed = "AUTHENTICATIONFAILED",
    /// May not act for that user. RFC 5530
    AuthorizationFailed = "AUTHORIZATIONFAILED",
    /// Violates a rule of the server and always will. RFC 5530
    Cannot = "CANNOT",
    /// Broke a rule of the protocol. RFC 5530
    ClientBug = "CLIENTBUG",
    /// The mailbox that was selected is closed now. RFC 7162
    Closed = "CLOSED",
    /// COMPRESS is active already. RFC 4978
    CompressionActive = "COMPRESSIONACTIVE",
    /// Only the administrator can help. RFC 5530
    ContactAdmin = "CONTACTADMIN",
    /// Something stored is damaged. RFC 5530
    Corruption = "CORRUPTION",
    /// The password has expired. RFC 5530
    Expired = "EXPIRED",
    /// Messages were expunged by another. RFC 5530
    ExpungeIssued = "EXPUNGEISSUED",
    /// Has children, so cannot be deleted. RFC 9051
    HasChildren = "HASCHILDREN",
    /// Another has it locked. RFC 5530
    InUse = "INUSE",
    /// A limit of the server. RFC 5530
    Limit = "LIMIT",
    /// No such mailbox, message … RFC 5530
    NonExistent = "NONEXISTENT",
    /// No MODSEQs in this mailbox. RFC 7162
    NoModSeq = "NOMODSEQ",
    /// May not. RFC 5530
    NoPerm = "NOPERM",
    /// A quota is full. RFC 5530 and RFC 9208
    OverQuota = "OVERQUOTA",
    /// A message could not be parsed.
    Parse = "PARSE",
    /// Not without TLS. RFC 5530
    PrivacyRequired = "PRIVACYREQUIRED",
    /// Selected read-only.
    ReadOnly = "READ-ONLY",
    /// Selected for writing.
    ReadWrite = "READ-WRITE",
    /// A defect of the server. RFC 5530
    ServerBug = "SERVERBUG",
    /// Larger than the server takes. RFC 4469
    TooBig = "TOOBIG",
    /// The mailbox could be created.
    TryCreate = "TRYCREATE",
    /// UIDs do not last in this mailbox. RFC 4315
    UidNotSticky = "UIDNOTSTICKY",
    /// Only UID commands after UIDONLY was enabled. RFC 9586
    UidRequired = "UIDREQUIRED",
    /// A part of the server is down. RFC 5530
    Unavailable = "UNAVAILABLE",
    /// Content-transfer-encoding that BINARY cannot undo. RFC 3516
    UnknownCte = "UNKNOWN-CTE",
    /// The special use is not supported. RFC 6154
    UseAttr = "USEATTR",
}

impl Code {
    /// Whether it is this plain code.
    pub fn is(&self, code: PlainCode) -> bool {
        *self == Code::Plain(code)
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Code> {
        cursor.expect(b'[', "[").ok()?;
        let name = cursor.word(Word::Code);
        let mut data = cursor.clone();
        data.spaces();
        let mut known = data.clone();
        if let Some(code) = Self::read_known(&name, &mut known) {
            known.spaces();
            if known.eat(b']') {
                *cursor = known;
                return Some(code);
            }
        }
        let data = data.until(b']').inspect(|_| _ = cursor.until(b']'))?;
        Some(match PlainCode::ALL.iter().find(|c| c.as_str().as_bytes().eq_ignore_ascii_case(&name)) {
            Some(code) => Code::Plain(*code),
            None => Code::Other { name, data },
        })
    }

    fn read_known(name: &[u8], cursor: &mut Cursor<'_>) -> Option<Code> {
        let set = |cursor: &mut Cursor<'_>| {
            cursor.spaces();
            SequenceSet::parse(&cursor.word(Word::Code))
        };
        Some(match name.to_ascii_uppercase().as_slice() {
            b"CAPABILITY" => {
                let mut words = Vec::new();
                while cursor.peek().is_some_and(|b| b != b']') {
                    words.extend_from_slice(&cursor.word(Word::Code));
                    words.push(b' ');
                    cursor.spaces();
                    if matches!(cursor.peek(), Some(b'(' | b')')) {
                        return None;
                    }
                }
                Code::Capability(Capabilities::parse(&words))
            }
            b"PERMANENTFLAGS" => Code::PermanentFlags(cursor.list(|c| read_flag(c)).ok()?),
            b"UIDVALIDITY" => Code::UidValidity(cursor.number32()?),
            b"UIDNEXT" => Code::UidNext(cursor.number32()?),
            b"UNSEEN" => Code::Unseen(cursor.number32()?),
            b"HIGHESTMODSEQ" => Code::HighestModSeq(cursor.number()?),
            b"APPENDUID" => Code::AppendUid { uid_validity: cursor.number32()?, uids: set(cursor)? },
            b"COPYUID" => {
                Code::CopyUid { uid_validity: cursor.number32()?, from: set(cursor)?, to: set(cursor)? }
            }
            b"MAILBOXID" => Code::MailboxId(cursor.list(|c| c.astring(Word::Code)).ok()?.pop()?),
            b"MESSAGELIMIT" => {
                let limit = cursor.number32()?;
                cursor.spaces();
                Code::MessageLimit { limit, lowest_done: cursor.number32() }
            }
            b"MODIFIED" => Code::Modified(set(cursor)?),
            b"BADCHARSET" => match cursor.peek() {
                Some(b'(') => Code::BadCharset(cursor.list(|c| c.astring(Word::Code)).ok()?),
                _ => Code::BadCharset(Vec::new()),
            },
            _ => return None,
        })
    }
}

/// A flag in a list; strings are flags too, as some servers quote them.
pub(crate) fn read_flag(cursor: &mut Cursor<'_>) -> Result<Flag, Malformed> {
    if !matches!(cursor.peek(), None | Some(b'(' | b')' | b'"' | b'{' | b'~')) {
        let text = cursor.passing_word(Word::Plain);
        let nil = text.eq_ignore_ascii_case(b"NIL");
        return Ok(if nil { Flag::Keyword("NIL".into()) } else { Flag::parse(text) });
    }
    match cursor.value()? {
        Value::List(_) => Err(cursor.expected("a flag")),
        value => Ok(value.text().map_or(Flag::Keyword("NIL".into()), |text| Flag::parse(text))),
    }
}
