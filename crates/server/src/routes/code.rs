//! What codes and states mean: the catalogue.

use axum::{Json, extract::Path, http::StatusCode};
use mailferry_model::catalogue::{self, Entry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    page::{Page, PageQuery, Part},
    problem::Problem,
};

/// What there is to say about a code.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Code {
    code: String,
    title: String,
    cause: String,
    /// What to do, each to be done by itself.
    fix: Vec<String>,
    /// Whether the same may succeed later without anybody doing anything.
    retryable: bool,
    /// Of a stall: after so many seconds somebody has to look.
    #[serde(rename = "escalateAfterSeconds")]
    escalate_after: Option<u32>,
    /// What to do then.
    #[serde(rename = "nextStep")]
    next_step: Option<String>,
    /// Whether only Microsoft's own service can know it.
    #[serde(rename = "onlyMicrosoft")]
    only_microsoft: bool,
}

impl Code {
    fn of(entry: &Entry) -> Self {
        let Entry { code, title, cause, fix, retryable, escalate_after, next_step, only_microsoft, .. } =
            entry.clone();
        Self { code, title, cause, fix, retryable, escalate_after, next_step, only_microsoft }
    }
}

/// All codes and states with cause and fix
#[utoipa::path(get, path = "/codes", operation_id = "listCodes", tag = "codes", params(PageQuery), responses((status = 200, description = "The catalogue", body = Vec<Code>)))]
pub(crate) async fn list(page: Page) -> Result<Part<Code>, Problem> {
    page.cut_by_place(catalogue::entries().iter().map(Code::of).collect())
}

/// What a code or a state means, and what to do
#[utoipa::path(get, path = "/codes/{code}", operation_id = "getCode", tag = "codes", params(("code" = String, Path, description = "Without regard to case")), responses((status = 200, description = "The entry", body = Code)))]
pub(crate) async fn show(Path(code): Path<String>) -> Result<Json<Code>, Problem> {
    let unknown = || {
        let detail = format!("There is no code {code}.");
        Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail)
    };
    catalogue::find(&code).map(|entry| Json(Code::of(entry))).ok_or_else(unknown)
}
