//! The contract of `Batches`.

use std::time::Duration;

use mailferry_model::{Kind, id::BatchId, job::PassKind, port::Store};

use super::{Outcome, refused, said, same, samples, sentences};

sentences! { "batch":
    what_was_added_reads_back_with_its_users,
    a_name_is_taken_and_nothing_of_the_refused_stays,
    a_stale_version_is_refused_and_each_change_counts_one_up,
    the_list_is_by_name,
    one_that_is_not_there_is_not_found,
    a_thousand_users_go_in_at_once,
    removing_takes_users_and_work_along,
    one_whose_work_is_leased_is_locked,
}

async fn what_was_added_reads_back_with_its_users(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b"]).await?;
    same!(store.batch_by_id(batch.id).await.map_err(said)?, batch, "by id");
    same!(store.batch(&batch.name.to_uppercase()).await.map_err(said)?, batch, "by name without case");
    same!(store.users(batch.id).await.map_err(said)?, users, "its users");
    Ok(())
}

async fn a_name_is_taken_and_nothing_of_the_refused_stays(store: &dyn Store) -> Outcome {
    let (batch, _) = samples::stored(store, &[]).await?;
    let mut other = samples::batch(store, batch.source, batch.target);
    other.name = batch.name.to_uppercase();
    let user = samples::user(store, other.id, "x");
    let added = store.add_batch(&other, std::slice::from_ref(&user)).await;
    refused(added, Kind::AlreadyExists, "the same name")?;
    refused(store.user(user.id).await, Kind::NotFound, "a user of what was refused")?;
    Ok(())
}

async fn a_stale_version_is_refused_and_each_change_counts_one_up(store: &dyn Store) -> Outcome {
    let (mut batch, _) = samples::stored(store, &[]).await?;
    batch.started = Some(samples::time(9));
    store.set_batch(&batch).await.map_err(said)?;
    refused(store.set_batch(&batch).await, Kind::Conflict, "the version before")?;
    batch.version += 1;
    same!(store.batch_by_id(batch.id).await.map_err(said)?, batch, "after one change");
    let unknown = samples::batch(store, batch.source, batch.target);
    refused(store.set_batch(&unknown).await, Kind::NotFound, "an unknown batch")?;
    Ok(())
}

async fn the_list_is_by_name(store: &dyn Store) -> Outcome {
    let (first, _) = samples::stored(store, &[]).await?;
    let mut ours = Vec::new();
    for name in ["b", "A"] {
        let mut batch = samples::batch(store, first.source, first.target);
        batch.name = format!("{name} {}", batch.id);
        store.add_batch(&batch, &[]).await.map_err(said)?;
        ours.push(batch.id);
    }
    let list = store.batches().await.map_err(said)?;
    let found: Vec<BatchId> = list.iter().map(|b| b.id).filter(|id| ours.contains(id)).collect();
    same!(found, [ours[1], ours[0]], "A, b");
    Ok(())
}

async fn one_that_is_not_there_is_not_found(store: &dyn Store) -> Outcome {
    let unknown = BatchId(store.new_id());
    refused(store.batch_by_id(unknown).await, Kind::NotFound, "by id")?;
    refused(store.batch("there is none").await, Kind::NotFound, "by name")?;
    refused(store.remove_batch(unknown).await, Kind::NotFound, "removing")?;
    Ok(())
}

async fn a_thousand_users_go_in_at_once(store: &dyn Store) -> Outcome {
    let names: Vec<String> = (0..1203).map(|n| format!("{n:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (batch, users) = samples::stored(store, &names).await?;
    same!(store.users(batch.id).await.map_err(said)?.len(), users.len(), "users");
    Ok(())
}

async fn removing_takes_users_and_work_along(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a"]).await?;
    let mailbox = store.mailbox(&format!("stays after {}", batch.id)).await.map_err(said)?;
    let work = samples::job(&batch, &users[0], PassKind::Initial, samples::time(1_000_000_000));
    store.add_job(&work).await.map_err(said)?;
    store.remove_batch(batch.id).await.map_err(said)?;
    refused(store.batch_by_id(batch.id).await, Kind::NotFound, "a removed batch")?;
    refused(store.user(users[0].id).await, Kind::NotFound, "its user")?;
    same!(store.jobs(batch.id).await.map_err(said)?, [], "its work");
    store.head(mailbox).await.map_err(said)?;
    Ok(())
}

async fn one_whose_work_is_leased_is_locked(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a"]).await?;
    let work = samples::job(&batch, &users[0], PassKind::Initial, samples::time(-1_000_000));
    store.add_job(&work).await.map_err(said)?;
    let job = super::work::claim_of(store, batch.id, Duration::from_secs(60)).await?;
    refused(store.remove_batch(batch.id).await, Kind::Locked, "a batch at work")?;
    store.user(users[0].id).await.map_err(said)?;
    store.end_job(&job, None).await.map_err(said)?;
    store.remove_batch(batch.id).await.map_err(said)
}
