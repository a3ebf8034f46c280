//! What every answer goes through: faults become problems, browsers are told what not to do, a panic ends one
//! request alone.

use std::panic::AssertUnwindSafe;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use crate::{Context, door::Door, problem::Problem};

/// What browsers are told, with every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: then a browser sends no origin with the forms of our own page.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Runs the rest and mends its answer.
pub(crate) async fn answer(State(context): State<Context>, request: Request, next: Next) -> Response {
    let Door::Listening(_) = &context.door else { return problems(next.run(request).await, None).await };
    let id = context.store.new_id().to_string();
    let method = request.method().clone();
    let ran = match method.is_safe() {
        true => AssertUnwindSafe(next.run(request)).catch_unwind().await.ok(),
        // What writes is carried to its end, also when whoever asked is gone.
        false => tokio::spawn(next.run(request)).await.ok(),
    };
    let answer = ran.unwrap_or_else(|| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "OWN_BUG", "The request met a fault of ours.")
            .into_response()
    });
    let mut answer = problems(answer, Some(&id)).await;
    tracing::debug!(request = id, %method, status = answer.status().as_u16(), "answered");
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    answer
}

/// Refusals in plain words become problems, and each gets the number under which it stands in the log.
async fn problems(answer: Response, id: Option<&str>) -> Response {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let known = parts.extensions.remove::<Problem>();
    let problem = match known {
        Some(problem) => problem,
        None => {
            let words = to_bytes(body, 64 << 10).await.unwrap_or_default();
            of_words(status, String::from_utf8_lossy(&words).into_owned())
        }
    };
    let problem = Problem { correlation_id: id.map(str::to_owned), ..problem };
    if status.is_server_error() {
        tracing::error!(code = problem.code, request = id, "a request failed");
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(parts, Body::from(body))
}

fn of_words(status: StatusCode, words: String) -> Problem {
    let code = match status {
        StatusCode::NOT_FOUND => "REQUEST_NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "REQUEST_METHOD",
        StatusCode::PAYLOAD_TOO_LARGE => "REQUEST_TOO_LARGE",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "REQUEST_TYPE",
        _ if status.is_client_error() => "REQUEST_MALFORMED",
        _ => "OWN_BUG",
    };
    let words = if words.trim().is_empty() { status.to_string() } else { words };
    Problem::new(status, code, words)
}
