//! `Cancel`: one switch that many tasks watch. It knows no runtime.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use std::{future::poll_fn, task::Poll, task::Waker};

use crate::error::{Error, Kind, Result, Side};

/// A switch that is off, then on for ever. Clones share it.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    on: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Cancel {
    /// Asks everybody who watches to stop.
    pub fn cancel(&self) {
        self.0.on.store(true, Ordering::SeqCst);
        for waker in self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            waker.wake();
        }
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.on.load(Ordering::SeqCst)
    }

    /// `Err(Cancelled)` once somebody asked to stop.
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::new(Kind::Cancelled, Side::Us, "run", "stopped on request")),
            false => Ok(()),
        }
    }

    /// Waits until somebody asks to stop.
    pub async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_cancelled() {
                return Poll::Ready(());
            }
            if !waiting.iter().any(|w| w.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}
