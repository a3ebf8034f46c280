//! What is asked on a connection and how the answers come back.
//!
//! Answers to one command come through one channel. It is unbounded, because what is asked for in memory was
//! counted in the budget before; a body too large for that comes through a bounded channel of its own.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use mailferry_model::{Error, Kind, Result, Side, item::Chunks, key::Digest};
use mailferry_wire::imap::{Code, Command, Fetch, FetchItem, FetchModifier, Reply, Status, UidSet};
use tokio::sync::mpsc;

use super::classify::{Op, classify};

/// Which untagged answers belong to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// None.
    Nothing,
    /// FETCH, VANISHED, EXPUNGE.
    Fetch,
    /// The same with whole messages.
    Bodies,
    /// LIST, LSUB, STATUS, NAMESPACE.
    List,
    /// SEARCH, ESEARCH.
    Search,
    /// COPYUID.
    Copy,
    /// ENABLED, ID, CAPABILITY.
    Session,
    /// What opening tells; with QRESYNC also FETCH and VANISHED.
    Select,
    /// The same with QRESYNC.
    Resync,
}

impl Wants {
    /// Whether an answer is one of those.
    pub fn takes(self, reply: &Reply) -> bool {
        match self {
            Wants::Nothing => false,
            Wants::Fetch | Wants::Bodies => {
                matches!(reply, Reply::Fetch(_) | Reply::Vanished(_) | Reply::Expunge(_))
            }
            Wants::List => matches!(
                reply,
                Reply::List(_) | Reply::Lsub(_) | Reply::MailboxStatus(_) | Reply::Namespace(_)
            ),
            Wants::Search => matches!(reply, Reply::Search(_) | Reply::Esearch(_)),
            Wants::Copy => {
                matches!(reply, Reply::Status(Status { code: Some(Code::CopyUid { .. }), .. }))
            }
            Wants::Session => matches!(reply, Reply::Enabled(_) | Reply::Id(_) | Reply::Capability(_)),
            Wants::Select => matches!(reply, Reply::Exists(_) | Reply::Status(_)),
            Wants::Resync => {
                matches!(reply, Reply::Exists(_) | Reply::Status(_) | Reply::Fetch(_) | Reply::Vanished(_))
            }
        }
    }
}

/// A command with what goes along.
pub struct Ask {
    /// The command.
    pub command: Command,
    /// What its answers are.
    pub wants: Wants,
    /// The octets of its streamed literal, where it has one.
    pub body: Option<BoxStream<'static, Result<Bytes>>>,
    /// The messages it asks for, where it names them.
    pub uids: Option<UidSet>,
}

impl Ask {
    /// A command whose octets are all at hand.
    pub fn of(command: Command, wants: Wants) -> Self {
        Self { command, wants, body: None, uids: None }
    }

    /// Asks for whole messages.
    pub fn bodies(uids: UidSet) -> Self {
        let items = [FetchItem::Uid, FetchItem::peek("")];
        let command = Command::uid_fetch(&(&uids).into(), &items, FetchModifier::None);
        Self { uids: Some(uids), ..Self::of(command, Wants::Bodies) }
    }
}

/// A body in memory, hashed as it came in, while it was in the processor's cache.
#[derive(Debug, Default)]
pub struct Kept {
    /// Its octets.
    pub chunks: Chunks,
    /// Their digest, once they are whole.
    pub digest: Digest,
}

/// One answer to a command.
pub enum Answer {
    /// An untagged answer; of a FETCH with its body where that came in pieces.
    Reply(Reply, Option<Kept>),
    /// The body of a message that is too large for memory begins.
    Large {
        /// What was told before it.
        fetch: Box<Fetch>,
        /// Its exact size.
        size: u64,
        /// Its octets.
        pieces: mpsc::Receiver<Bytes>,
    },
    /// The end.
    Done(Status),
    /// The connection ended first.
    Lost(Lost),
}

/// A command that was never answered.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Why.
    pub error: Error,
    /// Whether an octet of it may have reached the server.
    pub sent: Sent,
    /// Whether no other command was under way on its connection.
    pub alone: bool,
}

/// How far a command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Not an octet: it may be sent again elsewhere.
    Nothing,
    /// Nobody knows.
    Perhaps,
}

/// The answers to one command.
pub struct Answers {
    rx: mpsc::UnboundedReceiver<Answer>,
}

impl Answers {
    /// A channel for the answers.
    pub fn channel() -> (mpsc::UnboundedSender<Answer>, Self) {
        let (tx, rx) = mpsc::unbounded_channel();
        (tx, Self { rx })
    }

    /// The next answer; after `Done` or `Lost` there is none.
    pub async fn next(&mut self) -> Answer {
        match self.rx.recv().await {
            Some(answer) => answer,
            None => {
                let error = Error::new(Kind::Unreachable, Side::Us, "read", "the connection is gone");
                Answer::Lost(Lost { error, sent: Sent::Perhaps, alone: false })
            }
        }
    }

    /// All untagged answers and the status, whatever it is.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn all(mut self) -> std::result::Result<(Vec<Reply>, Status), Lost> {
        let mut replies = Vec::new();
        loop {
            match self.next().await {
                Answer::Reply(reply, _) => replies.push(reply),
                Answer::Large { .. } => {}
                Answer::Done(status) => return Ok((replies, status)),
                Answer::Lost(lost) => return Err(lost),
            }
        }
    }

    /// All untagged answers of a command that has to succeed.
    ///
    /// # Errors
    /// The refusal, or the end of the connection.
    pub async fn done(self, side: Side, op: Op) -> Result<Vec<Reply>> {
        let (replies, status) = self.all().await.map_err(|lost| lost.error)?;
        if status.is_ok() { Ok(replies) } else { Err(classify(side, op, &status)) }
    }
}
