//! The readiness checklist: of a batch, of an endpoint, or of each pair of endpoints between which batches move; and what
//! people tick of it. What ticks itself is `model::readiness`'s to say; no system is asked anything here.

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use jiff::Timestamp;
use mailferry_model::{
    batch::Batch,
    endpoint::Endpoint,
    finding::TestedAs,
    id::EndpointId,
    pilot,
    port::Write,
    readiness::{Confirmed, Line, Looked, Point, Sum, Tick, lines, sum},
    user::User,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{batch::change::checked_notes, entry};
use crate::{Context, body::Body, problem::Problem, shape};

/// Which checklists.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    /// Of the batch of this name; else of the endpoint of this name, with each one at its other side. All without it.
    of: Option<String>,
}

/// A checklist.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Readiness)]
pub(crate) struct ReadinessView {
    /// The batch that was asked for.
    batch: Option<String>,
    source: Option<String>,
    target: Option<String>,
    /// The batches that it speaks of.
    batches: Vec<String>,
    /// When the batch begins by itself.
    starts: Option<Timestamp>,
    #[serde(flatten)]
    #[schema(value_type = shape::ReadinessSum)]
    sum: Sum,
    #[schema(value_type = Vec<shape::ReadinessPoint>)]
    points: Vec<Line>,
    /// When it was judged: it is judged anew each time.
    checked: Timestamp,
}

/// Everything that checklists are made of, read once.
struct Around {
    endpoints: Vec<Endpoint>,
    batches: Vec<Batch>,
    ticks: Vec<Tick>,
    now: Timestamp,
}

/// What one is about: the ends in their roles, and batches.
struct About {
    batch: Option<String>,
    ends: Vec<(EndpointId, TestedAs)>,
    batches: Vec<Batch>,
}

impl Around {
    async fn of(context: &Context) -> Result<Self, Problem> {
        Ok(Self {
            endpoints: context.store.endpoints().await?,
            batches: context.store.batches().await?,
            ticks: context.store.ticks().await?,
            now: context.clock.now(),
        })
    }

    /// Of each pair of endpoints with batches between them, by the names of these.
    fn pairs(&self) -> Vec<About> {
        let mut pairs: Vec<About> = Vec::new();
        for batch in &self.batches {
            let ends = ends(batch);
            match pairs.iter_mut().find(|pair| pair.ends == ends) {
                Some(pair) => pair.batches.push(batch.clone()),
                None => pairs.push(About { batch: None, ends, batches: vec![batch.clone()] }),
            }
        }
        pairs
    }

    /// Of an endpoint that no batch uses, in the role in which it was tested, else in the first that it can play.
    fn alone(&self, context: &Context, endpoint: &Endpoint) -> About {
        let tested = endpoint.last_test.as_ref().and_then(|test| test.roles.first());
        let reads = context.manifests.iter().any(|m| m.kind == endpoint.kind && m.source);
        let able = if reads { TestedAs::Source } else { TestedAs::Target };
        About { batch: None, ends: vec![(endpoint.id, tested.copied().unwrap_or(able))], batches: Vec::new() }
    }

    fn wanted(&self, context: &Context, of: Option<&str>) -> Result<Vec<About>, Problem> {
        let is = |name: &str, wanted: &str| name.to_lowercase() == wanted.to_lowercase();
        let uses = |id: EndpointId| move |about: &About| about.ends.iter().any(|(end, _)| *end == id);
        let Some(name) = of else {
            let mut all = self.pairs();
            for endpoint in &self.endpoints {
                if !all.iter().any(uses(endpoint.id)) {
                    all.push(self.alone(context, endpoint));
                }
            }
            return Ok(all);
        };
        if let Some(batch) = self.batches.iter().find(|batch| is(&batch.name, name)) {
            let (ends, batches) = (ends(batch), vec![batch.clone()]);
            return Ok(vec![About { batch: Some(batch.name.clone()), ends, batches }]);
        }
        let Some(endpoint) = self.endpoints.iter().find(|endpoint| is(&endpoint.name, name)) else {
            let detail = format!("There is no batch and no endpoint {name}.");
            return Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail));
        };
        let mut pairs = self.pairs();
        pairs.retain(uses(endpoint.id));
        if pairs.is_empty() {
            pairs.push(self.alone(context, endpoint));
        }
        Ok(pairs)
    }

    async fn judged(&self, context: &Context, about: About) -> Result<ReadinessView, Problem> {
        let end = |(id, role): &(EndpointId, TestedAs)| {
            Some((self.endpoints.iter().find(|endpoint| endpoint.id == *id)?, *role))
        };
        let ends: Vec<(&Endpoint, TestedAs)> = about.ends.iter().filter_map(end).collect();
        let mut batches: Vec<(Batch, Vec<User>)> = Vec::new();
        for batch in about.batches {
            let users = context.store.users(batch.id).await?;
            batches.push((batch, users));
        }
        let mut pilots = Vec::new();
        let shares =
            |pilot: &&Batch| about.ends.iter().any(|(id, _)| [pilot.source, pilot.target].contains(id));
        for pilot in self.batches.iter().filter(|batch| batch.pilot).filter(shares) {
            let lacks = match batches.iter().find(|(batch, _)| batch.id == pilot.id) {
                Some((_, users)) => pilot::lacks(users),
                None => pilot::lacks(&context.store.users(pilot.id).await?),
            };
            pilots.push((pilot.clone(), lacks));
        }
        let Self { ticks, now, .. } = self;
        let looked = Looked { ends: &ends, batches: &batches, pilots: &pilots, ticks, now: *now };
        let points = lines(&looked);
        let name = |role| ends.iter().find(|(_, r)| *r == role).map(|(end, _)| end.name.clone());
        let starts = batches.first().filter(|_| about.batch.is_some());
        Ok(ReadinessView {
            starts: starts.and_then(|(batch, _)| batch.schedule.start_after),
            batch: about.batch,
            source: name(TestedAs::Source),
            target: name(TestedAs::Target),
            batches: batches.into_iter().map(|(batch, _)| batch.name).collect(),
            sum: sum(&points),
            points,
            checked: *now,
        })
    }
}

fn ends(batch: &Batch) -> Vec<(EndpointId, TestedAs)> {
    vec![(batch.source, TestedAs::Source), (batch.target, TestedAs::Target)]
}

/// What should be in order before batches move
#[utoipa::path(get, path = "/readiness", operation_id = "listReadiness", tag = "readiness", params(Of), responses((status = 200, description = "A checklist for a batch, or for each pair of endpoints", body = Vec<ReadinessView>)))]
pub(crate) async fn list(
    context: Context,
    Query(of): Query<Of>,
) -> Result<Json<Vec<ReadinessView>>, Problem> {
    let around = Around::of(&context).await?;
    let mut views = Vec::new();
    for about in around.wanted(&context, of.of.as_deref())? {
        views.push(around.judged(&context, about).await?);
    }
    Ok(Json(views))
}

/// What a person confirms.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReadinessTicking)]
pub(crate) struct Ticking {
    /// Of which batch; of the whole project without it.
    batch: Option<String>,
    /// For people.
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// Take it back instead.
    #[serde(default)]
    take_back: bool,
    /// Only judge: nothing changes.
    #[serde(default)]
    dry_run: bool,
}

/// Confirm a point of the checklist that people confirm, or take that back
#[utoipa::path(post, path = "/readiness/{point}/tick", operation_id = "tickReadiness", tag = "readiness", params(("point" = String, Path, description = "`users-informed`, `help-desk-ready`, `rollback-described` or `mail-flow-planned`")), request_body = Ticking, responses((status = 200, description = "The checklists that it is on, as they are now", body = Vec<ReadinessView>)))]
pub(crate) async fn tick(
    context: Context,
    Path(point): Path<String>,
    Body(wanted): Body<Ticking>,
) -> Result<Json<Vec<ReadinessView>>, Problem> {
    let Some(point) = Point::named(&point) else {
        let detail = format!("There is no point {point:?} to tick; there are {}.", Point::of_people());
        return Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail));
    };
    if point.confirmed() == Confirmed::Machine {
        let detail = format!("{} ticks itself; people tick {}.", point.word(), Point::of_people());
        return Err(Problem::conflict("READINESS_TICKS_ITSELF", detail));
    }
    let comment = checked_notes(wanted.comment)?;
    let batch = match &wanted.batch {
        Some(name) => Some(context.store.batch(name).await?),
        None => None,
    };
    let of = batch.as_ref().map(|batch| batch.id);
    if !wanted.dry_run {
        let subject = batch.as_ref().map_or_else(|| "readiness".to_owned(), |b| format!("batch {}", b.name));
        let change = serde_json::json!({ "point": point, "takenBack": wanted.take_back, "comment": comment });
        let entry = entry(&context, "readiness.tick", subject, Some(change.to_string()));
        let (by, at) = (context.actor.clone(), context.clock.now());
        let given = Tick { point, batch: of, by, at, comment };
        let write = if wanted.take_back { Write::Untick(point, of) } else { Write::Tick(&given) };
        context.store.together(&[write, Write::Record(&entry)]).await?;
    }
    let around = Around::of(&context).await?;
    let mut views = Vec::new();
    for about in around.wanted(&context, batch.as_ref().map(|batch| &*batch.name))? {
        views.push(around.judged(&context, about).await?);
    }
    Ok(Json(views))
}
