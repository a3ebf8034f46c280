//! Passes that move nothing, for benchmarks: all that a worker does for one but the pass itself. The mailbox is leased
//! and kept, the job is held, statuses are written, and the end makes room for the next.

use std::{sync::Arc, time::Duration};

use mailferry_model::{
    Error, Kind, Result, Side,
    cancel::Cancel,
    job::{Job, PassKind},
    status::UserEvent,
};

use super::{user, worker::Worker};
use crate::lease::Keeper;

/// How long such a pass takes.
pub type Length = Arc<dyn Fn(&Job) -> Duration + Send + Sync>;

/// One of them.
pub(super) async fn attempt(worker: &Worker, job: &Job, cancel: &Cancel, length: &Length) -> Result<()> {
    let store = &*worker.house.store;
    user::change(worker, job, |user| {
        for event in [UserEvent::Claim, UserEvent::Open, UserEvent::Move] {
            user::step(user, event);
        }
    })
    .await?;
    let mailbox = store.mailbox(&format!("simulated {}", job.work.user)).await?;
    let keeper = Keeper::take(&worker.house, mailbox, "this pass", cancel).await?;
    let ended = tokio::select! {
        () = worker.house.clock.sleep(length(job)) => Ok(()),
        () = cancel.cancelled() => Err(Error::new(Kind::Cancelled, Side::Us, "simulate", "stopped")),
    };
    keeper.release().await?;
    ended?;
    let endings = if job.work.kind == PassKind::Completion { 2 } else { 1 };
    let done = |user: &mut mailferry_model::user::User| {
        (0..endings).for_each(|_| user::step(user, UserEvent::Done));
    };
    user::change(worker, job, done).await.map(drop)
}
