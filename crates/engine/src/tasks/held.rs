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
    all: Arc<Mutex<HashMap<JobId, Holding>>>,
    /// Whether a person wants it to stop.
    pub stopping: Arc<AtomicBool>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id, holding);
        Entered { id: job.id, all: self.0.clone(), stopping }
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
