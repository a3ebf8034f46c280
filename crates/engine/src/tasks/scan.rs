//! Scans that somebody ordered: a mailbox after another is read, and what came of it is kept at once.
//!
//! One whose worker dies goes on with what is left. They hold no permits: a scan reads one mailbox at a time, over one
//! connection, and lists without bodies.

use std::time::Duration;

use jiff::Timestamp;
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    cancel::Cancel,
    id::ScanId,
    scan::{Scan, ScanOutcome, ScanState},
    verification::Ended,
};
use serde_json::json;
use tokio::sync::Notify;

use super::{
    assess::Ends,
    ordered::{HELD, Ordered, under_signs_of_life},
    worker::Worker,
};
use crate::parking::by_worker;

/// How often there is a sign of life.
const SIGNS: Duration = Duration::from_secs(5);
/// So many mailboxes are read from the store in one go.
const HANDFUL: usize = 50;

impl Ordered for Scan {
    const AT_ONCE: usize = 2;

    fn bell(worker: &Worker) -> &Notify {
        &worker.scans
    }

    // They are what plans are made of: nothing forgets them but a person.
    async fn sweep(worker: &Worker, _: Timestamp) -> Result<()> {
        worker.house.store.sweep_scans().await
    }

    async fn claim(worker: &Worker) -> Result<Option<Self>> {
        worker.house.store.claim_scan(worker.house.owner, HELD, None).await
    }

    async fn make(self, worker: &Worker, cancel: &Cancel) {
        let id = self.id;
        match held(worker, self, cancel).await {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::Conflict => {
                tracing::info!(scan = %id, "a scan was stopped or removed while it ran");
            }
            // The store is gone: whoever sweeps next lets it wait again.
            Err(error) => tracing::warn!(scan = %id, %error, "a scan did not end in order"),
        }
    }
}

impl Worker {
    /// Makes one scan here and now, if it waits.
    ///
    /// # Errors
    /// What the store says; `Conflict` if it was stopped or removed meanwhile.
    pub async fn make_scan(&self, id: ScanId, cancel: &Cancel) -> Result<()> {
        self.house.store.sweep_scans().await?;
        match self.house.store.claim_scan(self.house.owner, HELD, Some(id)).await? {
            Some(scan) => held(self, scan, cancel).await,
            None => Ok(()),
        }
    }
}

/// Makes one under a sign of life. Where it is cancelled, it waits for the next worker.
async fn held(worker: &Worker, scan: Scan, cancel: &Cancel) -> Result<()> {
    let (store, owner, id) = (&worker.house.store, worker.house.owner, scan.id);
    let sign = || store.hold_scan(id, owner, HELD);
    // Whoever stopped it wants it to stop: what is under way is dropped, and with it its connections.
    let came = under_signs_of_life(&*worker.house.clock, SIGNS, made(worker, &scan, cancel), sign).await?;
    let (state, error) = match came {
        Ok(()) => (ScanState::Done, None),
        Err(error) if error.kind() == Kind::Cancelled => (ScanState::Ordered, None),
        // It is not ours any more, or the store is gone. An endpoint that was removed meanwhile does not come back.
        Err(error) if error.side() == Side::Us && error.kind() != Kind::NotFound => return Err(error),
        Err(error) => (ScanState::Done, Some(Ended::of(&error))),
    };
    let told = match state {
        ScanState::Done => {
            let change = json!({ "of": "scan", "id": id });
            Some(by_worker(worker.house.clock.now(), "report.ready", format!("scan {id}"), &change))
        }
        _ => None,
    };
    store.end_scan(&Scan { state, error, ..scan }, owner, told.as_ref()).await
}

/// Looks at what is left; only what stands for all mailboxes ends it early.
async fn made(worker: &Worker, scan: &Scan, cancel: &Cancel) -> Result<()> {
    let (store, owner) = (&worker.house.store, worker.house.owner);
    let source = store.endpoint_by_id(scan.source).await?;
    if let Some(why) = &source.needs_to_connect {
        let text = format!("{}: {why}", source.name);
        return Err(Error::new(Kind::Unauthenticated, Side::Source, "scan", text).scope_of(Scope::Endpoint));
    }
    let target = match scan.target {
        Some(id) => Some(store.endpoint_by_id(id).await?),
        None => None,
    };
    let ends = Ends { source, target };
    loop {
        let left = store.scan_mailboxes_left(scan.id, HANDFUL).await?;
        if left.is_empty() {
            return Ok(());
        }
        for mailbox in &left {
            cancel.check()?;
            let outcome = match worker.assess(scan, &ends, mailbox, cancel).await {
                Ok(found) => ScanOutcome::Assessed(Box::new(found)),
                Err(e) if e.kind() == Kind::Cancelled => return Err(e),
                Err(e) if e.kind() == Kind::Unauthenticated && e.scope() == Scope::Endpoint => return Err(e),
                Err(e) => ScanOutcome::Failed(Ended::of(&e)),
            };
            store.keep_scanned(scan.id, owner, mailbox, &outcome).await?;
        }
    }
}
