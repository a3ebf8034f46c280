//! One pass of one mailbox of a batch: from a claimed job to what people read about it afterwards.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use mailferry_model::{
    Error, Kind, Result, Retry, Side,
    approval::Approvals,
    audit::AuditEntry,
    batch::Batch,
    cancel::Cancel,
    completion::LastPass,
    endpoint::Endpoint,
    job::Job,
    mode::RunMode,
    notice::USER_FAILED,
    port::{Store, Write},
    report::Kept,
    secret::Secret,
    settings::{MailboxAddress, Settings},
    status::UserEvent,
    user::{Detail, User},
};
use tokio::sync::Notify;

use super::{
    batch::WAITING,
    clock::{self, WINDOW},
    credentials::{self, Opened},
    gated::Ended,
    simulated,
    stalled::Motion,
    verdict::{SignIn, Verdict, verdict},
    worker::{Event, JOB_LEASE, Worker},
};
use crate::{
    copy::{Copied, Copy, Patience, Task, copy},
    meter::EndpointMeter,
    open::{End, House},
    parking,
    pass::{Depth, Progress},
};

/// How often the numbers of a running pass are written.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// How often a record that others change too is read anew.
const RACES: usize = 8;

/// Runs a claimed job to its end, whatever that is.
pub(super) async fn run(worker: &Arc<Worker>, job: Job, cancel: Cancel) {
    // Of its own: a person may stop this mailbox alone.
    let inner = Cancel::default();
    let entered = worker.holdings.enter(&job, &inner);
    let result = {
        let work = async {
            match &worker.simulates {
                None => attempt(worker, &job, &inner).await,
                Some(length) => simulated::attempt(worker, &job, &inner, length).await,
            }
        };
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => break result,
                () = cancel.cancelled(), if !inner.is_cancelled() => inner.cancel(),
            }
        }
    };
    worker.leave(job.work.user);
    write_end(worker, &job, result, entered.stopping.load(Ordering::SeqCst)).await;
    drop(entered);
}

/// Writes what came of a job. While the store is out of order it is tried again, as long as the job is surely ours:
/// otherwise the mailbox would seem to be under way until its lease ends.
async fn write_end(worker: &Worker, job: &Job, result: Result<()>, stopped: bool) {
    let clock = &worker.house.clock;
    let until = clock.elapsed() + JOB_LEASE;
    loop {
        let written = match &result {
            Ok(()) => end(worker, job, None).await,
            Err(error) => after(worker, job, error, stopped).await,
        };
        let Err(error) = written else { return };
        tracing::warn!(job = %job.id, code = error.code(), "the end of a job could not be written");
        if clock.elapsed() > until || error.kind() == Kind::Conflict {
            return;
        }
        clock.sleep(JOB_LEASE / 30).await;
    }
}

/// Everything a pass of a mailbox needs.
struct Loaded {
    user: User,
    batch: Batch,
    source: (Endpoint, SignIn, End),
    target: (Endpoint, SignIn, End),
}

async fn attempt(worker: &Arc<Worker>, job: &Job, cancel: &Cancel) -> Result<()> {
    let store = &worker.house.store;
    let loaded = load(worker, job).await?;
    let schedule = &loaded.batch.schedule;
    if schedule.opens_at(worker.house.clock.now()).is_some() {
        return Err(clock::outside(schedule, &*worker.house.clock));
    }
    for (endpoint, ..) in [&loaded.source, &loaded.target] {
        if let Some(why) = &endpoint.needs_to_connect {
            let text = format!("{}: {why}", endpoint.name);
            return Err(Error::new(Kind::Busy, Side::Us, PARKED, text));
        }
    }
    let mut passes = Vec::new();
    let mut gated: Vec<_> =
        [&loaded.source, &loaded.target].into_iter().filter(|(_, s, _)| *s == SignIn::Endpoint).collect();
    gated.sort_by_key(|(endpoint, ..)| endpoint.id);
    gated.dedup_by_key(|(endpoint, ..)| endpoint.id);
    for (endpoint, ..) in gated {
        passes.push(worker.gates.enter(endpoint.id, endpoint.version).await);
        // Whoever tried before may have found the sign-in refused.
        if let Some(why) = store.endpoint_by_id(endpoint.id).await?.needs_to_connect {
            return Err(Error::new(Kind::Busy, Side::Us, PARKED, format!("{}: {why}", endpoint.name)));
        }
    }
    let user = change(worker, job, |user| {
        for event in [UserEvent::Claim, UserEvent::Open] {
            step(user, event);
        }
        // What has moved nothing for so long has not done so since it was tried again.
        let stall = user.detail.take().filter(Detail::is_stall);
        user.detail = stall.map(|stall| Detail { next_try: None, ..stall });
    })
    .await?;
    let progress = Arc::new(Progress::default());
    worker.enter(user.id, job.work.batch, &progress);
    let run = Copy {
        source: loaded.source.2.clone(),
        target: loaded.target.2.clone(),
        options: loaded.batch.mode.on(user.overrides.applied(&loaded.batch.options)),
        kind: Some(job.work.kind),
        depth: Depth::Written,
        task: if user.retry_skipped { Task::Retry } else { Task::Move },
        progress: progress.clone(),
        patience: Patience { tries: 3, longest: Duration::from_secs(60) },
    };
    let passes = Mutex::new(passes);
    let (open, heard) = (AtomicBool::new(false), Notify::new());
    let opened = || {
        passes.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(super::gate::Pass::open);
        open.store(true, Ordering::SeqCst);
        heard.notify_one();
    };
    let closes = loaded.batch.schedule.closes_at(worker.house.clock.now());
    let closed = AtomicBool::new(false);
    let house = seen_by(worker, job);
    let result = tokio::select! {
        result = carry(&house, loaded.batch.mode, &run, cancel, &opened) => result,
        error = watch(worker, job, (&progress, &loaded), (&open, &heard)) => Err(error),
        never = clock::stop_at(&*worker.house.clock, closes, cancel, &closed) => match never {},
    };
    let result = result.map_err(|error| match closed.load(Ordering::SeqCst) {
        true if error.kind() == Kind::Cancelled => {
            clock::outside(&loaded.batch.schedule, &*worker.house.clock)
        }
        _ => error,
    });
    // A refused sign-in is written before the gate lets the next one try it.
    if let Err(error) = &result {
        park_refused(worker, &loaded, error).await?;
    }
    drop(passes);
    match result? {
        Came::Copied(copied) => done(worker, job, &loaded.user, *copied).await,
        Came::Opened(opened) => credentials::done(worker, job, &opened).await,
    }
}

/// The house of a pass, whose meter tells what is seen of both endpoints.
fn seen_by(worker: &Worker, job: &Job) -> House {
    let ends = (job.work.source, job.work.target);
    let meter = Arc::new(EndpointMeter::of(worker.house.meter.clone(), worker.sights.clone(), ends));
    House { meter, ..worker.house.clone() }
}

/// What the mode asks for.
async fn carry(
    house: &House,
    mode: RunMode,
    run: &Copy,
    cancel: &Cancel,
    opened: &(dyn Fn() + Send + Sync),
) -> Result<Came> {
    Ok(match mode {
        RunMode::VerifyCredentials => Came::Opened(credentials::verify(house, run, cancel, opened).await?),
        RunMode::Full | RunMode::Trial | RunMode::PreStage { .. } => {
            Came::Copied(Box::new(copy(house, run, cancel, opened).await?))
        }
    })
}

/// What came of an attempt.
enum Came {
    /// A pass that ended in order.
    Copied(Box<Copied>),
    /// Both sides could be opened, which was all that was wanted.
    Opened(Opened),
}

/// The operation of the error of a mailbox whose endpoint is parked.
const PARKED: &str = "wait for the endpoint";

async fn load(worker: &Worker, job: &Job) -> Result<Loaded> {
    let store = &worker.house.store;
    let user = store.user(job.work.user).await?;
    let batch = store.batch_by_id(job.work.batch).await?;
    let source = store.endpoint_by_id(job.work.source).await?;
    let target = store.endpoint_by_id(job.work.target).await?;
    let own = store.unseal(user.id.0).await?;
    let from = end_of(worker, &source, &user.source, &own, "source").await?;
    let to = end_of(worker, &target, &user.target, &own, "target").await?;
    Ok(Loaded { user, batch, source: (source, from.0, from.1), target: (target, to.0, to.1) })
}

/// One side of a user's copy, with its secrets, and who signs in.
pub(super) async fn end_of(
    worker: &Worker,
    endpoint: &Endpoint,
    mailbox: &MailboxAddress,
    own: &[(String, Secret<String>)],
    side: &str,
) -> Result<(SignIn, End)> {
    let connector = worker.connectors.iter().find(|c| c.manifest().kind == endpoint.kind);
    let connector = connector.cloned().ok_or_else(|| {
        Error::new(Kind::Unsupported, Side::Us, "open", format!("no such kind of system: {}", endpoint.kind))
    })?;
    let mut settings: Settings = endpoint.settings.clone();
    for (name, secret) in worker.house.store.unseal(endpoint.id.0).await? {
        settings = settings.with_secret(&name, secret);
    }
    let secret = |what: &str| {
        own.iter().find(|(name, _)| *name == format!("{side}-{what}")).map(|(_, secret)| secret.clone())
    };
    let mailbox = MailboxAddress { password: secret("password"), token: secret("token"), ..mailbox.clone() };
    let is_own = mailbox.password.is_some() || mailbox.token.is_some();
    let sign_in = if is_own { SignIn::Own } else { SignIn::Endpoint };
    Ok((sign_in, End { connector, settings, mailbox }))
}

/// Writes what people watch while a pass runs; ends only when that is impossible.
async fn watch(
    worker: &Worker,
    job: &Job,
    (progress, loaded): (&Progress, &Loaded),
    (open, heard): (&AtomicBool, &Notify),
) -> Error {
    let clock = &*worker.house.clock;
    let mut motion = Motion::of(progress, clock);
    let (mut is_stalled, mut was_open, mut owes, mut parked) = (false, false, false, false);
    loop {
        tokio::select! {
            () = heard.notified() => {}
            () = clock.sleep(WRITE_EVERY) => {}
        }
        if let Some(error) = progress.refused().filter(|_| !parked) {
            match park_refused(worker, loaded, error).await {
                Ok(()) => parked = true,
                Err(error) => {
                    tracing::warn!(code = error.code(), "a refused sign-in could not be written yet")
                }
            }
        }
        let moved = motion.look(progress, clock).then(|| clock.now());
        let is_open = open.load(Ordering::SeqCst);
        let stalled = motion.stalled(progress, clock);
        let goes_on = is_stalled && stalled.is_none();
        is_stalled = stalled.is_some();
        // Nothing is asked of the store where there is nothing to tell it.
        let is_news = owes || moved.is_some() || is_open != was_open || goes_on || is_stalled;
        if !is_news {
            continue;
        }
        was_open = is_open;
        let written = change(worker, job, |user| {
            if is_open {
                step(user, UserEvent::Move);
            }
            if let Some(at) = moved {
                user.totals = progress.totals();
                user.last_progress = Some(at);
                if progress.moved() > 0 {
                    user.failures = 0;
                }
            }
            if goes_on || (moved.is_some() && !is_stalled) {
                user.detail = None;
            }
            // Written once for what it is, not each minute anew.
            if let Some(why) =
                stalled.clone().filter(|why| user.detail.as_ref().is_none_or(|d| d.code != why.code))
            {
                user.detail = Some(why);
            }
        });
        let written = written.await;
        owes = written.is_err();
        match written {
            // The record is gone: somebody removed the user.
            Err(error) if error.kind() == Kind::NotFound => return error,
            Err(error) => tracing::warn!(code = error.code(), "the numbers of a pass could not be written"),
            Ok(_) => {}
        }
    }
}

/// A pass that ended in order.
async fn done(worker: &Worker, job: &Job, user: &User, copied: Copied) -> Result<()> {
    let Copied { mailbox, report } = copied;
    let now = worker.house.clock.now();
    let store = &*worker.house.store;
    let kept = Kept { mailbox, user: user.address.clone(), at: now, findings: report.findings };
    // Somebody else may have taken the job over while this process was held up: then what was found is theirs to tell.
    store.together(&[Write::Fence(job)]).await?;
    worker.reports.keep_report(&kept).await?;
    let batch = store.batch_by_id(user.batch).await?;
    let mut approvals = Approvals::of(store.approvals(mailbox).await?);
    let ended = Ended { batch: &batch, kind: job.work.kind, findings: &kept.findings, at: now };
    let took = report.moved_in + report.verified_in;
    let mut user = change(worker, job, |user| {
        user.last_pass = Some(LastPass {
            kind: job.work.kind,
            put: report.deeds.put,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            covered_seconds: user
                .last_synced
                .and_then(|last| last.duration_until(now).as_secs().try_into().ok()),
        });
        user.mailbox = Some(mailbox);
        user.totals = report.totals;
        user.score = Some(report.score);
        user.last_synced = Some(now);
        user.retry_skipped = false;
        user.failures = 0;
        ended.on(user, &approvals);
    })
    .await?;
    // Somebody may have approved of something while this was written.
    loop {
        let fresh = Approvals::of(store.approvals(mailbox).await?);
        if fresh.lacking(&kept.findings) == approvals.lacking(&kept.findings) {
            break;
        }
        approvals = fresh;
        user = change(worker, job, |user| ended.count(user, &approvals)).await?;
    }
    let code = user.detail.as_ref().map(|detail| detail.code.clone());
    tell(worker, &user, format!("{:?}", user.status), code);
    Ok(())
}

/// A pass that did not.
async fn after(worker: &Worker, job: &Job, error: &Error, stopped: bool) -> Result<()> {
    let now = worker.house.clock.now();
    if error.kind() == Kind::Cancelled {
        // Stopped by a person, who has said so of the user too: it halts, unless somebody has started it again meanwhile.
        // Else this process ends, and another goes on with the job.
        if stopped {
            change(worker, job, |user| step(user, UserEvent::Halt)).await?;
        }
        return end(worker, job, (!stopped).then_some(Duration::ZERO)).await;
    }
    let signs_in = sign_ins(worker, job).await;
    // Of a run of failures alone: however often a worker was killed or its hours ended, this mailbox did nothing wrong.
    let tries = worker.house.store.user(job.work.user).await?.failures + 1;
    let judged = match (error.op(), error.retry()) {
        (PARKED, _) => Verdict::Park(Side::Us),
        (WINDOW, Retry::After(wait)) => Verdict::Stall(wait),
        _ => verdict(error, signs_in.0, signs_in.1, tries),
    };
    let (code, wait) = match judged {
        Verdict::Fail => (error.code(), None),
        Verdict::Stall(wait) if error.op() == WINDOW => (WINDOW.to_owned(), Some(wait)),
        Verdict::Stall(wait) => (error.stall().0.to_owned(), Some(wait)),
        Verdict::Park(_) => (WAITING.to_owned(), None),
    };
    if matches!(error.kind(), Kind::Unreachable | Kind::Timeout | Kind::Busy) && error.op() != WINDOW {
        let at = if error.side() == Side::Source { job.work.source } else { job.work.target };
        if error.side() != Side::Us {
            worker.sights.add(at, |sight| sight.stalled += 1);
        }
    }
    let failed = judged == Verdict::Fail;
    let next_try = wait.and_then(|w| now.checked_add(jiff::SignedDuration::try_from(w).ok()?).ok());
    let user = change(worker, job, |user| {
        let before = user.detail.as_ref().filter(|d| d.code == code);
        let (since, escalated) = before.map_or((now, false), |d| (d.since, d.escalated));
        user.detail = Some(Detail { next_try, escalated, ..Detail::fresh(&code, error.to_string(), since) });
        if !matches!(error.op(), PARKED | WINDOW) {
            user.failures = if failed { 0 } else { tries };
        }
        if failed {
            step(user, UserEvent::Fail);
            user.despite_score = None;
        }
    })
    .await?;
    let what = if failed { format!("{:?}", user.status) } else { error.to_string() };
    tell(worker, &user, what, Some(code));
    // Hours may be others before they come: its batch gives it a job again when they have.
    end(worker, job, wait.filter(|_| error.op() != WINDOW)).await
}

async fn sign_ins(worker: &Worker, job: &Job) -> (SignIn, SignIn) {
    let own = worker.house.store.unseal(job.work.user.0).await.unwrap_or_default();
    let of = |side: &str| match own.iter().any(|(name, _)| name.starts_with(side)) {
        true => SignIn::Own,
        false => SignIn::Endpoint,
    };
    (of("source"), of("target"))
}

async fn end(worker: &Worker, job: &Job, again_in: Option<Duration>) -> Result<()> {
    let now = worker.house.clock.now();
    let again_at = again_in.map(|w| {
        let wait = jiff::SignedDuration::try_from(w).unwrap_or_default();
        now.checked_add(wait).unwrap_or(now)
    });
    worker.house.store.end_job(job, again_at).await
}

/// Lets the endpoint wait for a person whose sign-in, the one for all mailboxes, was refused.
async fn park_refused(worker: &Worker, loaded: &Loaded, error: &Error) -> Result<()> {
    let Verdict::Park(side) = verdict(error, loaded.source.1, loaded.target.1, 1) else { return Ok(()) };
    let endpoint = if side == Side::Source { &loaded.source.0 } else { &loaded.target.0 };
    park(&*worker.house.store, endpoint, error, worker.house.clock.now()).await
}

/// The endpoint waits for a person.
async fn park(store: &dyn Store, endpoint: &Endpoint, error: &Error, at: Timestamp) -> Result<()> {
    for _ in 0..RACES {
        let mut now = store.endpoint_by_id(endpoint.id).await?;
        // Somebody changed it meanwhile: the refusal was for the old settings.
        if now.version != endpoint.version || now.needs_to_connect.is_some() {
            return Ok(());
        }
        let why = format!("{}: {}", error.op(), error.context());
        now.needs_to_connect = Some(why.clone());
        now.told_waiting = true;
        match parking::park(store, &now, (&why, Some(&error.code())), at).await {
            Err(conflict) if conflict.kind() == Kind::Conflict => {}
            other => return other,
        }
    }
    Ok(())
}

/// Changes the user of a job as it is now, however often others change it meanwhile; `Conflict` where somebody else has
/// taken the job over.
pub(super) async fn change(worker: &Worker, job: &Job, change: impl Fn(&mut User)) -> Result<User> {
    let store = &*worker.house.store;
    for _ in 0..RACES {
        let before = store.user(job.work.user).await?;
        let mut user = before.clone();
        change(&mut user);
        if user == before {
            return Ok(user);
        }
        user.keep_time(worker.house.clock.now());
        let failed = match user.status.is_failure() && !before.status.is_failure() {
            true => Some(failed(store, &user, worker.house.clock.now()).await?),
            false => None,
        };
        let mut writes = vec![Write::Fence(job), Write::SetUser(&user)];
        writes.extend(failed.iter().map(Write::Record));
        match store.together(&writes).await {
            Err(error) if error.kind() == Kind::Conflict => {}
            other => return other.map(|()| user),
        }
    }
    Err(Error::new(Kind::Conflict, Side::Us, "change user", "others change it all the time"))
}

/// For the audit trail: that a mailbox failed, and why.
async fn failed(store: &dyn Store, user: &User, at: Timestamp) -> Result<AuditEntry> {
    let batch = store.batch_by_id(user.batch).await?.name;
    let code = user.detail.as_ref().map(|detail| detail.code.as_str());
    let subject = format!("user {} of batch {batch}", user.address);
    let change =
        serde_json::json!({ "batch": batch, "user": user.address, "code": code, "status": user.status });
    Ok(parking::by_worker(at, USER_FAILED, subject, &change))
}

/// Moves a status where the table allows it; what does not apply changes nothing.
pub(super) fn step(user: &mut User, event: UserEvent) {
    if let Some(next) = user.status.after(event) {
        user.status = next;
    }
}

fn tell(worker: &Worker, user: &User, what: String, code: Option<String>) {
    worker.tell(Event { batch: user.batch, user: user.id, address: user.address.clone(), what, code });
}
