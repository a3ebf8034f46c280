//! The contract of `Scans`.

use std::time::Duration;

use mailferry_model::{
    Error, Kind, Side,
    id::{EndpointId, ScanId, UserId},
    mapping::RunOptions,
    port::Store,
    scan::{Assessment, Scan, ScanMailbox, ScanOutcome, ScanState, Whose},
    secret::Secret,
    settings::MailboxAddress,
    verification::Ended,
};

use super::{Outcome as Said, refused, said, same, samples, sentences};

const MINUTE: Duration = Duration::from_secs(60);

sentences! { "scan":
    what_is_ordered_is_read_as_it_was,
    the_oldest_is_claimed_once_or_the_one_that_is_named,
    what_came_of_a_mailbox_is_kept_once_and_its_own_secrets_are_forgotten,
    one_whose_owner_is_gone_goes_on_with_what_is_left,
    a_stopped_one_is_no_longer_its_owners_and_can_go_on,
    a_removed_one_takes_its_mailboxes_and_secrets_along,
}

async fn ordered(store: &dyn Store, mailboxes: u64) -> Result<(Scan, Vec<ScanMailbox>), String> {
    let scan = Scan {
        id: ScanId(store.new_id()),
        source: EndpointId(store.new_id()),
        target: Some(EndpointId(store.new_id())),
        batch: None,
        max_size: Some(7),
        state: ScanState::Ordered,
        mailboxes,
        looked_at: 0,
        error: None,
        asked_by: "anna".to_owned(),
        asked: samples::time(1),
    };
    let of = |number: u64| {
        let address = format!("ä\0'\"\\{number}@x");
        let mailbox = MailboxAddress { address, ..MailboxAddress::default() };
        ScanMailbox {
            number,
            secrets: Whose::Own(store.new_id()),
            source: mailbox.clone(),
            target: mailbox,
            options: RunOptions::default(),
            department: Some("Vertrieb".to_owned()),
            group: None,
            outcome: None,
        }
    };
    let mailboxes: Vec<ScanMailbox> = (1..=mailboxes).map(of).collect();
    store.add_scan(&scan, &mailboxes).await.map_err(said)?;
    Ok((scan, mailboxes))
}

fn assessed() -> ScanOutcome {
    ScanOutcome::Assessed(Box::new(Assessment { folders: 3, ..Assessment::above(1, "ä\0") }))
}

async fn what_is_ordered_is_read_as_it_was(store: &dyn Store) -> Said {
    let (first, mailboxes) = ordered(store, 3).await?;
    let (second, _) = ordered(store, 0).await?;
    same!(store.scan(first.id).await.map_err(said)?, first, "by its id");
    same!(store.scans().await.map_err(said)?, [second, first.clone()], "newest first");
    let read = store.scan_mailboxes(first.id, 0, 9).await.map_err(said)?;
    same!(read, mailboxes, "its mailboxes");
    let read = store.scan_mailboxes(first.id, 1, 1).await.map_err(said)?;
    same!(read, mailboxes[1..2], "one after a number");
    refused(store.scan(ScanId(store.new_id())).await, Kind::NotFound, "no such one")?;
    Ok(())
}

async fn the_oldest_is_claimed_once_or_the_one_that_is_named(store: &dyn Store) -> Said {
    let (first, _) = ordered(store, 1).await?;
    let (second, _) = ordered(store, 1).await?;
    let (third, _) = ordered(store, 1).await?;
    let owner = store.new_id();
    let running = |scan: &Scan| Some(Scan { state: ScanState::Running, ..scan.clone() });
    let named = store.claim_scan(owner, MINUTE, Some(second.id)).await.map_err(said)?;
    same!(named, running(&second), "the one that is named");
    same!(store.claim_scan(owner, MINUTE, Some(second.id)).await.map_err(said)?, None, "again");
    same!(store.claim_scan(owner, MINUTE, None).await.map_err(said)?, running(&first), "the oldest");
    same!(store.claim_scan(owner, MINUTE, None).await.map_err(said)?, running(&third), "the next");
    same!(store.claim_scan(owner, MINUTE, None).await.map_err(said)?, None, "no more");
    same!(store.scans_under_way().await.map_err(said)?, 3, "how many run");
    Ok(())
}

async fn what_came_of_a_mailbox_is_kept_once_and_its_own_secrets_are_forgotten(store: &dyn Store) -> Said {
    let (scan, mailboxes) = ordered(store, 2).await?;
    let (owner, other, id) = (store.new_id(), store.new_id(), scan.id);
    for mailbox in &mailboxes {
        let secret = Secret::new("canary".to_owned());
        store.seal(mailbox.secrets.id(), "source-password", &secret).await.map_err(said)?;
    }
    let outcome = assessed();
    refused(store.keep_scanned(id, owner, &mailboxes[0], &outcome).await, Kind::Conflict, "not claimed")?;
    store.claim_scan(owner, MINUTE, None).await.map_err(said)?;
    refused(store.hold_scan(id, other, MINUTE).await, Kind::Conflict, "held by another")?;
    store.hold_scan(id, owner, MINUTE).await.map_err(said)?;
    for _ in 0..2 {
        store.keep_scanned(id, owner, &mailboxes[0], &outcome).await.map_err(said)?;
    }
    same!(store.scan(id).await.map_err(said)?.looked_at, 1, "counted once");
    let left = store.scan_mailboxes_left(id, 9).await.map_err(said)?;
    same!(left, mailboxes[1..], "what is left");
    let of = |at: usize| store.unseal(mailboxes[at].secrets.id());
    same!(of(0).await.map_err(said)?.len(), 0, "secrets of one that was looked at");
    same!(of(1).await.map_err(said)?.len(), 1, "secrets of the other");
    let user = UserId(store.new_id());
    let secret = Secret::new("canary".to_owned());
    store.seal(user.0, "source-password", &secret).await.map_err(said)?;
    let of_user = ScanMailbox { secrets: Whose::User(user), ..mailboxes[1].clone() };
    let error = Error::new(Kind::Forbidden, Side::Source, "open", "no\0");
    let failed = ScanOutcome::Failed(Ended::of(&error));
    store.keep_scanned(id, owner, &of_user, &failed).await.map_err(said)?;
    same!(store.unseal(user.0).await.map_err(said)?.len(), 1, "secrets of a user stay");
    let read = store.scan_mailboxes(id, 0, 9).await.map_err(said)?;
    same!(read.into_iter().map(|m| m.outcome).collect::<Vec<_>>(), [Some(outcome), Some(failed)], "outcomes");
    let done = Scan { state: ScanState::Done, looked_at: 2, error: Some(Ended::of(&error)), ..scan };
    refused(store.end_scan(&done, other, None).await, Kind::Conflict, "ended by another")?;
    store.end_scan(&done, owner, None).await.map_err(said)?;
    same!(store.scan(id).await.map_err(said)?, done, "afterwards");
    refused(store.resume_scan(id).await, Kind::Conflict, "nothing is left")?;
    refused(store.stop_scan(id).await, Kind::Conflict, "it has ended")?;
    Ok(())
}

async fn one_whose_owner_is_gone_goes_on_with_what_is_left(store: &dyn Store) -> Said {
    let (scan, mailboxes) = ordered(store, 2).await?;
    let (gone, next) = (store.new_id(), store.new_id());
    store.claim_scan(gone, MINUTE, None).await.map_err(said)?;
    store.keep_scanned(scan.id, gone, &mailboxes[0], &assessed()).await.map_err(said)?;
    store.hold_scan(scan.id, gone, Duration::ZERO).await.map_err(said)?;
    store.sweep_scans().await.map_err(said)?;
    let claimed = store.claim_scan(next, MINUTE, None).await.map_err(said)?;
    same!(claimed.map(|scan| scan.looked_at), Some(1), "by another, with what is there");
    same!(store.scan_mailboxes_left(scan.id, 9).await.map_err(said)?, mailboxes[1..], "what is left");
    let back = store.keep_scanned(scan.id, gone, &mailboxes[1], &assessed()).await;
    refused(back, Kind::Conflict, "the first comes back")?;
    store.sweep_scans().await.map_err(said)?;
    let state = store.scan(scan.id).await.map_err(said)?.state;
    same!(state, ScanState::Running, "a living one stays");
    Ok(())
}

async fn a_stopped_one_is_no_longer_its_owners_and_can_go_on(store: &dyn Store) -> Said {
    let (scan, _) = ordered(store, 1).await?;
    let owner = store.new_id();
    store.claim_scan(owner, MINUTE, None).await.map_err(said)?;
    refused(store.resume_scan(scan.id).await, Kind::Conflict, "somebody is at it")?;
    store.stop_scan(scan.id).await.map_err(said)?;
    refused(store.hold_scan(scan.id, owner, MINUTE).await, Kind::Conflict, "held on")?;
    same!(store.scan(scan.id).await.map_err(said)?.state, ScanState::Stopped, "its state");
    same!(store.scans_under_way().await.map_err(said)?, 0, "how many run");
    store.resume_scan(scan.id).await.map_err(said)?;
    same!(store.claim_scan(owner, MINUTE, None).await.map_err(said)?.map(|s| s.id), Some(scan.id), "again");
    let nobody = ScanId(store.new_id());
    refused(store.stop_scan(nobody).await, Kind::NotFound, "no such one is stopped")?;
    refused(store.resume_scan(nobody).await, Kind::NotFound, "no such one goes on")?;
    Ok(())
}

async fn a_removed_one_takes_its_mailboxes_and_secrets_along(store: &dyn Store) -> Said {
    let (scan, mailboxes) = ordered(store, 1).await?;
    let (other, kept) = ordered(store, 1).await?;
    let owner = store.new_id();
    for mailbox in mailboxes.iter().chain(&kept) {
        let secret = Secret::new("canary".to_owned());
        store.seal(mailbox.secrets.id(), "source-password", &secret).await.map_err(said)?;
    }
    store.claim_scan(owner, MINUTE, Some(scan.id)).await.map_err(said)?;
    store.remove_scan(scan.id).await.map_err(said)?;
    refused(store.hold_scan(scan.id, owner, MINUTE).await, Kind::Conflict, "held on")?;
    refused(store.remove_scan(scan.id).await, Kind::NotFound, "a second time")?;
    same!(store.scan_mailboxes(scan.id, 0, 9).await.map_err(said)?, [], "its mailboxes");
    same!(store.unseal(mailboxes[0].secrets.id()).await.map_err(said)?.len(), 0, "its secrets");
    same!(store.scan_mailboxes(other.id, 0, 9).await.map_err(said)?, kept, "another's mailboxes");
    same!(store.unseal(kept[0].secrets.id()).await.map_err(said)?.len(), 1, "another's secrets");
    Ok(())
}
