//! What servers announce and do not keep. Each quirk is learnt from an answer and holds for the session.

use std::sync::{Mutex, PoisonError};

/// A deviation that we know how to live with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// LIST with RETURN options is announced and refused: plain LIST, LSUB and STATUS are used.
    ExtendedListRefused,
    /// MULTIAPPEND is announced and refused as a syntax error: messages go one by one.
    MultiAppendRefused,
    /// QRESYNC is announced and ENABLE does not switch it on: CONDSTORE is used.
    ResyncNotHonoured,
    /// MAILBOXID in STATUS is not an id but stray octets (Cyrus 3.6.1: those of a pointer, in one of 250 folders with
    /// a line end among them): folders have no identity.
    GarbledMailboxId,
    /// RFC822.SIZE is larger than the message by more than its line ends (estimates of Exchange): nothing is asked for
    /// again because it is short.
    SizesTooLarge,
}

/// The quirks of one server.
#[derive(Debug, Default)]
pub struct Quirks(Mutex<Vec<Quirk>>);

impl Quirks {
    /// Whether it has one.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&quirk)
    }

    /// Notes one.
    pub fn note(&self, quirk: Quirk) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&quirk) {
            tracing::info!(?quirk, "the server does not keep what it announces");
            known.push(quirk);
        }
    }
}
