//! Changing a batch: its notes, and what moves and how, as far as the ledgers of its mailboxes allow.

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    approval::{DataConsistency, with_gate},
    batch::{Batch, Priority},
    channel::{ChannelKind, mail::Recipients},
    mapping::RunOptions,
    port::Write,
    schedule::Schedule,
    status::BatchStatus,
    user::User,
    words::unshown,
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::view;
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    problem::Problem,
    routes::entry,
    shape,
    view::BatchView,
};

/// The longest notes, in characters.
const LONGEST_NOTES: usize = 1000;
/// The longest settling grace, in seconds.
const LONGEST_GRACE: u64 = 3600;

/// Changes to a batch: what is not named stays, `null` takes it away.
///
/// Not changed are the name, which others call it by; the endpoints, which `POST /endpoints/{name}/replace` does with
/// a test before it; its mailboxes, which are removed one by one and added by `POST /batches/{name}/users`; and, once it
/// was started,
/// where folders go (`map`), because each mapping has ledgers of its own.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BatchChanges)]
pub(crate) struct Changes {
    version: Option<u64>,
    /// For people; an empty text takes them away.
    #[schema(max_length = 1000)]
    notes: Option<String>,
    /// Whether it goes before or after other batches that want the same slots.
    #[schema(value_type = Option<shape::Priority>)]
    priority: Option<Priority>,
    /// Why it begins although an endpoint fails its test; an empty text takes it away.
    #[schema(max_length = 1000)]
    despite_test: Option<String>,
    /// Why it begins although a pilot at its endpoints is not clean; an empty text takes it away.
    #[schema(max_length = 1000)]
    despite_pilot: Option<String>,
    /// Whether it goes first, and others at its endpoints wait for it.
    pilot: Option<bool>,
    /// `gate`, or `off`: its mailboxes complete whatever their score is.
    #[schema(value_type = Option<String>)]
    data_consistency: Option<DataConsistency>,
    /// How many skipped items a mailbox may have before it fails, field by field: `badItemLimit`, `largeItemLimit`; a
    /// number or `Unlimited`.
    #[serde(default)]
    #[schema(value_type = Object)]
    item_limits: Map<String, Value>,
    /// Who is told by mail how it comes along, besides those of the channel of mail.
    notification_emails: Option<Vec<String>>,
    /// Who is told of what went wrong; where there are some, they alone.
    notification_failure_emails: Option<Vec<String>>,
    /// What moves and how, field by field: `filter`, `delete`, `connections`, `graceSeconds`, `map`. Each mailbox
    /// follows with its next pass.
    #[serde(default)]
    #[schema(value_type = Object)]
    options: Map<String, Value>,
    /// When it does what by itself, field by field: `startAfter`, `completeAfter`, `syncEveryHours`, `windows`,
    /// `timeZone`.
    #[serde(default)]
    #[schema(value_type = Object)]
    schedule: Map<String, Value>,
    /// Only judge: the answer is what it would be, and nothing changes.
    #[serde(default)]
    dry_run: bool,
    #[schema(ignore)]
    name: Option<IgnoredAny>,
    #[schema(ignore)]
    source: Option<IgnoredAny>,
    #[schema(ignore)]
    target: Option<IgnoredAny>,
    #[schema(ignore)]
    csv: Option<IgnoredAny>,
}

/// Change the notes of a batch, or what moves and how
#[utoipa::path(patch, path = "/batches/{name}", operation_id = "changeBatch", tag = "batches", params(("name" = String, Path, description = "Its name")), request_body = Changes, responses((status = 200, description = "As it is now", body = BatchView)))]
pub(crate) async fn change(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(changes): Body<Changes>,
) -> Result<Versioned<BatchView>, Problem> {
    let before = context.store.batch(&name).await?;
    if_match.check(before.version)?;
    if changes.version.is_some_and(|v| v != before.version) {
        return Err(Problem::conflict("OWN_CONFLICT", format!("{name} has version {} now.", before.version)));
    }
    check_fixed(&changes)?;
    let mut batch = before.clone();
    if let Some(notes) = changes.notes {
        batch.notes = checked_notes(Some(notes))?;
    }
    batch.priority = changes.priority.unwrap_or(before.priority);
    if let Some(reason) = changes.despite_test {
        batch.despite_test = checked_notes(Some(reason))?;
    }
    if let Some(reason) = changes.despite_pilot {
        batch.despite_pilot = checked_notes(Some(reason))?;
    }
    batch.pilot = changes.pilot.unwrap_or(before.pilot);
    batch.data_consistency = changes.data_consistency.unwrap_or(before.data_consistency);
    batch.item_limits = merged("itemLimits", &before.item_limits, &changes.item_limits)?;
    if let Some(to) = changes.notification_emails {
        batch.notify.to = to;
    }
    if let Some(to) = changes.notification_failure_emails {
        batch.notify.failure_to = to;
    }
    check_notify(&batch.notify)?;
    batch.options = merged("options", &before.options, &changes.options)?;
    check_options(&batch.options)?;
    batch.schedule = merged("schedule", &before.schedule, &changes.schedule)?;
    check_schedule(&batch.schedule)?;
    check_time(&before, &batch)?;
    if changes.dry_run || batch == before {
        return view(&context, StatusCode::OK, batch).await;
    }
    let told = |b: &Batch| serde_json::json!({ "notes": b.notes, "options": b.options, "schedule": b.schedule, "despiteTest": b.despite_test, "despitePilot": b.despite_pilot, "pilot": b.pilot, "dataConsistency": b.data_consistency, "itemLimits": b.item_limits, "priority": b.priority, "notify": b.notify });
    let change = serde_json::json!({ "before": told(&before), "after": told(&batch) }).to_string();
    let entry = entry(&context, "batch.set", format!("batch {}", batch.name), Some(change));
    let regated = regated(&context, &before, &batch).await?;
    let mut writes = vec![Write::SetBatch(&batch)];
    writes.extend(regated.iter().map(Write::SetUser));
    writes.push(Write::Record(&entry));
    if_match.kept(context.store.together(&writes).await)?;
    (context.bell)();
    let batch = context.store.batch_by_id(batch.id).await?;
    let untold = untold(&context, &batch).await?.filter(|_| batch.notify != before.notify);
    let mut answer = view(&context, StatusCode::OK, batch).await?;
    answer.body.notices.extend(untold);
    Ok(answer)
}

/// Who is told can be written to.
pub(super) fn check_notify(notify: &Recipients) -> Result<(), Problem> {
    notify.check().map_err(|why| Problem::refused("BATCH_NOTIFY", why))
}

/// That nobody whom a batch names is told yet, because nothing sends mail.
pub(super) async fn untold(context: &Context, batch: &Batch) -> mailferry_model::Result<Option<String>> {
    if batch.notify == Recipients::default() {
        return Ok(None);
    }
    let channels = context.store.channels().await?;
    let sends = channels.iter().any(|channel| channel.kind == ChannelKind::Mail && !channel.muted);
    let text = "Nobody is told of it by mail yet: there is no channel of mail. Make one: mailferry notify add NAME --type mail --help";
    Ok((!sends).then(|| text.to_owned()))
}

/// The mailboxes that another gate holds back, or no longer.
async fn regated(context: &Context, before: &Batch, after: &Batch) -> mailferry_model::Result<Vec<User>> {
    if before.data_consistency == after.data_consistency {
        return Ok(Vec::new());
    }
    let users = context.store.users(after.id).await?;
    let now = context.clock.now();
    let gated = |user: User| Some(with_gate(user.clone(), after, now)).filter(|gated| *gated != user);
    Ok(users.into_iter().filter_map(gated).collect())
}

/// What a batch keeps as it was made, with what to do instead.
fn check_fixed(changes: &Changes) -> Result<(), Problem> {
    let instead = [
        (changes.name.is_some(), "The name stays: others call the batch by it."),
        (
            changes.source.is_some() || changes.target.is_some(),
            "The endpoints stay: mailferry endpoint replace puts another one in the place of one, tested before.",
        ),
        (
            changes.csv.is_some(),
            "The mailboxes stay: mailferry user remove takes one out, mailferry batch add brings more.",
        ),
    ];
    match instead.into_iter().find(|(is_asked, _)| *is_asked) {
        Some((_, why)) => Err(Problem::refused("BATCH_FIXED", why)),
        None => Ok(()),
    }
}

/// Notes as they are kept: none where they are empty.
pub(crate) fn checked_notes(notes: Option<String>) -> Result<Option<String>, Problem> {
    let Some(notes) = notes.filter(|notes| !notes.is_empty()) else { return Ok(None) };
    if unshown(&notes).is_some() || notes.chars().count() > LONGEST_NOTES {
        let detail = format!("Notes have at most {LONGEST_NOTES} characters that can be shown, in one line.");
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    Ok(Some(notes))
}

/// Options or a schedule with what was named in their place.
fn merged<T: Serialize + DeserializeOwned>(
    name: &str,
    before: &T,
    changes: &Map<String, Value>,
) -> Result<T, Problem> {
    let malformed = |what: String| Problem::refused("REQUEST_MALFORMED", what);
    let mut all = serde_json::to_value(before).map_err(|e| malformed(e.to_string()))?;
    merge(&mut all, changes, name).map_err(malformed)?;
    serde_json::from_value(all).map_err(|e| malformed(format!("{name}: {e}")))
}

// RFC 7396 §2, but that a field which there is not is refused, and that null makes a field as it comes.
fn merge(into: &mut Value, changes: &Map<String, Value>, at: &str) -> Result<(), String> {
    let Value::Object(fields) = into else { return Err(format!("{at} is no object")) };
    for (name, change) in changes {
        let Some(field) = fields.get_mut(name) else { return Err(format!("{at} has no field {name}")) };
        match (change, field.is_object()) {
            (Value::Object(deeper), true) => merge(field, deeper, &format!("{at}.{name}"))?,
            (Value::Null, _) => _ = fields.remove(name),
            (other, _) => *field = other.clone(),
        }
    }
    Ok(())
}

/// Numbers that a pass can work with.
pub(crate) fn check_options(options: &RunOptions) -> Result<(), Problem> {
    let few = options.connections.is_none_or(|n| (1..=64).contains(&n));
    if few && options.grace_seconds.is_none_or(|seconds| seconds <= LONGEST_GRACE) {
        return Ok(());
    }
    let detail = format!("connections is a number from 1 to 64, graceSeconds at most {LONGEST_GRACE}.");
    Err(Problem::refused("REQUEST_MALFORMED", detail))
}

/// Times that make sense together.
pub(crate) fn check_schedule(schedule: &Schedule) -> Result<(), Problem> {
    schedule.check().map_err(|why| Problem::refused("BATCH_SCHEDULE", why))
}

/// Whether what moves and how may still become another.
fn check_time(before: &Batch, after: &Batch) -> Result<(), Problem> {
    use BatchStatus as S;
    if before.options == after.options {
        return Ok(());
    }
    if matches!(before.status, S::Completing | S::Completed | S::Removing | S::Corrupted) {
        let detail =
            format!("The batch {} is {}: what moves is settled.", before.name, before.status.label());
        return Err(Problem::conflict("WRONG_STATE", detail).naming("batch", &before.name));
    }
    if before.options.map != after.options.map && before.started.is_some() {
        let why = "Where folders go stays once the batch was started: each mapping has ledgers of its own, and what \
                   was copied would be copied again. Make another batch.";
        return Err(Problem::refused("BATCH_FIXED", why));
    }
    Ok(())
}
