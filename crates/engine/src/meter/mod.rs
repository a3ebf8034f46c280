//! The meter: what went over the wire, what throttling looks like, and the bandwidth limit.
//!
//! One for the process. The limit is a token bucket in time: bytes are admitted at the moment at which all
//! bytes before them have been paid for, so that many senders share it fairly.

mod endpoint;
mod mailbox;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use mailferry_model::{
    Side,
    port::{Clock, Meter},
};

pub use endpoint::{EndpointMeter, Sights};
pub use mailbox::MailboxMeter;

/// How far sending may run ahead of the limit.
const BURST: Duration = Duration::from_millis(250);

/// A pause that a side asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Who asked.
    pub side: Side,
    /// Until when, on the clock's count.
    pub until: Duration,
    /// Its words.
    pub evidence: String,
}

/// The last pause that somebody was asked for.
struct LastPause {
    clock: Arc<dyn Clock>,
    pause: Mutex<Option<Pause>>,
}

impl LastPause {
    fn of(clock: Arc<dyn Clock>) -> Self {
        Self { clock, pause: Mutex::default() }
    }

    /// One is asked for now.
    fn begin(&self, side: Side, wait: Duration, evidence: &str) {
        let evidence = evidence.chars().take(500).collect();
        let pause = Pause { side, until: self.clock.elapsed() + wait, evidence };
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
    }

    /// That one, if it is going on.
    fn now(&self) -> Option<Pause> {
        let pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner).clone();
        pause.filter(|pause| pause.until > self.clock.elapsed())
    }
}

/// Counts traffic, remembers pauses, holds the bandwidth limit.
pub struct Gauge {
    clock: Arc<dyn Clock>,
    /// As it was started.
    own: Option<u64>,
    /// As it was told since; 0: nothing.
    told: AtomicU64,
    paid: Mutex<Duration>,
    moved: [AtomicU64; 2],
    pause: LastPause,
}

impl Gauge {
    /// A meter; without a limit everything is admitted at once.
    pub fn of(clock: Arc<dyn Clock>, bytes_per_second: Option<u64>) -> Self {
        let own = bytes_per_second.filter(|n| *n > 0);
        let (told, pause) = (AtomicU64::new(0), LastPause::of(clock.clone()));
        Self { clock, own, told, paid: Mutex::default(), moved: Default::default(), pause }
    }

    /// Body bytes that went over the wire on a side so far.
    pub fn bytes(&self, side: Side) -> u64 {
        self.counter(side).load(Ordering::Relaxed)
    }

    /// The pause that is going on, if one is.
    pub fn pause(&self) -> Option<Pause> {
        self.pause.now()
    }

    fn rate(&self) -> Option<u64> {
        let told = Some(self.told.load(Ordering::Relaxed)).filter(|told| *told > 0);
        self.own.into_iter().chain(told).min()
    }

    fn counter(&self, side: Side) -> &AtomicU64 {
        &self.moved[usize::from(side == Side::Target)]
    }
}

impl Meter for Gauge {
    fn throttled(&self, side: Side, wait: Duration, evidence: &str) {
        self.pause.begin(side, wait, evidence);
    }

    fn moved(&self, side: Side, bytes: u64) {
        self.counter(side).fetch_add(bytes, Ordering::Relaxed);
    }

    fn admit(&self, bytes: u64) -> BoxFuture<'_, ()> {
        let Some(rate) = self.rate() else { return Box::pin(std::future::ready(())) };
        let wait = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.elapsed();
            let start = (*paid).max(now.saturating_sub(BURST));
            *paid = start + Duration::from_secs_f64(bytes as f64 / rate as f64);
            start.saturating_sub(now)
        };
        match wait.is_zero() {
            true => Box::pin(std::future::ready(())),
            false => self.clock.sleep(wait),
        }
    }

    fn at_once(&self) -> Option<u64> {
        self.rate()
    }

    fn limit(&self, bytes_per_second: Option<u64>) {
        self.told.store(bytes_per_second.unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use mailferry_lab::clock::LabClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_senders_share_the_limit_and_one_that_was_idle_gains_only_the_burst() {
        let clock = Arc::new(LabClock::default());
        let gauge = Gauge::of(clock.clone(), Some(1000));
        for _ in 0..10 {
            gauge.admit(500).await;
        }
        let after = clock.elapsed();
        assert!((Duration::from_millis(4000)..=Duration::from_millis(4500)).contains(&after), "{after:?}");
        clock.sleep(Duration::from_secs(60)).await;
        let before = clock.elapsed();
        gauge.admit(1000).await;
        gauge.admit(1000).await;
        assert!(clock.elapsed() - before >= Duration::from_millis(750));
    }

    #[tokio::test(start_paused = true)]
    async fn the_lower_of_two_limits_holds_from_the_moment_that_it_is_told() {
        let clock = Arc::new(LabClock::default());
        let gauge = Gauge::of(clock.clone(), Some(1000));
        let takes = async |bytes: u64| {
            clock.sleep(Duration::from_secs(60)).await;
            let before = clock.elapsed();
            gauge.admit(bytes).await;
            gauge.admit(1).await;
            (clock.elapsed() - before).as_millis()
        };
        assert_eq!(takes(1000).await, 750, "a second, less the burst");
        gauge.limit(Some(100));
        assert_eq!((takes(100).await, gauge.at_once()), (750, Some(100)));
        gauge.limit(Some(5000));
        assert_eq!(gauge.at_once(), Some(1000), "its own is lower");
        gauge.limit(None);
        assert_eq!(gauge.at_once(), Some(1000));
        let open = Gauge::of(clock.clone(), None);
        open.limit(Some(7));
        assert_eq!(open.at_once(), Some(7));
        open.limit(None);
        assert_eq!(open.at_once(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_known_until_it_is_over() {
        let clock = Arc::new(LabClock::default());
        let gauge = Gauge::of(clock.clone(), None);
        gauge.throttled(Side::Source, Duration::from_secs(10), "Suggested Backoff Time: 10000");
        assert_eq!(gauge.pause().map(|p| p.side), Some(Side::Source));
        clock.sleep(Duration::from_secs(11)).await;
        assert_eq!(gauge.pause(), None);
        gauge.moved(Side::Target, 5);
        assert_eq!((gauge.bytes(Side::Source), gauge.bytes(Side::Target)), (0, 5));
    }
}
