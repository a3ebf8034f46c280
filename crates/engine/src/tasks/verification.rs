//! Verifications that somebody ordered over the network: made here, where the mailboxes move.
//!
//! One whose worker dies is not made again by itself: it signs in for each mailbox, and tries lock accounts. They hold
//! no permits: a verification reads one mailbox at a time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Kind, Result,
    audit::AuditEntry,
    cancel::Cancel,
    port::Store,
    verification::{Ended, Outcome, Subject, Verification, VerificationState},
};
use serde_json::json;
use tokio::sync::Notify;

use super::{
    ordered::{HELD, Ordered, under_signs_of_life},
    worker::Worker,
};
use crate::parking::by_worker;

/// How often there is a sign of life.
const SIGNS: Duration = Duration::from_secs(5);

/// How long what came of one is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Ordered for Verification {
    const AT_ONCE: usize = 2;

    fn bell(worker: &Worker) -> &Notify {
        &worker.verifications
    }

    async fn sweep(worker: &Worker, now: Timestamp) -> Result<()> {
        worker.house.store.sweep_verifications(now - KEPT).await
    }

    async fn claim(worker: &Worker) -> Result<Option<Self>> {
        worker.house.store.claim_verification(worker.house.owner, HELD).await
    }

    async fn make(self, worker: &Worker, cancel: &Cancel) {
        let id = self.id;
        match held(worker, self, cancel).await {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::Conflict => {
                tracing::info!(verification = %id, "a verification was removed while it ran");
            }
            // The store is gone: whoever sweeps next says so.
            Err(error) => {
                tracing::warn!(verification = %id, %error, "a verification did not end in order");
            }
        }
    }
}

/// Makes one under a sign of life, and keeps what came of it.
async fn held(worker: &Worker, verification: Verification, cancel: &Cancel) -> Result<()> {
    let (store, owner, id) = (&worker.house.store, worker.house.owner, verification.id);
    let looked_at = AtomicU64::new(0);
    let tell = |n| looked_at.store(n, Ordering::SeqCst);
    let so_far = || looked_at.load(Ordering::SeqCst);
    let made = worker.verify(&verification.subject, verification.depth, cancel, &tell);
    // Whoever removed it wants it to stop: what is under way is dropped, and with it its connections.
    let sign = || store.hold_verification(id, owner, HELD, so_far());
    let came = under_signs_of_life(&*worker.house.clock, SIGNS, made, sign).await?;
    let (state, outcome) = match came {
        Ok(verified) => (VerificationState::Done, Some(Outcome::Verified(Box::new(verified)))),
        Err(error) if error.kind() == Kind::Cancelled => (VerificationState::Interrupted, None),
        Err(error) => (VerificationState::Done, Some(Outcome::Ended(Ended::of(&error)))),
    };
    let ended = Verification { state, outcome, looked_at: so_far(), ..verification.clone() };
    let told = match ended.state {
        VerificationState::Done => Some(told(&**store, &ended, worker.house.clock.now()).await?),
        _ => None,
    };
    store.end_verification(&ended, owner, told.as_ref()).await
}

/// For the audit trail: that what it found can be read.
async fn told(store: &dyn Store, ended: &Verification, at: Timestamp) -> Result<AuditEntry> {
    let named = async |id| match store.batch_by_id(id).await {
        Ok(batch) => Ok(batch.name),
        // It was removed meanwhile; the verification ends all the same.
        Err(error) if error.kind() == Kind::NotFound => Ok("that is gone".to_owned()),
        Err(error) => Err(error),
    };
    let subject = match &ended.subject {
        Subject::Batch(id) => format!("batch {}", named(*id).await?),
        Subject::User(address) => format!("user {address}"),
        Subject::Member(id, address) => format!("user {address} of batch {}", named(*id).await?),
    };
    let change = json!({ "of": "verification", "id": ended.id });
    Ok(by_worker(at, "report.ready", subject, &change))
}
