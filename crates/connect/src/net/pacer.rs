//! Pauses that the other side asked for: until they are over, nothing is sent that can wait.
//!
//! One pacer is shared by all connections of an account. It retries nothing by itself.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mailferry_model::{Error, Kind, Retry, Scope, port::Cx};

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

    /// What is said instead of sending, where the pause that is left is longer than anybody waits.
    pub fn refusal(&self, cx: &Cx) -> Option<Error> {
        let left = self.left(cx);
        let text = "the server asked for a pause that is not waited for";
        let error = || Error::new(Kind::Throttled, cx.side, "pause", text).scope_of(Scope::Mailbox);
        (left > LONGEST).then(|| error().retry_of(Retry::After(left)))
    }

    /// Returns when sending may go on, or when nobody waits for that any more: see [`refusal`](Self::refusal).
    pub async fn ready(&self, cx: &Cx) {
        loop {
            let left = self.left(cx);
            if left.is_zero() || left > LONGEST {
                return;
            }
            cx.clock.sleep(left).await;
        }
    }
}
