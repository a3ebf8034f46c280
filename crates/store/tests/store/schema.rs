//! Opening: modes, newer schemas, equal columns on both engines, many at once.

use std::{collections::BTreeSet, os::unix::fs::MetadataExt};

use mailferry_model::{Kind, Side, port::Endpoints};
use mailferry_store::{MasterKey, OPEN, SqlStore};

use super::places::{KEY, Place};

#[tokio::test]
async fn folder_and_files_are_private() {
    let place = Place::sqlite();
    let _store = place.open().await;
    let mode = |path: &str| place.folder().join(path).metadata().unwrap().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for file in ["mailferry.db", "mailferry.db-wal", "mailferry.db-shm"] {
        assert_eq!(mode(&format!("data/{file}")), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    for place in Place::all().await {
        drop(place.open().await);
        place
            .tamper(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 SELECT 9999, 'future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
            )
            .await;
        let error = SqlStore::open(&place.location, MasterKey::from_text(KEY).unwrap()).await.err().unwrap();
        assert_eq!((error.kind(), error.side(), error.op()), (Kind::Conflict, Side::Us, OPEN), "{place}");
        assert!(error.context().contains("newer") && error.context().contains("9999"), "{place}: {error}");
        place.tamper("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
        place.open().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_open_an_empty_store_at_once() {
    for place in Place::all().await {
        let place = std::sync::Arc::new(place);
        let all: Vec<_> = (0..8)
            .map(|_| {
                let place = place.clone();
                tokio::spawn(async move { place.open().await.endpoints().await.unwrap() })
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
    }
}

#[test]
fn both_engines_have_the_same_tables_and_columns() {
    let columns = |text: &str| {
        let mut found = BTreeSet::new();
        let mut table = "";
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["CREATE", "TABLE", name, ..] => table = name,
                [name, kind, ref rest @ ..] if line.starts_with("    ") && name.to_lowercase() == name => {
                    let kind = kind.trim_end_matches(',').replace("BYTEA", "BLOB");
                    let null = !rest.contains(&"NOT");
                    found.insert(format!("{table}.{name} {kind} {null}"));
                }
                _ => {}
            }
        }
        found
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = |engine: &str| {
        let files = folder.join(engine).read_dir().unwrap().map(|f| f.unwrap().file_name());
        files.collect::<BTreeSet<_>>()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    let mut known = 0;
    for name in names("sqlite") {
        let read = |engine: &str| std::fs::read_to_string(folder.join(engine).join(&name)).unwrap();
        let (lite, pg) = (columns(&read("sqlite")), columns(&read("postgres")));
        known += lite.len();
        assert_eq!(lite, pg);
        let tables: BTreeSet<&str> = lite.iter().filter_map(|c| c.split('.').next()).collect();
        for table in tables {
            assert!(lite.contains(&format!("{table}.workspace BLOB false")), "{table} has no workspace");
        }
    }
    assert!(known > 80, "only {known} columns were read");
}
