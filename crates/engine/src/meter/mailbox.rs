//! The meter of one mailbox: it passes everything on to that of the process, and knows what was this mailbox's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use mailferry_model::{
    Side,
    port::{Clock, Meter},
};

use super::{LastPause, Pause};

/// What one mailbox moves, and who asks it to wait.
pub struct MailboxMeter {
    all: Arc<dyn Meter>,
    moved: AtomicU64,
    pause: LastPause,
}

impl std::fmt::Debug for MailboxMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailboxMeter").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl MailboxMeter {
    /// One that passes on to this.
    pub fn of(all: Arc<dyn Meter>, clock: Arc<dyn Clock>) -> Self {
        Self { all, moved: AtomicU64::new(0), pause: LastPause::of(clock) }
    }

    /// Body bytes that went over the wire for it, both sides together.
    pub fn bytes(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// The pause that it was asked for and that is going on.
    pub fn pause(&self) -> Option<Pause> {
        self.pause.now()
    }
}

impl Meter for MailboxMeter {
    fn throttled(&self, side: Side, wait: Duration, evidence: &str) {
        self.pause.begin(side, wait, evidence);
        self.all.throttled(side, wait, evidence);
    }

    fn moved(&self, side: Side, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        self.all.moved(side, bytes);
    }

    fn admit(&self, bytes: u64) -> BoxFuture<'_, ()> {
        self.all.admit(bytes)
    }

    fn at_once(&self) -> Option<u64> {
        self.all.at_once()
    }
}
