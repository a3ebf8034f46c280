//! The store and its key: there, sound, of a version that this program knows, opened by the key.

use std::path::Path;

use mailferry_store::{DATABASE, MasterKey, look};

use super::{Outcome, Row};
use crate::{cmd::backup::place_of, instance};

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
    rows.push(match schema {
        n if n > newest => {
            let found = format!("{n}; this program knows {newest}");
            Row::bad(Outcome::Fail, "schema", "STORE_NEWER", found)
        }
        n if n < newest => Row::ok("schema", format!("{n}; the next command brings it to {newest}")),
        n => Row::ok("schema", n.to_string()),
    });
    if looked.foreign > 0 {
        let found = format!("secrets that it does not open: {}", looked.foreign);
        rows[0] = Row::bad(Outcome::Fail, "master key", "DOCTOR_OTHER_KEY", found);
    }
    rows
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
