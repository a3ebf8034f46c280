//! Which mailbox a connection will have open when a command is reached, and what opening it told.

use std::sync::Arc;

use mailferry_model::{Error, Kind, Result, Side, flags::Flags};
use mailferry_wire::imap::{Code, Flag, MailboxName, PlainCode, Reply, SequenceSet, Status};
use tokio::sync::watch;

use super::look;

/// What SELECT or EXAMINE told.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// UIDVALIDITY; 0 where the server told none.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: Option<u32>,
    /// How many messages there are.
    pub exists: u32,
    /// HIGHESTMODSEQ; none where the mailbox keeps no MODSEQs.
    pub mod_seq: Option<u64>,
    /// It opened for reading alone, whatever was asked.
    pub read_only: bool,
    /// The flags that last.
    pub permanent: Option<Vec<Flag>>,
    /// UIDs of messages that changed since (QRESYNC), and their flags: there may be very many.
    pub changed: Vec<(u32, Flags)>,
    /// UIDs that vanished since (QRESYNC).
    pub vanished: Vec<SequenceSet>,
}

impl Opened {
    /// Takes an untagged answer into account.
    pub fn take(&mut self, reply: Reply) {
        match reply {
            Reply::Exists(count) => self.exists = count,
            Reply::Fetch(fetch) => {
                let told = fetch.uid.zip(fetch.flags.as_deref());
                self.changed.extend(told.map(|(uid, flags)| (uid, look::flags(flags))));
            }
            Reply::Vanished(vanished) => self.vanished.push(vanished.uids),
            Reply::Status(status) => self.take_code(&status),
            _ => {}
        }
    }

    /// Takes the code of a status into account.
    pub fn take_code(&mut self, status: &Status) {
        match &status.code {
            Some(Code::UidValidity(n)) => self.uid_validity = *n,
            Some(Code::UidNext(n)) => self.uid_next = Some(*n),
            Some(Code::HighestModSeq(n)) if *n > 0 => self.mod_seq = Some(*n),
            Some(Code::PermanentFlags(flags)) => self.permanent = Some(flags.clone()),
            Some(Code::Plain(PlainCode::NoModSeq)) => self.mod_seq = None,
            Some(Code::Plain(PlainCode::ReadOnly)) => self.read_only = true,
            _ => {}
        }
    }
}

type Outcome = Option<Result<Arc<Opened>>>;

/// A mailbox that is open, or will be when its turn comes.
pub struct Selection {
    /// Its name on the wire.
    pub name: MailboxName,
    outcome: watch::Sender<Outcome>,
}

impl Selection {
    /// One that is on its way.
    pub fn of(name: MailboxName) -> Arc<Self> {
        Arc::new(Self { name, outcome: watch::Sender::new(None) })
    }

    /// Settles it.
    pub fn settle(&self, outcome: Result<Arc<Opened>>) {
        self.outcome.send_replace(Some(outcome));
    }

    /// What is known by now.
    pub fn peek(&self) -> Outcome {
        self.outcome.borrow().clone()
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// Why it could not be opened.
    pub async fn opened(&self) -> Result<Arc<Opened>> {
        let mut outcome = self.outcome.subscribe();
        match outcome.wait_for(Option::is_some).await {
            Ok(settled) => match &*settled {
                Some(outcome) => outcome.clone(),
                None => Err(lost()),
            },
            Err(_) => Err(lost()),
        }
    }
}

fn lost() -> Error {
    Error::new(Kind::Bug, Side::Us, "open folder", "the answer was never read")
}
