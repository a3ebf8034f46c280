//! Lists in parts: `limit` and `cursor` ask for one, a `Link` header names the next. Without them a list is whole.

use axum::{
    Json,
    extract::{FromRequestParts, Query},
    http::{Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::problem::Problem;

/// The most rows that one part may have.
const MOST: usize = 1000;

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many rows, 1 to 1000; all without it.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Go on behind what an earlier answer's `Link` header names as next.
    cursor: Option<String>,
}

/// Which part of a list, and by which address it was asked for.
pub(crate) struct Page {
    wanted: PageQuery,
    uri: Uri,
}

/// A part of a list.
pub(crate) struct Part<T> {
    rows: Vec<T>,
    next: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<PageQuery>::from_request_parts(parts, state).await;
        let Query(wanted) = query.map_err(|e| Problem::refused("REQUEST_MALFORMED", e.body_text()))?;
        if wanted.limit.is_some_and(|limit| !(1..=MOST).contains(&limit)) {
            return Err(Problem::refused("REQUEST_MALFORMED", format!("limit is 1 to {MOST}.")));
        }
        Ok(Self { wanted, uri: parts.uri.clone() })
    }
}

impl Page {
    /// The part of a list whose rows have keys of their own; the list is in order of the keys.
    pub fn cut<T>(self, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Result<Part<T>, Problem> {
        if self.wanted.limit.is_none() && self.wanted.cursor.is_none() {
            return Ok(Part { rows, next: None });
        }
        if let Some(cursor) = &self.wanted.cursor {
            let after = self.key_of(cursor)?;
            rows.retain(|row| key(row) > after);
        }
        let limit = self.wanted.limit.unwrap_or(MOST);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| self.next(&key(last), limit));
        Ok(Part { rows, next })
    }

    /// The same for rows that have nothing but their place.
    pub fn cut_by_place<T>(self, rows: Vec<T>) -> Result<Part<T>, Problem> {
        let placed = rows.into_iter().enumerate().collect();
        let part = self.cut(placed, |(place, _)| format!("{place:010}"))?;
        Ok(Part { rows: part.rows.into_iter().map(|(_, row)| row).collect(), next: part.next })
    }

    fn key_of(&self, cursor: &str) -> Result<String, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        key.ok_or_else(|| Problem::refused("REQUEST_MALFORMED", "The cursor is none of ours."))
    }

    /// The address of what follows: the same with another cursor.
    fn next(&self, key: &str, limit: usize) -> String {
        let kept = self.uri.query().unwrap_or_default().split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && name != "cursor" && name != "limit"
        });
        let mut query: Vec<String> = kept.map(str::to_owned).collect();
        query.push(format!("limit={limit}"));
        query.push(format!("cursor={}", URL_SAFE_NO_PAD.encode(key)));
        // Relative to the address that was asked for. RFC 8288 §3.1
        format!("<?{}>; rel=\"next\"", query.join("&"))
    }
}

impl<T: Serialize> IntoResponse for Part<T> {
    fn into_response(self) -> Response {
        match self.next {
            Some(next) => ([(header::LINK, next)], Json(self.rows)).into_response(),
            None => Json(self.rows).into_response(),
        }
    }
}
