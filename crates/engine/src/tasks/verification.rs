//! Verifications that somebody ordered over the network: made here, where the mailboxes move.
//!
//! One whose worker dies is not made again by itself: it signs in for each mailbox, and tries lock accounts. They hold
//! no permits: a verification reads one mailbox at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use jiff::SignedDuration;
use mailferry_model::{
    Kind, Result,
    cancel::Cancel,
    verification::{Ended, Outcome, Verification, VerificationState},
};
use tokio::task::JoinSet;

use super::worker::Worker;

/// How long one is held without a sign of life, and how often there is one.
const HELD: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));
/// So many are made at once.
const AT_ONCE: usize = 2;
/// How long what came of them is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often the store is looked at without a bell, and how many looks go by between two sweeps.
const LOOK: (Duration, u32) = (Duration::from_secs(1), 30);

/// Makes them until it is cancelled.
pub(super) async fn run(worker: &Arc<Worker>, cancel: &Cancel) -> Result<()> {
    let (mut running, mut looks) = (JoinSet::new(), 0);
    let store = &worker.house.store;
    while !cancel.is_cancelled() {
        if looks % LOOK.1 == 0 {
            store.sweep_verifications(worker.house.clock.now() - KEPT).await?;
        }
        looks = looks.wrapping_add(1);
        while running.len() < AT_ONCE
            && let Some(verification) = store.claim_verification(worker.house.owner, HELD.0).await?
        {
            let (worker, cancel) = (worker.clone(), cancel.clone());
            running.spawn(async move { one(&worker, verification, &cancel).await });
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = worker.verifications.notified() => {}
            () = worker.house.clock.sleep(LOOK.0) => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

async fn one(worker: &Worker, verification: Verification, cancel: &Cancel) {
    let id = verification.id;
    match held(worker, verification, cancel).await {
        Ok(()) => {}
        Err(error) if error.kind() == Kind::Conflict => {
            tracing::info!(verification = %id, "a verification was removed while it ran");
        }
        // The store is gone: whoever sweeps next says so.
        Err(error) => tracing::warn!(verification = %id, %error, "a verification did not end in order"),
    }
}

/// Makes one under a sign of life, and keeps what came of it.
async fn held(worker: &Worker, verification: Verification, cancel: &Cancel) -> Result<()> {
    let (store, owner, id) = (&worker.house.store, worker.house.owner, verification.id);
    let looked_at = AtomicU64::new(0);
    let tell = |n| looked_at.store(n, Ordering::SeqCst);
    let so_far = || looked_at.load(Ordering::SeqCst);
    let mut made = std::pin::pin!(worker.verify(&verification.subject, verification.depth, cancel, &tell));
    let came = loop {
        match select(made, worker.house.clock.sleep(HELD.1)).await {
            Either::Left((came, _)) => break came,
            Either::Right(((), going)) => made = going,
        }
        // Whoever removed it wants it to stop: what is under way is dropped, and with it its connections.
        store.hold_verification(id, owner, HELD.0, so_far()).await?;
    };
    let (state, outcome) = match came {
        Ok(verified) => (VerificationState::Done, Some(Outcome::Verified(Box::new(verified)))),
        Err(error) if error.kind() == Kind::Cancelled => (VerificationState::Interrupted, None),
        Err(error) => (VerificationState::Done, Some(Outcome::Ended(Ended::of(&error)))),
    };
    let ended = Verification { state, outcome, looked_at: so_far(), ..verification.clone() };
    store.end_verification(&ended, owner).await
}
