//! What a completion of a batch would meet. Nothing is written, and no mail system is asked.

use axum::{Json, extract::Path};
use mailferry_model::completion::{Plan, plan};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Context, problem::Problem, shape};

/// What a completion would meet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompletionPlan {
    batch: String,
    #[serde(flatten)]
    #[schema(value_type = shape::Plan)]
    plan: Plan,
    /// All of it in one sentence.
    sentence: String,
}

/// What a completion of a batch would meet
#[utoipa::path(get, path = "/batches/{name}/completion", operation_id = "planCompletion", tag = "batches", params(("name" = String, Path, description = "The batch")), responses((status = 200, description = "Who would be completed, what stands in the way, and a guess at the last sync", body = CompletionPlan)))]
pub(crate) async fn show(
    context: Context,
    Path(name): Path<String>,
) -> Result<Json<CompletionPlan>, Problem> {
    let batch = context.store.batch(&name).await?;
    let users = context.store.users(batch.id).await?;
    let source = context.store.endpoint_by_id(batch.source).await?;
    let target = context.store.endpoint_by_id(batch.target).await?;
    let now = context.clock.now();
    let ceiling = context.store.config().await?.tenant_ceiling;
    let plan = plan(&batch, &users, ([&source, &target], ceiling), now);
    Ok(Json(CompletionPlan { sentence: plan.sentence(now), batch: batch.name, plan }))
}
