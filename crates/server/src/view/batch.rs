//! A batch as it is shown: its counts exclude each other, Total is their sum.

use jiff::Timestamp;
use mailferry_model::{
    Result, acceptance,
    approval::{DataConsistency, Held, ItemLimits, NEEDS_APPROVAL, held},
    batch::{Batch, Priority},
    mapping::RunOptions,
    pilot,
    report::{Findings, Score, Warning, summary::Summary},
    rollback::{self, RollbackApproval},
    schedule::Schedule,
    status::{BatchStatus, StatusSummary},
    user::User,
    why,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::item::named;
use crate::{Context, shape};

/// A batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Batch)]
pub(crate) struct BatchView {
    name: String,
    #[schema(value_type = String)]
    status: BatchStatus,
    status_detail: Option<String>,
    /// Why it is not moving, or that it is, in a sentence.
    why: String,
    source: String,
    target: String,
    percentage_synced: f64,
    total: usize,
    queued: usize,
    syncing: usize,
    synced: usize,
    finalized: usize,
    stopped: usize,
    failed: usize,
    items_identified: u64,
    items_synced: u64,
    items_skipped: u64,
    bytes_identified: u64,
    bytes_synced: u64,
    #[schema(value_type = Option<String>)]
    data_consistency_score: Option<Score>,
    /// Items that stay behind and are approved by nobody.
    items_unapproved: u64,
    /// Mailboxes that the data-consistency gate holds back.
    held_back: usize,
    /// `gate`, or `off`: its mailboxes complete whatever their score is.
    #[schema(value_type = String)]
    data_consistency: DataConsistency,
    /// How many skipped items a mailbox may have before it fails.
    #[schema(value_type = shape::ItemLimits)]
    item_limits: ItemLimits,
    #[schema(value_type = Object)]
    options: RunOptions,
    #[schema(value_type = shape::Schedule)]
    schedule: Schedule,
    /// Whether it goes before or after other batches that want the same slots.
    #[schema(value_type = shape::Priority)]
    priority: Priority,
    /// What its passes are for: `full`, `verify-credentials`, `trial` or `pre-stage`.
    mode: &'static str,
    /// Of the mode `pre-stage`: what arrived before this time moves.
    mode_before: Option<Timestamp>,
    /// Whether it goes first, and others at its endpoints wait until it is clean.
    pilot: bool,
    /// What it lacks to be clean, as a pilot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pilot_lacks: Vec<String>,
    /// Mailboxes that are completed and have all three ticks.
    accepted: usize,
    /// How many have which tick.
    ticks: TicksView,
    /// Why its source must stay as it is; none once every mailbox is accepted.
    source_kept: Option<String>,
    /// Who approved its way back.
    rollback: Option<RollbackView>,
    /// Why it begins although a pilot at its endpoints is not clean.
    despite_pilot: Option<String>,
    /// Why it begins although an endpoint fails its test.
    despite_test: Option<String>,
    /// Who is told by mail, besides those of the channel of mail.
    notification_emails: Vec<String>,
    /// Who is told of what went wrong; where there are some, they alone.
    notification_failure_emails: Vec<String>,
    /// For people.
    notes: Option<String>,
    created: Timestamp,
    started: Option<Timestamp>,
    initially_synced: Option<Timestamp>,
    /// When its last sync ended.
    last_synced: Option<Timestamp>,
    completed: Option<Timestamp>,
    version: u64,
    id: String,
    /// What came, or would come, of what was asked for, in the answer to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) notices: Vec<String>,
}

/// How many mailboxes have which tick of the acceptance.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticks)]
pub(crate) struct TicksView {
    mail_flow: usize,
    calendar: usize,
    mobile: usize,
}

impl TicksView {
    fn of(users: &[User]) -> Self {
        let [(_, mail_flow), (_, calendar), (_, mobile)] = acceptance::counts(users);
        Self { mail_flow, calendar, mobile }
    }
}

/// Who approved the way back of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Rollback)]
pub(crate) struct RollbackView {
    approver: String,
    /// Who wrote it down.
    by: String,
    at: Timestamp,
    comment: Option<String>,
    /// The MX records to go back to.
    mx: Option<String>,
    /// The record of Autodiscover to go back to.
    autodiscover: Option<String>,
    /// Whether it was given for the endpoints and mailboxes that the batch has now.
    current: bool,
}

impl RollbackView {
    fn of(batch: &Batch, users: &[User]) -> Option<Self> {
        let (approval, current) = match rollback::approved(batch, users) {
            rollback::Approved::No => return None,
            rollback::Approved::Outdated(approval) => (approval.clone(), false),
            rollback::Approved::Yes(approval) => (approval.clone(), true),
        };
        let RollbackApproval { approver, by, at, comment, values, .. } = approval;
        Some(Self { approver, by, at, comment, mx: values.mx, autodiscover: values.autodiscover, current })
    }
}

impl BatchView {
    pub(crate) async fn of(context: &Context, batch: Batch) -> Result<Self> {
        let users = context.store.users(batch.id).await?;
        Self::with(context, batch, &users).await
    }

    /// Where its users are known already.
    pub(crate) async fn with(context: &Context, batch: Batch, users: &[User]) -> Result<Self> {
        let source = context.store.endpoint_by_id(batch.source).await?.name;
        let target = context.store.endpoint_by_id(batch.target).await?.name;
        let mut sum = Summary::default();
        users.iter().for_each(|user| sum.add(user));
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let why = match context.trouble.detail().filter(|_| batch.status.is_active()) {
            Some(trouble) => format!("Nothing moves: {trouble}."),
            None => why::of_batch(&batch, users, context.clock.now()),
        };
        let held_back = held_back(&batch, users).count();
        let rollback = RollbackView::of(&batch, users);
        Ok(Self {
            why,
            status: batch.status,
            // Whatever else it waits for, nothing is done of it.
            status_detail: context.trouble.detail().filter(|_| batch.status.is_active()).or(batch.detail),
            source,
            target,
            percentage_synced: sum.permille() as f64 / 10.0,
            total: users.len(),
            queued: count(sum.queued),
            syncing: count(sum.syncing),
            synced: count(sum.synced),
            finalized: count(sum.completed),
            stopped: count(sum.stopped),
            failed: count(sum.failed),
            items_identified: sum.identified,
            items_synced: sum.placed,
            items_skipped: sum.skipped,
            bytes_identified: sum.bytes_identified,
            bytes_synced: sum.bytes,
            data_consistency_score: sum.verdict(),
            items_unapproved: users.iter().map(|user| user.unapproved.unwrap_or(0)).sum(),
            held_back,
            data_consistency: batch.data_consistency,
            item_limits: batch.item_limits,
            options: batch.options,
            schedule: batch.schedule,
            priority: batch.priority,
            mode: batch.mode.word(),
            mode_before: batch.mode.before(),
            pilot: batch.pilot,
            pilot_lacks: if batch.pilot { pilot::lacks(users) } else { Vec::new() },
            accepted: users.iter().filter(|user| acceptance::is_accepted(user)).count(),
            ticks: TicksView::of(users),
            source_kept: acceptance::keeps_source(users),
            rollback,
            despite_pilot: batch.despite_pilot,
            despite_test: batch.despite_test,
            notification_emails: batch.notify.to,
            notification_failure_emails: batch.notify.failure_to,
            notes: batch.notes,
            created: batch.created,
            started: batch.started,
            initially_synced: batch.synced,
            last_synced: batch.last_synced,
            completed: batch.completed,
            version: batch.version,
            id: batch.id.to_string(),
            notices: Vec::new(),
            name: batch.name,
        })
    }
}

impl BatchView {
    /// Where it stands in lists.
    pub(crate) fn key(&self) -> String {
        self.name.to_lowercase()
    }

    /// Whether its status is called so.
    pub(crate) fn has_status(&self, name: &str) -> bool {
        format!("{:?}", self.status).eq_ignore_ascii_case(name)
    }

    /// What an `ETag` says.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

/// The mailboxes that are synced and would not be completed, each with the reason.
fn held_back<'a>(batch: &'a Batch, users: &'a [User]) -> impl Iterator<Item = (&'a User, Held)> {
    let synced = users.iter().filter(|user| user.status.summary() == StatusSummary::Synced);
    synced.filter_map(|user| Some((user, held(batch, user)?)))
}

/// What the last passes of all mailboxes of a batch found, in the fields of `copy -o json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchReport {
    #[schema(value_type = String)]
    score: Score,
    identified: u64,
    placed: u64,
    bytes: u64,
    #[schema(value_type = Vec<Object>)]
    skipped: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    missing: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    doubled: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    changed_at_target: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    rewritten: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    not_migratable: Vec<Value>,
    sentence: String,
    mailboxes: usize,
    #[schema(value_type = Vec<Object>)]
    failed: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    waiting: Vec<Value>,
    /// Mailboxes that are synced, and not completed before somebody approves of what stays behind.
    #[schema(value_type = Vec<Object>)]
    held_back: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Warning>,
}

impl BatchReport {
    pub(crate) async fn of(context: &Context, batch: &Batch) -> Result<Self> {
        let users = context.store.users(batch.id).await?;
        let mut sum = Findings::default();
        let mut score = Score::Perfect;
        let mut lists: [Vec<Value>; 6] = Default::default();
        let mut warnings = Vec::new();
        for user in &users {
            let Some(mailbox) = user.mailbox else { continue };
            let Some(kept) = context.reports.report(mailbox).await? else { continue };
            score = score.max(kept.findings.score());
            for (list, items) in lists.iter_mut().zip(super::item::kinds(&kept.findings)) {
                list.extend(items.1.iter().map(|item| named(&user.address, item)));
            }
            let empty = Warning::of_empty_source(&user.address, &kept.findings, &batch.options.filter);
            warnings.extend(empty.map(|w| w.of_user(&user.address)));
            sum.add(kept.findings);
        }
        let told = |u: &&User| {
            let detail = u.detail.as_ref();
            serde_json::json!({
                "user": u.address,
                "status": u.status,
                "code": detail.map(|d| &d.code),
                "reason": detail.map(|d| &d.text),
                "nextTry": detail.and_then(|d| d.next_try),
            })
        };
        let failed: Vec<Value> = users.iter().filter(|u| u.status.is_failure()).map(|u| told(&u)).collect();
        let waits = |u: &&User| u.status.is_active() && u.detail.is_some();
        let waiting = users.iter().filter(waits).map(|u| told(&u)).collect();
        let mut sentence = sum.sentence();
        if let Some(unwell) = Score::of_failed(failed.len(), users.len()) {
            score = score.max(unwell);
            let (n, of) = (failed.len(), users.len());
            sentence =
                format!("The migration does NOT look good: {n} of {of} mailboxes failed; each says why.");
        }
        if let Some(why) = batch.mode.sentence(&batch.name) {
            sentence = if failed.is_empty() { why } else { format!("{sentence} {why}") };
        }
        let told = |(user, held): (&User, Held)| {
            let reason = held.sentence(&user.address, &batch.name);
            serde_json::json!({ "user": user.address, "score": user.score, "code": NEEDS_APPROVAL, "reason": reason })
        };
        let held_back: Vec<Value> = held_back(batch, &users).map(told).collect();
        let [skipped, missing, doubled, changed_at_target, rewritten, not_migratable] = lists;
        Ok(Self {
            score,
            identified: sum.identified,
            placed: sum.placed,
            bytes: sum.bytes,
            skipped,
            missing,
            doubled,
            changed_at_target,
            rewritten,
            not_migratable,
            sentence,
            mailboxes: users.len(),
            failed,
            waiting,
            held_back,
            warnings,
        })
    }
}
