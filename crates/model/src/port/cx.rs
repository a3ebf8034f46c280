//! What every call into a connector may use: cancellation, time, the memory budget, the throttle's meter.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use crate::{cancel::Cancel, error::Side, outward::Outward, port::Clock};

/// Hands out memory for bodies in flight, for the whole process (32 MiB by default).
pub trait Budget: Send + Sync {
    /// Waits until `bytes` may be held. More than the whole budget is granted alone, when nothing else is held.
    fn take(&self, bytes: u64) -> BoxFuture<'_, BudgetGuard>;
}

/// Memory that is held; given back when dropped.
pub struct BudgetGuard(Option<Box<dyn FnOnce() + Send + Sync>>);

impl BudgetGuard {
    /// A guard that calls `give_back` once, when dropped.
    pub fn new(give_back: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(give_back)))
    }
}

impl Drop for BudgetGuard {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.take() {
            give_back();
        }
    }
}

/// Hears what throttling and traffic look like; feeds status and adaptive limits.
pub trait Meter: Send + Sync {
    /// A side asked to slow down until so much time has passed; `evidence` is its words.
    fn throttled(&self, side: Side, wait: Duration, evidence: &str);

    /// Body bytes went over the wire on that side. Called per piece: must be cheap.
    fn moved(&self, side: Side, bytes: u64);

    /// Waits until `bytes` more may be sent under the bandwidth limit; at once where there is none.
    fn admit(&self, bytes: u64) -> BoxFuture<'_, ()>;

    /// How many bytes may go out at once under the bandwidth limit: what it allows in a second. `None`: no limit.
    fn at_once(&self) -> Option<u64>;

    /// From now on at most so many bytes a second, whatever else limits them. `None`: no such limit. A meter that holds no
    /// limit heeds none.
    fn limit(&self, bytes_per_second: Option<u64>) {
        _ = bytes_per_second;
    }
}

/// The context of a call. Cheap to clone.
#[derive(Clone)]
pub struct Cx {
    /// Stops everything that belongs to this run.
    pub cancel: Cancel,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Memory for bodies.
    pub budget: Arc<dyn Budget>,
    /// Throttle signals and traffic, upwards.
    pub meter: Arc<dyn Meter>,
    /// Which side the connector plays in this run.
    pub side: Side,
    /// At most so many connections (or calls in flight) on this side.
    pub connections: u16,
    /// How long an answer to a put may take.
    pub put_timeout: Duration,
    /// Which addresses may be connected to: judged right before connecting.
    pub outward: Arc<Outward>,
}
