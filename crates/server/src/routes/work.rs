//! Work: the jobs of a batch as they stand in the queue.

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{Context, problem::Problem, view::JobView};

pub(crate) async fn list(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<Json<Vec<JobView>>, Problem> {
    let batch = context.store.batch(&name).await?;
    let users = context.store.users(batch.id).await?;
    let jobs = context.store.jobs(batch.id).await?;
    Ok(Json(jobs.iter().map(|job| JobView::of(job, &users)).collect()))
}
