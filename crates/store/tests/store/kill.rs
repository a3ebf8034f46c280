//! A real second process, killed with SIGKILL in the middle of its commits.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use mailferry_model::{
    Kind,
    ledger::{Commit, FolderNo},
    port::{Ledger, Store, Work},
};
use mailferry_store::{Location, MasterKey, SqlStore};

use super::{
    damage::entry,
    places::{KEY, Place},
};

const FOLDER: &str = "MAILFERRY_TEST_KILL_FOLDER";

/// Not a test: what the second process does until it is killed.
#[tokio::test]
#[ignore = "run by the test below, as another process"]
async fn commits_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let key = MasterKey::from_text(KEY).unwrap();
    let store = SqlStore::open(&Location::Sqlite(folder.into()), key).await.unwrap();
    let mailbox = store.mailbox("killed").await.unwrap();
    let lease = store.lease(mailbox, store.new_id(), Duration::from_secs(3600)).await.unwrap().lease;
    for n in 0.. {
        let commit = Commit { items: vec![entry(2 * n), entry(2 * n + 1)], ..Commit::default() };
        store.commit(lease, &commit).await.unwrap();
        if n % 50 == 49 {
            store.pack(lease, FolderNo(1)).await.unwrap();
        }
        println!("committed {n}");
    }
}

#[tokio::test]
async fn what_a_killed_process_committed_stays_and_its_lease_ends() {
    for kill_after in [1, 60, 149] {
        let place = Place::sqlite();
        let store = place.open().await;
        let Location::Sqlite(folder) = &place.location else { unreachable!() };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::commits_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mailbox = store.mailbox("killed").await.unwrap();
        let mut told = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(n) = line.rsplit_once("committed ").and_then(|(_, n)| n.parse::<u32>().ok()) {
                told = n + 1;
                if told == kill_after {
                    let error = store.lease(mailbox, store.new_id(), Duration::ZERO).await.unwrap_err();
                    assert_eq!(error.kind(), Kind::Locked, "its holder lives");
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(told >= kill_after, "it stopped by itself after {told}");
        let claim = store.lease(mailbox, store.new_id(), Duration::from_secs(60)).await.unwrap();
        assert!(claim.abandoned.is_some());
        let kept = store.read(mailbox, FolderNo(1)).await.unwrap().len() as u32;
        assert!(kept >= 2 * told && kept.is_multiple_of(2), "{kept} entries of {told} commits of two");
    }
}
