//! What a query may name: what the document says of the route. A misspelt filter is refused, not passed over: else a
//! list of all would be taken for what was asked for.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use axum::{
    extract::{MatchedPath, Query, Request, State},
    http::{Method, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utoipa::openapi::{OpenApi as Document, RefOr, path::ParameterIn};

use crate::{openapi::operations, problem::Problem};

/// The names that each route knows.
#[derive(Clone)]
pub(crate) struct Names(Arc<HashMap<String, HashMap<&'static str, BTreeSet<String>>>>);

impl Names {
    /// As the document has them.
    pub fn of(mut document: Document) -> Self {
        let of_item = |item| {
            let all = operations(item).into_iter().map(|(method, operation)| {
                let parameters = operation.parameters.iter().flatten().filter_map(|p| match p {
                    RefOr::T(parameter) => Some(parameter),
                    RefOr::Ref(_) => None,
                });
                let named = parameters.filter(|p| p.parameter_in == ParameterIn::Query);
                (method, named.map(|p| p.name.clone()).collect())
            });
            all.collect()
        };
        let paths = document.paths.paths.iter_mut();
        Self(Arc::new(paths.map(|(path, item)| (path.clone(), of_item(item))).collect()))
    }

    fn check(&self, method: &Method, path: &str, uri: &Uri) -> Result<(), Problem> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        let Some(known) = self.0.get(path).and_then(|methods| methods.get(method)) else { return Ok(()) };
        let asked = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(asked) = asked.map_err(|e| Problem::refused("REQUEST_MALFORMED", e.body_text()))?;
        let Some((stranger, _)) = asked.iter().find(|(name, _)| !known.contains(name)) else { return Ok(()) };
        let there = match known.is_empty() {
            true => "there is none".to_owned(),
            false => format!("there is {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
        };
        let text = format!("This address knows no query parameter {stranger:?}; {there}.");
        Err(Problem::refused("REQUEST_MALFORMED", text))
    }
}

/// Lets through what names nothing but known parameters.
pub(crate) async fn admit(State(names): State<Names>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    match names.check(request.method(), path, request.uri()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
