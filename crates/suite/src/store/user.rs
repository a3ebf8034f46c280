//! The contract of `Users`.

use mailferry_model::{Kind, id::UserId, port::Store};

use super::{Outcome, refused, said, same, samples, sentences};

sentences! { "user":
    what_was_added_reads_back,
    a_stale_version_is_refused_and_each_change_counts_one_up,
    an_address_is_found_in_every_batch,
    the_batches_of_many_addresses_are_found_at_once,
    the_users_of_a_batch_come_by_address,
    one_that_is_not_there_is_not_found,
}

async fn what_was_added_reads_back(store: &dyn Store) -> Outcome {
    let (_, users) = samples::stored(store, &["a"]).await?;
    same!(store.user(users[0].id).await.map_err(said)?, users[0], "by id");
    Ok(())
}

async fn a_stale_version_is_refused_and_each_change_counts_one_up(store: &dyn Store) -> Outcome {
    let (batch, mut users) = samples::stored(store, &["a"]).await?;
    let user = &mut users[0];
    user.totals.placed = 5;
    store.set_user(user).await.map_err(said)?;
    refused(store.set_user(user).await, Kind::Conflict, "the version before")?;
    user.version += 1;
    same!(store.user(user.id).await.map_err(said)?, *user, "after one change");
    let unknown = samples::user(store, batch.id, "unknown");
    refused(store.set_user(&unknown).await, Kind::NotFound, "an unknown user")?;
    Ok(())
}

async fn an_address_is_found_in_every_batch(store: &dyn Store) -> Outcome {
    let (one, users) = samples::stored(store, &["a"]).await?;
    let other = samples::batch(store, one.source, one.target);
    let mut twin = samples::user(store, other.id, "x");
    twin.address = users[0].address.clone();
    store.add_batch(&other, std::slice::from_ref(&twin)).await.map_err(said)?;
    let found = store.users_by_address(&users[0].address).await.map_err(said)?;
    let mut ids: Vec<UserId> = found.iter().map(|u| u.id).collect();
    ids.sort();
    same!(ids, [users[0].id, twin.id], "both users");
    same!(store.users_by_address("nobody@nowhere").await.map_err(said)?, [], "nobody");
    Ok(())
}

async fn the_batches_of_many_addresses_are_found_at_once(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b"]).await?;
    let mut asked: Vec<String> = (0..1_200).map(|n| format!("nobody{n}@nowhere")).collect();
    asked.push(users[1].address.to_uppercase());
    let found = store.batches_of(&asked).await.map_err(said)?;
    same!(found, [(users[1].address.to_lowercase(), batch.id)], "the batch of the one that is there");
    same!(store.batches_of(&[]).await.map_err(said)?, [], "of nobody");
    Ok(())
}

async fn the_users_of_a_batch_come_by_address(store: &dyn Store) -> Outcome {
    let (batch, _) = samples::stored(store, &["c", "a", "b"]).await?;
    let users = store.users(batch.id).await.map_err(said)?;
    let names: Vec<&str> = users.iter().map(|u| &u.address[..1]).collect();
    same!(names, ["a", "b", "c"], "order");
    Ok(())
}

async fn one_that_is_not_there_is_not_found(store: &dyn Store) -> Outcome {
    refused(store.user(UserId(store.new_id())).await, Kind::NotFound, "by id")?;
    Ok(())
}
