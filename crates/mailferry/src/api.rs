//! The router, asked as everybody asks it: with JSON. In the same process, or at a service.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use mailferry_server::{PREFIX, Problem};
use serde_json::Value;
use tower::ServiceExt;

use crate::{exit::Failure, remote::Remote};

/// The API.
#[derive(Clone)]
pub struct Api(Place);

#[derive(Clone)]
enum Place {
    Here(Router),
    There(Box<Remote>),
}

impl Api {
    /// Over a router in this process.
    pub fn of(router: Router) -> Self {
        Self(Place::Here(router))
    }

    /// At a service.
    pub fn at(remote: Remote) -> Self {
        Self(Place::There(Box::new(remote)))
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// Asks for something to be made or done.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Sends a request; a problem in its answer is a failure.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let router = match &self.0 {
            Place::There(remote) => return remote.call(method, &format!("{PREFIX}{path}"), body).await,
            Place::Here(router) => router.clone(),
        };
        let broken = |what: &dyn std::fmt::Display| Failure::own(format!("the router: {what}"));
        let request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |b| Body::from(b.to_string())))
            .map_err(|e| broken(&e))?;
        let answer = router.oneshot(request).await.map_err(|e| broken(&e))?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|e| broken(&e))?.to_bytes();
        answered(status, &bytes, |what| broken(&what))
    }
}

/// What an answer says: a document, nothing, or a problem; `strange` is what it means if it is none of these.
pub fn answered(
    status: StatusCode,
    bytes: &[u8],
    strange: impl Fn(String) -> Failure,
) -> Result<Value, Failure> {
    if status.is_success() {
        return match bytes.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(bytes).map_err(|e| strange(e.to_string())),
        };
    }
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) => Err(Failure::Problem(Box::new(problem))),
        Err(_) => Err(strange(status.to_string())),
    }
}

/// A name as one segment of a path.
pub fn segment(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
