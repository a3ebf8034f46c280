//! The contract of `Allowances`, and what claims make of them.

use std::time::Duration;

use mailferry_model::{
    Kind,
    allowance::{Allowance, InUse, Pulse, Sight},
    id::EndpointId,
    job::PassKind,
    port::Store,
};

use super::{Outcome, refused, said, same, samples, sentences};

sentences! { "allowances":
    what_an_endpoint_is_held_at_bounds_both_pools_together,
    a_raised_limit_is_of_later_syncs_alone,
    pulses_are_kept_one_a_worker_and_endpoint,
}

const MINUTE: Duration = Duration::from_secs(60);

/// A batch with so much work of a kind.
async fn waiting(store: &dyn Store, kind: PassKind) -> Result<mailferry_model::batch::Batch, String> {
    let (batch, users) = samples::stored(store, &["a", "b", "c", "d", "e", "f"]).await?;
    for user in &users {
        store.add_job(&samples::job(&batch, user, kind, samples::time(-10))).await.map_err(said)?;
    }
    Ok(batch)
}

async fn limited(store: &dyn Store, id: EndpointId, initial: u32, incremental: u32) -> Outcome {
    let mut endpoint = store.endpoint_by_id(id).await.map_err(said)?;
    endpoint.limits.max_concurrent_migrations = initial;
    endpoint.limits.max_concurrent_incremental_syncs = incremental;
    store.set_endpoint(&endpoint).await.map_err(said)
}

async fn claimed(store: &dyn Store) -> Result<usize, String> {
    let jobs = store.claims(store.new_id(), samples::time(0), MINUTE, 10).await.map_err(said)?;
    Ok(jobs.len())
}

async fn what_an_endpoint_is_held_at_bounds_both_pools_together(store: &dyn Store) -> Outcome {
    let batch = waiting(store, PassKind::Initial).await?;
    for id in [batch.source, batch.target] {
        limited(store, id, 5, 5).await?;
    }
    let nobody = Allowance { allowed: Some(1), ..Allowance::of(EndpointId(store.new_id())) };
    refused(store.set_allowance(&nobody).await, Kind::NotFound, "an endpoint that there is not")?;
    let mut held = Allowance { allowed: Some(2), ..Allowance::of(batch.source) };
    held.tell(samples::time(1), "20 -> 2: words".into());
    store.set_allowance(&held).await.map_err(said)?;
    same!(store.allowances().await.map_err(said)?, vec![held.clone()], "as it was set");
    same!(claimed(store).await?, 2, "held at two of five");
    let used = InUse { source: batch.source, target: batch.target, batch: batch.id, mailboxes: 2 };
    same!(store.permits().await.map_err(said)?, vec![used], "in use");
    held.allowed = None;
    store.set_allowance(&held).await.map_err(said)?;
    same!(claimed(store).await?, 3, "as many as the limits say");
    Ok(())
}

async fn a_raised_limit_is_of_later_syncs_alone(store: &dyn Store) -> Outcome {
    let batch = waiting(store, PassKind::Completion).await?;
    for id in [batch.source, batch.target] {
        limited(store, id, 5, 1).await?;
        let raised = Allowance { raised: Some(4), raised_for: Some("w".into()), ..Allowance::of(id) };
        store.set_allowance(&raised).await.map_err(said)?;
    }
    same!(claimed(store).await?, 4, "raised from one to four");
    for id in [batch.source, batch.target] {
        store.set_allowance(&Allowance::of(id)).await.map_err(said)?;
    }
    same!(claimed(store).await?, 0, "put back");
    Ok(())
}

async fn pulses_are_kept_one_a_worker_and_endpoint(store: &dyn Store) -> Outcome {
    let (endpoint, worker) = (EndpointId(store.new_id()), store.new_id());
    let pulse = |at, work| Pulse {
        endpoint,
        worker,
        at: samples::time(at),
        sight: Sight { work, throttled: 1, asked: 2, stalled: 3 },
    };
    store.keep_pulses(&[pulse(10, 1)]).await.map_err(said)?;
    store.keep_pulses(&[pulse(40, 2)]).await.map_err(said)?;
    same!(store.pulses(samples::time(0)).await.map_err(said)?, vec![pulse(40, 2)], "the newest");
    same!(store.pulses(samples::time(41)).await.map_err(said)?, Vec::new(), "none since then");
    store.keep_pulses(&[]).await.map_err(said)
}
