//! Secrets at rest: another key, another row, the bytes on disk; key files.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use mailferry_model::{
    Kind,
    port::{Secrets, Store},
};
use mailferry_store::{Location, MasterKey, SqlStore};

use super::places::{KEY, Place};

#[tokio::test]
async fn another_master_key_opens_nothing_and_says_so() {
    for place in Place::all().await {
        let store = place.open().await;
        let owner = store.new_id();
        store.seal(owner, "password", &"canary-7f3a".into()).await.unwrap();
        drop(store);
        let other = MasterKey::from_text(&KEY.replace("00", "ff")).unwrap();
        let store = SqlStore::open(&place.location, other).await.unwrap();
        let error = store.unseal(owner).await.unwrap_err();
        assert_eq!((error.kind(), &*error.code()), (Kind::Forbidden, "STORE_OTHER_KEY"), "{place}");
        assert!(error.context().contains("another master key"), "{place}: {error}");
    }
}

#[tokio::test]
async fn a_seal_does_not_open_in_another_row_or_version() {
    for place in Place::all().await {
        let store = place.open().await;
        let (one, two, three) = (store.new_id(), store.new_id(), store.new_id());
        store.seal(one, "password", &"one".into()).await.unwrap();
        for owner in [two, three] {
            store.seal(owner, "password", &"other".into()).await.unwrap();
        }
        place.tamper("UPDATE secret SET version = version + 1").await;
        let error = store.unseal(one).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed, "{place}: {error}");
        place
            .tamper(
                "UPDATE secret SET version = version - 1,
                 body = (SELECT body FROM secret ORDER BY owner LIMIT 1)",
            )
            .await;
        assert_eq!(store.unseal(one).await.unwrap()[0].1.expose(), "one", "{place}");
        for owner in [two, three] {
            assert_eq!(store.unseal(owner).await.unwrap_err().kind(), Kind::Malformed, "{place}");
        }
    }
}

#[tokio::test]
async fn no_secret_is_on_the_disk() {
    let place = Place::sqlite();
    let store = place.open().await;
    store.seal(store.new_id(), "password", &"canary-7f3a".into()).await.unwrap();
    let Location::Sqlite(folder) = &place.location else { unreachable!() };
    let mut bytes = 0;
    for file in ["mailferry.db", "mailferry.db-wal"] {
        let read = std::fs::read(folder.join(file)).unwrap();
        bytes += read.len();
        assert!(!read.windows(11).any(|w| w == b"canary-7f3a"), "{file}");
    }
    assert!(bytes > 10_000);
}

#[test]
fn key_files_are_made_private_once_and_refused_when_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    assert_eq!(MasterKey::from_file(&path).unwrap_err().kind(), Kind::NotFound);
    let made: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn({
                let path = path.clone();
                move || MasterKey::create_file(&path).map(drop)
            })
        })
        .collect();
    made.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    MasterKey::create_file(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "never replaced");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "no drafts stay");
    for mode in [0o640, 0o604, 0o620] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let error = MasterKey::from_file(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden);
        assert!(error.context().contains("chmod 600"), "{error}");
    }
    assert_eq!(format!("{:?}", MasterKey::from_text(KEY).unwrap()), "MasterKey(…)");
    for wrong in ["", "00", &KEY.replace('0', "g"), &format!("{KEY}00")] {
        assert_eq!(MasterKey::from_text(wrong).unwrap_err().kind(), Kind::Malformed);
    }
}
