//! The whole in a few numbers: endpoints, batches and users by status.

use std::collections::BTreeMap;

use axum::Json;
use mailferry_model::Result;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Context,
    problem::Problem,
    view::{Around, BatchView, EndpointView},
};

/// The whole in a few numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) endpoints: usize,
    /// Endpoints that wait for a person.
    pub(crate) needs_to_connect: Vec<String>,
    /// Batches by status.
    pub(crate) batches: BTreeMap<String, usize>,
    /// Users by status.
    pub(crate) users: BTreeMap<String, usize>,
}

/// Endpoints, batches and users by status
#[utoipa::path(get, path = "/status", operation_id = "getStatus", tag = "service", responses((status = 200, description = "The numbers", body = Status)))]
pub(crate) async fn status(context: Context) -> std::result::Result<Json<Status>, Problem> {
    Ok(Json(status_of(&context).await?.0))
}

/// The numbers, and what they are made of.
pub(crate) async fn status_of(context: &Context) -> Result<(Status, Vec<EndpointView>, Vec<BatchView>)> {
    let all = context.store.batches().await?;
    let (mut batches, mut users) = (BTreeMap::new(), BTreeMap::new());
    let mut batch_views = Vec::new();
    for batch in &all {
        *batches.entry(format!("{:?}", batch.status)).or_default() += 1;
        for user in context.store.users(batch.id).await? {
            *users.entry(format!("{:?}", user.status)).or_default() += 1;
        }
        batch_views.push(BatchView::of(context, batch.clone()).await?);
    }
    let around = Around::of(context, &all).await?;
    let (mut endpoint_views, mut needs_to_connect) = (Vec::new(), Vec::new());
    for endpoint in context.store.endpoints().await? {
        if endpoint.needs_to_connect.is_some() {
            needs_to_connect.push(endpoint.name.clone());
        }
        endpoint_views.push(EndpointView::of(context, endpoint, &around).await?);
    }
    let status = Status { endpoints: endpoint_views.len(), needs_to_connect, batches, users };
    Ok((status, endpoint_views, batch_views))
}
