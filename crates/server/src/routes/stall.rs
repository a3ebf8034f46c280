//! Why mailboxes wait: a row for each cause at each endpoint, however many wait for it.

use axum::{Json, extract::Query};
use mailferry_model::stall::{Cause, Stall, causes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Context, problem::Problem, shape};

/// One cause, at one endpoint, for mailboxes of one batch.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StallView {
    batch: String,
    /// The endpoint that it is at; none where the code names no side.
    endpoint: Option<String>,
    /// How many mailboxes wait for it.
    mailboxes: usize,
    #[serde(flatten)]
    #[schema(value_type = shape::Stall)]
    stall: Stall,
}

/// Which are asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    /// Of this batch alone.
    batch: Option<String>,
}

/// Why mailboxes wait
#[utoipa::path(get, path = "/stalls", operation_id = "listStalls", tag = "users", params(Of), responses((status = 200, description = "Of each batch what most of its mailboxes wait for first", body = Vec<StallView>)))]
pub(crate) async fn list(context: Context, Query(of): Query<Of>) -> Result<Json<Vec<StallView>>, Problem> {
    let batches = match of.batch {
        Some(name) => vec![context.store.batch(&name).await?],
        None => context.store.batches().await?,
    };
    let endpoints = context.store.endpoints().await?;
    let name = |id| endpoints.iter().find(|endpoint| endpoint.id == id).map(|endpoint| endpoint.name.clone());
    let mut stalls = Vec::new();
    for batch in batches.into_iter().filter(|batch| batch.status.is_active()) {
        let causes = causes(&batch, &context.store.users(batch.id).await?);
        stalls.extend(causes.into_iter().map(|Cause { stall, endpoint, mailboxes }| {
            let endpoint = endpoint.and_then(name);
            StallView { batch: batch.name.clone(), endpoint, mailboxes, stall }
        }));
    }
    Ok(Json(stalls))
}
