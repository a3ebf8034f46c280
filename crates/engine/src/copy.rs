//! One mailbox, copied once: lease, both sides opened at the same time, a pass, everything given back.
//!
//! A pass that ended because a connection was lost or a server asked to wait is run again within limits, under
//! the same lease. Used by the command line for one mailbox and by [`crate::tasks`] for batches.

use std::{sync::Arc, time::Duration};

use futures_util::try_join;
use mailferry_model::{
    Error, Kind, Result, Retry, Side,
    cancel::Cancel,
    id::MailboxId,
    job::{Claim, PassKind},
    ledger::Lease,
    mapping::RunOptions,
    port::{Cx, Source, Target},
};

use crate::{
    lease::Keeper,
    meter::MailboxMeter,
    open::{End, House, identity},
    pass::{self, Depth, Progress, Report, Sides, Terms},
};

/// Seconds of the settling grace unless somebody says otherwise.
pub const GRACE_SECONDS: u64 = 5;
/// Outcomes committed together.
const COMMIT_ITEMS: usize = 256;
/// After so many outcomes marks move up: at most about so many have to be looked for after a crash.
const RISE_ITEMS: usize = 5_000;
/// After what time outcomes are committed at the latest.
const COMMIT_AFTER: Duration = Duration::from_millis(250);

/// What fails before anybody has answered.
const CONNECTING: [&str; 2] = ["resolve name", "connect"];
/// Tries in all of what takes the connection and then says nothing: each is waited for long.
const SILENT_TRIES: u32 = 2;

/// What is done with the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// What is owed is moved.
    Move,
    /// The same, and what earlier passes skipped is tried once more.
    Retry,
    /// It is only said what would be moved.
    Pretend,
    /// Both sides are read afresh and compared; nothing is put.
    Verify,
}

/// One copy.
#[derive(Clone)]
pub struct Copy {
    /// Read from.
    pub source: End,
    /// Written to.
    pub target: End,
    /// What moves and how.
    pub options: RunOptions,
    /// Which pass; `None`: the first or a later one, as the ledger says.
    pub kind: Option<PassKind>,
    /// How much is verified.
    pub depth: Depth,
    /// What is done.
    pub task: Task,
    /// Where people watch.
    pub progress: Arc<Progress>,
    /// How often and how long it is tried again.
    pub patience: Patience,
}

/// How often and how long a pass is tried again within one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries in a row that moved nothing.
    pub tries: u32,
    /// The longest pause that is waited for.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 5, longest: Duration::from_secs(600) }
    }
}

/// A copy that came to its end.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Whose ledger.
    pub mailbox: MailboxId,
    /// What the pass found.
    pub report: Report,
}

/// Runs a copy to its end; `opened` is called each time both sides are open.
///
/// # Errors
/// `Unsupported` if both sides are one mailbox, `Locked` (op "lease") if the same copy is running; else what ended the last pass.
pub async fn copy(
    house: &House,
    copy: &Copy,
    cancel: &Cancel,
    opened: &(dyn Fn() + Send + Sync),
) -> Result<Copied> {
    check_two(copy)?;
    let identity = identity(&copy.source, &copy.target, &copy.options);
    let mailbox = house.store.mailbox(&identity).await?;
    if matches!(copy.task, Task::Pretend | Task::Verify) {
        // Nothing is written: no lease is needed, and another run is not disturbed.
        let free = Holding {
            claim: Claim { lease: Lease { mailbox, epoch: 0 }, abandoned: None },
            left: Arc::new(|| Duration::MAX),
        };
        return Ok(Copied { mailbox, report: passes(house, copy, &free, cancel, opened).await? });
    }
    // Of its own, so that a lost lease stops this copy alone.
    let inner = Cancel::default();
    let keeper = Keeper::take(house, mailbox, "the same copy", &inner).await?;
    let at_target = match hold_target(house, copy, &inner).await {
        Ok(at_target) => at_target,
        Err(error) => {
            give_back(keeper).await;
            return Err(error);
        }
    };
    let watch = {
        let (inner, cancel) = (inner.clone(), cancel.clone());
        tokio::spawn(async move {
            cancel.cancelled().await;
            inner.cancel();
        })
    };
    let holding = Holding { claim: keeper.claim(), left: keeper.left() };
    let result = passes(house, copy, &holding, &inner, opened).await;
    watch.abort();
    let lost = keeper.is_lost() || at_target.is_lost();
    give_back(at_target).await;
    give_back(keeper).await;
    let report = result.map_err(|e| match lost && e.kind() == Kind::Cancelled {
        true => Error::new(Kind::Conflict, Side::Us, "lease", "another worker took the mailbox over"),
        false => e,
    })?;
    Ok(Copied { mailbox, report })
}

/// Two copies into one mailbox, however it is spelled and wherever they read, would each take what the other puts for
/// its own: one at a time holds it.
async fn hold_target(house: &House, copy: &Copy, cancel: &Cancel) -> Result<Keeper> {
    let place = house.store.mailbox(&format!("into {}", copy.target.place().key())).await?;
    Keeper::take(house, place, "a copy into the same mailbox", cancel).await
}

async fn give_back(keeper: Keeper) {
    if let Err(error) = keeper.release().await {
        tracing::warn!(code = error.code(), "the lease could not be given back; it ends by itself");
    }
}

/// A mailbox copied into itself would find all of its mail there, and call that perfect.
fn check_two(copy: &Copy) -> Result<()> {
    if !copy.source.place().is_same(copy.target.place()) {
        return Ok(());
    }
    let text = "source and target are the same mailbox; nothing was done";
    Err(Error::new(Kind::Unsupported, Side::Us, "open", text).code_of("USER_SAME_MAILBOX"))
}

/// The right to write the ledger, and how much of it is left.
struct Holding {
    claim: Claim,
    left: Arc<dyn Fn() -> Duration + Send + Sync>,
}

/// Passes until one ends in order or patience does.
async fn passes(
    house: &House,
    copy: &Copy,
    holding: &Holding,
    cancel: &Cancel,
    opened: &(dyn Fn() + Send + Sync),
) -> Result<Report> {
    let head = house.store.head(holding.claim.mailbox()).await?;
    let first = if head.begun { PassKind::Incremental } else { PassKind::Initial };
    let kind = copy.kind.unwrap_or(first);
    let mut failures = 0;
    let mut moved = copy.progress.totals().placed;
    let mut was_open = false;
    loop {
        let error = match once(house, copy, holding, cancel, kind, (&mut was_open, opened)).await {
            Ok(report) => return Ok(report),
            Err(error) => error,
        };
        cancel.check()?;
        let now = copy.progress.totals().placed;
        failures = if now > moved { 1 } else { failures + 1 };
        moved = now.max(moved);
        let Some(wait) = again_after(&error, was_open, failures, copy.patience) else { return Err(error) };
        tracing::warn!(
            code = error.code(),
            seconds = wait.as_secs_f64(),
            "the pass ended early; it goes on where it was"
        );
        tokio::select! {
            () = house.clock.sleep(wait) => {}
            () = cancel.cancelled() => return Err(error_of_cancel(cancel)),
        }
        forget(&copy.progress);
    }
}

/// Each pass counts from what the ledger holds.
fn forget(progress: &Progress) {
    for counter in [
        &progress.identified,
        &progress.bytes_identified,
        &progress.placed,
        &progress.bytes,
        &progress.skipped,
    ] {
        counter.store(0, std::sync::atomic::Ordering::Relaxed);
    }
}

fn error_of_cancel(cancel: &Cancel) -> Error {
    cancel.check().err().unwrap_or_else(|| Error::bug("stop", "not cancelled"))
}

/// When to try again after an error; `None`: not by itself.
fn again_after(error: &Error, was_open: bool, failures: u32, patience: Patience) -> Option<Duration> {
    if failures >= patience.tries || error.side() == Side::Us {
        return None;
    }
    match (error.kind(), error.retry()) {
        // Nobody ever answered: whoever typed the name wants to know now.
        (Kind::Unreachable | Kind::Timeout, _) if !was_open && CONNECTING.contains(&error.op()) => None,
        (Kind::Timeout, _) if !was_open && failures >= SILENT_TRIES => None,
        (_, Retry::After(wait)) if wait > patience.longest => None,
        (_, Retry::After(wait)) => Some(wait),
        (_, Retry::Soon) => Some(Duration::from_millis(250) * 2u32.pow(failures.min(6))),
        (_, Retry::Never | Retry::AfterFix) => None,
    }
}

/// Both sides opened, one pass, both closed.
async fn once(
    house: &House,
    copy: &Copy,
    holding: &Holding,
    cancel: &Cancel,
    kind: PassKind,
    (was_open, opened): (&mut bool, &(dyn Fn() + Send + Sync)),
) -> Result<Report> {
    let meter = Arc::new(MailboxMeter::of(house.meter.clone(), house.clock.clone()));
    copy.progress.set_meter(meter.clone());
    let cx = |side| Cx { meter: meter.clone(), ..house.cx(side, cancel, copy.options.connections) };
    let (source_cx, target_cx) = (cx(Side::Source), cx(Side::Target));
    let (source, target) = try_join!(copy.source.source(&source_cx), copy.target.target(&target_cx))?;
    *was_open = true;
    opened();
    let sides = Sides {
        source: source.clone(),
        target: target.clone(),
        ledger: house.store.clone(),
        convert: house.convert.clone(),
    };
    let terms = Terms {
        options: copy.options.clone(),
        kind,
        claim: holding.claim,
        lease_left: holding.left.clone(),
        grace: Duration::from_secs(copy.options.grace_seconds.unwrap_or(GRACE_SECONDS)),
        commit_items: COMMIT_ITEMS,
        rise_items: RISE_ITEMS,
        commit_after: Some(COMMIT_AFTER),
        depth: copy.depth,
        dry_run: copy.task == Task::Pretend,
        retry_skipped: copy.task == Task::Retry,
        progress: copy.progress.clone(),
    };
    let result = match copy.task {
        Task::Move | Task::Retry | Task::Pretend => pass::run(sides, terms, target_cx).await,
        Task::Verify => pass::verify(sides, terms, target_cx).await,
    };
    close(&*source, &*target).await;
    result
}

/// Closing tells nothing that matters: all that was answered is written down already.
pub(crate) async fn close(source: &dyn Source, target: &dyn Target) {
    let (from, to) = futures_util::join!(source.close(), target.close());
    for error in [from, to].into_iter().filter_map(std::result::Result::err) {
        tracing::debug!(code = error.code(), "a session did not end in order");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries in all of an error that comes each time.
    fn tries(kind: Kind, op: &'static str, was_open: bool) -> u32 {
        let error = Error::new(kind, Side::Source, op, "words");
        let again = |n: &u32| again_after(&error, was_open, *n, Patience::default()).is_some();
        (1..).find(|n| !again(n)).unwrap_or(0)
    }

    #[test]
    fn who_takes_the_connection_and_says_nothing_is_tried_twice() {
        for (kind, op, was_open, expected) in [
            (Kind::Unreachable, "connect", false, 1),
            (Kind::Timeout, "greeting", false, 2),
            (Kind::Timeout, "secure connection", false, 2),
            (Kind::Timeout, "greeting", true, 5),
            (Kind::Unreachable, "greeting", false, 5),
            (Kind::Unauthenticated, "sign in", false, 1),
        ] {
            assert_eq!(tries(kind, op, was_open), expected, "{kind:?} {op} {was_open}");
        }
    }
}
