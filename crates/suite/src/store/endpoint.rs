//! The contract of `Endpoints`.

use mailferry_model::{Kind, id::EndpointId, port::Store};

use super::{Outcome, ensure, refused, said, same, samples, sentences};

sentences! { "endpoint":
    what_was_added_reads_back,
    a_name_is_taken_whatever_its_case,
    a_stale_version_is_refused_and_each_change_counts_one_up,
    a_name_that_is_taken_cannot_be_changed_to,
    the_list_is_by_name,
    one_that_is_not_there_is_not_found,
    one_that_a_batch_uses_is_locked_and_the_batch_named,
}

async fn what_was_added_reads_back(store: &dyn Store) -> Outcome {
    let endpoint = samples::endpoint(store);
    store.add_endpoint(&endpoint).await.map_err(said)?;
    same!(store.endpoint_by_id(endpoint.id).await.map_err(said)?, endpoint, "by id");
    let shouted = endpoint.name.to_uppercase();
    same!(store.endpoint(&shouted).await.map_err(said)?, endpoint, "by name without case");
    Ok(())
}

async fn a_name_is_taken_whatever_its_case(store: &dyn Store) -> Outcome {
    let one = samples::endpoint(store);
    store.add_endpoint(&one).await.map_err(said)?;
    let mut other = samples::endpoint(store);
    other.name = one.name.to_lowercase();
    refused(store.add_endpoint(&other).await, Kind::AlreadyExists, "the same name")?;
    refused(store.endpoint_by_id(other.id).await, Kind::NotFound, "what was refused")?;
    Ok(())
}

async fn a_stale_version_is_refused_and_each_change_counts_one_up(store: &dyn Store) -> Outcome {
    let mut endpoint = samples::endpoint(store);
    store.add_endpoint(&endpoint).await.map_err(said)?;
    endpoint.limits.max_concurrent_migrations = 7;
    store.set_endpoint(&endpoint).await.map_err(said)?;
    refused(store.set_endpoint(&endpoint).await, Kind::Conflict, "the version before")?;
    let stored = store.endpoint_by_id(endpoint.id).await.map_err(said)?;
    endpoint.version += 1;
    same!(stored, endpoint, "after one change");
    let unknown = samples::endpoint(store);
    refused(store.set_endpoint(&unknown).await, Kind::NotFound, "an unknown endpoint")?;
    Ok(())
}

async fn a_name_that_is_taken_cannot_be_changed_to(store: &dyn Store) -> Outcome {
    let (one, mut other) = (samples::endpoint(store), samples::endpoint(store));
    store.add_endpoint(&one).await.map_err(said)?;
    store.add_endpoint(&other).await.map_err(said)?;
    let before = other.clone();
    other.name = one.name.clone();
    refused(store.set_endpoint(&other).await, Kind::AlreadyExists, "the name of another")?;
    same!(store.endpoint_by_id(other.id).await.map_err(said)?, before, "what was refused");
    Ok(())
}

async fn the_list_is_by_name(store: &dyn Store) -> Outcome {
    let mut ours = Vec::new();
    for name in ["b", "A", "ä", "C"] {
        let mut endpoint = samples::endpoint(store);
        endpoint.name = format!("{name}-{}", endpoint.id);
        store.add_endpoint(&endpoint).await.map_err(said)?;
        ours.push(endpoint.id);
    }
    let list = store.endpoints().await.map_err(said)?;
    let found: Vec<EndpointId> = list.iter().map(|e| e.id).filter(|id| ours.contains(id)).collect();
    same!(found, [ours[1], ours[0], ours[3], ours[2]], "A, b, C, ä");
    Ok(())
}

async fn one_that_is_not_there_is_not_found(store: &dyn Store) -> Outcome {
    let unknown = EndpointId(store.new_id());
    refused(store.endpoint_by_id(unknown).await, Kind::NotFound, "by id")?;
    refused(store.endpoint("there is none").await, Kind::NotFound, "by name")?;
    refused(store.remove_endpoint(unknown).await, Kind::NotFound, "removing")?;
    Ok(())
}

async fn one_that_a_batch_uses_is_locked_and_the_batch_named(store: &dyn Store) -> Outcome {
    let (batch, _) = samples::stored(store, &[]).await?;
    for id in [batch.source, batch.target] {
        let error = refused(store.remove_endpoint(id).await, Kind::Locked, "an endpoint in use")?;
        ensure!(error.context().contains(&batch.name), "{error} does not name the batch {}", batch.name);
    }
    store.remove_batch(batch.id).await.map_err(said)?;
    store.remove_endpoint(batch.source).await.map_err(said)?;
    refused(store.endpoint_by_id(batch.source).await, Kind::NotFound, "a removed endpoint")?;
    Ok(())
}
