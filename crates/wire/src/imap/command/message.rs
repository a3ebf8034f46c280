//! Commands about messages: fetch, search, store, copy, append. All by UID.

use super::encode::{Command, Payload};
use crate::imap::{
    date::InternalDate,
    flags::Flag,
    items::{FetchItem, join},
    list::MailboxName,
    sequence_set::SequenceSet,
};
use std::fmt;

/// What UID FETCH is restricted to. RFC 7162 §3.1.4
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FetchModifier {
    /// Nothing.
    #[default]
    None,
    /// Messages with a higher MODSEQ.
    ChangedSince(u64),
    /// The same, and the UIDs that vanished since; QRESYNC must be enabled. RFC 7162 §3.2.6
    ChangedSinceVanished(u64),
}

/// What UID STORE does with the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAction {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// One condition of UID SEARCH; several must all hold. RFC 9051 §6.4.4
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// All messages.
    All,
    /// Among these UIDs.
    Uid(SequenceSet),
    /// Arrived on that day or later; the day as written in the date's own zone.
    Since(InternalDate),
    /// Arrived before that day.
    Before(InternalDate),
    /// Larger than so many octets.
    Larger(u64),
    /// Smaller than so many octets.
    Smaller(u64),
    /// MODSEQ at least. RFC 7162 §3.1.5
    ModSeq(u64),
    /// Marked `\Deleted`.
    Deleted,
    /// Not marked `\Deleted`.
    Undeleted,
    /// A header line contains a text. ASCII only.
    Header(String, String),
}

/// A message to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its INTERNALDATE.
    pub date: Option<InternalDate>,
    /// How the octets are announced.
    pub form: AppendForm,
    /// The octets.
    pub body: Payload,
}

/// How the octets of a message are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendForm {
    /// `{n}`
    #[default]
    Plain,
    /// `~{n}`, for NUL octets. RFC 3516 §4.4
    Binary,
    /// `UTF8 (~{n})`, for UTF-8 in the head. RFC 6855 §4
    Utf8,
}

impl Command {
    /// UID FETCH. Ask for bodies last, so that the rest is known before them. RFC 9051 §6.4.9
    pub fn uid_fetch(set: &SequenceSet, items: &[FetchItem], modifier: FetchModifier) -> Self {
        let command = Self::named("UID FETCH").text(format_args!(" {set} ({})", join(items)));
        match modifier {
            FetchModifier::None => command,
            FetchModifier::ChangedSince(since) => command.text(format_args!(" (CHANGEDSINCE {since})")),
            FetchModifier::ChangedSinceVanished(since) => {
                command.text(format_args!(" (CHANGEDSINCE {since} VANISHED)"))
            }
        }
    }

    /// UID SEARCH; with `returns` (`MIN MAX ALL COUNT`) the answer is ESEARCH. RFC 9051 §6.4.4
    pub fn uid_search(keys: &[SearchKey], returns: &[&str]) -> Self {
        let mut command = Self::named("UID SEARCH");
        if !returns.is_empty() {
            command = command.text(format_args!(" RETURN ({})", returns.join(" ")));
        }
        if keys.is_empty() {
            return command.text(" ALL");
        }
        for key in keys {
            command = command.text(" ").search_key(key);
        }
        command
    }

    fn search_key(self, key: &SearchKey) -> Self {
        // A search date is the first word of a date-time.
        let day =
            |date: &InternalDate| date.to_string().split_whitespace().next().unwrap_or_default().to_owned();
        match key {
            SearchKey::All => self.text("ALL"),
            SearchKey::Uid(set) => self.text(format_args!("UID {set}")),
            SearchKey::Since(date) => self.text(format_args!("SINCE {}", day(date))),
            SearchKey::Before(date) => self.text(format_args!("BEFORE {}", day(date))),
            SearchKey::Larger(size) => self.text(format_args!("LARGER {size}")),
            SearchKey::Smaller(size) => self.text(format_args!("SMALLER {size}")),
            SearchKey::ModSeq(mod_seq) => self.text(format_args!("MODSEQ {mod_seq}")),
            SearchKey::Deleted => self.text("DELETED"),
            SearchKey::Undeleted => self.text("UNDELETED"),
            SearchKey::Header(name, value) => {
                self.text("HEADER ").astring(name.as_bytes()).text(" ").quoted(value.as_bytes())
            }
        }
    }

    /// UID STORE …FLAGS.SILENT; flags that cannot be set are left out. RFC 9051 §6.4.6
    pub fn uid_store(
        set: &SequenceSet,
        action: StoreAction,
        flags: &[Flag],
        unchanged_since: Option<u64>,
    ) -> Self {
        let mut command = Self::named("UID STORE").text(format_args!(" {set}"));
        if let Some(mod_seq) = unchanged_since {
            command = command.text(format_args!(" (UNCHANGEDSINCE {mod_seq})"));
        }
        let sign = match action {
            StoreAction::Add => "+",
            StoreAction::Remove => "-",
            StoreAction::Replace => "",
        };
        command.text(format_args!(" {sign}FLAGS.SILENT {}", FlagList(flags)))
    }

    /// UID EXPUNGE: only these, where the server has UIDPLUS. RFC 4315 §2.1
    pub fn uid_expunge(set: &SequenceSet) -> Self {
        Self::named("UID EXPUNGE").text(format_args!(" {set}"))
    }

    /// UID COPY. RFC 9051 §6.4.7
    pub fn uid_copy(set: &SequenceSet, to: &MailboxName) -> Self {
        Self::named("UID COPY").text(format_args!(" {set} ")).astring(to.raw())
    }

    /// UID MOVE. RFC 6851 §3.2
    pub fn uid_move(set: &SequenceSet, to: &MailboxName) -> Self {
        Self::named("UID MOVE").text(format_args!(" {set} ")).astring(to.raw())
    }

    /// APPEND of one message, or of several where the server has MULTIAPPEND. RFC 9051 §6.3.12, RFC 3502 §6.3.11
    pub fn append(mailbox: &MailboxName, messages: impl IntoIterator<Item = AppendMessage>) -> Self {
        let mut command = Self::named("APPEND").text(" ").astring(mailbox.raw());
        for message in messages {
            command = command.text(" ");
            if !message.flags.is_empty() {
                command = command.text(FlagList(&message.flags)).text(" ");
            }
            if let Some(date) = message.date {
                command = command.text("\"").text(date).text("\" ");
            }
            command = match message.form {
                AppendForm::Plain => command.literal("", message.body),
                AppendForm::Binary => command.literal("~", message.body),
                AppendForm::Utf8 => command.text("UTF8 (").literal("~", message.body).text(")"),
            };
        }
        command
    }
}

/// Flags in parentheses; those that the grammar forbids are left out.
struct FlagList<'a>(&'a [Flag]);

impl fmt::Display for FlagList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, flag) in self.0.iter().filter(|flag| flag.is_settable()).enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(flag.as_str())?;
        }
        f.write_str(")")
    }
}
