//! The worker: claims jobs as long as there are free slots, runs them beside each other, reconciles batches.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mailferry_model::{
    Result,
    cancel::Cancel,
    endpoint_test::EndpointTest,
    id::{BatchId, UserId},
    port::{Connector, Reports},
    report::Totals,
    verification::Verification,
};
use tokio::{sync::Notify, task::JoinSet};

use super::{batch, gate::Gates, monitor, ordered, user};
use crate::{open::House, pass::Progress};

/// How long a claimed job is held without a sign of life.
pub(super) const JOB_LEASE: Duration = Duration::from_secs(60);
/// How often the store is looked at without a bell.
const TIMER: Duration = Duration::from_secs(1);

/// Something that people who watch want to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Of which batch.
    pub batch: BatchId,
    /// Whose.
    pub user: UserId,
    /// Its address.
    pub address: String,
    /// Its status or the reason why it waits.
    pub what: String,
    /// Catalogue code, where something went wrong.
    pub code: Option<String>,
}

/// Runs the work of all batches in this process.
pub struct Worker {
    pub(super) house: House,
    pub(super) connectors: Vec<Arc<dyn Connector>>,
    pub(super) reports: Arc<dyn Reports>,
    pub(super) gates: Gates,
    pub(super) bell: Arc<Notify>,
    /// Rings for tests that were ordered.
    pub(super) endpoint_tests: Notify,
    /// Rings for verifications that were ordered.
    pub(super) verifications: Notify,
    running: Mutex<BTreeMap<UserId, (BatchId, Arc<Progress>)>>,
    events: Mutex<Vec<Event>>,
}

impl Worker {
    /// A worker that talks to these kinds of systems.
    pub fn of(house: House, connectors: Vec<Arc<dyn Connector>>, reports: Arc<dyn Reports>) -> Arc<Self> {
        Arc::new(Self {
            house,
            connectors,
            reports,
            gates: Gates::default(),
            bell: Arc::default(),
            endpoint_tests: Notify::new(),
            verifications: Notify::new(),
            running: Mutex::default(),
            events: Mutex::default(),
        })
    }

    /// Works until it is cancelled; then stops everything in order.
    ///
    /// # Errors
    /// What the store says, once everything has stopped.
    pub async fn run(self: &Arc<Self>, cancel: &Cancel) -> Result<()> {
        let mut jobs: JoinSet<()> = JoinSet::new();
        // Of its own, so that an error of the store stops the passes too.
        let inner = Cancel::default();
        let ended = loop {
            if let Err(error) = self.look(&mut jobs, &inner).await {
                break Err(error);
            }
            tokio::select! {
                () = cancel.cancelled() => break Ok(()),
                () = self.bell.notified() => {}
                () = self.house.clock.sleep(TIMER) => {}
                Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
            }
        };
        inner.cancel();
        while jobs.join_next().await.is_some() {}
        if ended.is_ok() {
            self.reconcile().await?;
        }
        ended
    }

    /// Tests endpoints on a timer, until it is cancelled. For services: a command that runs in the foreground has its
    /// endpoints tested before it begins, and is told by its own sign-ins then.
    ///
    /// # Errors
    /// What the store says.
    pub async fn monitor(&self, cancel: &Cancel) -> Result<()> {
        while !cancel.is_cancelled() {
            self.test_endpoints(cancel).await?;
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.house.clock.sleep(monitor::LOOK) => {}
            }
        }
        Ok(())
    }

    /// Tests once what is due.
    ///
    /// # Errors
    /// What the store says.
    pub async fn test_endpoints(&self, cancel: &Cancel) -> Result<()> {
        monitor::reconcile(self, cancel).await
    }

    /// Makes the tests that are ordered, over the network or before a batch begins, until it is cancelled.
    ///
    /// # Errors
    /// What the store says.
    pub async fn make_tests(self: &Arc<Self>, cancel: &Cancel) -> Result<()> {
        ordered::run::<EndpointTest>(self, cancel).await
    }

    /// Makes the verifications that are ordered over the network, until it is cancelled.
    ///
    /// # Errors
    /// What the store says.
    pub async fn make_verifications(self: &Arc<Self>, cancel: &Cancel) -> Result<()> {
        ordered::run::<Verification>(self, cancel).await
    }

    /// Wakes it: something is wanted.
    pub fn ring(&self) {
        self.bell.notify_one();
        self.endpoint_tests.notify_one();
        self.verifications.notify_one();
    }

    /// What the passes of a batch that run here have moved so far.
    pub fn running(&self, batch: BatchId) -> Vec<(UserId, Totals, &'static str)> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = running.iter().filter(|(_, (b, _))| *b == batch);
        ours.map(|(user, (_, progress))| (*user, progress.totals(), progress.phase())).collect()
    }

    /// What happened since this was last asked.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn tell(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    pub(super) fn enter(&self, user: UserId, batch: BatchId, progress: &Arc<Progress>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(user, (batch, progress.clone()));
    }

    pub(super) fn leave(&self, user: UserId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }

    async fn reconcile(&self) -> Result<()> {
        batch::reconcile(&*self.house.store, self.house.clock.now(), &self.endpoint_tests).await
    }

    async fn look(self: &Arc<Self>, jobs: &mut JoinSet<()>, cancel: &Cancel) -> Result<()> {
        let now = self.house.clock.now();
        self.reconcile().await?;
        while let Some(job) = self.house.store.claim(self.house.owner, now, JOB_LEASE).await? {
            let (worker, cancel) = (self.clone(), cancel.clone());
            jobs.spawn(async move { user::run(&worker, job, cancel).await });
        }
        Ok(())
    }
}
