//! Who may do what: one table of all routes. What is not in it is refused, and a test compares it with the routes.

use axum::http::Method;
use mailferry_model::account::Role;

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: it tells nothing, or is the way in.
    Anybody,
    /// This role, or one that may more.
    From(Role),
}

use Access::{Anybody, From};
use Role::{Administrator, Operator, Viewer};

/// Method, path below the prefix, and who may.
pub const ACCESS: &[(&str, &str, Access)] = &[
    ("GET", "/health", Anybody),
    ("GET", "/version", Anybody),
    ("GET", "/openapi.json", Anybody),
    ("GET", "/setup", Anybody),
    ("POST", "/setup", Anybody),
    ("POST", "/sessions", Anybody),
    ("GET", "/status", From(Viewer)),
    ("GET", "/metrics", From(Viewer)),
    ("GET", "/events", From(Viewer)),
    ("GET", "/kinds", From(Viewer)),
    ("GET", "/kinds/{kind}", From(Viewer)),
    ("GET", "/kinds/{kind}/guide", From(Viewer)),
    ("GET", "/codes", From(Viewer)),
    ("GET", "/codes/{code}", From(Viewer)),
    ("GET", "/config", From(Viewer)),
    ("PATCH", "/config", From(Administrator)),
    ("GET", "/channels", From(Operator)),
    ("POST", "/channels", From(Administrator)),
    ("GET", "/channels/{name}", From(Operator)),
    ("PATCH", "/channels/{name}", From(Administrator)),
    ("DELETE", "/channels/{name}", From(Administrator)),
    ("POST", "/channels/{name}/test", From(Administrator)),
    ("POST", "/channels/{name}/rotate", From(Administrator)),
    ("GET", "/channels/{name}/deliveries", From(Operator)),
    ("GET", "/endpoints", From(Viewer)),
    ("POST", "/endpoints", From(Operator)),
    ("GET", "/endpoints/{name}", From(Viewer)),
    ("PATCH", "/endpoints/{name}", From(Operator)),
    ("DELETE", "/endpoints/{name}", From(Operator)),
    ("GET", "/endpoints/{name}/test", From(Viewer)),
    ("POST", "/endpoints/{name}/replace", From(Operator)),
    ("GET", "/endpoint-tests", From(Viewer)),
    ("POST", "/endpoint-tests", From(Operator)),
    ("GET", "/endpoint-tests/{id}", From(Viewer)),
    ("GET", "/batches", From(Viewer)),
    ("POST", "/batches", From(Operator)),
    ("GET", "/batches/{name}", From(Viewer)),
    ("PATCH", "/batches/{name}", From(Operator)),
    ("DELETE", "/batches/{name}", From(Operator)),
    ("GET", "/batches/{name}/report", From(Viewer)),
    ("GET", "/batches/{name}/reports/{file}", From(Viewer)),
    ("GET", "/batches/{name}/completion", From(Viewer)),
    ("GET", "/batches/{name}/users", From(Viewer)),
    ("POST", "/batches/{name}/users", From(Operator)),
    ("GET", "/batches/{name}/users/{address}", From(Viewer)),
    ("PATCH", "/batches/{name}/users/{address}", From(Operator)),
    ("DELETE", "/batches/{name}/users/{address}", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/start", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/retry", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/sync", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/stop", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/move", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/complete", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/sign-off", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/accept", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/approve", From(Operator)),
    ("POST", "/batches/{name}/users/{address}/unapprove", From(Operator)),
    ("GET", "/batches/{name}/work", From(Viewer)),
    ("POST", "/batches/{name}/start", From(Operator)),
    ("POST", "/batches/{name}/sync", From(Operator)),
    ("POST", "/batches/{name}/complete", From(Operator)),
    ("POST", "/batches/{name}/stop", From(Operator)),
    ("POST", "/batches/{name}/accept", From(Operator)),
    ("POST", "/batches/{name}/rollback", From(Operator)),
    ("POST", "/batches/{name}/messages", From(Viewer)),
    ("POST", "/batches/{name}/approve", From(Operator)),
    ("POST", "/batches/{name}/unapprove", From(Operator)),
    ("GET", "/verifications", From(Viewer)),
    ("POST", "/verifications", From(Operator)),
    ("GET", "/verifications/{id}", From(Viewer)),
    ("DELETE", "/verifications/{id}", From(Operator)),
    ("GET", "/domains", From(Viewer)),
    ("POST", "/domains", From(Operator)),
    ("GET", "/domains/{name}", From(Viewer)),
    ("DELETE", "/domains/{name}", From(Operator)),
    ("GET", "/scans", From(Viewer)),
    ("POST", "/scans", From(Operator)),
    ("GET", "/scans/{id}", From(Viewer)),
    ("DELETE", "/scans/{id}", From(Operator)),
    ("GET", "/scans/{id}/mailboxes", From(Viewer)),
    ("GET", "/scans/{id}/plan", From(Viewer)),
    ("POST", "/scans/{id}/stop", From(Operator)),
    ("POST", "/scans/{id}/resume", From(Operator)),
    ("GET", "/stalls", From(Viewer)),
    ("GET", "/messages", From(Viewer)),
    ("GET", "/messages/{kind}", From(Viewer)),
    ("GET", "/readiness", From(Viewer)),
    ("POST", "/readiness/{point}/tick", From(Operator)),
    ("GET", "/users", From(Viewer)),
    ("GET", "/users/{address}", From(Viewer)),
    ("GET", "/users/{address}/reports", From(Viewer)),
    ("GET", "/items", From(Viewer)),
    ("GET", "/work", From(Viewer)),
    ("GET", "/reports", From(Viewer)),
    ("GET", "/me", From(Viewer)),
    ("PUT", "/me/password", From(Viewer)),
    ("POST", "/me/second-factor", From(Viewer)),
    ("PUT", "/me/second-factor", From(Viewer)),
    ("DELETE", "/me/second-factor", From(Viewer)),
    ("GET", "/sessions", From(Viewer)),
    ("DELETE", "/sessions/current", From(Viewer)),
    ("DELETE", "/sessions/{id}", From(Viewer)),
    ("GET", "/tokens", From(Viewer)),
    ("POST", "/tokens", From(Viewer)),
    ("DELETE", "/tokens/{id}", From(Viewer)),
    ("GET", "/accounts", From(Administrator)),
    ("POST", "/accounts", From(Administrator)),
    ("GET", "/accounts/{name}", From(Administrator)),
    ("PATCH", "/accounts/{name}", From(Administrator)),
    ("DELETE", "/accounts/{name}", From(Administrator)),
    ("GET", "/audit", From(Administrator)),
    ("GET", "/audit/verification", From(Administrator)),
];

/// What a route asks for; `None` if the table does not have it.
pub(crate) fn of(method: &Method, path: &str) -> Option<Access> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    ACCESS.iter().find(|(m, p, _)| *m == method && *p == path).map(|(_, _, access)| *access)
}

/// The methods that a path has.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    ACCESS.iter().filter(|(_, p, _)| *p == path).map(|(m, _, _)| *m).collect()
}
