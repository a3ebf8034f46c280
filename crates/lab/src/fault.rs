//! Faults that strike once at a chosen moment: what servers and power cuts do to a migration.
//!
//! A fault that kills freezes the session for ever; the test sees [`Faults::struck`] and drops the run.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use mailferry_model::cancel::Cancel;

/// What happens to the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strike {
    /// A put is not applied; the process dies.
    PutLost,
    /// A put is applied, its answer lost; the process dies.
    PutAnswerLost,
    /// The first half of a group is applied; the process dies.
    PutHalf,
    /// A put is applied only after the next session has looked; the process dies.
    PutLands,
    /// As [`Strike::PutAnswerLost`], but the connection breaks and the process lives.
    PutUnsure,
    /// As [`Strike::PutLost`], but the connection breaks and the process lives.
    PutUnsureLost,
    /// As [`Strike::PutLands`], but the connection breaks and the process lives.
    PutUnsureLands,
    /// The put hangs while another worker takes over, then is applied and the old process goes on.
    PutZombie,
    /// A write of the ledger is not applied; the process dies.
    CommitLost,
    /// A write of the ledger is applied; the process dies.
    CommitDone,
    /// The writes since the last durable one are lost with the process.
    CommitTail,
}

impl Strike {
    /// All that strike puts.
    pub const PUTS: [Strike; 8] = [
        Strike::PutLost,
        Strike::PutAnswerLost,
        Strike::PutHalf,
        Strike::PutLands,
        Strike::PutUnsure,
        Strike::PutUnsureLost,
        Strike::PutUnsureLands,
        Strike::PutZombie,
    ];
    /// All that strike writes of the ledger.
    pub const COMMITS: [Strike; 3] = [Strike::CommitLost, Strike::CommitDone, Strike::CommitTail];
}

/// One fault, shared by everything that it may strike.
#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    plan: Mutex<Option<(Strike, u64)>>,
    puts: AtomicU64,
    commits: AtomicU64,
    struck: Cancel,
    resumed: Cancel,
}

impl Faults {
    /// The fault strikes the `nth` (from 0) call of its sort.
    pub fn at(strike: Strike, nth: u64) -> Self {
        Self(Arc::new(Inner { plan: Mutex::new(Some((strike, nth))), ..Inner::default() }))
    }

    /// Calls of put so far.
    pub fn puts(&self) -> u64 {
        self.0.puts.load(Ordering::SeqCst)
    }

    /// Writes of the ledger so far.
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::SeqCst)
    }

    /// Counts a put; the fault that strikes it.
    pub fn on_put(&self) -> Option<Strike> {
        let nth = self.0.puts.fetch_add(1, Ordering::SeqCst);
        self.due(nth, |s| Strike::PUTS.contains(&s))
    }

    /// Counts a write of the ledger; the fault that strikes it.
    pub fn on_commit(&self) -> Option<Strike> {
        let nth = self.0.commits.fetch_add(1, Ordering::SeqCst);
        self.due(nth, |s| Strike::COMMITS.contains(&s))
    }

    /// Stops here for ever: the process is dead. The test learns of it.
    pub async fn die<T>(&self) -> T {
        self.0.struck.cancel();
        std::future::pending().await
    }

    /// Hangs until the test lets it go on.
    pub async fn hang(&self) {
        self.0.struck.cancel();
        self.0.resumed.cancelled().await;
    }

    /// Waits until the fault has struck.
    pub async fn struck(&self) {
        self.0.struck.cancelled().await;
    }

    /// Lets what hangs go on.
    pub fn resume(&self) {
        self.0.resumed.cancel();
    }

    fn due(&self, nth: u64, of_sort: impl Fn(Strike) -> bool) -> Option<Strike> {
        let mut plan = self.0.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match *plan {
            Some((strike, at)) if of_sort(strike) && at == nth => plan.take().map(|(s, _)| s),
            _ => None,
        }
    }
}
