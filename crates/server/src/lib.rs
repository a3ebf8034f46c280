//! One router for command line, API and admin centre. Listens nowhere and signs nobody in yet.
//!
//! It checks requests and writes what is wanted through the store; it moves nothing itself, and knows neither
//! engine nor connectors: what kinds of systems there are is given to it as manifests. The command line calls
//! it in its own process.

#![expect(clippy::result_large_err, reason = "a problem is made once for a request that failed")]

mod intent;
mod problem;
mod routes;
mod view;

use std::sync::Arc;

use axum::Router;
use mailferry_model::{
    port::{Clock, Reports, Store},
    settings::Manifest,
};

pub use problem::Problem;

/// The prefix of all routes.
pub const PREFIX: &str = "/api/v1";

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
    /// Who asks: for the audit trail.
    pub actor: String,
    /// Wakes workers: something is wanted.
    pub bell: Arc<dyn Fn() + Send + Sync>,
}

/// The router.
pub fn router(context: Context) -> Router {
    Router::new().nest(PREFIX, routes::all()).fallback(routes::nothing_here).with_state(context)
}
