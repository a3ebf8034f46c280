//! Numbers for monitoring: below the prefix as all routes, and at `/metrics`, where monitoring looks by itself.

use axum::{
    extract::State,
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{
    Context,
    door::{self, Door},
    metrics::{Syntax, metrics},
    problem::Problem,
};

/// Numbers for Prometheus
///
/// OpenMetrics where `Accept` asks for it, else the text format 0.0.4. The same is at `/metrics`.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "service", responses((status = 200, description = "The numbers", content((String = "text/plain"), (String = "application/openmetrics-text")))))]
pub(crate) async fn show(context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    answered(&context, &headers).await
}

/// The same without the prefix: for whoever may sign in as a viewer, or anybody where the service was started so.
pub(crate) async fn plain(State(context): State<Context>, request: Parts) -> Result<Response, Problem> {
    if let Door::Listening(keeper) = &context.door
        && !keeper.open_metrics
    {
        // A viewer is the least that anybody who signs in can be.
        door::caller(&context, keeper, &request).await?;
    }
    answered(&context, &request.headers).await
}

async fn answered(context: &Context, headers: &HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let syntax = Syntax::of(accept);
    let text = metrics(context, syntax).await?;
    Ok(([(header::CONTENT_TYPE, syntax.content_type())], text).into_response())
}
