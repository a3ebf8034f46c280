//! The worker: claims jobs as long as there are free slots, runs them beside each other, reconciles batches.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mailferry_model::{
    Kind, Result,
    cancel::Cancel,
    endpoint_test::EndpointTest,
    id::{BatchId, ChannelId, DeliveryId, UserId},
    port::{Connector, Reports, Zones},
    report::Totals,
    scan::Scan,
    verification::Verification,
};
use tokio::{sync::Notify, task::JoinSet};

use super::{
    bandwidth,
    batch::{self, Look},
    concurrency, digest, domain, escalate,
    gate::Gates,
    held::Holdings,
    monitor,
    notices::{self, Post},
    ordered,
    simulated::Length,
    user,
};
use crate::{meter::Sights, open::House, pass::Progress};

/// How long a claimed job is held without a sign of life.
pub(super) const JOB_LEASE: Duration = Duration::from_secs(60);
/// How often the store is looked at without a bell.
const TIMER: Duration = Duration::from_secs(1);
/// Counting the users of all batches takes no more than this of a small store.
const CHEAP: Duration = Duration::from_millis(10);
/// Of a large one it takes one part in so many of the time, but somebody who rings waits no longer than that.
const SPARED: (u32, Duration) = (200, Duration::from_secs(4));
/// So often all users are looked at, and not their counts alone.
const CLOSELY: Duration = Duration::from_secs(60);
/// So often the bandwidth timetable is looked at.
const BANDWIDTH: Duration = Duration::from_secs(4);
/// So many jobs are claimed in one go: then another worker may come.
const HANDFUL: usize = 8;
/// The duty to test endpoints on a timer, and how long it is held without a sign of life.
const MONITOR: (&str, Duration) = ("monitor", Duration::from_secs(90));

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
    pub(super) holdings: Holdings,
    /// What is seen of endpoints here.
    pub(super) sights: Arc<Sights>,
    /// Where passes are only counted, how long each takes.
    pub(super) simulates: Option<Length>,
    pub(super) bell: Arc<Notify>,
    /// Whether somebody has rung since the batches were looked at.
    rung: AtomicBool,
    /// Rings for tests that were ordered.
    pub(super) endpoint_tests: Notify,
    /// Rings for verifications that were ordered.
    pub(super) verifications: Notify,
    /// Rings for scans that were ordered.
    pub(super) scans: Notify,
    running: Mutex<BTreeMap<UserId, (BatchId, Arc<Progress>)>>,
    events: Mutex<Vec<Event>>,
    digests: Mutex<digest::Known>,
}

impl Worker {
    /// A worker that talks to these kinds of systems.
    pub fn of(house: House, connectors: Vec<Arc<dyn Connector>>, reports: Arc<dyn Reports>) -> Arc<Self> {
        Arc::new(Self::idle(house, connectors, reports))
    }

    /// A worker whose passes move nothing and take so long: for benchmarks of all else that it does.
    pub fn simulating(house: House, reports: Arc<dyn Reports>, length: Length) -> Arc<Self> {
        Arc::new(Self { simulates: Some(length), ..Self::idle(house, Vec::new(), reports) })
    }

    fn idle(house: House, connectors: Vec<Arc<dyn Connector>>, reports: Arc<dyn Reports>) -> Self {
        Self {
            house,
            connectors,
            reports,
            gates: Gates::default(),
            holdings: Holdings::default(),
            sights: Arc::default(),
            simulates: None,
            bell: Arc::default(),
            rung: AtomicBool::new(false),
            endpoint_tests: Notify::new(),
            verifications: Notify::new(),
            scans: Notify::new(),
            running: Mutex::default(),
            events: Mutex::default(),
            digests: Mutex::default(),
        }
    }

    /// By what it is told from other workers.
    pub fn name(&self) -> String {
        self.house.owner.to_string()
    }

    /// Works until it is cancelled; then stops everything in order.
    ///
    /// # Errors
    /// What the store says, once everything has stopped.
    pub async fn run(self: &Arc<Self>, cancel: &Cancel) -> Result<()> {
        let mut jobs: JoinSet<()> = JoinSet::new();
        // Of its own, so that an error of the store stops the passes too.
        let inner = Cancel::default();
        let keeping = {
            let worker = self.clone();
            let keep = async move {
                let House { store, owner, clock, .. } = &worker.house;
                worker.holdings.keep(&**store, *owner, &**clock).await;
            };
            AbortOnDrop(tokio::spawn(keep))
        };
        let mut times = Times::default();
        let ended = loop {
            if let Err(error) = self.look(&mut jobs, &inner, &mut times).await {
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
        drop(keeping);
        if ended.is_ok() {
            self.reconcile(Look::Users).await?;
        }
        ended
    }

    /// Tests endpoints on a timer, until it is cancelled; of several workers of an installation one does. For services: a
    /// command that runs in the foreground has its endpoints tested before it begins, and is told by its own sign-ins
    /// then.
    ///
    /// # Errors
    /// What the store says.
    pub async fn monitor(&self, cancel: &Cancel) -> Result<()> {
        let House { store, owner, clock, .. } = &self.house;
        let mut escalates = Duration::ZERO;
        while !cancel.is_cancelled() {
            if store.take_duty(MONITOR.0, *owner, MONITOR.1).await? {
                if clock.elapsed() >= escalates {
                    self.escalate_stalls().await?;
                    escalates = clock.elapsed() + escalate::LOOK;
                }
                self.test_endpoints(cancel).await?;
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.house.clock.sleep(monitor::LOOK) => {}
            }
        }
        self.give_back(MONITOR).await
    }

    /// Whoever has a duty gives it back: another need not wait.
    async fn give_back(&self, (name, how_long): (&str, Duration)) -> Result<()> {
        let House { store, owner, .. } = &self.house;
        if store.take_duty(name, *owner, how_long).await? {
            store.take_duty(name, *owner, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Tells once of stalls that have lasted too long.
    ///
    /// # Errors
    /// What the store says.
    pub async fn escalate_stalls(&self) -> Result<()> {
        escalate::reconcile(&*self.house.store, self.house.clock.now()).await
    }

    /// Tells channels what happened, until it is cancelled; of several workers of an installation one does.
    ///
    /// # Errors
    /// What the store says.
    pub async fn notify(&self, post: &Post, cancel: &Cancel) -> Result<()> {
        while !cancel.is_cancelled() {
            if self.send_notices(post, cancel).await? {
                continue;
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.house.clock.sleep(notices::LOOK) => {}
            }
        }
        self.give_back(notices::DUTY).await
    }

    /// Makes what is to be told and sends a handful of what is due; whether there may be more.
    ///
    /// # Errors
    /// What the store says.
    pub async fn send_notices(&self, post: &Post, cancel: &Cancel) -> Result<bool> {
        notices::reconcile(self, post, cancel).await
    }

    /// Looks at the mail flow of domains, until it is cancelled; of several workers of an installation one does.
    ///
    /// # Errors
    /// What the store says.
    pub async fn watch_domains(&self, zones: &dyn Zones, cancel: &Cancel) -> Result<()> {
        let House { store, owner, clock, .. } = &self.house;
        while !cancel.is_cancelled() {
            if !store.domains().await?.is_empty()
                && store.take_duty(domain::DUTY.0, *owner, domain::DUTY.1).await?
            {
                self.look_at_domains(zones, cancel).await?;
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = clock.sleep(domain::LOOK) => {}
            }
        }
        self.give_back(domain::DUTY).await
    }

    /// Looks once at the domains that are due.
    ///
    /// # Errors
    /// What the store says.
    pub async fn look_at_domains(&self, zones: &dyn Zones, cancel: &Cancel) -> Result<()> {
        match domain::reconcile(self, zones, cancel).await {
            Err(error) if error.kind() == Kind::Cancelled => Ok(()),
            looked => looked,
        }
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

    /// Makes the scans that are ordered, until it is cancelled.
    ///
    /// # Errors
    /// What the store says.
    pub async fn make_scans(self: &Arc<Self>, cancel: &Cancel) -> Result<()> {
        ordered::run::<Scan>(self, cancel).await
    }

    /// Wakes it: something is wanted.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
        self.bell.notify_one();
        self.endpoint_tests.notify_one();
        self.verifications.notify_one();
        self.scans.notify_one();
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

    /// The newest digest of a channel that is known here to be made.
    pub(super) fn digest_of(&self, channel: ChannelId) -> Option<DeliveryId> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(&channel).copied()
    }

    pub(super) fn keep_digest(&self, channel: ChannelId, digest: DeliveryId) {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(channel, digest);
    }

    /// Looks at all batches; how long counting their users took, which grows with them.
    async fn reconcile(&self, look: Look) -> Result<Duration> {
        let House { store, clock, .. } = &self.house;
        let batches = store.batches().await?;
        let began = clock.elapsed();
        let census = store.census().await?;
        let took = clock.elapsed().saturating_sub(began);
        batch::reconcile(&**store, clock.now(), &self.endpoint_tests, (look, batches, census)).await?;
        Ok(took)
    }

    /// Looks at batches and claims what there is; at batches only when the time that the last look took is spared.
    async fn look(
        self: &Arc<Self>,
        jobs: &mut JoinSet<()>,
        cancel: &Cancel,
        times: &mut Times,
    ) -> Result<()> {
        let House { store, owner, clock, .. } = &self.house;
        let began = clock.elapsed();
        if began >= times.bandwidth {
            bandwidth::reconcile(&**store, &*self.house.meter, clock.now()).await?;
            times.bandwidth = began + BANDWIDTH;
        }
        if began >= times.concurrency {
            concurrency::reconcile(self).await?;
            times.concurrency = began + concurrency::LOOK;
        }
        let is_due = began >= times.spared.min(times.closely);
        if is_due || (began >= times.rung && self.rung.load(Ordering::SeqCst)) {
            self.rung.store(false, Ordering::SeqCst);
            let is_close = began >= times.closely;
            let took = self.reconcile(if is_close { Look::Users } else { Look::Counts }).await?;
            let ended = clock.elapsed();
            if is_close {
                times.closely = ended + CLOSELY;
            }
            times.spared = ended + if took < CHEAP { Duration::ZERO } else { took * SPARED.0 };
            times.rung = times.spared.min(ended + SPARED.1);
        }
        loop {
            let claimed = store.claims(*owner, clock.now(), JOB_LEASE, HANDFUL).await?;
            let is_all = claimed.len() < HANDFUL;
            for job in claimed {
                let (worker, cancel) = (self.clone(), cancel.clone());
                jobs.spawn(async move { user::run(&worker, job, cancel).await });
            }
            if is_all {
                return Ok(());
            }
        }
    }
}

/// When batches are looked at next: of itself, when somebody has rung, and user by user; and when the timetable is.
#[derive(Default)]
struct Times {
    spared: Duration,
    rung: Duration,
    closely: Duration,
    bandwidth: Duration,
    concurrency: Duration,
}

/// A task that ends with whoever started it.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
