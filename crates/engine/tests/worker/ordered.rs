//! Verifications that are ordered: made once, told as they end, dropped when somebody takes them back.

use std::{future::Future, sync::Arc, time::Duration};

use mailferry_engine::tasks::Worker;
use mailferry_model::{
    Kind,
    cancel::Cancel,
    id::{BatchId, VerificationId},
    report::Score,
    verification::{Outcome, Subject, Verification, VerificationDepth, VerificationState},
};

use super::town::Town;

async fn order(town: &Town, subject: Subject) -> VerificationId {
    let id = VerificationId(town.store.new_id());
    let verification = Verification {
        id,
        subject,
        depth: VerificationDepth::Keys,
        state: VerificationState::Ordered,
        looked_at: 0,
        outcome: None,
        asked_by: "anna".to_owned(),
        asked: town.house().clock.now(),
    };
    town.store.add_verification(&verification).await.unwrap();
    id
}

/// Lets a worker make what is ordered until something is so, at most a minute.
async fn until<F: Future<Output = bool>>(town: &Town, worker: &Arc<Worker>, is_so: impl Fn() -> F) {
    let (cancel, clock) = (Cancel::default(), town.house().clock);
    let working = {
        let (worker, cancel) = (worker.clone(), cancel.clone());
        tokio::spawn(async move { worker.make_verifications(&cancel).await })
    };
    let began = clock.elapsed();
    while !is_so().await {
        assert!(clock.elapsed() - began < Duration::from_secs(60), "it never came to that");
        clock.sleep(Duration::from_millis(20)).await;
    }
    cancel.cancel();
    working.await.unwrap().unwrap();
}

async fn state(town: &Town, id: VerificationId) -> VerificationState {
    town.store.verification(id).await.unwrap().state
}

async fn synced(town: &Town, worker: &Arc<Worker>) -> BatchId {
    let batch = town.begin().await;
    town.until(worker, || async { !town.batch(batch).await.status.is_active() }).await;
    batch
}

#[tokio::test]
async fn what_is_ordered_is_made_and_its_verdict_is_kept() {
    let town = Town::of(3).await;
    let worker = town.worker();
    let batch = synced(&town, &worker).await;
    let all = order(&town, Subject::Batch(batch)).await;
    let one = order(&town, Subject::Member(batch, "U1@x".to_owned())).await;
    let gone = order(&town, Subject::Batch(BatchId(town.store.new_id()))).await;
    let town = &town;
    let done = |id: VerificationId| async move { state(town, id).await == VerificationState::Done };
    until(town, &worker, || async { done(all).await && done(one).await && done(gone).await }).await;
    let told = town.store.verification(all).await.unwrap();
    let Some(Outcome::Verified(verified)) = told.outcome else { panic!("{told:?}") };
    assert_eq!((verified.mailboxes, verified.identified, verified.score), (3, 9, Some(Score::Perfect)));
    assert_eq!((told.looked_at, verified.batch.as_deref(), verified.exit_code), (3, Some("wave"), 0));
    let told = town.store.verification(one).await.unwrap();
    assert!(matches!(told.outcome, Some(Outcome::Verified(v)) if v.mailboxes == 1 && v.identified == 3));
    let told = town.store.verification(gone).await.unwrap();
    let Some(Outcome::Ended(ended)) = told.outcome else { panic!("{told:?}") };
    assert_eq!(ended.error().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_refused_sign_in_for_all_ends_it_after_one_try() {
    let town = Town::of(3).await;
    let worker = town.worker();
    let batch = synced(&town, &worker).await;
    town.refuse_sign_ins(true);
    let before = town.sign_ins();
    let id = order(&town, Subject::Batch(batch)).await;
    let town = &town;
    until(town, &worker, || async { state(town, id).await == VerificationState::Done }).await;
    let told = town.store.verification(id).await.unwrap();
    let Some(Outcome::Ended(ended)) = told.outcome else { panic!("{told:?}") };
    assert_eq!((ended.error().code().as_str(), town.sign_ins() - before), ("SOURCE_AUTH_FAILED", 1));
}

#[tokio::test]
async fn one_whose_worker_is_gone_is_interrupted_and_not_made_again() {
    let town = Town::of(1).await;
    let worker = town.worker();
    let batch = synced(&town, &worker).await;
    let id = order(&town, Subject::Batch(batch)).await;
    town.store.claim_verification(town.store.new_id(), Duration::ZERO).await.unwrap();
    let before = town.sign_ins();
    let town = &town;
    until(town, &worker, || async { state(town, id).await == VerificationState::Interrupted }).await;
    assert_eq!(town.sign_ins(), before);
}

#[tokio::test]
async fn one_that_is_taken_back_while_it_runs_lets_go_of_its_connections() {
    let town = Town::of(1).await;
    let worker = town.worker();
    let batch = synced(&town, &worker).await;
    town.hang();
    let id = order(&town, Subject::Batch(batch)).await;
    let town = &town;
    until(town, &worker, || async {
        let known = town.store.verification(id).await;
        if town.waiting() == 1 && known.is_ok() {
            town.store.remove_verification(id).await.unwrap();
        }
        known.is_err() && town.waiting() == 0
    })
    .await;
}
