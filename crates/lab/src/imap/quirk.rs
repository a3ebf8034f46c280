//! What servers do that they should not, or need not, each by name; and how often each has happened.
//!
//! A quirk without a number is on as long as it stands in the list; one with [`Nth`] counts its occasions.

use std::{sync::Mutex, time::Duration};

use super::server::lock;

/// On which of its occasions, counted from 1, a quirk shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    /// On each.
    Always,
    /// On this one alone.
    Only(u64),
    /// On each whose number this divides.
    Every(u64),
    /// On this one and all that follow.
    From(u64),
}

impl Nth {
    fn is(self, count: u64) -> bool {
        match self {
            Nth::Always => true,
            Nth::Only(n) => count == n,
            Nth::Every(n) => n > 0 && count.is_multiple_of(n),
            Nth::From(n) => count >= n,
        }
    }
}

/// How a server lies about an APPEND that it answers with OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing is stored, though an UID is told. Full disks behind caching proxies.
    Nothing,
    /// The first half is stored. Servers that stop at a NUL or at a lost connection to their store.
    Half,
    /// Something else of the same size is stored. Virus scanners that replace what they dislike.
    Other,
    /// The date is now. Gmail for some dates, Zoho, Exchange for dates that it cannot read.
    Date,
    /// Without flags. Domino, and servers with read-only ACLs for flags.
    NoFlags,
    /// Stored twice. Servers behind proxies that repeat what was not answered in time.
    Twice,
    /// Stored, and the answer is NO. Servers whose index fails after their store has taken a message.
    No,
    /// The same, and the answer asks for an hour of rest. Exchange Online, whose limits count what it has done.
    NoForLong,
}

/// What a server refuses to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `NO Message contains NUL characters`: Cyrus.
    Nul,
    /// `NO Message contains bare newlines`: Cyrus.
    BareLf,
    /// `NO Message contains non-ASCII characters in the head`: old Cyrus without `munge8bit`, Domino.
    EightBitHead,
    /// `NO Message contains invalid header`: Cyrus.
    NoHeaderLine,
    /// A message of no octets: Dovecot, Cyrus.
    Empty,
    /// More octets than so many, when the literal is announced if it can be: all.
    Larger(u64),
    /// `NO [CANNOT] Keyword length too long`: Dovecot (50).
    LongKeyword(usize),
    /// All keywords: Exchange, Gmail.
    Keyword,
}

/// What a session that has the mailbox selected sees when UIDVALIDITY changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renumbered {
    /// BYE: Dovecot.
    Ends,
    /// Only that it has other messages now: servers that rebuild their index underneath.
    GoesOn,
}

/// How a server says that it wants to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// `BAD Request is throttled. Suggested Backoff Time: 3000 milliseconds`: Exchange Online.
    Microsoft,
    /// `NO [UNAVAILABLE]`: Dovecot, Yahoo.
    Unavailable,
    /// `NO [LIMIT]`: Dovecot, Zoho.
    Limit,
    /// `NO [INUSE]`: Dovecot, Courier.
    InUse,
    /// `NO [OVERQUOTA]` though there is room: Gmail's day limits.
    OverQuota,
    /// `NO [ALERT] Too many simultaneous connections. (Failure)`: Gmail.
    Gmail,
}

/// One deviation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// FETCH tells flags and the like first and bodies in a second answer: Cyrus, Exchange.
    FetchInTwoAnswers,
    /// The body comes before UID in an answer: Gmail and others put items in any order.
    BodyBeforeUid,
    /// Between answers to FETCH come a FETCH of flags without UID for another message, EXISTS, and `* OK` texts; and
    /// without QRESYNC the EXISTS and EXPUNGE of a message that came and went: Dovecot, Courier.
    Chatter(Nth),
    /// `BODY[] NIL` for a message that is there: Exchange and Zimbra for what they cannot read.
    NilBody(Nth),
    /// A body is half of what it should be, in an answer that is whole: proxies and filters with limits of size.
    CutsBody(Nth),
    /// RFC822.SIZE is so much off: Exchange, Zimbra, Gmail, Courier (which counts its own line ends).
    SizeLies(i64),
    /// NO to a FETCH that touches the body of this UID; what came before it is told: Exchange, Domino.
    FetchFails(u32),
    /// The connection ends in the middle of a body: all behind proxies with limits of time or bytes.
    BreaksInBody(Nth),
    /// The connection ends after so many octets to the client, wherever that is: Gmail's and firewalls' limits.
    BreaksAfter(u64),
    /// Each body takes so long: tape archives, Exchange under load.
    BodyTakes(Duration),
    /// UIDVALIDITY of the selected mailbox changes, once, when so many commands have come: restored backups.
    Renumbers {
        /// At which command in selected mailboxes of all sessions, counted from 1.
        after: u64,
        /// And then.
        then: Renumbered,
    },

    /// OK to APPEND, and it is not so; counted by message.
    Lies(Lie, Nth),
    /// OK to MOVE and COPY, and nothing is done.
    MovesNothing,
    /// NO to such messages, and to their whole group.
    Refuses(Refused),
    /// NO to an APPEND of more messages than so many: Oracle, iCloud in part.
    RefusesGroups(usize),
    /// Dates in the future become now, and such before 1970 too: Dovecot.
    ClampsDates,
    /// All line ends become CRLF: Dovecot, Courier.
    NormalizesLineEnds,
    /// A line end is added where the last line has none: Courier.
    AddsLastLineEnd,
    /// APPEND takes so long for each message.
    AppendTakes(Duration),
    /// What a dead client sent and saw no answer to is finished so long after it is gone: all servers, some late.
    /// Messages that came whole count; give [`Quirk::AppendTakes`] too, else few are without an answer.
    LandsLate(Duration),
    /// The command is done, the answer lost, the connection ended; by verb.
    LosesAnswer(&'static str, Nth),
    /// The connection ends before the command is done; by verb.
    LosesCommand(&'static str, Nth),

    /// `NO [CANNOT]` to names that hold this text: Gmail (double spaces), Dovecot (`~`, tab), Cyrus (`"`, `%`).
    RefusesNames(&'static str),
    /// Names in another case are the same mailbox: Exchange, Courier on some disks.
    IgnoresCase,
    /// CREATE makes the parents as real mailboxes: Cyrus, Exchange.
    CreatesParents,

    /// `* BYE` at a command: Gmail (`Session expired`), Exchange (after errors).
    Bye(Nth),
    /// A command is refused for a time. What comes before the time is over gets the same answer, and is remembered
    /// when the client must have known better ([`Log::violations`](super::Log::violations)).
    BacksOff {
        /// Which commands count (`APPEND`); empty for all after sign-in.
        verb: &'static str,
        /// At which.
        nth: Nth,
        /// How long; zero refuses only that one command.
        wait: Duration,
        /// In which words.
        words: Words,
    },
    /// So many connections of one user at once and no more.
    MaxConnections(usize, Words),
    /// `MESSAGELIMIT=`: FETCH, STORE, SEARCH stop after so many messages, COPY and MOVE refuse: Yahoo, AOL.
    MessageLimit(u32),
    /// STATUS does not tell UIDNEXT: Exchange 2003, Domino.
    NoUidNext,
    /// `NOMODSEQ` for all mailboxes though CONDSTORE is announced: Dovecot virtual, Zimbra.
    NoModSeq,
    /// Every answer takes so long: the other side of the world.
    AnswersAfter(Duration),
}

/// The quirks that are on.
#[derive(Debug, Default)]
pub(super) struct Quirks(Mutex<Vec<Active>>);

#[derive(Debug)]
struct Active {
    quirk: Quirk,
    count: u64,
}

impl Quirks {
    pub(super) fn add(&self, quirk: Quirk) {
        lock(&self.0).push(Active { quirk, count: 0 });
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Whether one is on.
    pub(super) fn has(&self, wanted: &Quirk) -> bool {
        lock(&self.0).iter().any(|active| active.quirk == *wanted)
    }

    /// What the first that fits says.
    pub(super) fn find<T>(&self, says: impl Fn(&Quirk) -> Option<T>) -> Option<T> {
        lock(&self.0).iter().find_map(|active| says(&active.quirk))
    }

    /// What all that fit say.
    pub(super) fn all<T>(&self, says: impl Fn(&Quirk) -> Option<T>) -> Vec<T> {
        lock(&self.0).iter().filter_map(|active| says(&active.quirk)).collect()
    }

    /// Counts an occasion of each that fits; what the first says whose turn it is.
    pub(super) fn occasion<T>(&self, says: impl Fn(&Quirk) -> Option<(Nth, T)>) -> Option<T> {
        let mut first = None;
        for active in lock(&self.0).iter_mut() {
            let Some((nth, said)) = says(&active.quirk) else { continue };
            active.count += 1;
            if nth.is(active.count) && first.is_none() {
                first = Some(said);
            }
        }
        first
    }
}

impl Words {
    /// Condition, code, text.
    pub(super) fn answer(self, wait: Duration) -> (mailferry_wire::imap::Condition, &'static str, String) {
        use mailferry_wire::imap::Condition::{Bad, No};
        let millis = wait.as_millis();
        match self {
            Words::Microsoft => {
                (Bad, "", format!("Request is throttled. Suggested Backoff Time: {millis} milliseconds"))
            }
            Words::Unavailable => (No, "UNAVAILABLE", "Temporary failure, try again later".into()),
            Words::Limit => (No, "LIMIT", "Too many requests, slow down".into()),
            Words::InUse => (No, "INUSE", "Mailbox is in use".into()),
            Words::OverQuota => (No, "OVERQUOTA", "Account exceeded command or bandwidth limits".into()),
            Words::Gmail => (No, "ALERT", "Too many simultaneous connections. (Failure)".into()),
        }
    }
}
