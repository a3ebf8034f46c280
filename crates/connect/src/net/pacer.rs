//! Pauses that the other side asked for: until they are over, nothing is sent that can wait.
//!
//! One pacer is shared by all connections of an account. It retries nothing by itself.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mailferry_model::port::Cx;

/// Longer pauses are not waited for: the mailbox stalls and is tried again later.
pub const LONGEST: Duration = Duration::from_secs(300);

/// When sending may go on.
#[derive(Debug, Default)]
pub struct Pacer {
    until: Mutex<Duration>,
}

impl Pacer {
    /// The other side asked to wait so long, in these words.
    pub fn hold(&self, cx: &Cx, wait: Duration, evidence: &str) {
        let until = cx.clock.elapsed() + wait;
        let mut held = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until > *held {
            *held = until;
            drop(held);
            tracing::info!(side = ?cx.side, seconds = wait.as_secs_f64(), "asked to slow down");
            cx.meter.throttled(cx.side, wait, evidence);
        }
    }

    /// How long nothing may be sent from now on.
    pub fn left(&self, cx: &Cx) -> Duration {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).saturating_sub(cx.clock.elapsed())
    }

    /// Returns when sending may go on.
    pub async fn ready(&self, cx: &Cx) {
        loop {
            let left = self.left(cx);
            if left.is_zero() {
                return;
            }
            cx.clock.sleep(left).await;
        }
    }
}
