//! The jobs that this process holds: kept in one go, however many they are, and stopped where somebody asks for that or
//! where another worker has taken one over.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mailferry_model::{
    Result,
    cancel::Cancel,
    id::JobId,
    job::{Held, Job},
    port::{Clock, Store},
};
use uuid::Uuid;

use super::worker::JOB_LEASE;

/// It is looked so many times in a lease whether a job shall stop, and prolonged at every fourth look.
const LOOKS: u32 = 20;
const PROLONGED: u32 = 4;

/// What is held.
#[derive(Default)]
pub(super) struct Holdings(Arc<Mutex<HashMap<JobId, Holding>>>);

struct Holding {
    epoch: u64,
    cancel: Cancel,
    stopping: Arc<AtomicBool>,
}

/// One of them, until it is dropped.
pub(super) struct Entered {
    id: JobId,
    epoch: u64,
    all: Arc<Mutex<HashMap<JobId, Holding>>>,
    /// Whether a person wants it to stop.
    pub stopping: Arc<AtomicBool>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // Claimed again by this very process, it is another's now.
        if all.get(&self.id).is_some_and(|holding| holding.epoch == self.epoch) {
            all.remove(&self.id);
        }
    }
}

impl Holdings {
    /// Holds a job that was claimed; `cancel` is switched on when it shall stop or is lost.
    pub fn enter(&self, job: &Job, cancel: &Cancel) -> Entered {
        let stopping = Arc::new(AtomicBool::new(job.stopping));
        if job.stopping {
            cancel.cancel();
        }
        let holding = Holding { epoch: job.epoch, cancel: cancel.clone(), stopping: stopping.clone() };
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id, holding);
        if let Some(before) = before {
            before.cancel.cancel();
        }
        Entered { id: job.id, epoch: job.epoch, all: self.0.clone(), stopping }
    }

    /// Keeps what is held; never ends.
    pub async fn keep(&self, store: &dyn Store, owner: Uuid, clock: &dyn Clock) {
        let mut looks = 0;
        loop {
            clock.sleep(JOB_LEASE / LOOKS).await;
            looks += 1;
            match self.look(store, owner, looks % PROLONGED == 0).await {
                Ok(()) => {}
                Err(error) => {
                    // The next look prolongs: leases go on running.
                    looks = PROLONGED - 1;
                    tracing::warn!(code = error.code(), "jobs could not be kept");
                }
            }
        }
    }

    async fn look(&self, store: &dyn Store, owner: Uuid, prolongs: bool) -> Result<()> {
        let ids: Vec<JobId> = self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let held = match prolongs {
            true => store.keep_jobs(owner, &ids, JOB_LEASE).await?,
            false => store.held_jobs(owner).await?,
        };
        self.judge(&ids, &held);
        Ok(())
    }

    /// Stops what shall stop or was taken over. What was claimed since `asked` is not in the answer.
    fn judge(&self, asked: &[JobId], held: &[Held]) {
        let held: HashMap<JobId, &Held> = held.iter().map(|held| (held.id, held)).collect();
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, holding) in asked.iter().filter_map(|id| Some((id, all.get(id)?))) {
            match held.get(id) {
                Some(now) if now.epoch == holding.epoch => {
                    if now.stopping && !holding.cancel.is_cancelled() {
                        holding.stopping.store(true, Ordering::SeqCst);
                        holding.cancel.cancel();
                    }
                }
                _ => holding.cancel.cancel(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mailferry_model::{
        id::{BatchId, EndpointId, UserId},
        job::{JobSpec, PassKind},
    };

    use super::*;

    /// A process that slept longer than its lease may claim its own job anew while its former pass still ends.
    #[test]
    fn what_is_claimed_again_is_kept_and_the_former_pass_stops() {
        let nobody = Uuid::nil();
        let work = JobSpec {
            user: UserId(nobody),
            batch: BatchId(nobody),
            source: EndpointId(nobody),
            target: EndpointId(nobody),
            kind: PassKind::Initial,
            run_at: Timestamp::UNIX_EPOCH,
        };
        let job = |epoch| Job {
            id: JobId(nobody),
            work: work.clone(),
            epoch,
            claimed: true,
            stopping: false,
            attempts: 1,
        };
        let holdings = Holdings::default();
        let (former, latter) = (Cancel::default(), Cancel::default());
        let first = holdings.enter(&job(1), &former);
        let second = holdings.enter(&job(2), &latter);
        assert!(former.is_cancelled() && !latter.is_cancelled());
        drop(first);
        assert_eq!(holdings.0.lock().unwrap().len(), 1, "the second is kept");
        drop(second);
        assert!(holdings.0.lock().unwrap().is_empty());
    }
}
