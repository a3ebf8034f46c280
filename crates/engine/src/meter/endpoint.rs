//! What is seen of the endpoints of a mailbox: the meter of a pass tells it, the control of how much may run judges it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use mailferry_model::{Side, allowance::Sight, id::EndpointId, port::Meter};

/// What a body costs beside its bytes, in bytes: a round trip, a row.
const BODY: u64 = 32 << 10;

/// What this process sees of all endpoints.
#[derive(Debug, Default)]
pub struct Sights(Mutex<HashMap<EndpointId, Sight>>);

impl Sights {
    /// Adds to what is seen of one.
    pub fn add(&self, endpoint: EndpointId, add: impl FnOnce(&mut Sight)) {
        add(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(endpoint).or_default());
    }

    /// What was seen since this was last asked.
    pub fn take(&self) -> HashMap<EndpointId, Sight> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The meter of a pass between two endpoints: it passes everything on.
pub struct EndpointMeter {
    all: Arc<dyn Meter>,
    sights: Arc<Sights>,
    source: EndpointId,
    target: EndpointId,
}

impl EndpointMeter {
    /// One that passes on to this.
    pub fn of(all: Arc<dyn Meter>, sights: Arc<Sights>, (source, target): (EndpointId, EndpointId)) -> Self {
        Self { all, sights, source, target }
    }

    fn endpoint(&self, side: Side) -> Option<EndpointId> {
        match side {
            Side::Source => Some(self.source),
            Side::Target => Some(self.target),
            Side::Us => None,
        }
    }
}

impl Meter for EndpointMeter {
    fn throttled(&self, side: Side, wait: Duration, evidence: &str) {
        if let Some(endpoint) = self.endpoint(side) {
            self.sights.add(endpoint, |sight| {
                sight.throttled += 1;
                sight.asked = sight.asked.max(wait.as_secs());
            });
        }
        self.all.throttled(side, wait, evidence);
    }

    fn moved(&self, side: Side, bytes: u64) {
        if let Some(endpoint) = self.endpoint(side) {
            self.sights.add(endpoint, |sight| sight.work += bytes + BODY);
        }
        self.all.moved(side, bytes);
    }

    fn admit(&self, bytes: u64) -> BoxFuture<'_, ()> {
        self.all.admit(bytes)
    }

    fn at_once(&self) -> Option<u64> {
        self.all.at_once()
    }
}
