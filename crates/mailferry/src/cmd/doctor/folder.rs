//! The data folder: whether it is there, private, writable, and has room.

use std::{io::ErrorKind, os::unix::fs::MetadataExt, path::Path};

use mailferry_store::DATABASE;
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};

use super::{Outcome, Row};
use crate::{archive::REPORTS, out, room};

/// Less is not enough for anything.
const LITTLE_BYTES: u64 = 200 << 20;
/// Less may not be enough for a large migration's ledger.
const SMALL_BYTES: u64 = 2 << 30;

/// The rows about it.
pub fn rows(folder: &Path) -> Vec<Row> {
    let shown = folder.display().to_string();
    let check = "data folder";
    let facts = [("folder", shown.clone())];
    match folder.metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let found = format!("{shown} is not there yet");
            let mut rows = vec![Row::bad(Outcome::Warn, check, "DOCTOR_NO_FOLDER", found)];
            let above = folder.ancestors().find(|f| f.exists());
            rows.extend(above.map(room));
            return rows;
        }
        Err(e) => {
            return vec![Row::with(Outcome::Fail, check, "DOCTOR_FOLDER_UNUSABLE", e.to_string(), &facts)];
        }
        Ok(m) if !m.is_dir() => {
            let found = format!("{shown} is not a folder");
            return vec![Row::with(Outcome::Fail, check, "DOCTOR_FOLDER_UNUSABLE", found, &facts)];
        }
        Ok(_) => {}
    }
    let usable = match room::trial(folder) {
        Ok(()) => Row::ok(check, shown),
        Err(e) if is_full(e.kind()) => {
            Row::with(Outcome::Fail, check, "DOCTOR_DISK_FULL", format!("{shown}: {e}"), &facts)
        }
        Err(e) => Row::with(Outcome::Fail, check, "DOCTOR_FOLDER_UNUSABLE", format!("{shown}: {e}"), &facts),
    };
    vec![usable, room(folder), private(folder)]
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// Bytes and files that still fit.
fn room(folder: &Path) -> Row {
    let check = "disk";
    let Ok(disk) = statvfs(folder) else {
        return Row::bad(Outcome::Warn, check, "DOCTOR_DISK_FULL", "its room cannot be told");
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{} free", out::bytes(free));
    if let Some(most) = getrlimit(Resource::Fsize).current.filter(|most| *most < SMALL_BYTES) {
        let outcome = if most < LITTLE_BYTES { Outcome::Fail } else { Outcome::Warn };
        let found = format!("{found}, but a file may have {} at most (ulimit -f)", out::bytes(most));
        return Row::bad(outcome, check, "DOCTOR_FILES_LIMITED", found);
    }
    // Some file systems make room for files as they go and tell 0 of 0.
    if disk.f_files > 0 && disk.f_favail < 1000 {
        return Row::bad(
            Outcome::Fail,
            check,
            "DOCTOR_DISK_FULL",
            format!("{found}, files: {}", disk.f_favail),
        );
    }
    match free {
        n if n < LITTLE_BYTES => Row::bad(Outcome::Fail, check, "DOCTOR_DISK_FULL", found),
        n if n < SMALL_BYTES => Row::bad(Outcome::Warn, check, "DOCTOR_DISK_SMALL", found),
        _ => Row::ok(check, found),
    }
}

/// Nobody else may read what lies here.
fn private(folder: &Path) -> Row {
    let check = "permissions";
    let mut open = Vec::new();
    for name in ["", DATABASE, "mailferry.db-wal", "mailferry.db-shm", REPORTS, crate::instance::KEY] {
        let path = folder.join(name);
        let Ok(meta) = path.metadata() else { continue };
        if meta.mode() & 0o077 != 0 {
            open.push((path.display().to_string(), meta.mode() & 0o777));
        }
    }
    let Some((first, _)) = open.first().cloned() else { return Row::ok(check, "private") };
    let found: Vec<String> = open.iter().map(|(path, mode)| format!("{path} has mode {mode:03o}")).collect();
    let outcome = match open.iter().any(|(path, _)| path.ends_with(crate::instance::KEY)) {
        true => Outcome::Fail,
        false => Outcome::Warn,
    };
    Row::with(outcome, check, "DOCTOR_OPEN_TO_OTHERS", found.join("; "), &[("path", first)])
}
