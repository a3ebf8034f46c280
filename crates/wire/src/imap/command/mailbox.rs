//! Commands about mailboxes: list, create, rename, subscribe, select, status.

use super::encode::Command;
use crate::imap::{
    items::{StatusItem, join},
    list::MailboxName,
    uid_set::UidSet,
};

/// LIST with its options.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only subscribed names. RFC 5258 §3.1
    pub only: Vec<&'static str>,
    /// Reference name, usually empty.
    pub reference: Vec<u8>,
    /// Patterns; `*` when none.
    pub patterns: Vec<Vec<u8>>,
    /// What to tell about each.
    pub returns: Vec<ListReturn>,
}

/// What LIST tells beside names. RFC 5258 §3.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListReturn {
    /// SPECIAL-USE. RFC 6154 §2
    SpecialUse,
    /// SUBSCRIBED
    Subscribed,
    /// CHILDREN
    Children,
    /// STATUS. RFC 5819 §2
    Status(Vec<StatusItem>),
}

/// How a mailbox is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectMode {
    /// EXAMINE
    ReadOnly,
    /// SELECT
    ReadWrite,
}

/// What to ask for when a mailbox is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum QResync {
    /// Nothing.
    #[default]
    Plain,
    /// CONDSTORE. RFC 7162 §3.1.8
    CondStore,
    /// Changes since then. RFC 7162 §3.2.5
    Since {
        /// UIDVALIDITY as last seen.
        uid_validity: u32,
        /// MODSEQ as last seen.
        mod_seq: u64,
        /// The UIDs that are known, so that the server names no others as vanished.
        known: Option<UidSet>,
    },
}

impl Command {
    /// NAMESPACE. RFC 9051 §6.3.10
    pub fn namespace() -> Self {
        Self::named("NAMESPACE")
    }

    /// LIST. RFC 9051 §6.3.9
    pub fn list(query: &ListQuery) -> Self {
        let mut command = Self::named("LIST").text(" ");
        if !query.only.is_empty() {
            command = command.text(format_args!("({}) ", query.only.join(" ")));
        }
        command = command.quoted(&query.reference).text(" ");
        command = match &query.patterns[..] {
            [] => command.quoted(b"*"),
            [pattern] => command.quoted(pattern),
            patterns => {
                for (i, pattern) in patterns.iter().enumerate() {
                    command = command.text(if i == 0 { "(" } else { " " }).quoted(pattern);
                }
                command.text(")")
            }
        };
        if query.returns.is_empty() {
            return command;
        }
        let returns = query.returns.iter().map(|item| match item {
            ListReturn::SpecialUse => "SPECIAL-USE".to_owned(),
            ListReturn::Subscribed => "SUBSCRIBED".to_owned(),
            ListReturn::Children => "CHILDREN".to_owned(),
            ListReturn::Status(items) => format!("STATUS ({})", join(items)),
        });
        command.text(format_args!(" RETURN ({})", returns.collect::<Vec<_>>().join(" ")))
    }

    /// LSUB. RFC 3501 §6.3.9
    pub fn lsub(reference: &[u8], pattern: &[u8]) -> Self {
        Self::named("LSUB").text(" ").quoted(reference).text(" ").quoted(pattern)
    }

    /// CREATE, with a special use such as `\Sent` where the server has CREATE-SPECIAL-USE. RFC 6154 §3
    pub fn create(mailbox: &MailboxName, special_use: Option<&str>) -> Self {
        let command = Self::named("CREATE").text(" ").astring(mailbox.raw());
        match special_use {
            Some(special_use) => command.text(format_args!(" (USE ({special_use}))")),
            None => command,
        }
    }

    /// DELETE. RFC 9051 §6.3.5
    pub fn delete(mailbox: &MailboxName) -> Self {
        Self::named("DELETE").text(" ").astring(mailbox.raw())
    }

    /// RENAME. RFC 9051 §6.3.6
    pub fn rename(from: &MailboxName, to: &MailboxName) -> Self {
        Self::named("RENAME").text(" ").astring(from.raw()).text(" ").astring(to.raw())
    }

    /// SUBSCRIBE. RFC 9051 §6.3.7
    pub fn subscribe(mailbox: &MailboxName) -> Self {
        Self::named("SUBSCRIBE").text(" ").astring(mailbox.raw())
    }

    /// UNSUBSCRIBE. RFC 9051 §6.3.8
    pub fn unsubscribe(mailbox: &MailboxName) -> Self {
        Self::named("UNSUBSCRIBE").text(" ").astring(mailbox.raw())
    }

    /// SELECT or EXAMINE. RFC 9051 §6.3.2, §6.3.3
    pub fn select(mailbox: &MailboxName, mode: SelectMode, sync: &QResync) -> Self {
        let name = match mode {
            SelectMode::ReadOnly => "EXAMINE",
            SelectMode::ReadWrite => "SELECT",
        };
        let command = Self::named(name).text(" ").astring(mailbox.raw());
        match sync {
            QResync::Plain => command,
            QResync::CondStore => command.text(" (CONDSTORE)"),
            QResync::Since { uid_validity, mod_seq, known } => {
                let known = known.as_ref().filter(|set| !set.is_empty()).map(|set| format!(" {set}"));
                command
                    .text(format_args!(" (QRESYNC ({uid_validity} {mod_seq}{}))", known.unwrap_or_default()))
            }
        }
    }

    /// STATUS. RFC 9051 §6.3.11
    pub fn status(mailbox: &MailboxName, items: &[StatusItem]) -> Self {
        Self::named("STATUS").text(" ").astring(mailbox.raw()).text(format_args!(" ({})", join(items)))
    }

    /// GETQUOTAROOT. RFC 9208 §4.1.2
    pub fn get_quota_root(mailbox: &MailboxName) -> Self {
        Self::named("GETQUOTAROOT").text(" ").astring(mailbox.raw())
    }

    /// CLOSE: also expunges. RFC 9051 §6.4.1
    pub fn close() -> Self {
        Self::named("CLOSE")
    }

    /// UNSELECT: never expunges. RFC 9051 §6.4.2
    pub fn unselect() -> Self {
        Self::named("UNSELECT")
    }
}
