//! Scans that are ordered: nothing is written, one bad mailbox stops no other, what was cut off goes on with what is left.

use std::time::Duration;

use mailferry_model::{
    cancel::Cancel,
    flags::Flags,
    folder::{Namespace, Role},
    id::ScanId,
    mapping::RunOptions,
    scan::{Assessment, Scan, ScanMailbox, ScanOutcome, ScanState, Whose},
    settings::MailboxAddress,
};

use super::town::Town;

async fn order(town: &Town, mailboxes: u64) -> ScanId {
    let id = ScanId(town.store.new_id());
    let scan = Scan {
        id,
        source: town.store.endpoint("old").await.unwrap().id,
        target: Some(town.store.endpoint("new").await.unwrap().id),
        batch: None,
        max_size: Some(200),
        state: ScanState::Ordered,
        mailboxes,
        looked_at: 0,
        error: None,
        asked_by: "anna".to_owned(),
        asked: town.now(),
    };
    let of = |n: u64| {
        let mailbox = MailboxAddress { address: format!("u{n}@x"), ..MailboxAddress::default() };
        ScanMailbox {
            number: n + 1,
            secrets: Whose::Own(town.store.new_id()),
            source: mailbox.clone(),
            target: mailbox,
            options: RunOptions::default(),
            department: None,
            group: None,
            outcome: None,
        }
    };
    town.store.add_scan(&scan, &(0..mailboxes).map(of).collect::<Vec<_>>()).await.unwrap();
    id
}

async fn found(town: &Town, id: ScanId) -> Vec<Assessment> {
    let all = town.store.scan_mailboxes(id, 0, 99).await.unwrap();
    let assessed = all.into_iter().filter_map(|mailbox| match mailbox.outcome {
        Some(ScanOutcome::Assessed(found)) => Some(*found),
        _ => None,
    });
    assessed.collect()
}

#[tokio::test]
async fn folders_sizes_names_and_what_is_left_out_are_told_and_nothing_is_written() {
    let town = Town::of(2).await;
    let world = town.world("old", "u0@x");
    for path in ["Work", "WORK", "deep", "deep/er", "deep/er/est", "Gesendet", "everybody"] {
        world.create(path);
    }
    world.set_role("Gesendet", Role::Sent);
    world.set_namespace("everybody", Namespace::Public);
    let body = format!("Message-ID: <large@x>\r\n\r\n{}\r\n", "x".repeat(300));
    world.deliver_on("deep/er/est", &body, 4_000_000_000);
    world.deliver("everybody", "Message-ID: <p@x>\r\n\r\nb\r\n", Flags::default());
    let there = town.world("new", "u0@x");
    there.create("Sent");
    there.set_role("Sent", Role::Sent);
    let before = (world.seen(), there.seen());
    let id = order(&town, 2).await;
    town.worker().make_scan(id, &Cancel::default()).await.unwrap();
    let scan = town.store.scan(id).await.unwrap();
    assert_eq!((scan.state, scan.looked_at, scan.error), (ScanState::Done, 2, None));
    let found = found(&town, id).await;
    let first = &found[0];
    assert_eq!((first.mail.items, first.depth, first.deepest.as_deref()), (4, 3, Some("deep/er/est")));
    assert_eq!((first.oversize.items, first.oversize_items[0].folder.as_str()), (1, "deep/er/est"));
    assert_eq!((first.largest.as_ref().map(|l| l.size), first.limit), (Some(body.len() as u64), 200));
    assert_eq!((first.last_activity, first.left_out.public), (Some(4_000_000_000), 1));
    assert_eq!(first.names.iter().map(|n| n.folder.to_lowercase()).collect::<Vec<_>>(), ["work"]);
    assert!(first.special.iter().any(|s| (s.role.as_str(), s.folder.as_str()) == ("SentItems", "Gesendet")));
    let preview = first.preview.as_ref().unwrap();
    let moved = preview.moved.iter().find(|m| m.from == "Gesendet").unwrap();
    assert_eq!((moved.to.as_str(), &preview.unknown), ("Sent", &None));
    assert_eq!((found[1].mail.items, found[1].bad_names), (3, 0));
    assert!(before == (world.seen(), there.seen()), "nothing is written at either side");
}

#[tokio::test]
async fn one_refused_sign_in_for_all_ends_it_after_one_try_and_it_can_go_on() {
    let town = Town::of(3).await;
    town.refuse_sign_ins(true);
    let id = order(&town, 3).await;
    let worker = town.worker();
    worker.make_scan(id, &Cancel::default()).await.unwrap();
    let scan = town.store.scan(id).await.unwrap();
    assert_eq!(scan.error.map(|e| e.error().code()), Some("SOURCE_AUTH_FAILED".to_owned()));
    assert_eq!((scan.state, scan.looked_at, town.sign_ins()), (ScanState::Done, 0, 1));
    town.refuse_sign_ins(false);
    town.store.resume_scan(id).await.unwrap();
    worker.make_scan(id, &Cancel::default()).await.unwrap();
    let scan = town.store.scan(id).await.unwrap();
    assert_eq!((scan.error, scan.looked_at), (None, 3));
}

#[tokio::test]
async fn what_a_dead_worker_left_is_made_by_the_next_and_nothing_twice() {
    let town = Town::of(3).await;
    let id = order(&town, 3).await;
    let gone = town.store.new_id();
    town.store.claim_scan(gone, Duration::from_secs(60), None).await.unwrap();
    let first = town.store.scan_mailboxes_left(id, 1).await.unwrap().remove(0);
    let outcome = ScanOutcome::Assessed(Box::new(Assessment::above(1, "before")));
    town.store.keep_scanned(id, gone, &first, &outcome).await.unwrap();
    town.store.hold_scan(id, gone, Duration::ZERO).await.unwrap();
    let (worker, cancel) = (town.worker(), Cancel::default());
    let working = {
        let cancel = cancel.clone();
        tokio::spawn(async move { worker.make_scans(&cancel).await })
    };
    while town.store.scan(id).await.unwrap().state != ScanState::Done {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    working.await.unwrap().unwrap();
    assert_eq!(town.sign_ins(), 2, "only what was left");
    let limits: Vec<u64> = found(&town, id).await.iter().map(|f| f.limit).collect();
    assert_eq!(limits, [1, 200, 200]);
}
