//! The worker over a real store and mailboxes in memory: batches come to rest, a refused sign-in is tried once,
//! a stopped user halts, one mailbox is in one pair of hands.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod clock;
mod notices;
mod ordered;
mod scan;
mod stalls;
mod town;
mod turns;

use std::{sync::Arc, time::Duration};

use mailferry_engine::{
    copy::{Copy, Patience, Task, copy},
    lease::Keeper,
    open::End,
    pass::{Depth, Progress},
};
use mailferry_model::{
    Kind,
    batch::Batch,
    cancel::Cancel,
    endpoint::Endpoint,
    finding::TestedAs,
    id::BatchId,
    mapping::RunOptions,
    port::Write,
    settings::{MailboxAddress, Settings},
    status::{BatchStatus, UserEvent, UserStatus},
    user::User,
    verification::{Subject, VerificationDepth},
};
use town::Town;

#[tokio::test]
async fn a_batch_comes_to_rest_with_its_mailboxes_and_completes() {
    let town = Town::of(4).await;
    let batch = town.begin().await;
    let worker = town.worker();
    town.until(&worker, || async { !town.batch(batch).await.status.is_active() }).await;
    assert_eq!(town.batch(batch).await.status, BatchStatus::Synced);
    assert!(town.users(batch).await.iter().all(|u| u.status == UserStatus::Synced && u.totals.placed == 3));
    assert_eq!(town.store.jobs(batch).await.unwrap(), []);
    for mut user in town.users(batch).await {
        user.status = user.status.after(UserEvent::Complete).unwrap();
        town.store.set_user(&user).await.unwrap();
    }
    town.set_status(batch, BatchStatus::Completing).await;
    town.until(&worker, || async { !town.batch(batch).await.status.is_active() }).await;
    assert_eq!(town.batch(batch).await.status, BatchStatus::Completed);
    assert!(town.users(batch).await.iter().all(|u| u.status == UserStatus::Completed));
    assert_eq!(town.kept(), 4);
}

#[tokio::test]
async fn a_refused_sign_in_for_all_is_tried_once_and_its_batch_waits() {
    let town = Town::of(6).await;
    town.refuse_sign_ins(true);
    let batch = town.begin().await;
    let worker = town.worker();
    let waits = || async {
        let batch = town.batch(batch).await;
        batch.status == BatchStatus::Waiting
    };
    town.until(&worker, waits).await;
    assert_eq!(town.sign_ins(), 1);
    let endpoint = town.store.endpoint("old").await.unwrap();
    assert!(endpoint.needs_to_connect.is_some_and(|why| why.contains("not this password")));
    assert!(town.users(batch).await.iter().all(|u| u.status.is_active()), "waiting is no failure");
    town.refuse_sign_ins(false);
    let mut endpoint = town.store.endpoint("old").await.unwrap();
    endpoint.needs_to_connect = None;
    town.store.set_endpoint(&endpoint).await.unwrap();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    assert_eq!(town.sign_ins(), 7, "once for the refusal, once for each mailbox");
    let told = town.store.audit(0).await.unwrap();
    let alerts = told.iter().filter(|(_, entry)| entry.action == "endpoint.needs-to-connect").count();
    assert_eq!(alerts, 1, "one alert, however many mailboxes wait");
    assert_eq!(town.users(batch).await.iter().map(|u| u.totals.placed).collect::<Vec<_>>(), [3; 6]);
}

/// A service tests what its batches need: once as long as the test is fresh, and never again by itself after a refusal.
#[tokio::test]
async fn the_monitor_tests_what_is_needed_and_parks_what_is_refused() {
    let town = Town::of(1).await;
    let worker = town.worker();
    let tests = || town.connector.tests.load(std::sync::atomic::Ordering::SeqCst);
    let cancel = Cancel::default();
    worker.test_endpoints(&cancel).await.unwrap();
    assert_eq!(tests(), 0, "no batch needs it");
    let batch = town.begin_untested().await;
    worker.test_endpoints(&cancel).await.unwrap();
    assert_eq!(tests(), 0, "what begins is tested for that");
    town.set_status(batch, BatchStatus::Syncing).await;
    for _ in 0..3 {
        worker.test_endpoints(&cancel).await.unwrap();
    }
    assert_eq!(tests(), 2, "both ends, once");
    let tested = town.store.endpoint("old").await.unwrap();
    assert!(tested.last_good_test.is_some() && tested.needs_to_connect.is_none());
    town.refuse_sign_ins(true);
    age(&town, 16).await;
    for _ in 0..3 {
        worker.test_endpoints(&cancel).await.unwrap();
    }
    let parked = town.store.endpoint("old").await.unwrap();
    assert_eq!(parked.needs_to_connect.as_deref(), Some("not this password"));
    assert_eq!(parked.last_test.unwrap().result, "Failed");
    assert_eq!(tests(), 4, "a refused sign-in is not tried again by itself");
    let recoveries = async || {
        let trail = town.store.audit(0).await.unwrap();
        trail.iter().filter(|(_, entry)| entry.action == "endpoint.recovered").count()
    };
    // Somebody gives another password, which a test shows to be right.
    town.refuse_sign_ins(false);
    for name in ["old", "new"] {
        let endpoint = town.store.endpoint(name).await.unwrap();
        town.store.set_endpoint(&Endpoint { needs_to_connect: None, ..endpoint }).await.unwrap();
    }
    assert_eq!(recoveries().await, 0);
    for _ in 0..2 {
        age(&town, 16).await;
        worker.test_endpoints(&cancel).await.unwrap();
    }
    assert_eq!(recoveries().await, 2, "both, once");
}

/// A batch does not begin while an endpoint fails its test; it goes on by itself, or because somebody says why.
#[tokio::test]
async fn a_batch_whose_endpoint_fails_its_test_does_not_begin() {
    let town = Town::of(2).await;
    town.fail_tests(true);
    let batch = town.begin_untested().await;
    let worker = town.worker();
    let told =
        || async { town.batch(batch).await.detail.unwrap_or_default().contains("old: its last test failed") };
    town.until(&worker, told).await;
    let waiting = town.batch(batch).await;
    let words = "WaitingForEndpoint: old: its last test failed at tcp: nobody answers [SOURCE_UNREACHABLE]";
    assert_eq!((waiting.status, waiting.detail.as_deref()), (BatchStatus::Waiting, Some(words)));
    assert_eq!(town.sign_ins(), 0);
    town.fail_tests(false);
    age(&town, 2).await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
}

#[tokio::test]
async fn a_batch_begins_despite_a_failing_test_where_somebody_says_why() {
    let town = Town::of(2).await;
    town.fail_tests(true);
    let batch = town.begin_untested().await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Waiting }).await;
    let despite =
        Batch { despite_test: Some("the check asks too much".to_owned()), ..town.batch(batch).await };
    town.store.set_batch(&despite).await.unwrap();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
}

/// What rests until its next pass needs its endpoints, too: an expired password is known before that pass.
#[tokio::test]
async fn the_monitor_tests_for_batches_that_rest_and_not_for_those_that_were_stopped() {
    let town = Town::of(1).await;
    let batch = town.begin_untested().await;
    for (status, tests) in [(BatchStatus::Stopped, 0), (BatchStatus::Completed, 0), (BatchStatus::Synced, 2)]
    {
        town.set_status(batch, status).await;
        town.worker().test_endpoints(&Cancel::default()).await.unwrap();
        let seen = town.connector.tests.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(seen, tests, "{status:?}");
    }
}

/// Makes the last tests older by so many minutes.
async fn age(town: &Town, minutes: i64) {
    for name in ["old", "new"] {
        let mut endpoint = town.store.endpoint(name).await.unwrap();
        let test = endpoint.last_test.as_mut().unwrap();
        test.at = test.at.map(|at| at.checked_sub(jiff::SignedDuration::from_mins(minutes)).unwrap());
        town.store.set_endpoint(&endpoint).await.unwrap();
    }
}

/// Who plays both roles is tested in both, and who rests is tested again in the roles of its last test, but seldom.
#[tokio::test]
async fn the_monitor_tests_every_role_and_what_rests_on_a_slower_timer() {
    let town = Town::of(1).await;
    let worker = town.worker();
    let tests = || town.connector.tests.load(std::sync::atomic::Ordering::SeqCst);
    let there = town.begin_untested().await;
    let (source, target) = (town.batch(there).await.source, town.batch(there).await.target);
    let back = Batch {
        id: BatchId(town.store.new_id()),
        name: "back".to_owned(),
        source: target,
        target: source,
        status: BatchStatus::Synced,
        ..town.batch(there).await
    };
    town.store.add_batch(&back, &[]).await.unwrap();
    town.set_status(there, BatchStatus::Synced).await;
    let look = || async { worker.test_endpoints(&Cancel::default()).await.unwrap() };
    look().await;
    look().await;
    assert_eq!(tests(), 4, "both ends in both roles, once");
    let test = town.store.endpoint("old").await.unwrap().last_test.unwrap();
    assert_eq!(test.roles, [TestedAs::Source, TestedAs::Target]);
    for batch in [there, back.id] {
        town.set_status(batch, BatchStatus::Completed).await;
    }
    age(&town, 60).await;
    look().await;
    assert_eq!(tests(), 4, "nobody needs them so often");
    age(&town, 6 * 60).await;
    look().await;
    assert_eq!(tests(), 8);
    assert!(town.connector.asked.lock().unwrap().iter().all(|s| s.get("probe-append") == Some("no")));
}

/// Before its mailboxes begin, what a batch needs is tested, once, in the role that it plays.
#[tokio::test]
async fn a_batch_has_its_endpoints_tested_before_its_mailboxes_begin() {
    let town = Town::of(2).await;
    let worker = town.worker();
    let tests = || town.connector.tests.load(std::sync::atomic::Ordering::SeqCst);
    let batch = town.begin_untested().await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let roles =
        |name: &'static str| async { town.store.endpoint(name).await.unwrap().last_test.unwrap().roles };
    assert_eq!((roles("old").await, roles("new").await), (vec![TestedAs::Source], vec![TestedAs::Target]));
    assert_eq!(tests(), 2);
    assert!(town.connector.asked.lock().unwrap().iter().all(|s| s.get("probe-append") == Some("no")));
    let told = town.store.audit(0).await.unwrap();
    let told: Vec<_> = told.into_iter().filter_map(|(_, entry)| entry.change).collect();
    let waited = told
        .iter()
        .any(|t| t.contains("\"after\":\"Waiting\"") && t.contains("WaitingForEndpoint: its endpoints"));
    assert!(waited, "{told:?}");
    // A moment later nothing is tested again, and a minute later it is.
    for (minutes, expected) in [(0, 2), (2, 4)] {
        age(&town, minutes).await;
        for user in town.users(batch).await {
            let user = User { status: UserStatus::Queued, ..user };
            town.store.set_user(&user).await.unwrap();
        }
        town.set_status(batch, BatchStatus::Starting).await;
        town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
        assert_eq!(tests(), expected, "after {minutes} minutes");
    }
}

/// What is both source and target is tested in both roles, and only once with a password that is refused.
#[tokio::test]
async fn an_endpoint_that_is_both_is_tested_in_both_roles() {
    for refused in [false, true] {
        let town = Town::of(1).await;
        town.refuse_sign_ins(refused);
        let batch = town.begin_untested().await;
        let one = town.batch(batch).await;
        town.store.set_batch(&Batch { target: one.source, ..one }).await.unwrap();
        let mut user = town.users(batch).await.remove(0);
        user.target.address = "elsewhere@x".to_owned();
        town.store.set_user(&user).await.unwrap();
        let test = || async { town.store.endpoint("old").await.unwrap().last_test };
        let status = || async { town.batch(batch).await.status };
        let done = || async { status().await == BatchStatus::Synced || refused && test().await.is_some() };
        town.until(&town.worker(), done).await;
        let tests = town.connector.tests.load(std::sync::atomic::Ordering::SeqCst);
        let both = vec![TestedAs::Source, TestedAs::Target];
        let expected = if refused { (vec![TestedAs::Source], 1) } else { (both, 2) };
        assert_eq!((test().await.unwrap().roles, tests), expected);
    }
}

/// A refused sign-in is met by the test: no mailbox tries it.
#[tokio::test]
async fn a_sign_in_that_the_test_before_finds_refused_is_tried_by_no_mailbox() {
    let town = Town::of(3).await;
    let worker = town.worker();
    town.refuse_sign_ins(true);
    let batch = town.begin_untested().await;
    let parked = || async {
        let detail = town.batch(batch).await.detail;
        detail.is_some_and(|d| d.contains("not this password"))
    };
    town.until(&worker, parked).await;
    assert_eq!((town.sign_ins(), town.batch(batch).await.status), (0, BatchStatus::Waiting));
    assert!(town.store.jobs(batch).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_person_stops_halts_and_leaves_no_work() {
    let town = Town::of(3).await;
    let batch = town.begin().await;
    for mut user in town.users(batch).await {
        user.status = user.status.after(UserEvent::Stop).unwrap();
        town.store.set_user(&user).await.unwrap();
    }
    town.set_status(batch, BatchStatus::Stopping).await;
    town.store.stop_jobs(batch).await.unwrap();
    town.until(&town.worker(), || async { town.batch(batch).await.status == BatchStatus::Stopped }).await;
    assert!(town.users(batch).await.iter().all(|u| u.status == UserStatus::Stopped));
    assert_eq!(town.sign_ins(), 0);
}

/// One mailbox that waits for a slot or runs is stopped by itself; its batch comes to rest with the others.
#[tokio::test]
async fn one_that_is_stopped_alone_halts_and_the_others_go_on() {
    let town = Town::of(3).await;
    let batch = town.begin().await;
    let mut one = town.users(batch).await.remove(0);
    one.status = one.status.after(UserEvent::Stop).unwrap();
    let stop = [Write::SetUser(&one), Write::StopJob(one.id)];
    town.store.together(&stop).await.unwrap();
    let worker = town.worker();
    town.until(&worker, || async { !town.batch(batch).await.status.is_active() }).await;
    let status = |users: Vec<User>| users.into_iter().map(|u| u.status).collect::<Vec<_>>();
    let users = town.users(batch).await;
    assert_eq!(status(users), [UserStatus::Stopped, UserStatus::Synced, UserStatus::Synced]);
    let mut one = town.users(batch).await.remove(0);
    one.status = one.status.after(UserEvent::Start).unwrap();
    town.store.set_user(&one).await.unwrap();
    town.set_status(batch, BatchStatus::IncrementalSyncing).await;
    town.until(&worker, || async { !town.batch(batch).await.status.is_active() }).await;
    assert_eq!(status(town.users(batch).await), [UserStatus::Synced; 3]);
    assert_eq!((town.batch(batch).await.status, town.sign_ins()), (BatchStatus::Synced, 3));
}

/// Its pass of before is still in hands when it is started again: that end is none of the new start.
#[tokio::test]
async fn one_that_is_stopped_and_started_again_at_once_is_synced() {
    let town = Town::of(1).await;
    let worker = town.worker();
    let batch = town.begin().await;
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let again = |status| {
        let town = &town;
        async move {
            let mut user = town.users(batch).await.remove(0);
            user.status = status;
            town.store.set_user(&user).await.unwrap();
            town.set_status(batch, BatchStatus::IncrementalSyncing).await;
        }
    };
    again(UserStatus::IncrementalSyncing).await;
    town.hold(true);
    let restarted = std::cell::Cell::new(false);
    town.until(&worker, || async {
        if town.waiting() == 1 && !restarted.get() {
            let mut user = town.users(batch).await.remove(0);
            user.status = user.status.after(UserEvent::Stop).unwrap();
            town.store.together(&[Write::SetUser(&user), Write::StopJob(user.id)]).await.unwrap();
            town.hold(false);
            again(UserStatus::IncrementalSyncing).await;
            restarted.set(true);
        }
        restarted.get() && !town.batch(batch).await.status.is_active()
    })
    .await;
    let user = town.users(batch).await.remove(0);
    assert_eq!(user.status, UserStatus::IncrementalSynced, "{:?}", user.detail);
}

/// Whatever let it through: nothing is said to be there, because nothing was moved.
#[tokio::test]
async fn a_mailbox_is_never_copied_into_itself() {
    let town = Town::of(1).await;
    let mut new = town.store.endpoint("new").await.unwrap();
    new.settings = Settings::default().with("world", "old");
    town.store.set_endpoint(&new).await.unwrap();
    let batch = town.begin().await;
    let worker = town.worker();
    town.until(&worker, || async { !town.batch(batch).await.status.is_active() }).await;
    let user = town.users(batch).await.remove(0);
    assert_eq!((user.status, user.score), (UserStatus::Failed, None));
    assert_eq!(user.detail.map(|d| d.code).as_deref(), Some("USER_SAME_MAILBOX"));
    let subject = Subject::Batch(batch);
    let looked = worker.verify(&subject, VerificationDepth::Keys, &Cancel::default(), &|_| {}).await.unwrap();
    assert_eq!((looked.failed[0].code.as_str(), town.sign_ins(), town.kept()), ("USER_SAME_MAILBOX", 0, 0));
}

#[tokio::test]
async fn a_mailbox_is_in_one_pair_of_hands() {
    let town = Town::of(1).await;
    let house = town.house();
    let end = |world: &str| End {
        connector: town.connector.clone(),
        settings: Settings::default().with("world", world),
        mailbox: MailboxAddress { address: "u0@x".into(), ..MailboxAddress::default() },
    };
    let wanted = Copy {
        source: end("old"),
        target: end("new"),
        options: RunOptions { grace_seconds: Some(0), ..RunOptions::default() },
        kind: None,
        depth: Depth::Written,
        task: Task::Move,
        progress: Arc::new(Progress::default()),
        patience: Patience::default(),
    };
    let identity = mailferry_engine::open::identity(&wanted.source, &wanted.target, &wanted.options);
    let mailbox = town.store.mailbox(&identity).await.unwrap();
    let cancel = Cancel::default();
    for other in [house.clone(), town.house()] {
        let keeper = Keeper::take(&other, mailbox, "the same copy", &cancel).await.unwrap();
        let refused = copy(&house, &wanted, &cancel, &|| {}).await.unwrap_err();
        assert_eq!((refused.kind(), refused.op()), (Kind::Locked, "lease"));
        keeper.release().await.unwrap();
    }
    let copied = copy(&house, &wanted, &cancel, &|| {}).await.unwrap();
    assert_eq!((copied.report.deeds.put, copied.report.findings.placed), (3, 3));
    let again = copy(&house, &wanted, &cancel, &|| {}).await.unwrap();
    assert_eq!(again.report.deeds.put, 0);
    assert!(house.clock.elapsed() < Duration::from_secs(60));
}

/// What waits for its endpoint is Waiting in whatever pass it is, and goes on with that pass.
#[tokio::test]
async fn a_later_sync_and_a_completion_wait_for_their_endpoint_too() {
    let town = Town::of(2).await;
    let batch = town.begin().await;
    let worker = town.worker();
    town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
    let passes = [
        (UserEvent::Sync, BatchStatus::IncrementalSyncing, BatchStatus::Synced),
        (UserEvent::Complete, BatchStatus::Completing, BatchStatus::Completed),
    ];
    for (event, under_way, rests) in passes {
        town.refuse_sign_ins(true);
        for mut user in town.users(batch).await {
            user.status = user.status.after(event).unwrap();
            town.store.set_user(&user).await.unwrap();
        }
        town.set_status(batch, under_way).await;
        town.until(&worker, || async { town.batch(batch).await.status == BatchStatus::Waiting }).await;
        assert!(town.batch(batch).await.detail.unwrap().starts_with("WaitingForEndpoint: old"));
        town.refuse_sign_ins(false);
        let mut endpoint = town.store.endpoint("old").await.unwrap();
        endpoint.needs_to_connect = None;
        town.store.set_endpoint(&endpoint).await.unwrap();
        town.until(&worker, || async { town.batch(batch).await.status == rests }).await;
    }
    assert!(town.users(batch).await.iter().all(|user| user.status == UserStatus::Completed));
}

/// One test ends when the other is too old already: that one is made again, although the batch waits as before.
#[tokio::test]
async fn a_batch_that_waits_for_its_tests_has_each_made_that_is_due() {
    let town = Town::of(1).await;
    let batch = town.begin().await;
    age(&town, 2).await;
    let detail = "WaitingForEndpoint: its endpoints are tested before its mailboxes begin".to_owned();
    let waiting = Batch { status: BatchStatus::Waiting, detail: Some(detail), ..town.batch(batch).await };
    town.store.set_batch(&waiting).await.unwrap();
    town.until(&town.worker(), || async { town.batch(batch).await.status == BatchStatus::Synced }).await;
}
