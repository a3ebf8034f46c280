//! Gates: where one sign-in serves all mailboxes, one mailbox tries it first and the others wait, so that a
//! wrong password is refused once and not twenty times.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mailferry_model::id::EndpointId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The gates of all endpoints, each for one version of its settings.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<EndpointId, (u64, Gate)>>);

#[derive(Clone)]
struct Gate {
    open: Arc<AtomicBool>,
    narrow: Arc<Semaphore>,
}

/// The right to try a sign-in. Dropped without [`Pass::open`], the next one tries.
pub(super) struct Pass {
    gate: Gate,
    _alone: Option<OwnedSemaphorePermit>,
}

impl Gates {
    /// Waits until the sign-in is known to work, or this one is the one to try it.
    pub async fn enter(&self, endpoint: EndpointId, version: u64) -> Pass {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = gates.get(&endpoint).filter(|(v, _)| *v == version).map(|(_, gate)| gate.clone());
            known.unwrap_or_else(|| {
                let gate = Gate { open: Arc::default(), narrow: Arc::new(Semaphore::new(1)) };
                gates.insert(endpoint, (version, gate.clone()));
                gate
            })
        };
        if gate.open.load(Ordering::SeqCst) {
            return Pass { gate, _alone: None };
        }
        let alone = gate.narrow.clone().acquire_owned().await.ok();
        Pass { gate, _alone: alone }
    }
}

impl Pass {
    /// The sign-in works: all others may go.
    pub fn open(self) {
        if !self.gate.open.swap(true, Ordering::SeqCst) {
            self.gate.narrow.add_permits(Semaphore::MAX_PERMITS / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_tries_and_the_others_wait_until_it_is_known() {
        let gates = Arc::new(Gates::default());
        let endpoint = EndpointId(uuid::Uuid::nil());
        let first = gates.enter(endpoint, 1).await;
        let waiting = {
            let gates = gates.clone();
            tokio::spawn(async move { gates.enter(endpoint, 1).await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap().open();
        let (a, b) = (gates.enter(endpoint, 1).await, gates.enter(endpoint, 1).await);
        drop((a, b));
        let _changed = gates.enter(endpoint, 2).await;
        assert!(
            !gates.0.lock().unwrap()[&endpoint].1.open.load(Ordering::SeqCst),
            "another version, another gate"
        );
    }
}
