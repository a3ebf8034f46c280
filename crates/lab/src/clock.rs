//! A clock over tokio's: under a paused runtime it is virtual time, and nobody waits.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use mailferry_model::port::Clock;
use tokio::time::Instant;

/// Starts at a fixed moment (2026-01-01T00:00:00Z) and goes on with tokio's time.
#[derive(Clone, Copy, Debug)]
pub struct LabClock {
    began: Instant,
}

impl Default for LabClock {
    fn default() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for LabClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
        start.checked_add(jiff::SignedDuration::try_from(self.elapsed()).unwrap_or_default()).unwrap_or(start)
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }
}
