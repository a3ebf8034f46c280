//! The router, asked as everybody asks it: with JSON. In the same process, or at a service.

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use mailferry_server::{PREFIX, Problem};
use serde_json::Value;
use tower::ServiceExt;

use crate::{exit::Failure, remote::Remote};

/// The most of a problem that is read.
const LONGEST_PROBLEM: usize = 1 << 20;

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

    /// Reads a file; `take` is given its parts in order.
    pub async fn file(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let broken = |what: &dyn std::fmt::Display| Failure::own(format!("the router: {what}"));
        let path = format!("{PREFIX}{path}");
        let router = match &self.0 {
            Place::There(remote) => return remote.file(&path, take).await,
            Place::Here(router) => router.clone(),
        };
        let request = Request::builder().uri(path).body(Body::empty()).map_err(|e| broken(&e))?;
        let answer = router.oneshot(request).await.map_err(|e| broken(&e))?;
        let status = answer.status();
        taken(status, answer.into_body(), &mut take, |what| broken(&what)).await
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

/// Gives the parts of an answer away as they come; a problem in its place is a failure.
pub async fn taken<B>(
    status: StatusCode,
    mut body: B,
    take: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    strange: impl Fn(String) -> Failure,
) -> Result<(), Failure>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + std::fmt::Display,
{
    if !status.is_success() {
        let read = http_body_util::Limited::new(body, LONGEST_PROBLEM).collect().await;
        let bytes = read.map_err(|e| strange(e.to_string()))?.to_bytes();
        return answered(status, &bytes, strange).map(drop);
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| strange(format!("it was cut off: {e}")))?;
        if let Some(part) = frame.data_ref() {
            take(part)?;
        }
    }
    Ok(())
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
