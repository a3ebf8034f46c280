//! The contract of `Users`.

use std::time::Duration;

use mailferry_model::{Kind, id::UserId, job::PassKind, port::Store, secret::Secret};

use super::{Outcome, refused, said, same, samples, sentences};

const MINUTE: Duration = Duration::from_secs(60);

sentences! { "user":
    what_was_added_reads_back,
    a_stale_version_is_refused_and_each_change_counts_one_up,
    an_address_is_found_in_every_batch,
    the_batches_of_many_addresses_are_found_at_once,
    those_who_move_into_a_mailbox_are_found_by_its_name,
    the_users_of_a_batch_come_by_address,
    the_users_of_a_batch_come_in_parts_of_500,
    one_that_is_not_there_is_not_found,
    a_removed_one_takes_its_secrets_and_its_work_along,
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

async fn those_who_move_into_a_mailbox_are_found_by_its_name(store: &dyn Store) -> Outcome {
    let (first, _) = samples::stored(store, &["a"]).await?;
    let batch = samples::batch(store, first.source, first.target);
    // As it lies in the store: an address alone, a user name, both.
    let into = |address: &str, user: Option<&str>| {
        let mut into = samples::user(store, batch.id, address);
        (into.target.address, into.target.user) = (address.to_owned(), user.map(str::to_owned));
        into
    };
    let by_address = into("Both@new", None);
    let by_name = into("other@new", Some("BOTH@NEW"));
    let mut elsewhere = into("both@new", Some("elsewhere"));
    let users = [by_address.clone(), by_name.clone(), elsewhere.clone()];
    store.add_batch(&batch, &users).await.map_err(said)?;
    let mut asked: Vec<String> = (0..1_200).map(|n| format!("nobody{n}@nowhere")).collect();
    asked.push("both@NEW".to_owned());
    let found = async |asked: &[String]| {
        let users = store.users_into(asked).await.map_err(said)?;
        let mut ids: Vec<UserId> = users.iter().map(|u| u.id).collect();
        ids.sort();
        Ok::<_, String>(ids)
    };
    same!(found(&asked).await?, [by_address.id, by_name.id], "by address and by user name, without case");
    same!(found(&[]).await?, [], "into none");
    elsewhere.target.user = None;
    store.set_user(&elsewhere).await.map_err(said)?;
    same!(found(&asked).await?, [by_address.id, by_name.id, elsewhere.id], "after a change");
    Ok(())
}

async fn the_users_of_a_batch_come_by_address(store: &dyn Store) -> Outcome {
    let (batch, _) = samples::stored(store, &["c", "a", "b"]).await?;
    let users = store.users(batch.id).await.map_err(said)?;
    let names: Vec<&str> = users.iter().map(|u| &u.address[..1]).collect();
    same!(names, ["a", "b", "c"], "order");
    Ok(())
}

async fn the_users_of_a_batch_come_in_parts_of_500(store: &dyn Store) -> Outcome {
    let names: Vec<String> = (0..1001).map(|n| format!("m{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (batch, _) = samples::stored(store, &names).await?;
    samples::stored(store, &["another"]).await?;
    let mut parts = Vec::new();
    let mut found = Vec::new();
    loop {
        let part = store.users_behind(batch.id, found.last()).await.map_err(said)?;
        parts.push(part.len());
        if part.is_empty() {
            break;
        }
        found.extend(part);
    }
    same!(parts, [500, 500, 1, 0], "parts");
    same!(found, store.users(batch.id).await.map_err(said)?, "all of them, in order");
    Ok(())
}

async fn a_removed_one_takes_its_secrets_and_its_work_along(store: &dyn Store) -> Outcome {
    let (batch, users) = samples::stored(store, &["a", "b"]).await?;
    let (gone, stays) = (&users[0], &users[1]);
    for user in &users {
        store.seal(user.id.0, "source-password", &Secret::new("p".to_owned())).await.map_err(said)?;
        let job = samples::job(&batch, user, PassKind::Initial, samples::time(0));
        store.add_job(&job).await.map_err(said)?;
    }
    let claimed = store.claim(store.new_id(), samples::time(1), MINUTE).await.map_err(said)?;
    let claimed = claimed.ok_or("nothing to claim")?;
    same!(claimed.work.user, gone.id, "the first job");
    refused(store.remove_user(gone.id).await, Kind::Locked, "while it is worked on")?;
    store.end_job(&claimed, Some(samples::time(9))).await.map_err(said)?;
    store.remove_user(gone.id).await.map_err(said)?;
    refused(store.user(gone.id).await, Kind::NotFound, "afterwards")?;
    refused(store.remove_user(gone.id).await, Kind::NotFound, "a second time")?;
    same!(store.unseal(gone.id.0).await.map_err(said)?.len(), 0, "its secrets");
    let jobs = store.jobs(batch.id).await.map_err(said)?;
    same!(jobs.iter().map(|j| j.work.user).collect::<Vec<_>>(), [stays.id], "the work of others");
    same!(store.unseal(stays.id.0).await.map_err(said)?.len(), 1, "the secrets of others");
    Ok(())
}

async fn one_that_is_not_there_is_not_found(store: &dyn Store) -> Outcome {
    refused(store.user(UserId(store.new_id())).await, Kind::NotFound, "by id")?;
    Ok(())
}
