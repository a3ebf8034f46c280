//! What a pass is given and what it gives back.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mailferry_model::{
    Error,
    error::Reaction,
    filter::Unmatched,
    folder::FolderPath,
    job::{Claim, PassKind},
    mapping::RunOptions,
    port::{Convert, Ledger, Source, Target},
    report::{Findings, Score, Totals},
};

use crate::meter::{MailboxMeter, Pause};

/// The two mailboxes, the ledger between them and the converter.
#[derive(Clone)]
pub struct Sides {
    /// Read from.
    pub source: Arc<dyn Source>,
    /// Written to.
    pub target: Arc<dyn Target>,
    /// Remembers.
    pub ledger: Arc<dyn Ledger>,
    /// Knows the formats.
    pub convert: Arc<dyn Convert>,
}

/// How much is verified at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Counts, and header keys and sizes of what was written.
    Written,
    /// Header keys and sizes of everything.
    All,
    /// Digests of everything too.
    Deep,
}

/// The terms of a pass.
#[derive(Clone)]
pub struct Terms {
    /// What moves and how.
    pub options: RunOptions,
    /// Which pass.
    pub kind: PassKind,
    /// The right to write the ledger.
    pub claim: Claim,
    /// How much of the lease is left; no put is sent when less than the put timeout is.
    pub lease_left: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// How far apart two looks are that settle a doubt.
    pub grace: Duration,
    /// How many outcomes are committed together.
    pub commit_items: usize,
    /// After what time outcomes are committed at the latest; `None`: by count alone.
    pub commit_after: Option<Duration>,
    /// After how many outcomes marks move up.
    pub rise_items: usize,
    /// How much is verified.
    pub depth: Depth,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Also put what earlier passes skipped.
    pub retry_skipped: bool,
    /// Where people watch.
    pub progress: Arc<Progress>,
}

/// Counters that people watch while a pass runs. Cheap to add to, read by a display now and then.
#[derive(Debug, Default)]
pub struct Progress {
    /// Items known at the source that shall move.
    pub identified: AtomicU64,
    /// Bytes of those.
    pub bytes_identified: AtomicU64,
    /// Items known to be at the target.
    pub placed: AtomicU64,
    /// Bytes of those.
    pub bytes: AtomicU64,
    /// Items skipped.
    pub skipped: AtomicU64,
    /// Items that the folders which move showed when they were listed.
    listed: AtomicU64,
    phase: Mutex<&'static str>,
    moved: OnceLock<Moved>,
    refused: OnceLock<Error>,
    meter: Mutex<Option<Arc<MailboxMeter>>>,
}

/// Called when everything is placed and verification begins.
struct Moved(Box<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Moved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moved")
    }
}

impl Progress {
    /// What is being done, in two or three words.
    pub fn phase(&self) -> &'static str {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes over the wire is counted here from now on.
    pub(crate) fn set_meter(&self, meter: Arc<MailboxMeter>) {
        *self.meter.lock().unwrap_or_else(PoisonError::into_inner) = Some(meter);
    }

    fn meter(&self) -> Option<Arc<MailboxMeter>> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Body bytes that went over the wire, both sides together.
    pub fn moved(&self) -> u64 {
        self.meter().map_or(0, |meter| meter.bytes())
    }

    /// The pause that a side asked this mailbox for and that is going on.
    pub fn pause(&self) -> Option<Pause> {
        self.meter()?.pause()
    }

    pub(crate) fn set_phase(&self, phase: &'static str) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Has `tell` called once everything is placed, before anything is verified. Only the first counts.
    pub fn when_moved(&self, tell: impl Fn() + Send + Sync + 'static) {
        drop(self.moved.set(Moved(Box::new(tell))));
    }

    pub(crate) fn tell_moved(&self) {
        if let Some(moved) = self.moved.get() {
            (moved.0)();
        }
    }

    /// That a side refuses a sign-in, or all that it is asked for: others shall know before all that was read is put, which
    /// may take long. The first counts.
    pub(crate) fn tell_refused(&self, error: &Error) {
        if error.reaction() == Reaction::ParkEndpoint {
            drop(self.refused.set(error.clone()));
        }
    }

    /// What a side refuses.
    pub fn refused(&self) -> Option<&Error> {
        self.refused.get()
    }

    /// The counters together.
    pub fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            identified: read(&self.identified),
            placed: read(&self.placed),
            bytes: read(&self.bytes),
            bytes_identified: read(&self.bytes_identified),
            skipped: read(&self.skipped),
        }
    }

    /// The same of a pass that ended early: what the source shows is known before all of it has been read.
    pub fn totals_so_far(&self) -> Totals {
        let totals = self.totals();
        Totals { identified: totals.identified.max(self.listed.load(Ordering::Relaxed)), ..totals }
    }

    pub(crate) fn set_listed(&self, n: u64) {
        self.listed.store(n, Ordering::Relaxed);
    }

    /// What turned out not to be there.
    pub(crate) fn take(counter: &AtomicU64, n: u64) {
        let less = |now: u64| Some(now.saturating_sub(n));
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// What a pass did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Items put.
    pub put: u64,
    /// Items found at the target that the ledger did not know.
    pub found: u64,
    /// Flag changes carried.
    pub flagged: u64,
    /// Items moved between target folders.
    pub moved: u64,
    /// Items removed at the target.
    pub removed: u64,
    /// Folders created.
    pub folders_created: u64,
    /// Folders renamed.
    pub folders_renamed: u64,
}

/// The result of a pass that came to its end.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was done.
    pub deeds: Deeds,
    /// What the verification found.
    pub findings: Findings,
    /// Its score.
    pub score: Score,
    /// Totals of the mailbox.
    pub totals: Totals,
    /// Folders that the mapping names and the source does not list.
    pub unmapped: Vec<FolderPath>,
    /// Patterns of the filter that mean no folder.
    pub unmatched: Vec<Unmatched>,
    /// Time until everything was placed.
    pub moved_in: Duration,
    /// Time that the verification took.
    pub verified_in: Duration,
}
