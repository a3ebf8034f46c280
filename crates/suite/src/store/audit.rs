//! The contract of `Audits`.

use futures_util::future::join_all;
use mailferry_model::{audit::AuditEntry, port::Store};

use super::{Outcome, ensure, said, same, samples, sentences};

sentences! { "audit":
    entries_are_numbered_read_back_in_order_and_the_chain_holds,
    entries_recorded_at_once_each_get_their_own_number,
    at_most_500_are_read_at_once,
    what_there_is_was_told,
}

fn entry(store: &dyn Store, change: Option<&str>) -> AuditEntry {
    AuditEntry {
        at: samples::time(1),
        actor: "cli:root".into(),
        action: "endpoint.set".into(),
        subject: format!("endpoint {}\0", store.new_id()),
        change: change.map(str::to_owned),
    }
}

async fn entries_are_numbered_read_back_in_order_and_the_chain_holds(store: &dyn Store) -> Outcome {
    same!(store.audit_end().await.map_err(said)?, 0, "the end of nothing");
    same!(store.audit_head().await.map_err(said)?, None, "the head of nothing");
    let (one, two) = (entry(store, None), entry(store, Some("{\"a\":1}")));
    let first = store.record(&one).await.map_err(said)?;
    let second = store.record(&two).await.map_err(said)?;
    ensure!(second > first, "numbers do not grow: {first}, {second}");
    same!(store.audit_end().await.map_err(said)?, second, "the end");
    let head = store.audit_head().await.map_err(said)?;
    ensure!(head.as_ref().is_some_and(|(no, hash)| *no == second && hash.len() == 32), "the head: {head:?}");
    let read = store.audit(first - 1).await.map_err(said)?;
    same!(read.first(), Some(&(first, one)), "the first");
    ensure!(read.contains(&(second, two)), "the second is missing");
    same!(store.check_audit().await.map_err(said)?, None, "the first entry that does not fit");
    Ok(())
}

async fn entries_recorded_at_once_each_get_their_own_number(store: &dyn Store) -> Outcome {
    let entries: Vec<AuditEntry> = (0..8).map(|_| entry(store, None)).collect();
    let numbers = join_all(entries.iter().map(|e| store.record(e))).await;
    let mut numbers: Vec<u64> = numbers.into_iter().collect::<Result<_, _>>().map_err(said)?;
    numbers.sort_unstable();
    numbers.dedup();
    same!(numbers.len(), 8, "different numbers");
    same!(store.check_audit().await.map_err(said)?, None, "the first entry that does not fit");
    Ok(())
}

async fn at_most_500_are_read_at_once(store: &dyn Store) -> Outcome {
    let first = store.record(&entry(store, None)).await.map_err(said)?;
    for _ in 0..500 {
        store.record(&entry(store, None)).await.map_err(said)?;
    }
    let page = store.audit(first - 1).await.map_err(said)?;
    same!(page.len(), 500, "entries");
    ensure!(page.windows(2).all(|w| w[0].0 < w[1].0), "the oldest must come first");
    same!(store.check_audit().await.map_err(said)?, None, "the first entry that does not fit");
    Ok(())
}

async fn what_there_is_was_told(store: &dyn Store) -> Outcome {
    same!(store.check_audit().await.map_err(said)?, None, "of nothing");
    store.add_endpoint(&samples::endpoint(store)).await.map_err(said)?;
    same!(store.check_audit().await.map_err(said)?, Some(1), "of an endpoint that nobody made");
    Ok(())
}
