//! The contract of `Verifications`.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use mailferry_model::{
    Error, Kind, Side,
    audit::AuditEntry,
    id::{BatchId, VerificationId},
    port::Store,
    verification::{Ended, Outcome, Subject, Sum, Verification, VerificationDepth, VerificationState},
};

use super::{Outcome as Said, refused, said, same, samples, sentences};

const MINUTE: Duration = Duration::from_secs(60);

sentences! { "verification":
    what_is_ordered_is_read_as_it_was,
    the_oldest_is_claimed_once,
    what_came_of_it_is_kept_by_its_owner_and_left_out_of_lists,
    one_whose_time_is_over_is_interrupted_and_never_made_again,
    old_ones_are_forgotten,
    a_removed_one_is_no_longer_its_owners,
}

async fn ordered(store: &dyn Store, asked: i64) -> Result<Verification, String> {
    let verification = Verification {
        id: VerificationId(store.new_id()),
        subject: Subject::Member(BatchId(store.new_id()), "ä\0'\"\\@x".to_owned()),
        depth: VerificationDepth::Deep,
        state: VerificationState::Ordered,
        looked_at: 0,
        outcome: None,
        asked_by: "anna".to_owned(),
        asked: samples::time(asked),
    };
    store.add_verification(&verification).await.map_err(said)?;
    Ok(verification)
}

fn running(verification: &Verification) -> Verification {
    Verification { state: VerificationState::Running, ..verification.clone() }
}

async fn what_is_ordered_is_read_as_it_was(store: &dyn Store) -> Said {
    let (first, second) = (ordered(store, 1).await?, ordered(store, 2).await?);
    same!(store.verification(first.id).await.map_err(said)?, first, "by its id");
    same!(store.verifications().await.map_err(said)?, [second, first], "newest first");
    refused(store.verification(VerificationId(store.new_id())).await, Kind::NotFound, "no such one")?;
    Ok(())
}

async fn the_oldest_is_claimed_once(store: &dyn Store) -> Said {
    let (first, second) = (ordered(store, 1).await?, ordered(store, 2).await?);
    let owner = store.new_id();
    let claimed = join_all((0..4).map(|_| store.claim_verification(owner, MINUTE))).await;
    let mut claimed: Vec<_> = claimed.into_iter().filter_map(|c| c.ok().flatten()).collect();
    // Of several at once some may find nothing, as long as each is claimed by one.
    while let Some(next) = store.claim_verification(owner, MINUTE).await.map_err(said)? {
        claimed.push(next);
    }
    claimed.sort_by_key(|verification| verification.id);
    same!(claimed, [running(&first), running(&second)], "each once");
    same!(store.verifications_under_way().await.map_err(said)?, 2, "how many run");
    Ok(())
}

async fn what_came_of_it_is_kept_by_its_owner_and_left_out_of_lists(store: &dyn Store) -> Said {
    let verification = ordered(store, 1).await?;
    let (owner, other) = (store.new_id(), store.new_id());
    let mut sum = Sum::default();
    sum.fail("ä\0@x", &Error::new(Kind::Unreachable, Side::Source, "connect", "nobody\0 there"));
    let done = Verification {
        state: VerificationState::Done,
        looked_at: 7,
        outcome: Some(Outcome::Verified(Box::new(sum.verified(Some("w".to_owned()), None)))),
        ..verification.clone()
    };
    let id = verification.id;
    refused(store.end_verification(&done, owner, None).await, Kind::Conflict, "not claimed")?;
    store.claim_verification(owner, MINUTE).await.map_err(said)?;
    store.hold_verification(id, owner, MINUTE, 5).await.map_err(said)?;
    same!(store.verification(id).await.map_err(said)?.looked_at, 5, "looked at so far");
    refused(store.hold_verification(id, other, MINUTE, 6).await, Kind::Conflict, "held by another")?;
    refused(store.end_verification(&done, other, None).await, Kind::Conflict, "ended by another")?;
    let before = store.audit_end().await.map_err(said)?;
    let entry = AuditEntry {
        at: Timestamp::UNIX_EPOCH,
        actor: "worker".to_owned(),
        action: "report.ready".to_owned(),
        subject: "user anna".to_owned(),
        change: None,
    };
    let none = store.end_verification(&done, other, Some(&entry)).await;
    refused(none, Kind::Conflict, "ended and told by another")?;
    store.end_verification(&done, owner, Some(&entry)).await.map_err(said)?;
    same!(store.audit_end().await.map_err(said)?, before + 1, "told once, with its end");
    same!(store.verification(id).await.map_err(said)?, done, "afterwards");
    let listed = Verification { outcome: None, ..done.clone() };
    same!(store.verifications().await.map_err(said)?, [listed], "in the list");
    same!(store.verifications_under_way().await.map_err(said)?, 0, "how many have not ended");
    refused(store.end_verification(&done, owner, None).await, Kind::Conflict, "a second time")?;

    let failed = ordered(store, 2).await?;
    store.claim_verification(owner, MINUTE).await.map_err(said)?;
    let error = Error::new(Kind::Unauthenticated, Side::Target, "sign in", "no");
    let outcome = Some(Outcome::Ended(Ended::of(&error)));
    let ended = Verification { state: VerificationState::Done, outcome, ..failed };
    store.end_verification(&ended, owner, None).await.map_err(said)?;
    same!(store.verification(ended.id).await.map_err(said)?, ended, "one that ended early");
    Ok(())
}

async fn one_whose_time_is_over_is_interrupted_and_never_made_again(store: &dyn Store) -> Said {
    let verification = ordered(store, 1).await?;
    let owner = store.new_id();
    store.claim_verification(owner, Duration::ZERO).await.map_err(said)?;
    store.sweep_verifications(samples::time(0)).await.map_err(said)?;
    let state = store.verification(verification.id).await.map_err(said)?.state;
    same!(state, VerificationState::Interrupted, "its owner is gone");
    same!(store.claim_verification(owner, MINUTE).await.map_err(said)?, None, "again");
    let back = store.hold_verification(verification.id, owner, MINUTE, 1).await;
    refused(back, Kind::Conflict, "it comes back")?;
    Ok(())
}

async fn old_ones_are_forgotten(store: &dyn Store) -> Said {
    let (busy, _, young) = (ordered(store, 1).await?, ordered(store, 2).await?, ordered(store, 9).await?);
    store.claim_verification(store.new_id(), MINUTE).await.map_err(said)?;
    store.sweep_verifications(samples::time(5)).await.map_err(said)?;
    let left: Vec<_> = store.verifications().await.map_err(said)?.into_iter().map(|v| v.id).collect();
    same!(left, [young.id, busy.id], "what runs and what is young");
    Ok(())
}

async fn a_removed_one_is_no_longer_its_owners(store: &dyn Store) -> Said {
    let verification = ordered(store, 1).await?;
    let owner = store.new_id();
    store.claim_verification(owner, MINUTE).await.map_err(said)?;
    store.remove_verification(verification.id).await.map_err(said)?;
    let held = store.hold_verification(verification.id, owner, MINUTE, 1).await;
    refused(held, Kind::Conflict, "held on")?;
    refused(store.remove_verification(verification.id).await, Kind::NotFound, "a second time")?;
    Ok(())
}
