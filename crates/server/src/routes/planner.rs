//! How long the mailboxes of a scan would take to move. Nothing is written, and no mail system is asked: it goes by what
//! the scan found, and by what mailboxes between the same endpoints took.

use axum::{
    Json,
    extract::{Path, Query},
};
use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    planner::{Forecast, Member, Paces, Project, Sample, Split, foretell},
    scan::{Scan, ScanMailbox, ScanOutcome},
    schedule::{self, Schedule, Windows},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::scan::parse;
use crate::{Context, door::known, problem::Problem, shape};

/// So many mailboxes are read from the store in one go.
const HANDFUL: usize = 1000;
/// More waves than this are a slip.
const MOST_WAVES: usize = 500;

/// How the project shall go.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Asked {
    /// How many move at once; what the endpoints and the tenant's ceiling allow otherwise.
    #[param(minimum = 1)]
    max_concurrent_migrations: Option<u32>,
    /// Bytes a second that may be moved in all: `10M`.
    bandwidth: Option<String>,
    /// When it begins; now otherwise.
    start_after: Option<Timestamp>,
    /// The hours in which mailboxes move: `Mon-Fri 19:00-07:00, Sat-Sun`.
    windows: Option<String>,
    /// The zone in which they are meant.
    time_zone: Option<String>,
    /// Into so many waves.
    #[param(minimum = 1)]
    waves: Option<usize>,
    /// Into waves of at most so many mailboxes.
    #[param(minimum = 1)]
    wave_size: Option<usize>,
    /// Minutes from the beginning of one wave to that of the next; each follows the one before otherwise.
    wave_every_minutes: Option<u32>,
}

/// How long a project takes.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectPlan {
    scan: String,
    #[serde(flatten)]
    #[schema(value_type = shape::Forecast)]
    forecast: Forecast,
}

/// How long the mailboxes of a scan would take to move
#[utoipa::path(get, path = "/scans/{id}/plan", operation_id = "planProject", tag = "scans", params(("id" = String, Path, description = "Its id"), Asked), responses((status = 200, description = "A range of time, what decides it, and waves", body = ProjectPlan)))]
pub(crate) async fn show(
    context: Context,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<ProjectPlan>, Problem> {
    let scan = context.store.scan(parse(&id)?).await?;
    let (schedule, waves) = (asked.schedule()?, asked.waves()?);
    let bandwidth = match &asked.bandwidth {
        Some(text) => schedule::rate(text).map_err(|why| malformed(&format!("bandwidth: {why}")))?,
        None => None,
    };
    let (members, unknown) = members(&context, &scan).await?;
    let project = Project {
        members: &members,
        unknown,
        paces: Paces::of(&samples(&context, &scan).await?),
        together: match asked.max_concurrent_migrations {
            Some(0) => return Err(malformed("maxConcurrentMigrations is at least 1.")),
            Some(together) => together,
            None => together(&context, &scan).await?,
        },
        bandwidth,
        schedule: &schedule,
        waves,
    };
    let forecast = foretell(&project, context.clock.now());
    Ok(Json(ProjectPlan { scan: scan.id.to_string(), forecast }))
}

fn malformed(detail: &str) -> Problem {
    Problem::refused("REQUEST_MALFORMED", detail)
}

impl Asked {
    fn schedule(&self) -> Result<Schedule, Problem> {
        let windows = self.windows.as_deref().map(str::parse::<Windows>).transpose();
        let schedule = Schedule {
            start_after: self.start_after,
            windows: windows.map_err(|why| malformed(&format!("windows: {why}")))?,
            time_zone: self.time_zone.clone(),
            ..Schedule::default()
        };
        schedule.check().map_err(|why| malformed(&why))?;
        Ok(schedule)
    }

    fn waves(&self) -> Result<Option<(Split, SignedDuration)>, Problem> {
        let every = SignedDuration::from_mins(self.wave_every_minutes.unwrap_or(0).into());
        match (self.waves, self.wave_size) {
            (Some(count @ 1..=MOST_WAVES), None) => Ok(Some((Split::Count(count), every))),
            (None, Some(size @ 1..)) => Ok(Some((Split::Size(size), every))),
            (None, None) if every.is_zero() => Ok(None),
            _ => Err(malformed(&format!(
                "Waves are told by waves, from 1 to {MOST_WAVES}, or by waveSize, at least 1; waveEveryMinutes goes with one \
                 of them."
            ))),
        }
    }
}

/// What was found, and of how many mailboxes nobody knows.
async fn members(context: &Context, scan: &Scan) -> Result<(Vec<Member>, usize), Problem> {
    let (mut members, mut unknown, mut after) = (Vec::new(), 0, 0);
    loop {
        let mailboxes = context.store.scan_mailboxes(scan.id, after, HANDFUL).await?;
        let Some(last) = mailboxes.last() else { break };
        after = last.number;
        for mailbox in mailboxes {
            match member(mailbox) {
                Some(member) => members.push(member),
                None => unknown += 1,
            }
        }
    }
    Ok((members, unknown))
}

fn member(mailbox: ScanMailbox) -> Option<Member> {
    let Some(ScanOutcome::Assessed(found)) = mailbox.outcome else { return None };
    Some(Member {
        address: mailbox.source.address,
        items: found.mail.items,
        bytes: found.mail.bytes,
        department: mailbox.department,
        group: mailbox.group,
    })
}

/// What mailboxes between the same endpoints took.
async fn samples(context: &Context, scan: &Scan) -> Result<Vec<Sample>, Problem> {
    let mut samples = Vec::new();
    for batch in context.store.batches().await? {
        if batch.source == scan.source && scan.target.is_none_or(|target| target == batch.target) {
            samples.extend(context.store.users(batch.id).await?.iter().filter_map(Sample::of));
        }
    }
    Ok(samples)
}

/// What the endpoints and the ceiling allow.
async fn together(context: &Context, scan: &Scan) -> Result<u32, Problem> {
    let mut together = context.store.config().await?.tenant_ceiling;
    for id in [Some(scan.source), scan.target].into_iter().flatten() {
        if let Some(endpoint) = known(context.store.endpoint_by_id(id).await)? {
            together = together.min(endpoint.limits.max_concurrent_migrations);
        }
    }
    Ok(together)
}
