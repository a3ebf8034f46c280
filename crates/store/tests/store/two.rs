//! Two stores on one place, as two processes have them.

use std::{sync::Arc, time::Duration};

use mailferry_model::{
    Kind,
    account::KeptAnswer,
    ledger::{Commit, FolderNo},
    port::{Answers, Ledger, Store, Work},
};

use super::{damage::entry, places::Place};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_living_holder_in_another_store_keeps_its_lease() {
    for place in Place::all().await {
        let (one, two) = (place.open().await, place.open().await);
        let mailbox = one.mailbox("a").await.unwrap();
        assert_eq!(two.mailbox("a").await.unwrap(), mailbox, "{place}");
        let held = one.lease(mailbox, one.new_id(), MINUTE).await.unwrap();
        let error = two.lease(mailbox, two.new_id(), MINUTE).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Locked, "{place}");
        one.release(held.lease).await.unwrap();
        assert_eq!(two.lease(mailbox, two.new_id(), MINUTE).await.unwrap().abandoned, None, "{place}");
    }
}

#[tokio::test]
async fn a_dead_holder_of_the_embedded_store_ends_at_once() {
    let place = Place::sqlite();
    let (one, two) = (place.open().await, place.open().await);
    let mailbox = one.mailbox("a").await.unwrap();
    let owner = one.new_id();
    one.lease(mailbox, owner, MINUTE).await.unwrap();
    drop(one);
    // A third store swept the lock file away when it opened: that changes nothing.
    let three = place.open().await;
    assert_eq!(three.lease(mailbox, owner, MINUTE).await.unwrap().lease.epoch, 2, "the owner itself");
    assert_eq!(two.lease(mailbox, two.new_id(), MINUTE).await.unwrap_err().kind(), Kind::Locked);
    drop(three);
    let claim = two.lease(mailbox, two.new_id(), MINUTE).await.unwrap();
    let ended = claim.abandoned.expect("it was not given back");
    let now = jiff::Timestamp::now();
    assert!(ended <= now && now.duration_since(ended).as_secs() < 30, "{ended} is not now, {now}");
}

#[tokio::test]
async fn a_lost_holder_of_the_shared_store_is_waited_for() {
    let Some(place) = Place::postgres().await else { return };
    let (one, two) = (place.open().await, place.open().await);
    let mailbox = one.mailbox("a").await.unwrap();
    one.lease(mailbox, one.new_id(), MINUTE).await.unwrap();
    drop(one);
    assert_eq!(two.lease(mailbox, two.new_id(), MINUTE).await.unwrap_err().kind(), Kind::Locked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_in_two_stores_lose_nothing() {
    for place in Place::all().await {
        let stores = [Arc::new(place.open().await), Arc::new(place.open().await)];
        let mut writers = Vec::new();
        for n in 0..8 {
            let store = stores[n % 2].clone();
            writers.push(tokio::spawn(async move {
                let mailbox = store.mailbox(&format!("mailbox {n}")).await.unwrap();
                let lease = store.lease(mailbox, store.new_id(), MINUTE).await.unwrap().lease;
                for i in 0..25 {
                    let commit = Commit { items: vec![entry(i)], ..Commit::default() };
                    store.commit(lease, &commit).await.unwrap();
                }
                mailbox
            }));
        }
        for writer in writers {
            let mailbox = writer.await.unwrap();
            for store in &stores {
                assert_eq!(store.read(mailbox, FolderNo(1)).await.unwrap().len(), 25, "{place}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bell_rings_for_work() {
    for place in Place::all().await {
        let store = place.open().await;
        let mut bell = store.bell().await.unwrap();
        let batch = mailferry_model::id::BatchId(store.new_id());
        store.stop_jobs(batch).await.unwrap();
        bell.rung().await.unwrap();
    }
}

/// A bug once: after a kill a request could not be made again for a day.
#[tokio::test]
async fn a_request_whose_process_is_gone_is_begun_anew() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let place = Place::sqlite();
    let (one, two) = (place.open().await, place.open().await);
    assert_eq!(one.begin_answer([1; 32], [2; 32], now).await.unwrap(), None);
    let begun = Some(KeptAnswer { request: [2; 32], answer: None });
    assert_eq!(one.begin_answer([1; 32], [2; 32], now).await.unwrap(), begun, "its own");
    assert_eq!(two.begin_answer([1; 32], [2; 32], now).await.unwrap(), begun, "it lives");
    drop(one);
    assert_eq!(two.begin_answer([1; 32], [3; 32], now).await.unwrap(), None, "it is gone");
    let begun = Some(KeptAnswer { request: [3; 32], answer: None });
    assert_eq!(two.begin_answer([1; 32], [3; 32], now).await.unwrap(), begun);
    for place in Place::all().await {
        let (one, two) = (place.open().await, place.open().await);
        assert_eq!(one.begin_answer([1; 32], [2; 32], now).await.unwrap(), None, "{place}");
        place.tamper("UPDATE answer SET lease_until = 1").await;
        assert_eq!(two.begin_answer([1; 32], [2; 32], now).await.unwrap(), None, "{place}: its time is over");
    }
}
