//! What a person wants of a batch: start, sync, complete, stop. Written as intent; workers act on it.

use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use jiff::Timestamp;
use mailferry_model::{
    approval::{Held, held},
    batch::Batch,
    id::EndpointId,
    intent::{Action, Intent, Refused, Run, intend, intend_run},
    mode::RunMode,
    port::Write,
    schedule::{Waits, shown},
    user::User,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{change::checked_notes, view};
use crate::{
    Context,
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::{again::until_it_fits, entry},
    view::BatchView,
};

/// How it is wanted.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// Only judge: the answer is what it would be, with 200 and `notices`, and nothing changes.
    #[serde(default)]
    pub dry_run: bool,
    /// What earlier passes skipped is tried once more in the next one; not with stop.
    #[serde(default)]
    pub retry_skipped: bool,
    /// Why mailboxes that the data-consistency gate holds back complete all the same; with complete alone.
    #[param(max_length = 1000)]
    pub despite_score: Option<String>,
    /// With start alone: `full` (where nothing is said), `verify-credentials`, `trial`, `pre-stage` (with `before`), or
    /// `retry-errors`: only what failed or was left behind.
    pub mode: Option<String>,
    /// With `pre-stage`: what arrived before this time moves.
    pub before: Option<Timestamp>,
}

impl How {
    /// What an action writes, with what else is wanted of it.
    pub fn with(&self, mut intent: Intent) -> Intent {
        intent.users.iter_mut().for_each(|user| user.retry_skipped |= self.retry_skipped);
        intent
    }

    /// The user as it is judged: with the reason why it completes although the gate would hold it back.
    pub fn given(&self, batch: &Batch, user: User) -> User {
        match &self.despite_score {
            Some(_) if held(batch, &user).is_some() => {
                User { despite_score: self.despite_score.clone(), ..user }
            }
            _ => user,
        }
    }

    /// For the audit trail: why the gate was passed, or in which mode it starts, if that is said.
    pub fn told(&self) -> Option<Value> {
        let mode = || {
            Some(match (self.mode.as_ref()?, self.before) {
                (mode, Some(before)) => json!({ "mode": mode, "before": before }),
                (mode, None) => json!({ "mode": mode }),
            })
        };
        self.despite_score.as_ref().map(|reason| json!({ "despiteScore": reason })).or_else(mode)
    }

    /// In which mode a batch is started; none where nothing is said.
    ///
    /// # Errors
    /// A mode that there is not, or a time that does not belong to it.
    fn run(&self) -> Result<Option<Run>, Problem> {
        let wrong = |detail: &str| Err(Problem::refused("REQUEST_MALFORMED", detail));
        let run = match (self.mode.as_deref(), self.before) {
            (Some("pre-stage"), Some(before)) => return Ok(Some(Run::Mode(RunMode::PreStage { before }))),
            (Some("pre-stage"), None) => {
                return wrong("The mode pre-stage needs before: what arrived earlier moves.");
            }
            (None, None) => return Ok(None),
            (Some("full"), _) => Run::Mode(RunMode::Full),
            (Some("verify-credentials"), _) => Run::Mode(RunMode::VerifyCredentials),
            (Some("trial"), _) => Run::Mode(RunMode::Trial),
            (Some("retry-errors"), _) => Run::Errors,
            (Some(_), _) => {
                return wrong(
                    "There is no such mode; there are full, verify-credentials, trial, pre-stage, retry-errors.",
                );
            }
            (None, Some(_)) => return wrong("before belongs to the mode pre-stage."),
        };
        if self.before.is_some() { wrong("before belongs to the mode pre-stage.") } else { Ok(Some(run)) }
    }

    /// Whether an action, by its word, may be wanted so; as it is kept.
    ///
    /// # Errors
    /// Only a pass can try again what was skipped, and only a completion can pass the gate.
    pub fn checked(mut self, action: &str) -> Result<Self, Problem> {
        if self.run()?.is_some() && action != Action::Start.word() {
            return Err(Problem::refused("REQUEST_MALFORMED", "Only a start has a mode."));
        }
        let malformed = |detail: &str| Err(Problem::refused("REQUEST_MALFORMED", detail));
        if self.retry_skipped && action == Action::Stop.word() {
            return malformed("What was skipped is tried again by a pass, not by a stop.");
        }
        if let Some(reason) = self.despite_score.take() {
            if action != Action::Complete.word() {
                return malformed("despiteScore is a reason to complete, and nothing else.");
            }
            self.despite_score = checked_notes(Some(reason))?.filter(|reason| !reason.trim().is_empty());
            if self.despite_score.is_none() {
                return malformed("despiteScore says why, and is not empty.");
            }
        }
        Ok(self)
    }
}

/// Start a batch, resume it, or retry what failed
#[utoipa::path(post, path = "/batches/{name}/start", operation_id = "startBatch", tag = "batches", params(("name" = String, Path, description = "Its name"), How), responses((status = 202, description = "Written down; workers act on it", body = BatchView), (status = 200, description = "With dryRun", body = BatchView)))]
pub(crate) async fn start(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Query(mut how): Query<How>,
) -> Result<Versioned<BatchView>, Problem> {
    // Whoever starts it and says no more wants all of it.
    how.mode.get_or_insert_with(|| RunMode::Full.word().to_owned());
    act(&context, &if_match, &name, (Action::Start, how)).await
}

/// Sync what is synced once more
#[utoipa::path(post, path = "/batches/{name}/sync", operation_id = "syncBatch", tag = "batches", params(("name" = String, Path, description = "Its name"), How), responses((status = 202, description = "Written down; workers act on it", body = BatchView), (status = 200, description = "With dryRun", body = BatchView)))]
pub(crate) async fn sync(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Query(how): Query<How>,
) -> Result<Versioned<BatchView>, Problem> {
    act(&context, &if_match, &name, (Action::Sync, how)).await
}

/// The last sync and the verification
#[utoipa::path(post, path = "/batches/{name}/complete", operation_id = "completeBatch", tag = "batches", params(("name" = String, Path, description = "Its name"), How), responses((status = 202, description = "Written down; workers act on it", body = BatchView), (status = 200, description = "With dryRun", body = BatchView)))]
pub(crate) async fn complete(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Query(how): Query<How>,
) -> Result<Versioned<BatchView>, Problem> {
    act(&context, &if_match, &name, (Action::Complete, how)).await
}

/// Stop what is under way
#[utoipa::path(post, path = "/batches/{name}/stop", operation_id = "stopBatch", tag = "batches", params(("name" = String, Path, description = "Its name"), How), responses((status = 202, description = "Written down; workers act on it", body = BatchView), (status = 200, description = "With dryRun", body = BatchView)))]
pub(crate) async fn stop(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Query(how): Query<How>,
) -> Result<Versioned<BatchView>, Problem> {
    act(&context, &if_match, &name, (Action::Stop, how)).await
}

async fn act(
    context: &Context,
    if_match: &IfMatch,
    name: &str,
    (action, how): (Action, How),
) -> Result<Versioned<BatchView>, Problem> {
    let how = how.checked(action.word())?;
    if how.dry_run {
        return pretend(context, if_match, name, (action, &how)).await;
    }
    let nothing = act_on(context, name, (action, &how), None, if_match).await?;
    (context.bell)();
    let batch = context.store.batch(name).await?;
    let later = later(&batch, context.clock.now()).filter(|_| nothing.is_none() && action != Action::Stop);
    let stays = match action {
        Action::Complete => held_back(&batch, &context.store.users(batch.id).await?),
        _ => None,
    };
    let mut answer = view(context, StatusCode::ACCEPTED, batch).await?;
    answer.body.notices.extend(nothing.into_iter().chain(stays).chain(later));
    Ok(answer)
}

/// Why nothing moves yet, though it is wanted.
fn later(batch: &Batch, now: Timestamp) -> Option<String> {
    let (at, what) = match batch.schedule.waits_for(batch.status, now)? {
        Waits::Start(at) => (at, "it begins"),
        Waits::Window(at) => (at, "its hours begin"),
    };
    let at = shown(at, batch.schedule.time_zone.as_deref());
    Some(format!("The batch {} waits: {what} {at}.", batch.name))
}

/// What it would be, and a sentence about what would be done.
async fn pretend(
    context: &Context,
    if_match: &IfMatch,
    name: &str,
    (action, how): (Action, &How),
) -> Result<Versioned<BatchView>, Problem> {
    let mut batch = context.store.batch(name).await?;
    if_match.check(batch.version)?;
    let mut users = context.store.users(batch.id).await?;
    users.iter_mut().for_each(|user| *user = how.given(&batch, user.clone()));
    let intent = judged(&mut batch, &users, (action, how), context.clock.now());
    let intent = intent.map_err(|why| Problem::wrong_state(why, name))?;
    let notice = told(&batch, &users, action, &intent);
    let stays = held_back(&batch, &users).filter(|_| action == Action::Complete && intent.status.is_some());
    if let Some(status) = intent.status {
        batch.status = status;
        for changed in intent.users {
            users.iter_mut().filter(|u| u.id == changed.id).for_each(|u| *u = changed.clone());
        }
    }
    let version = batch.version;
    let mut body = BatchView::with(context, batch, &users).await?;
    body.notices.extend([notice].into_iter().chain(stays));
    Ok(Versioned { status: StatusCode::OK, version, body })
}

fn told(batch: &Batch, users: &[User], action: Action, intent: &Intent) -> String {
    if intent.status.is_none() {
        return nothing(batch, action);
    }
    let stays = |user: &&User| action == Action::Complete && held(batch, user).is_some();
    let n = users.iter().filter(|user| action.reaches(user) && !stays(user)).count();
    let of = users.len();
    format!("The batch {} would {}: {n} of {of} mailboxes.", batch.name, action.word())
}

/// Who is not completed by a completion, and why, if there is somebody.
fn held_back(batch: &Batch, users: &[User]) -> Option<String> {
    let held: Vec<(&User, Held)> = users
        .iter()
        .filter(|user| Action::Complete.reaches(user))
        .filter_map(|user| Some((user, held(batch, user)?)))
        .collect();
    let (user, why) = held.first()?;
    let sentence = why.sentence(&user.address, &batch.name);
    Some(match held.len() {
        1 => format!("{} is held back and not completed: {sentence}.", user.address),
        n => format!("{n} mailboxes are held back and not completed. {}: {sentence}.", user.address),
    })
}

fn nothing(batch: &Batch, action: Action) -> String {
    format!("The batch {} is {}: there is nothing to {}.", batch.name, batch.status.label(), action.word())
}

/// What an action writes; the batch has the mode that it is started in.
fn judged(
    batch: &mut Batch,
    users: &[User],
    (action, how): (Action, &How),
    now: Timestamp,
) -> Result<Intent, Refused> {
    if action != Action::Start {
        return intend(batch, users, action, now).map(|intent| how.with(intent));
    }
    // What was checked before can be read.
    let run = how.run().ok().flatten().unwrap_or(Run::Mode(batch.mode));
    let intent = intend_run(batch, users, run, now)?;
    if let (Some(_), Run::Mode(mode)) = (intent.status, run) {
        batch.mode = mode;
    }
    Ok(how.with(intent))
}

/// Writes what an action wants; of a stop, for the replacement of which endpoint it is. A sentence if there was nothing
/// to do.
pub(in crate::routes) async fn act_on(
    context: &Context,
    name: &str,
    (action, how): (Action, &How),
    paused_for: Option<EndpointId>,
    if_match: &IfMatch,
) -> Result<Option<String>, Problem> {
    let subject = format!("The batch {name}");
    until_it_fits(&subject, || once(context, name, (action, how, paused_for), if_match)).await
}

async fn once(
    context: &Context,
    name: &str,
    (action, how, paused_for): (Action, &How, Option<EndpointId>),
    if_match: &IfMatch,
) -> mailferry_model::Result<Result<Option<String>, Problem>> {
    let mut batch = context.store.batch(name).await?;
    if let Err(problem) = if_match.check(batch.version) {
        return Ok(Err(problem));
    }
    let users = context.store.users(batch.id).await?;
    let users: Vec<User> = users.into_iter().map(|user| how.given(&batch, user)).collect();
    let intent = match judged(&mut batch, &users, (action, how), context.clock.now()) {
        Ok(intent) => intent,
        Err(why) => return Ok(Err(Problem::wrong_state(why, name))),
    };
    let Some(status) = intent.status else { return Ok(Ok(Some(nothing(&batch, action)))) };
    batch.paused_for = paused_for;
    batch.status = status;
    if action != Action::Stop {
        batch.detail = None;
        batch.started.get_or_insert(context.clock.now());
    }
    let change = paused_for.map(|id| json!({ "pausedFor": id })).or(how.told()).map(|told| told.to_string());
    let entry = entry(context, &format!("batch.{}", action.word()), format!("batch {name}"), change);
    let mut writes = vec![Write::SetBatch(&batch)];
    if action == Action::Stop {
        writes.push(Write::StopJobs(batch.id));
    }
    let now = context.clock.now();
    let users: Vec<User> = intent.users.into_iter().map(|user| user.timed(now)).collect();
    writes.extend(users.iter().map(Write::SetUser));
    writes.push(Write::Record(&entry));
    context.store.together(&writes).await?;
    Ok(Ok(None))
}
