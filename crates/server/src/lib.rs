//! One router for command line, API and admin centre. Listens nowhere itself: the binary does.
//!
//! It checks requests and writes what is wanted through the store; it moves nothing itself, and knows neither
//! engine nor connectors: what kinds of systems there are is given to it as manifests. The command line calls
//! it in its own process, where nobody signs in; over the network everybody does.

#![expect(clippy::result_large_err, reason = "a problem is made once for a request that failed")]
#![expect(unused_qualifications, reason = "what the document's macros write is qualified")]

mod access;
mod body;
mod door;
mod etag;
mod guard;
mod metrics;
mod once;
mod openapi;
mod page;
mod problem;
mod query;
mod render;
mod routes;
mod shape;
mod sign_in;
mod status_page;
mod trouble;
mod view;

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state, routing::get};
use mailferry_model::{
    port::{Clock, Reports, Store},
    settings::{Manifest, Settings},
};

pub use access::{ACCESS, Access};
pub use door::{Door, Keeper, Transport};
pub use metrics::Tally;
pub use openapi::document;
pub use problem::{Headers, Problem, RowProblem};
pub use routes::fresh_setup_code;
pub use sign_in::refusals::recall_refusals;
pub use trouble::Trouble;

/// The prefix of all routes.
pub const PREFIX: &str = "/api/v1";

/// What a kind of system says is wrong with settings.
pub type Judges = Arc<dyn Fn(&str, &Settings) -> Vec<String> + Send + Sync>;

/// What the routes work with.
#[derive(Clone)]
pub struct Context {
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// The findings of last passes.
    pub reports: Arc<dyn Reports>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The kinds of systems that there are.
    pub manifests: Vec<&'static Manifest>,
    /// What the kinds of systems say of settings beyond their manifests; the network is not asked.
    pub judges: Judges,
    /// Who asks: for the audit trail.
    pub actor: String,
    /// Wakes workers: something is wanted.
    pub bell: Arc<dyn Fn() + Send + Sync>,
    /// How the router is reached.
    pub door: Door,
    /// What keeps work from being done.
    pub trouble: Trouble,
    /// What was counted for monitoring.
    pub tally: Tally,
}

/// The router.
pub fn router(context: Context) -> Router {
    let (api, document) = openapi::routes().split_for_parts();
    let api = api
        // A CSV of 10 MB, escaped as JSON text.
        .layer(axum::extract::DefaultBodyLimit::max(routes::LARGEST))
        .route_layer(from_fn_with_state(context.clone(), once::answer))
        .route_layer(from_fn_with_state(query::Names::of(document), query::admit))
        .route_layer(from_fn_with_state(context.clone(), door::admit));
    let pages = match context.door {
        Door::Inside => Router::new(),
        Door::Listening(_) => status_page::routes().route("/metrics", get(routes::metric::plain)),
    };
    Router::new()
        .merge(api)
        .merge(pages)
        .fallback(routes::nothing_here)
        .layer(from_fn_with_state(context.clone(), guard::answer))
        .with_state(context)
}
