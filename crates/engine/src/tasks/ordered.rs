//! Work that somebody orders over the network and looks at later: how a worker takes it and stays its holder. What is
//! done with it is its own file's.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use jiff::Timestamp;
use mailferry_model::{Result, cancel::Cancel, port::Clock};
use tokio::{sync::Notify, task::JoinSet};

use super::worker::Worker;

/// How long one is held without a sign of life.
pub(super) const HELD: Duration = Duration::from_secs(60);
/// How often the store is looked at without a bell, and how many looks go by between two sweeps.
const LOOK: (Duration, u32) = (Duration::from_secs(1), 30);

/// A kind of such work.
pub(super) trait Ordered: Sized + Send + 'static {
    /// So many are made at once.
    const AT_ONCE: usize;
    /// Rings when one may have been ordered.
    fn bell(worker: &Worker) -> &Notify;

    /// Forgets those that are kept long enough by now, and ends those whose worker is dead.
    fn sweep(worker: &Worker, now: Timestamp) -> impl Future<Output = Result<()>> + Send;

    /// The oldest that waits, for this worker.
    fn claim(worker: &Worker) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// Makes it, and tells the log where that cannot be written down.
    fn make(self, worker: &Worker, cancel: &Cancel) -> impl Future<Output = ()> + Send;
}

/// Makes what is ordered of one kind, until it is cancelled.
///
/// # Errors
/// What the store says.
pub(super) async fn run<O: Ordered>(worker: &Arc<Worker>, cancel: &Cancel) -> Result<()> {
    let (mut running, mut looks) = (JoinSet::new(), 0);
    while !cancel.is_cancelled() {
        if looks % LOOK.1 == 0 {
            O::sweep(worker, worker.house.clock.now()).await?;
        }
        looks = looks.wrapping_add(1);
        while running.len() < O::AT_ONCE
            && let Some(ordered) = O::claim(worker).await?
        {
            let (worker, cancel) = (worker.clone(), cancel.clone());
            running.spawn(async move { ordered.make(&worker, &cancel).await });
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = O::bell(worker).notified() => {}
            () = worker.house.clock.sleep(LOOK.0) => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

/// What comes of it, with a sign of life so often; it is dropped when a sign is refused.
///
/// # Errors
/// What the sign of life says.
pub(super) async fn under_signs_of_life<T, F: Future<Output = Result<()>>>(
    clock: &dyn Clock,
    every: Duration,
    made: impl Future<Output = T>,
    sign: impl Fn() -> F,
) -> Result<T> {
    let mut made = pin!(made);
    loop {
        match select(made, clock.sleep(every)).await {
            Either::Left((came, _)) => return Ok(came),
            Either::Right(((), going)) => made = going,
        }
        sign().await?;
    }
}
