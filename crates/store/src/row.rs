//! What the nouns share: JSON documents, names that compare without case, version checks.

use mailferry_model::{Error, Kind, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::sql::{Row, refuse};

/// A noun as JSON. A NUL inside is escaped by JSON itself.
pub(crate) fn to_doc<T: Serialize>(op: &'static str, noun: &T) -> Result<String> {
    serde_json::to_string(noun).map_err(|e| refuse(Kind::Bug, op, e.to_string()))
}

/// A noun from JSON.
pub(crate) fn from_doc<T: DeserializeOwned>(op: &'static str, doc: &str) -> Result<T> {
    serde_json::from_str(doc)
        .map_err(|e| refuse(Kind::Malformed, op, format!("a row of the store is damaged: {e}")))
}

/// A name as it is compared: without case. One with a NUL is refused, because PostgreSQL has none.
pub(crate) fn name_key(op: &'static str, name: &str) -> Result<String> {
    if name.contains('\0') {
        return Err(refuse(Kind::Malformed, op, "a name must not contain NUL"));
    }
    Ok(name.to_lowercase())
}

/// A count as the database counts it.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A version as the database counts it.
pub(crate) fn version(op: &'static str, version: u64) -> Result<i64> {
    i64::try_from(version).map_err(|_| refuse(Kind::Malformed, op, "the version is too large"))
}

/// Why a write by version changed no row: `known` is the row with that id, if there is one.
pub(crate) fn stale(op: &'static str, known: Option<Row>, noun: &str, name: &str) -> Error {
    match known {
        Some(_) => {
            refuse(Kind::Conflict, op, format!("{noun} {name:?} was changed meanwhile: read it again"))
        }
        None => refuse(Kind::NotFound, op, format!("there is no {noun} {name:?}")),
    }
}
