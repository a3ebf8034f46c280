//! Replacing an endpoint (R3): its batches pause, point at the successor, and go on. Asked again until nothing waits.
//!
//! A batch knows for whose replacement it was paused, so that it goes on whoever asks again and whenever; a batch that
//! somebody else stopped meanwhile stays stopped.

use axum::{Json, extract::Path};
use mailferry_model::{
    Kind, Result,
    batch::Batch,
    endpoint::Endpoint,
    finding::{TestResult, TestedAs},
    intent::Action,
    port::Write,
    status::{BatchEvent, BatchStatus, UserEvent, UserStatus},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    batch::{self, act::How},
    entry, own_passwords, same,
};
use crate::{Context, body::Body, door::Caller, etag::IfMatch, problem::Problem};

/// By what, and how.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Replacing {
    with: String,
    /// Batches that have begun stay where they are.
    #[serde(default)]
    keep_running: bool,
    /// Only judge: the answer is what would be done, and nothing is. The successor need not be tested for that.
    #[serde(default)]
    dry_run: bool,
}

/// How far it has come.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replaced {
    /// These were paused; they are to be resumed.
    paused: Vec<String>,
    /// These have not come to rest yet: ask again.
    waiting: Vec<String>,
    /// These point at the successor now.
    repointed: Vec<String>,
    /// These go on.
    resumed: Vec<String>,
    /// These stay with the old one.
    kept: Vec<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notices: Vec<String>,
}

/// Put another endpoint in its place, as far as that goes without waiting
#[utoipa::path(post, path = "/endpoints/{name}/replace", operation_id = "replaceEndpoint", tag = "endpoints", params(("name" = String, Path, description = "The one that is replaced")), request_body = Replacing, responses((status = 200, description = "How far it has come; ask again while batches wait", body = Replaced)))]
pub(crate) async fn replace(
    context: Context,
    caller: Caller,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(wanted): Body<Replacing>,
) -> std::result::Result<Json<Replaced>, Problem> {
    let old = context.store.endpoint(&name).await?;
    if_match.check(old.version)?;
    let new = context.store.endpoint(&wanted.with).await?;
    if old.id == new.id {
        return Err(Problem::refused("ENDPOINT_SAME", format!("{name} cannot replace itself.")));
    }
    let mut done = Replaced::default();
    let batches = context.store.batches().await?;
    let ours: Vec<Batch> = batches.into_iter().filter(|b| b.source == old.id || b.target == old.id).collect();
    let is_written = ours.iter().any(|batch| batch.target == old.id);
    if !is_tested(&new, is_written) {
        let (name, role) = (&new.name, if is_written { "target" } else { "source" });
        let detail = format!(
            "{name} has no test as {role} in which nothing failed: mailferry endpoint test {name} --as {role}"
        );
        if !wanted.dry_run {
            return Err(Problem::conflict("ENDPOINT_UNTESTED", detail).naming("endpoint", &new.name));
        }
        done.notices.push(detail);
    }
    let stays = |b: &&Batch| wanted.keep_running && b.status != BatchStatus::Created;
    for batch in ours.iter().filter(|b| !stays(b)) {
        check_successor(&context, batch, (&old, &new)).await?;
        let sides = (batch.source == old.id, batch.target == old.id);
        own_passwords::check(&context, &caller, batch, sides).await?;
        own_passwords::check_suffice(&context, batch, &new, sides).await?;
    }
    let moved: Vec<&Batch> = ours.iter().filter(|b| b.target == old.id && !stays(b)).collect();
    batch::taken::check_shared(&context, &moved, &new).await?;
    if wanted.dry_run {
        return Ok(Json(foreseen(&ours, (&old, &new), &wanted, done)));
    }
    let mut at_rest = Vec::new();
    for batch in ours {
        at_rest.extend(rest(&context, (batch, &old), &wanted, &mut done).await?);
    }
    repoint(&context, (&old, &new), at_rest, &mut done).await?;
    // Also those that an earlier request repointed before it was cut off.
    let points = |b: &Batch| b.source == new.id || b.target == new.id;
    for batch in context.store.batches().await? {
        if batch.paused_for == Some(old.id) && points(&batch) {
            batch::act::act_on(
                &context,
                &batch.name,
                (Action::Start, &How::default()),
                None,
                &IfMatch::default(),
            )
            .await?;
            done.resumed.push(batch.name);
        }
    }
    (context.bell)();
    Ok(Json(done))
}

/// Whether a test of it found nothing that fails; where batches write to it, one by writing.
fn is_tested(new: &Endpoint, is_written: bool) -> bool {
    let fits = |test: &TestResult| test.result != "Failed" && (!is_written || test.is_of(TestedAs::Target));
    new.last_test.as_ref().is_some_and(fits)
}

/// What would be done, as the batches are now.
fn foreseen(
    ours: &[Batch],
    (old, new): (&Endpoint, &Endpoint),
    wanted: &Replacing,
    mut done: Replaced,
) -> Replaced {
    for batch in ours {
        let name = || batch.name.clone();
        if wanted.keep_running && batch.status != BatchStatus::Created {
            done.kept.push(name());
            continue;
        }
        done.repointed.push(name());
        let pauses = batch.status.is_active() && batch.status != BatchStatus::Stopping;
        if pauses {
            done.paused.push(name());
        }
        if pauses || batch.paused_for == Some(old.id) {
            done.resumed.push(name());
        }
    }
    done.notices.push(format!("{} would take the place of {}.", new.name, old.name));
    done
}

/// Brings a batch to rest, as far as that goes without waiting; the batch if it may be repointed.
async fn rest(
    context: &Context,
    (batch, old): (Batch, &Endpoint),
    wanted: &Replacing,
    done: &mut Replaced,
) -> std::result::Result<Option<Batch>, Problem> {
    let name = batch.name.clone();
    if batch.status != BatchStatus::Created && wanted.keep_running {
        done.kept.push(name);
        return Ok(None);
    }
    let mut now = batch;
    if now.status.is_active() && now.status != BatchStatus::Stopping {
        batch::act::act_on(
            context,
            &name,
            (Action::Stop, &How::default()),
            Some(old.id),
            &IfMatch::default(),
        )
        .await?;
        done.paused.push(name.clone());
    }
    now = context.store.batch(&name).await?;
    if now.status == BatchStatus::Stopping {
        halt(context, &now).await?;
        now = context.store.batch(&name).await?;
    }
    if now.status.is_active() {
        done.waiting.push(name);
        return Ok(None);
    }
    Ok(Some(now))
}

/// Points batches at the successor: all of them, and the audit trail tells it, or none.
async fn repoint(
    context: &Context,
    (old, new): (&Endpoint, &Endpoint),
    mut batches: Vec<Batch>,
    done: &mut Replaced,
) -> std::result::Result<(), Problem> {
    if batches.is_empty() {
        return Ok(());
    }
    let point = |id| if id == old.id { new.id } else { id };
    for batch in &mut batches {
        (batch.source, batch.target) = (point(batch.source), point(batch.target));
        done.repointed.push(batch.name.clone());
    }
    let change = difference(old, new, done);
    let entry = entry(context, "endpoint.replace", format!("endpoint {}", old.name), Some(change));
    let mut writes: Vec<Write<'_>> = batches.iter().map(Write::SetBatch).collect();
    writes.push(Write::Record(&entry));
    Ok(context.store.together(&writes).await?)
}

/// Where no worker holds a mailbox of the batch, nobody else brings it to rest.
async fn halt(context: &Context, batch: &Batch) -> Result<()> {
    let jobs = context.store.jobs(batch.id).await?;
    if jobs.iter().any(|job| job.claimed) {
        return Ok(());
    }
    let mut statuses = Vec::new();
    for mut user in context.store.users(batch.id).await? {
        if user.status == UserStatus::Stopping
            && let Some(next) = user.status.after(UserEvent::Halt)
        {
            user.status = next;
            user.keep_time(context.clock.now());
            context.store.set_user(&user).await?;
        }
        statuses.push(user.status);
    }
    let Some(outcome) = BatchStatus::settled(statuses) else { return Ok(()) };
    let Some(status) = batch.status.after(BatchEvent::Settle(outcome)) else { return Ok(()) };
    match context.store.set_batch(&Batch { status, detail: None, ..batch.clone() }).await {
        // A worker was quicker.
        Err(error) if error.kind() == Kind::Conflict => Ok(()),
        other => other,
    }
}

/// Whether the successor can do what the old one did in a batch, and leaves source and target two.
async fn check_successor(
    context: &Context,
    batch: &Batch,
    (old, new): (&Endpoint, &Endpoint),
) -> std::result::Result<(), Problem> {
    let source = context.store.endpoint_by_id(batch.source).await?;
    let target = context.store.endpoint_by_id(batch.target).await?;
    let after = |e: Endpoint| if e.id == old.id { new.clone() } else { e };
    let ends = (&after(source), &after(target));
    batch::check_roles(context, ends)?;
    same::check(context, batch, ends).await
}

/// What changed, for the record: kind, sign-in, server, limits; before and after.
fn difference(old: &Endpoint, new: &Endpoint, done: &Replaced) -> String {
    let told = |e: &Endpoint| serde_json::json!({ "name": e.name, "type": e.kind, "settings": e.settings, "limits": e.limits });
    serde_json::json!({ "before": told(old), "after": told(new), "batches": done.repointed, "kept": done.kept })
        .to_string()
}
