//! Running and watching a batch until it comes to rest. Without a service the worker runs here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use mailferry_engine::tasks::Worker;
use mailferry_model::{
    Error, Kind, Side,
    cancel::Cancel,
    finding::{LAST_TEST_FAILED, TestResult, TestedAs},
    id::{BatchId, UserId},
    pilot::WAITING_FOR_PILOT,
    report::Totals,
    status::BatchStatus,
};
use serde_json::{Value, json};

use super::{
    Asked,
    endpoint::note,
    run_options::PassArgs,
    tidings::{self, Tidings},
};
use crate::{
    api::{Api, segment},
    args::Form,
    exit::{self, Failure},
    instance::{Instance, Pace},
    out::{Column, Out},
    progress::{Display, Moment, TICK},
    result, signals,
};

/// How often the mailboxes of a batch at a service are looked at although nothing is counted anew.
const LOOK_TICKS: u32 = 20;

/// By then a worker has looked at a batch that was started.
const LOOKED: Duration = Duration::from_secs(2);

/// By then a batch that is stopping has come to rest: the lease of whoever was killed has ended.
const SETTLES: Duration = Duration::from_secs(90);

/// By then a service has tested the endpoints of a batch that was started.
const LOOKED_AFAR: Duration = Duration::from_secs(15);

/// Until when to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// All mailboxes are synced
    Synced,
    /// All mailboxes are completed
    Completed,
}

/// A run of a batch.
pub struct Run {
    /// Its name.
    pub name: String,
    /// Of which user alone.
    pub user: Option<String>,
    /// `start`, `sync` or `complete`; of a user `retry` too.
    pub action: &'static str,
    /// Whether what was skipped is tried once more.
    pub retry_skipped: bool,
    /// What it asks for besides, as the router takes it: `&NAME=VALUE` each.
    pub more: String,
    /// Until when.
    pub goal: Goal,
    /// Stop in order after so long.
    pub timeout: Option<Duration>,
    /// How fast.
    pub pace: Pace,
}

impl Run {
    /// Of a batch, or of one user of it.
    pub fn of(
        name: String,
        user: Option<String>,
        (action, goal): (&'static str, Goal),
        how: PassArgs,
    ) -> Self {
        let PassArgs { timeout, retry_skipped, pace, .. } = how;
        let more = String::new();
        Self { name, user, action, retry_skipped, more, goal, timeout, pace: pace.pace() }
    }

    /// The batch.
    fn path(&self) -> String {
        format!("/batches/{}", segment(&self.name))
    }

    /// Whose action it is: the batch's or the user's.
    fn subject(&self) -> String {
        match &self.user {
            Some(address) => format!("{}/users/{}", self.path(), segment(address)),
            None => self.path(),
        }
    }

    /// What the action asks for besides.
    fn query(&self) -> String {
        format!("?retrySkipped={}{}", self.retry_skipped, self.more)
    }

    /// The command that goes on with it.
    fn command(&self) -> String {
        match &self.user {
            Some(address) => format!("mailferry user {} {address} --batch {}", self.action, self.name),
            None => format!("mailferry batch {} {}", self.action, self.name),
        }
    }
}

/// A reason to complete what is held back, as the router takes it.
pub fn despite(reason: &str) -> String {
    format!("&despiteScore={}", segment(reason))
}

/// What an action would do: said, and the thing itself for programs.
pub async fn pretend(
    asked: &Asked<'_>,
    api: &Api,
    (path, more): (&str, &str),
    columns: &[Column],
) -> Result<u8, Failure> {
    let would = api.post(&format!("{path}?dryRun=true{more}"), json!({})).await?;
    foretold(asked, &would, columns);
    Ok(exit::OK)
}

/// The answer to a dry run: what would be done for people, all of it for programs.
pub fn foretold(asked: &Asked<'_>, would: &Value, columns: &[Column]) {
    if !asked.out.is_for_people() {
        return asked.out.show(would, columns);
    }
    let notices = would["notices"].as_array().into_iter().flatten().filter_map(Value::as_str);
    notices.for_each(|notice| asked.out.say(notice));
    asked.out.say("Nothing was done.");
}

/// Why waiting ended.
enum Ended {
    AtRest,
    Parked,
    Untested,
    BehindPilot,
    TimedOut,
    Interrupted,
}

/// Says what is wanted, works until the batch comes to rest, tells how it went.
pub async fn foreground(asked: &Asked<'_>, instance: &Instance, run: &Run) -> Result<u8, Failure> {
    let worker = instance.worker(run.pace);
    let bell = worker.clone();
    let api = instance.api(Arc::new(move || bell.ring()));
    let path = run.path();
    let cancel = Cancel::default();
    signals::watch(&cancel);
    settle(&worker, &api, &path, &cancel).await?;
    note(asked.out, &act(&api, &run.subject(), &format!("{}{}", run.action, run.query())).await?);
    let stop = Cancel::default();
    let working = {
        let (worker, stop) = (worker.clone(), stop.clone());
        tokio::spawn(async move { worker.run(&stop).await })
    };
    let testing = {
        let (worker, stop) = (worker.clone(), stop.clone());
        tokio::spawn(async move { worker.make_tests(&stop).await })
    };
    let mut display = Display::of(asked.out);
    let ended = wait(asked, &api, &path, run, (&worker, &cancel, &working), &mut display).await;
    stop.cancel();
    let stopped = (working.await, testing.await);
    display.clear();
    for ended in [stopped.0, stopped.1] {
        ended.map_err(|e| Failure::own(format!("the worker: {e}")))??;
    }
    match ended? {
        Ended::AtRest => close(asked, &api, &path).await,
        Ended::Parked => parked(&api, &path).await,
        Ended::Untested => untested(&api, &path).await,
        Ended::BehindPilot => Err(behind_pilot(&api.get(&path).await?)),
        Ended::TimedOut => Err(Failure::Limit(format!("The time is over; `{}` goes on.", run.command()))),
        Ended::Interrupted => Err(Failure::Interrupted(format!(
            "Stopped in order; `mailferry batch start {}` goes on.",
            run.name
        ))),
    }
}

/// A batch that was stopped while nobody worked, because whoever did was killed, comes to rest first: without a service
/// nobody else sees to that.
async fn settle(worker: &Arc<Worker>, api: &Api, path: &str, cancel: &Cancel) -> Result<(), Failure> {
    let began = Instant::now();
    let is_stopping = async || Ok::<_, Failure>(api.get(path).await?["status"] == "Stopping");
    if !is_stopping().await? {
        return Ok(());
    }
    let stop = Cancel::default();
    let working = {
        let (worker, stop) = (worker.clone(), stop.clone());
        tokio::spawn(async move { worker.run(&stop).await })
    };
    let mut waits = Ok(true);
    while matches!(waits, Ok(true)) && began.elapsed() < SETTLES && !cancel.is_cancelled() {
        tokio::time::sleep(TICK).await;
        waits = is_stopping().await;
    }
    stop.cancel();
    working.await.map_err(|e| Failure::own(format!("the worker: {e}")))??;
    waits.map(drop)
}

/// Says what is wanted; a batch that was interrupted before goes on with what it was at.
async fn act(api: &Api, path: &str, action: &str) -> Result<Value, Failure> {
    api.post(&format!("{path}/{action}"), json!({})).await
}

async fn wait(
    asked: &Asked<'_>,
    api: &Api,
    path: &str,
    run: &Run,
    (worker, cancel, working): (&Arc<Worker>, &Cancel, &tokio::task::JoinHandle<mailferry_model::Result<()>>),
    display: &mut Display,
) -> Result<Ended, Failure> {
    let (began, mut completes) = (Instant::now(), run.action == "complete");
    loop {
        let batch = api.get(path).await?;
        for event in worker.take_events() {
            tidings::tell(asked, display, (&event.address, &event.what, event.code.as_deref()));
        }
        let id: Option<BatchId> = serde_json::from_value(batch["id"].clone()).ok();
        let running = id.map(|id| worker.running(id)).unwrap_or_default();
        display.show(&moment(&batch, &running));
        let status: Option<BatchStatus> = serde_json::from_value(batch["status"].clone()).ok();
        match status {
            Some(BatchStatus::Synced) if run.goal == Goal::Completed && !completes => {
                // Once: what the gate holds back leaves it synced.
                completes = true;
                act(api, path, "complete").await?;
            }
            Some(status) if !status.is_active() => return Ok(Ended::AtRest),
            // What is written of the batch may be older than a change that mended its endpoint.
            Some(_) if running.is_empty() && needs_person(api, &batch).await?.is_some() => {
                return Ok(Ended::Parked);
            }
            // What is written may be of an earlier run: the worker has looked by then.
            Some(BatchStatus::Waiting) if began.elapsed() > LOOKED && fails_its_test(&batch) => {
                return Ok(Ended::Untested);
            }
            Some(BatchStatus::Waiting) if began.elapsed() > LOOKED && waits_for_pilot(&batch) => {
                return Ok(Ended::BehindPilot);
            }
            _ => {}
        }
        if cancel.is_cancelled() {
            return Ok(Ended::Interrupted);
        }
        if working.is_finished() {
            return Ok(Ended::AtRest);
        }
        if run.timeout.is_some_and(|most| began.elapsed() >= most) {
            return Ok(Ended::TimedOut);
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = cancel.cancelled() => {}
        }
    }
}

/// The counts of a batch at one moment: those of running passes are newer than what is stored.
fn moment(batch: &Value, running: &[(UserId, Totals, &'static str)]) -> Moment {
    let n = |name: &str| batch[name].as_u64().unwrap_or(0);
    let mut totals = Totals {
        identified: n("itemsIdentified"),
        placed: n("itemsSynced"),
        bytes: n("bytesSynced"),
        bytes_identified: n("bytesIdentified"),
        skipped: n("itemsSkipped"),
    };
    let fresh = running.iter().fold(Totals::default(), |sum, (_, t, _)| Totals {
        identified: sum.identified + t.identified,
        placed: sum.placed + t.placed,
        bytes: sum.bytes + t.bytes,
        bytes_identified: sum.bytes_identified + t.bytes_identified,
        skipped: sum.skipped + t.skipped,
    });
    totals.placed = totals.placed.max(fresh.placed);
    totals.bytes = totals.bytes.max(fresh.bytes);
    totals.identified = totals.identified.max(fresh.identified);
    totals.bytes_identified = totals.bytes_identified.max(fresh.bytes_identified);
    let counts = ["synced", "syncing", "queued", "finalized", "stopped", "failed"];
    let told: Vec<String> = counts.iter().filter(|c| n(c) > 0).map(|c| format!("{} {c}", n(c))).collect();
    let beside = format!("\n    {} of {}", told.join(", "), n("total"));
    let mailboxes: serde_json::Map<String, Value> =
        counts.iter().chain(["total"].iter()).map(|c| ((*c).to_owned(), n(c).into())).collect();
    Moment {
        name: batch["name"].as_str().unwrap_or_default().to_owned(),
        state: batch["status"].as_str().unwrap_or_default().to_owned(),
        totals,
        beside,
        fields: json!({ "mailboxes": mailboxes, "detail": batch["statusDetail"] }),
    }
}

/// Tells how it went, as `copy` does.
async fn close(asked: &Asked<'_>, api: &Api, path: &str) -> Result<u8, Failure> {
    let mut report = api.get(&format!("{path}/report")).await?;
    let batch = api.get(path).await?;
    let count = |name: &str| report[name].as_array().map_or(0, Vec::len);
    let bad = ["failed", "skipped", "missing", "doubled"].iter().any(|name| count(name) > 0);
    let code = if bad { exit::PARTIAL } else { exit::OK };
    if let Some(fields) = report.as_object_mut() {
        let result = if bad { "partial" } else { "success" };
        fields.insert("result".to_owned(), result.into());
        fields.insert("exitCode".to_owned(), code.into());
        fields.insert("batch".to_owned(), batch["name"].clone());
        fields.insert("batchStatus".to_owned(), batch["status"].clone());
    }
    tell(asked.out, &report, &batch);
    Ok(code)
}

fn tell(out: &Out, report: &Value, batch: &Value) {
    let text = |row: &'_ Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let warnings = report["warnings"].as_array().map_or(&[][..], Vec::as_slice);
    let warnings: Vec<_> = warnings.iter().map(|w| (text(w, "code"), text(w, "message"))).collect();
    result::warn(out, warnings.iter().map(|(code, message)| (code.as_str(), message.as_str())));
    match out.form {
        Form::Json => out.document(report),
        Form::Jsonl => {
            let mut line = report.clone();
            line["type"] = "summary".into();
            out.event(&line);
        }
        Form::Table | Form::Wide => {
            let empty = Vec::new();
            for failed in report["failed"].as_array().unwrap_or(&empty) {
                let text = |name: &str| failed[name].as_str().unwrap_or_default();
                out.say(&format!("FAILED {}: {} [{}]", text("user"), text("reason"), text("code")));
            }
            for held in report["heldBack"].as_array().unwrap_or(&empty) {
                let text = |name: &str| held[name].as_str().unwrap_or_default();
                out.say(&format!("HELD BACK {}: {} [{}]", text("user"), text("reason"), text("code")));
            }
            out.whole(vec![batch.clone()], &super::batch::COLUMNS);
            out.say(report["sentence"].as_str().unwrap_or_default());
        }
        Form::Csv => out.whole(result::items(report, None), result::ITEM_COLUMNS),
        Form::Name => out.whole(vec![batch.clone()], &super::batch::COLUMNS),
        Form::Yaml => out.show(report, &[]),
    }
}

/// The side, the words and the name of an endpoint that waits for a person.
async fn needs_person(api: &Api, batch: &Value) -> Result<Option<(Side, String, String)>, Failure> {
    if !batch["statusDetail"].is_string() {
        return Ok(None);
    }
    for (name, side) in [("source", Side::Source), ("target", Side::Target)] {
        let name = batch[name].as_str().unwrap_or_default();
        let endpoint = api.get(&format!("/endpoints/{}", segment(name))).await?;
        if let Some(why) = endpoint["needsToConnect"].as_str() {
            let words = format!("the endpoint {name} needs you: {why}");
            return Ok(Some((side, words, name.to_owned())));
        }
    }
    Ok(None)
}

/// What to do about an endpoint that refuses the sign-in.
pub(super) fn new_password(endpoint: &str) -> String {
    format!(
        "Give the right sign-in: mailferry endpoint set {endpoint} --password-file FILE (or --username USER)"
    )
}

/// An endpoint refuses the sign-in: its batch waits, and so would we.
async fn parked(api: &Api, path: &str) -> Result<u8, Failure> {
    let batch = api.get(path).await?;
    let nobody = || (Side::Source, String::new(), "ENDPOINT".to_owned());
    let (side, words, endpoint) = needs_person(api, &batch).await?.unwrap_or_else(nobody);
    let error = Error::new(Kind::Unauthenticated, side, "wait", words);
    let goes_on = format!("Then go on: mailferry batch start {}", batch["name"].as_str().unwrap_or("BATCH"));
    Err(Failure::Advised(error, vec![new_password(&endpoint), goes_on]))
}

/// Whether a batch does not begin because an endpoint fails its test.
fn fails_its_test(batch: &Value) -> bool {
    batch["statusDetail"].as_str().is_some_and(|detail| detail.contains(LAST_TEST_FAILED))
}

/// Whether a batch does not begin because a pilot is not clean.
fn waits_for_pilot(batch: &Value) -> bool {
    batch["statusDetail"].as_str().is_some_and(|detail| detail.starts_with(WAITING_FOR_PILOT))
}

/// It goes on by itself where a service runs; nobody waits for people to sign off.
fn behind_pilot(batch: &Value) -> Failure {
    let detail = batch["statusDetail"].as_str().unwrap_or_default();
    let why = detail.split_once(": ").map_or(detail, |(_, told)| told);
    let text = format!("The batch {} waits: {why}.", batch["name"].as_str().unwrap_or_default());
    Failure::Problem(Box::new(mailferry_server::Problem::conflict(WAITING_FOR_PILOT, text)))
}

/// An endpoint fails its test, and the batch does not begin: the exit code is the test's.
async fn untested(api: &Api, path: &str) -> Result<u8, Failure> {
    let batch = api.get(path).await?;
    let name = batch["name"].as_str().unwrap_or("BATCH");
    for (side, role) in [("source", TestedAs::Source), ("target", TestedAs::Target)] {
        let endpoint = batch[side].as_str().unwrap_or_default();
        let view = api.get(&format!("/endpoints/{}", segment(endpoint))).await?;
        let Ok(test) = serde_json::from_value::<TestResult>(view["lastTest"].clone()) else { continue };
        if test.result == "Failed" {
            let detail = batch["statusDetail"].as_str().unwrap_or_default();
            let sentence = detail.split_once(": ").map_or(detail, |(_, told)| told).to_owned();
            let fix = vec![
                format!("Look closer: mailferry endpoint test {endpoint} --as {side}"),
                format!(
                    "Then the batch goes on by itself where a service runs, else: mailferry batch start {name}"
                ),
                format!("Or begin all the same: mailferry batch set {name} --despite-test REASON"),
            ];
            return Err(Failure::Tested { exit: test.exit_code(role), sentence, fix });
        }
    }
    Err(Failure::own(format!("The batch {name} waits for its endpoints.")))
}

/// Says what is wanted to a service, whose workers do it; waits for it if asked to.
pub async fn background(asked: &Asked<'_>, api: &Api, run: &Run, waits: bool) -> Result<u8, Failure> {
    let path = run.path();
    let users = format!("{path}/users");
    let mut tidings = match waits {
        true => Tidings::before(&api.get(&users).await?),
        false => Tidings::default(),
    };
    let made = act(api, &run.subject(), &format!("{}{}", run.action, run.query())).await?;
    note(asked.out, &made);
    if !waits {
        match asked.out.is_for_people() {
            true => asked
                .out
                .say(&format!("It is the service's now; mailferry batch watch {} looks on.", run.name)),
            false if run.user.is_some() => asked.out.show(&made, &super::user::COLUMNS),
            false => asked.out.show(&made, &super::batch::COLUMNS),
        }
        return Ok(exit::OK);
    }
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let mut display = Display::of(asked.out);
    let (began, mut completes) = (Instant::now(), run.action == "complete");
    let (mut counts, mut ticks) = (Value::Null, 0_u32);
    loop {
        let batch = api.get(&path).await?;
        display.show(&moment(&batch, &[]));
        let status: Option<BatchStatus> = serde_json::from_value(batch["status"].clone()).ok();
        // Whoever waits is not counted: it is looked for now and then.
        let now = json!(["status", "synced", "finalized", "failed", "stopped"].map(|count| &batch[count]));
        if now != counts || ticks.is_multiple_of(LOOK_TICKS) {
            for (address, what, code) in tidings.fresh(&api.get(&users).await?) {
                tidings::tell(asked, &display, (&address, &what, code.as_deref()));
            }
            counts = now;
        }
        ticks = ticks.wrapping_add(1);
        match status {
            Some(BatchStatus::Synced) if run.goal == Goal::Completed && !completes => {
                // Once: what the gate holds back leaves it synced.
                completes = true;
                act(api, &path, "complete").await?;
            }
            Some(status) if !status.is_active() => {
                display.clear();
                return close(asked, api, &path).await;
            }
            Some(_) if needs_person(api, &batch).await?.is_some() => {
                display.clear();
                return parked(api, &path).await;
            }
            // It goes on by itself when the test is good; whoever waits shall know why it does not.
            Some(BatchStatus::Waiting) if began.elapsed() > LOOKED_AFAR && fails_its_test(&batch) => {
                display.clear();
                return untested(api, &path).await;
            }
            Some(BatchStatus::Waiting) if began.elapsed() > LOOKED && waits_for_pilot(&batch) => {
                display.clear();
                return Err(behind_pilot(&batch));
            }
            _ => {}
        }
        if cancel.is_cancelled() {
            display.clear();
            return Err(Failure::Interrupted(format!("The batch {} goes on at the service.", run.name)));
        }
        if run.timeout.is_some_and(|most| began.elapsed() >= most) {
            display.clear();
            let text = format!("The time is over; the batch {} goes on at the service.", run.name);
            return Err(Failure::Limit(text));
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Looks on until the batch comes to rest or nobody wants to look any more.
pub async fn watch(asked: &Asked<'_>, api: &Api, name: &str) -> Result<u8, Failure> {
    let path = format!("/batches/{}", segment(name));
    let cancel = Cancel::default();
    signals::watch(&cancel);
    let mut display = Display::of(asked.out);
    loop {
        let batch = api.get(&path).await?;
        display.show(&moment(&batch, &[]));
        let status: Option<BatchStatus> = serde_json::from_value(batch["status"].clone()).ok();
        if status.is_none_or(|s| !s.is_active()) {
            display.clear();
            return close(asked, api, &path).await;
        }
        if cancel.is_cancelled() {
            display.clear();
            return Err(Failure::Interrupted(format!("The batch {name} is as it was; this only looked on.")));
        }
        tokio::time::sleep(TICK).await;
    }
}
