//! The store and its key: there, sound, of a version that this program knows, opened by the key.

use std::path::Path;

use mailferry_model::secret::Secret;
use mailferry_store::{DATABASE, MasterKey, look};

use super::{Outcome, Row};
use crate::{cmd::backup::place_of, database, instance};

/// The rows about them.
pub async fn rows(folder: &Path) -> Vec<Row> {
    let file = folder.join(DATABASE);
    let has_store = file.exists();
    let (key, first) = key(folder, has_store);
    let mut rows = vec![first];
    if !has_store {
        rows.push(Row::ok("store", "none yet: it is made on first use"));
        return rows;
    }
    let looked = match look(&file, key.as_ref()).await {
        Ok(looked) => looked,
        Err(e) => {
            rows.push(Row::bad(Outcome::Fail, "store", "DOCTOR_STORE_DAMAGED", e.context()));
            return rows;
        }
    };
    let (schema, newest) = (looked.schema, looked.newest);
    rows.push(match looked.faults.first() {
        None => Row::ok("store", "sound"),
        Some(fault) => Row::bad(Outcome::Fail, "store", "DOCTOR_STORE_DAMAGED", fault.clone()),
    });
    rows.push(judged(schema, newest));
    if looked.foreign > 0 {
        let found = format!("secrets that it does not open: {}", looked.foreign);
        rows[0] = Row::bad(Outcome::Fail, "master key", "DOCTOR_OTHER_KEY", found);
    }
    rows
}

/// The rows about a shared store.
pub async fn shared_rows(folder: &Path, url: &Secret<String>) -> Vec<Row> {
    let known = instance::known_key(folder);
    let found = database::look(url, known.as_ref().ok().and_then(|k| k.as_ref()).map(|(key, _)| key)).await;
    let is_keyed = found.as_ref().is_ok_and(|shared| shared.is_keyed);
    let mut rows = vec![key(folder, is_keyed).1];
    match found {
        Err(e) => {
            let code = if e.code() == "STORE_URL" { "STORE_URL" } else { "DATABASE_UNREACHABLE" };
            let found = format!("{}: {}", database::shown(url), e.context());
            rows.push(Row::bad(Outcome::Fail, "store", code, found));
        }
        Ok(shared) => {
            let found = format!("{}, PostgreSQL {}", database::shown(url), shared.server);
            rows.push(Row::ok("store", found));
            rows.push(match shared.schema {
                0 => Row::ok("schema", "none yet: it is made on first use"),
                schema => judged(schema, shared.newest),
            });
            if shared.is_foreign {
                let found = "another one than that of the store";
                rows[0] = Row::bad(Outcome::Fail, "master key", "STORE_OTHER_KEY", found);
            }
        }
    }
    rows
}

/// Whether this program and the store go together.
fn judged(schema: i64, newest: i64) -> Row {
    match schema {
        n if n > newest => {
            let found = format!("{n}; this program knows {newest}");
            Row::bad(Outcome::Fail, "schema", "STORE_NEWER", found)
        }
        n if n < newest => Row::ok("schema", format!("{n}; the next command brings it to {newest}")),
        n => Row::ok("schema", n.to_string()),
    }
}

fn key(folder: &Path, has_store: bool) -> (Option<MasterKey>, Row) {
    let check = "master key";
    match instance::known_key(folder) {
        Ok(Some((key, place))) => (Some(key), Row::ok(check, place_of(&place))),
        Ok(None) if has_store => (None, Row::bad(Outcome::Fail, check, "DOCTOR_NO_KEY", "there is none")),
        Ok(None) => (None, Row::ok(check, "none yet: it is made on first use")),
        Err(e) => (None, Row::bad(Outcome::Fail, check, "DOCTOR_KEY_UNUSABLE", e.sentence())),
    }
}
