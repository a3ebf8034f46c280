//! Versions as HTTP has them: `ETag` with an answer, `If-Match` with a change.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use mailferry_model::{Kind, Result as Done};
use serde::Serialize;

use crate::problem::Problem;

/// An answer with the version of what it shows.
pub(crate) struct Versioned<T> {
    pub status: StatusCode,
    pub version: u64,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let tag = format!("\"{}\"", self.version);
        (self.status, [(header::ETAG, tag)], Json(self.body)).into_response()
    }
}

/// The versions that a change was made for.
#[derive(Default)]
pub(crate) struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let all = parts.headers.get_all(header::IF_MATCH).into_iter();
        let words: Vec<&str> = all.map(|value| value.to_str().unwrap_or("?")).collect();
        Ok(Self((!words.is_empty()).then(|| words.join(","))))
    }
}

impl IfMatch {
    /// Fails unless the version that stands is one of them.
    // RFC 9110 §13.1.1
    pub fn check(&self, version: u64) -> Result<(), Problem> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let ours = format!("\"{version}\"");
        match tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == ours) {
            true => Ok(()),
            false => Err(failed(format!("It has version {version} now."))),
        }
    }

    /// What a write came to: somebody who was quicker has made another version of what was checked before.
    // RFC 9110 §13.1.1: also of two that come at once, only one meets the version that it names.
    pub fn kept<T>(&self, written: Done<T>) -> Result<T, Problem> {
        let names_one = self.0.as_ref().is_some_and(|tags| tags.split(',').all(|tag| tag.trim() != "*"));
        match written {
            Err(error) if names_one && error.kind() == Kind::Conflict => {
                Err(failed("It was changed in the same moment.".to_owned()))
            }
            other => Ok(other?),
        }
    }
}

fn failed(detail: String) -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "REQUEST_PRECONDITION", detail)
}
