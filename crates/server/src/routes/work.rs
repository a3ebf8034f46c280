//! Work: the jobs of batches as they stand in the queue.

use axum::{Json, extract::Path};

use crate::{
    Context,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::JobView,
};

/// The jobs of all batches
#[utoipa::path(get, path = "/work", operation_id = "listWork", tag = "work", params(PageQuery), responses((status = 200, description = "Jobs in the order of their times, batch by batch", body = Vec<JobView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<JobView>, Problem> {
    let mut jobs = Vec::new();
    for batch in context.store.batches().await? {
        jobs.extend(of(&context, &batch).await?);
    }
    page.cut_by_place(jobs)
}

/// The jobs of a batch
#[utoipa::path(get, path = "/batches/{name}/work", operation_id = "listBatchWork", tag = "work", params(("name" = String, Path, description = "The batch")), responses((status = 200, description = "Jobs in the order of their times", body = Vec<JobView>)))]
pub(crate) async fn of_batch(
    context: Context,
    Path(name): Path<String>,
) -> Result<Json<Vec<JobView>>, Problem> {
    let batch = context.store.batch(&name).await?;
    Ok(Json(of(&context, &batch).await?))
}

async fn of(
    context: &Context,
    batch: &mailferry_model::batch::Batch,
) -> mailferry_model::Result<Vec<JobView>> {
    let jobs = context.store.jobs(batch.id).await?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let users = context.store.users(batch.id).await?;
    let addresses = users.iter().map(|user| (user.id, user.address.as_str())).collect();
    Ok(jobs.iter().map(|job| JobView::of(job, &addresses)).collect())
}
