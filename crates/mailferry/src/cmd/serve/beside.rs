//! What runs beside the router: mailboxes that move, tests on a timer, tests and verifications that were
//! ordered.
//!
//! A store that is out of order for a while (a full disk, a database that restarts) stops them, and they begin again by
//! themselves when it is back: what was under way is in the ledger or is settled.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mailferry_connect::courier::Outbound;
use mailferry_engine::tasks::{Post, Worker};
use mailferry_model::{Error, Kind, Result, audit::AuditEntry, cancel::Cancel, port::Store};
use mailferry_server::Trouble;
use tokio::task::JoinHandle;

use crate::{
    database,
    instance::{Instance, actor},
    tabled::Tabled,
};

/// Between two tries while the store is out of order.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two tries after something that nobody expected.
const MUCH_LATER: Duration = Duration::from_secs(60);
/// So long work goes on before a trouble counts as over.
const WELL: Duration = Duration::from_secs(10);
/// How often it is looked at whether a worker has something to say.
const EVENTS: Duration = Duration::from_secs(1);

/// One of the things that run.
type Work = fn(Arc<Worker>, Cancel) -> BoxFuture<'static, Result<()>>;

/// Runs all of it until `cancel`; what ended the moving of mailboxes, if that was not in order.
pub fn run(worker: &Arc<Worker>, instance: &Instance, cancel: &Cancel) -> JoinHandle<Result<()>> {
    if let Some(store) = &instance.shared {
        database::listen(store.clone(), worker.clone(), cancel.clone());
    }
    let start = |what, work: Work| tokio::spawn(again(what, worker.clone(), (None, cancel.clone()), work));
    start("endpoints are tested on a timer", |w, c| Box::pin(async move { w.monitor(&c).await }));
    start("tests that are ordered are made", |w, c| Box::pin(async move { w.make_tests(&c).await }));
    start("verifications that are ordered are made", |w, c| {
        Box::pin(async move { w.make_verifications(&c).await })
    });
    start("scans that are ordered are made", |w, c| Box::pin(async move { w.make_scans(&c).await }));
    start("domains are looked at", |w, c| {
        Box::pin(async move { w.watch_domains(&mailferry_connect::domain::Dns, &c).await })
    });
    let post = Post { courier: Arc::new(Outbound), tables: Arc::new(Tabled::of(instance)) };
    let post = Arc::new(post);
    let told = (None, cancel.clone());
    tokio::spawn(again("channels are told what happened", worker.clone(), told, move |w, c| {
        let post = post.clone();
        Box::pin(async move { w.notify(&post, &c).await })
    }));
    let told = (Some(instance.trouble.clone()), cancel.clone());
    let moves: Work = |w, c| Box::pin(async move { w.run(&c).await });
    let moving = tokio::spawn(again("mailboxes move", worker.clone(), told, moves));
    let (worker, cancel) = (worker.clone(), cancel.clone());
    tokio::spawn(async move {
        let telling = tokio::spawn(drain(worker, cancel.clone()));
        let ended = moving.await.unwrap_or_else(|e| Err(Error::bug("move mailboxes", e.to_string())));
        // Without it nothing would move: the service ends, and says why.
        cancel.cancel();
        _ = telling.await;
        ended
    })
}

async fn again(
    what: &'static str,
    worker: Arc<Worker>,
    (trouble, cancel): (Option<Trouble>, Cancel),
    work: impl Fn(Arc<Worker>, Cancel) -> BoxFuture<'static, Result<()>>,
) -> Result<()> {
    let is = |why: Option<String>| trouble.iter().for_each(|trouble| trouble.is(why.clone()));
    loop {
        let mut running = work(worker.clone(), cancel.clone());
        // Work that goes on for a while says that all is well again.
        let ended = tokio::select! {
            ended = &mut running => Some(ended),
            () = tokio::time::sleep(WELL) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                is(None);
                running.await
            }
        };
        let Err(error) = ended else { return Ok(()) };
        // Without mailboxes that move there is no service; without one of the others there is, and it is tried again.
        let ends = cancel.is_cancelled() || (trouble.is_some() && !passes(error.kind()));
        if ends {
            tracing::error!(%error, "it no longer happens that {what}");
            return Err(error);
        }
        is(Some(error.context().to_owned()));
        let wait = match passes(error.kind()) {
            true => {
                tracing::error!(%error, "the store is out of order: until it is back it does not happen that {what}");
                AGAIN
            }
            false => {
                tracing::error!(%error, "for a minute it does not happen that {what}");
                MUCH_LATER
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Whether such a state of the store may pass by itself, or by somebody who makes room.
fn passes(kind: Kind) -> bool {
    matches!(kind, Kind::Busy | Kind::Locked | Kind::QuotaExceeded | Kind::Unreachable | Kind::Timeout)
}

/// What a worker has to say goes to the log: nobody waits for it here.
async fn drain(worker: Arc<Worker>, cancel: Cancel) {
    while !cancel.is_cancelled() {
        for event in worker.take_events() {
            tracing::info!(user = %event.user.0, batch = %event.batch.0, code = event.code, "{}", event.what);
        }
        tokio::time::sleep(EVENTS).await;
    }
}

/// Writes down that a service or a worker began, or ended in order: a beginning without an end before it tells of a crash.
pub async fn told(store: &dyn Store, action: &str, subject: &str) -> Result<()> {
    let entry = AuditEntry {
        at: jiff::Timestamp::now(),
        actor: actor(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        change: Some(serde_json::json!({ "program": env!("CARGO_PKG_VERSION") }).to_string()),
    };
    store.record(&entry).await.map(drop)
}
