//! Requests that are carried out once however often they arrive: `Idempotency-Key`, kept for a day.

use std::panic::{AssertUnwindSafe, resume_unwind};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use jiff::SignedDuration;
use mailferry_model::account::{Answer, KeptAnswer};
use sha2::{Digest, Sha256};

use crate::{Context, PREFIX, body, door::Caller, problem::Problem};

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// What it applies to: what makes something, but for sign-ins.
pub(crate) const CREATES: [&str; 7] =
    ["/endpoints", "/endpoint-tests", "/batches", "/verifications", "/scans", "/accounts", "/tokens"];

/// Headers that belong to what was made.
const KEPT_HEADERS: [HeaderName; 2] = [header::ETAG, header::LOCATION];

/// Carries a request out, or gives the answer that it had before.
pub(crate) async fn answer(State(context): State<Context>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path).to_owned();
    let applies = request.method() == Method::POST && CREATES.contains(&path.as_str());
    let key = request.headers().get("idempotency-key").cloned();
    match key.filter(|_| applies) {
        None => next.run(request).await,
        Some(key) => match keyed(&context, &path, &key, request, next).await {
            Ok(answer) => answer,
            Err(problem) => problem.into_response(),
        },
    }
}

async fn keyed(
    context: &Context,
    path: &str,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if key.is_empty() || key.len() > 255 {
        return Err(Problem::refused("REQUEST_MALFORMED", "An Idempotency-Key has 1 to 255 characters."));
    }
    let whose = request.extensions().get::<Caller>().map(|c| c.actor.clone()).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let body = body::read(context, parts.extensions.get::<Caller>(), body).await?;
    let key = hashed(&[whose.as_bytes(), path.as_bytes(), key.as_bytes()]);
    let print = hashed(&[&body]);
    let now = context.clock.now();
    context.store.forget_answers(now - KEPT).await?;
    match context.store.begin_answer(key, print, now).await? {
        Some(KeptAnswer { request, .. }) if request != print => {
            Err(Problem::refused("REQUEST_KEY_REUSED", "This key came with another body before."))
        }
        Some(KeptAnswer { answer: None, .. }) => {
            Err(Problem::conflict("REQUEST_IN_PROGRESS", "This request has begun and not ended."))
        }
        Some(KeptAnswer { answer: Some(answer), .. }) => Ok(again(answer)),
        None => {
            let ran = next.run(Request::from_parts(parts, Body::from(body)));
            match AssertUnwindSafe(ran).catch_unwind().await {
                Ok(answer) => keep(context, key, answer).await,
                Err(panic) => {
                    context.store.forget_answer(key).await?;
                    resume_unwind(panic)
                }
            }
        }
    }
}

/// The field of an answer that is told once and kept nowhere.
const SECRET: &str = "token";

/// An answer as it may be kept: who asks again learns what was made, and not its secret.
fn without_secret(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    let Ok(mut object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) else {
        return text;
    };
    match object.remove(SECRET) {
        Some(_) => serde_json::Value::Object(object).to_string(),
        None => text,
    }
}

/// Keeps what was made; what failed may be tried again under the same key.
async fn keep(context: &Context, key: [u8; 32], answer: Response) -> Result<Response, Problem> {
    if !answer.status().is_success() {
        context.store.forget_answer(key).await?;
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let kept = Answer {
        status: parts.status.as_u16(),
        headers: KEPT_HEADERS.iter().filter_map(|name| told(&parts.headers, name)).collect(),
        body: without_secret(&body),
    };
    if let Err(error) = context.store.keep_answer(key, &kept).await {
        // What was made is made, and whoever asked shall know.
        tracing::warn!(code = error.code(), "an answer could not be kept for its key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn told(headers: &HeaderMap, name: &HeaderName) -> Option<(String, String)> {
    let value = headers.get(name)?.to_str().ok()?;
    Some((name.as_str().to_owned(), value.to_owned()))
}

fn again(kept: Answer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut answer = (status, [(header::CONTENT_TYPE, "application/json")], kept.body).into_response();
    let headers = answer.headers_mut();
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    answer
}

/// The hash of some parts; their lengths keep them apart.
fn hashed(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
