//! The keeper of a mailbox's lease: takes it, prolongs it on a task of its own, stops the run when it is lost,
//! gives it back in order.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mailferry_model::{
    Error, Kind, Result, Side,
    cancel::Cancel,
    id::MailboxId,
    job::Claim,
    port::{Clock, Work},
};
use tokio::task::JoinHandle;

use crate::open::House;

/// A lease outlives the put timeout by so much.
const BEYOND_PUT: Duration = Duration::from_secs(60);
/// It is prolonged so many times before it would end.
const BEATS: u32 = 8;

/// A lease that is kept alive. Dropped without [`Keeper::release`], it ends by itself.
pub struct Keeper {
    claim: Claim,
    work: Arc<dyn Work>,
    clock: Arc<dyn Clock>,
    /// When it ends, in microseconds of the clock's count.
    ends: Arc<AtomicU64>,
    stop: Cancel,
    beating: Option<JoinHandle<()>>,
    _here: Here,
}

/// A mailbox is in the hands of one task of this process at a time.
struct Here(Arc<Mutex<HashSet<MailboxId>>>, MailboxId);

impl Here {
    fn enter(house: &House, mailbox: MailboxId) -> Option<Self> {
        let mut busy = house.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(mailbox).then(|| Self(house.busy.clone(), mailbox))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Keeper {
    /// Takes the lease of a mailbox and keeps it; `cancel` is switched on when it is lost. `what` is running if
    /// somebody else holds it.
    ///
    /// # Errors
    /// `Locked` (op "lease") while somebody else holds it.
    pub async fn take(house: &House, mailbox: MailboxId, what: &str, cancel: &Cancel) -> Result<Self> {
        let running = || {
            let text = format!("{what} is running already, in another process or under another worker");
            Error::new(Kind::Locked, Side::Us, "lease", text)
        };
        let here = Here::enter(house, mailbox).ok_or_else(running)?;
        let how_long = house.put_timeout * 2 + BEYOND_PUT;
        let work: Arc<dyn Work> = house.store.clone();
        let before = house.clock.elapsed();
        let claim = work.lease(mailbox, house.owner, how_long).await.map_err(|e| match e.kind() {
            Kind::Locked => running(),
            _ => e,
        })?;
        let ends = Arc::new(AtomicU64::new(micros(before + how_long)));
        let stop = Cancel::default();
        let beat = Beat {
            claim,
            how_long,
            work: work.clone(),
            clock: house.clock.clone(),
            ends: ends.clone(),
            stop: stop.clone(),
            lost: cancel.clone(),
        };
        let beating = Some(tokio::spawn(beat.keep()));
        Ok(Self { claim, work, clock: house.clock.clone(), ends, stop, beating, _here: here })
    }

    /// The lease.
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// How much of the lease is left, for whoever is about to put.
    pub fn left(&self) -> Arc<dyn Fn() -> Duration + Send + Sync> {
        let (ends, clock) = (self.ends.clone(), self.clock.clone());
        Arc::new(move || Duration::from_micros(ends.load(Ordering::SeqCst)).saturating_sub(clock.elapsed()))
    }

    /// Whether it was lost to somebody else.
    pub fn is_lost(&self) -> bool {
        self.ends.load(Ordering::SeqCst) == 0
    }

    /// Gives it back.
    ///
    /// # Errors
    /// What the store says; the lease ends by itself then.
    pub async fn release(mut self) -> Result<()> {
        self.stop.cancel();
        if let Some(beating) = self.beating.take() {
            // A beat that is under way ends first, so that it cannot revive what is given back.
            let _ = beating.await;
        }
        match self.is_lost() {
            true => Ok(()),
            false => self.work.release(self.claim.lease).await,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Beat {
    claim: Claim,
    how_long: Duration,
    work: Arc<dyn Work>,
    clock: Arc<dyn Clock>,
    ends: Arc<AtomicU64>,
    stop: Cancel,
    lost: Cancel,
}

impl Beat {
    async fn keep(self) {
        loop {
            tokio::select! {
                () = self.clock.sleep(self.how_long / BEATS) => {}
                () = self.stop.cancelled() => return,
            }
            let before = self.clock.elapsed();
            match self.work.heartbeat(self.claim.lease, self.how_long).await {
                Ok(()) => self.ends.store(micros(before + self.how_long), Ordering::SeqCst),
                Err(error) if error.kind() == Kind::Conflict => {
                    tracing::warn!(mailbox = %self.claim.lease.mailbox, "another worker took the mailbox over");
                    self.ends.store(0, Ordering::SeqCst);
                    return self.lost.cancel();
                }
                Err(error) => {
                    tracing::warn!(code = error.code(), "the lease could not be prolonged; trying again");
                    if micros(self.clock.elapsed()) >= self.ends.load(Ordering::SeqCst) {
                        return self.lost.cancel();
                    }
                }
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
