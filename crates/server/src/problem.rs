//! Problems: what a request that failed is answered with, as RFC 9457 has it.

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use mailferry_model::{Error, Kind, Side, catalogue, csv::Rejected, intent::Refused, words::quoted};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Catalogue code.
    pub code: String,
    /// The catalogue's title.
    pub title: String,
    /// This case, in one sentence.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do, each to be done by itself.
    pub fix: Vec<String>,
    /// Where to read on.
    pub docs: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Finds this answer in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What stands in the way, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<String>,
    /// Faulty rows of a CSV.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowProblem>,
    /// Headers that go with it.
    #[serde(skip)]
    pub headers: Headers,
}

/// Headers that go with a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    retry_after: Option<u64>,
    allow: Option<String>,
}

/// A faulty row of a CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// The line of the file.
    pub row_number: u64,
    /// Catalogue code.
    pub error_code: String,
    /// One sentence.
    pub error_message: String,
    /// What to do.
    pub suggestion: String,
}

impl RowProblem {
    /// A rejected row, without its cells.
    pub(crate) fn of(row: &Rejected) -> Self {
        Self {
            row_number: row.number,
            error_code: row.code.to_owned(),
            error_message: row.message.clone(),
            suggestion: row.suggestion.clone(),
        }
    }
}

impl Problem {
    /// A problem with the words of the catalogue.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let entry = catalogue::find(code);
        Self {
            code: code.to_owned(),
            title: entry.map_or_else(|| code.to_owned(), |e| e.title.clone()),
            detail: detail.into(),
            status: status.as_u16(),
            fix: entry.map(|e| e.fix.clone()).unwrap_or_default(),
            docs: format!("mailferry explain {code}"),
            retryable: entry.is_some_and(|e| e.retryable),
            correlation_id: None,
            blockers: Vec::new(),
            rows: Vec::new(),
            headers: Headers::default(),
        }
    }

    /// A method that a path does not have.
    pub(crate) fn method(method: &Method, allowed: &[&str]) -> Self {
        let allow = allowed.join(", ");
        let detail = format!("There is no {method} here, but {allow}.");
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "REQUEST_METHOD", detail);
        problem.headers.allow = Some(allow);
        problem
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.headers.retry_after = Some(seconds);
        self
    }

    /// A request that cannot be understood or used.
    pub fn refused(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// A request that does not fit what there is.
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// What does not apply to a batch, or to one of its users, as it is.
    pub(crate) fn wrong_state(refused: Refused, batch: &str) -> Self {
        Self::conflict("WRONG_STATE", refused.detail).naming("batch", batch).blocked_by(refused.blockers)
    }

    /// The same with a name where remedies speak of such a noun (`endpoint`, `batch`).
    #[must_use]
    pub(crate) fn naming(mut self, noun: &str, name: &str) -> Self {
        let quoted = quoted(name);
        for fix in &mut self.fix {
            let words: Vec<&str> = fix.split(' ').collect();
            let place =
                (2..words.len()).find(|n| words[n - 2] == noun && words[*n].trim_end_matches(',') == "NAME");
            if let Some(n) = place {
                let mut words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
                words[n] = words[n].replace("NAME", &quoted);
                *fix = words.join(" ");
            }
        }
        self
    }

    /// The same with remedies that know more than the catalogue.
    #[must_use]
    pub(crate) fn mended_by(self, fix: Vec<String>) -> Self {
        Self { fix, ..self }
    }

    /// The same with what stands in the way.
    #[must_use]
    pub fn blocked_by(mut self, blockers: Vec<String>) -> Self {
        self.blockers = blockers;
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match (error.side(), error.kind()) {
            (Side::Us, Kind::NotFound) => StatusCode::NOT_FOUND,
            (Side::Us, Kind::AlreadyExists | Kind::Conflict | Kind::Locked) => StatusCode::CONFLICT,
            (Side::Us, Kind::Busy | Kind::Throttled | Kind::Timeout) => StatusCode::SERVICE_UNAVAILABLE,
            (Side::Us, Kind::QuotaExceeded) => StatusCode::INSUFFICIENT_STORAGE,
            (Side::Us, Kind::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            (Side::Us, Kind::Malformed | Kind::Unsupported) => StatusCode::UNPROCESSABLE_ENTITY,
            (Side::Us, _) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, &error.code(), error.context())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut answer = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = answer.headers_mut();
        if let Some(seconds) = self.headers.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.headers.allow.as_ref().and_then(|a| HeaderValue::from_str(a).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For the guard, which adds the number under which it stands in the log.
        answer.extensions_mut().insert(self);
        answer
    }
}
