//! A user, and the work that is queued for it, as they are shown.

use std::collections::HashMap;

use jiff::Timestamp;
use mailferry_model::{
    acceptance::is_accepted,
    approval::ItemLimit,
    csv::Overrides,
    id::UserId,
    job::{Job, PassKind},
    pilot::SignOff,
    report::Score,
    stall::Stall,
    statistics::Statistics,
    status::{StatusSummary, UserStatus},
    user::{Detail, User},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::shape;

/// A user of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(crate) struct UserView {
    email_address: String,
    batch: String,
    #[schema(value_type = String)]
    status: UserStatus,
    #[schema(value_type = String)]
    status_summary: StatusSummary,
    detail: Option<DetailView>,
    /// Of one that is stalled: what was seen, what helps, and when somebody has to look.
    #[schema(value_type = Option<shape::Stall>)]
    stall: Option<Stall>,
    source_identity: String,
    target_address: String,
    target_identity: String,
    percentage_synced: f64,
    items_identified: u64,
    items_synced: u64,
    items_skipped: u64,
    bytes_identified: u64,
    bytes_synced: u64,
    #[schema(value_type = Option<String>)]
    data_consistency_score: Option<Score>,
    last_synced: Option<Timestamp>,
    last_progress: Option<Timestamp>,
    /// Items that stay behind and are approved by nobody; none where nobody has counted.
    items_unapproved: Option<u64>,
    /// Why it completes although the data-consistency gate would hold it back.
    despite_score: Option<String>,
    /// Of a pilot's mailbox: what somebody says works.
    #[schema(value_type = Vec<shape::SignOff>)]
    sign_offs: Vec<SignOff>,
    /// The ticks of people since it was completed: `mail-flow`, `calendar`, `mobile`.
    #[schema(value_type = Vec<shape::SignOff>)]
    acceptance: Vec<SignOff>,
    /// Whether it is completed and has all three.
    accepted: bool,
    /// When it is completed by itself; its own time goes before its batch's.
    complete_after: Option<Timestamp>,
    /// What its row says beside what the batch does.
    overrides: OverridesView,
    /// Why it is not moving, or that it is, in a sentence; told where one user is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Rate, durations, and how long it may still take; told where one user is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shape::Statistics>)]
    pub(crate) statistics: Option<Statistics>,
    version: u64,
    id: String,
    /// What came, or would come, of what was asked for, in the answer to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) notices: Vec<String>,
}

/// What is another for one mailbox than for its batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserOverrides)]
pub(crate) struct OverridesView {
    /// The folder of the source in which its mailbox lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_root: Option<String>,
    /// Items skipped for other reasons than their size, until it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bad_item_limit: Option<ItemLimit>,
    /// Items skipped for their size, until it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    large_item_limit: Option<ItemLimit>,
}

impl OverridesView {
    fn of(overrides: &Overrides) -> Self {
        Self {
            user_root: overrides.user_root.as_ref().map(ToString::to_string),
            bad_item_limit: overrides.item_limits.bad_item_limit,
            large_item_limit: overrides.item_limits.large_item_limit,
        }
    }
}

/// The finer reason of a status.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = UserDetail)]
pub(crate) struct DetailView {
    #[serde(flatten)]
    #[schema(value_type = shape::Detail)]
    detail: Detail,
    /// As all other fields are written; `next_try` was there first and stays.
    #[serde(rename = "nextTry")]
    next_try: Option<Timestamp>,
}

impl DetailView {
    fn of(detail: Detail) -> Self {
        Self { next_try: detail.next_try, detail }
    }
}

impl UserView {
    pub(crate) fn of(user: &User, batch: &str) -> Self {
        let identity = |m: &mailferry_model::settings::MailboxAddress| {
            m.user.clone().unwrap_or_else(|| m.address.clone())
        };
        Self {
            email_address: user.address.clone(),
            batch: batch.to_owned(),
            status: user.status,
            status_summary: user.status.summary(),
            detail: user.detail.clone().map(DetailView::of),
            stall: Stall::of(user),
            source_identity: identity(&user.source),
            target_address: user.target.address.clone(),
            target_identity: identity(&user.target),
            percentage_synced: (user.share() * 1000.0).round() / 10.0,
            items_identified: user.totals.identified,
            items_synced: user.totals.placed,
            items_skipped: user.totals.skipped,
            bytes_identified: user.totals.bytes_identified,
            bytes_synced: user.totals.bytes,
            data_consistency_score: user.score,
            last_synced: user.last_synced,
            last_progress: user.last_progress,
            items_unapproved: user.unapproved,
            despite_score: user.despite_score.clone(),
            sign_offs: user.sign_offs.clone(),
            acceptance: user.acceptance.clone(),
            accepted: is_accepted(user),
            complete_after: user.complete_after,
            overrides: OverridesView::of(&user.overrides),
            why: None,
            statistics: None,
            version: user.version,
            id: user.id.to_string(),
            notices: Vec::new(),
        }
    }

    /// Where it stands in lists: by batch, then by address.
    pub(crate) fn key(&self) -> String {
        format!("{}\0{}\0{}", self.batch.to_lowercase(), self.email_address.to_lowercase(), self.id)
    }

    /// Whether its status or the summary of it is called so.
    pub(crate) fn has_status(&self, name: &str) -> bool {
        format!("{:?}", self.status).eq_ignore_ascii_case(name)
            || format!("{:?}", self.status_summary).eq_ignore_ascii_case(name)
    }
}

/// A job of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
pub(crate) struct JobView {
    user: Option<String>,
    #[schema(value_type = String)]
    pass: PassKind,
    running: bool,
    stopping: bool,
    attempts: u32,
    run_at: Timestamp,
    id: String,
}

impl JobView {
    pub(crate) fn of(job: &Job, users: &HashMap<UserId, &str>) -> Self {
        Self {
            user: users.get(&job.work.user).map(|address| (*address).to_owned()),
            pass: job.work.kind,
            running: job.claimed,
            stopping: job.stopping,
            attempts: job.attempts,
            run_at: job.work.run_at,
            id: job.id.to_string(),
        }
    }
}
