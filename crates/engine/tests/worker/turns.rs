//! Batches that want the same slots: turns and priorities, as workers live them.

use mailferry_engine::tasks::Event;
use mailferry_model::{
    batch::{Batch, Priority},
    id::BatchId,
    status::BatchStatus,
};

use super::town::Town;

/// Two batches of three mailboxes each between the same endpoints, which take one at a time.
async fn two(town: &Town, priority: Priority) -> (BatchId, BatchId) {
    let one = town.begin().await;
    let other = BatchId(town.store.new_id());
    let batch = Batch { id: other, name: "second".to_owned(), priority, version: 1, ..town.batch(one).await };
    town.store.add_batch(&batch, &[]).await.unwrap();
    for mut user in town.users(one).await.into_iter().skip(3) {
        user.batch = other;
        town.store.set_user(&user).await.unwrap();
    }
    let mut endpoint = town.store.endpoint("new").await.unwrap();
    endpoint.limits.max_concurrent_migrations = 1;
    town.store.set_endpoint(&endpoint).await.unwrap();
    (one, other)
}

/// In which order mailboxes of which batches were synced.
async fn order(town: &Town, (one, other): (BatchId, BatchId)) -> Vec<BatchId> {
    let worker = town.worker();
    let rest = |batch: Batch| batch.status == BatchStatus::Synced;
    town.until(&worker, || async { rest(town.batch(one).await) && rest(town.batch(other).await) }).await;
    let synced = |event: &Event| event.what == "Synced";
    worker.take_events().iter().filter(|event| synced(event)).map(|event| event.batch).collect()
}

#[tokio::test]
async fn batches_that_share_an_endpoint_move_side_by_side() {
    let town = Town::of(6).await;
    let (one, other) = two(&town, Priority::Normal).await;
    let order = order(&town, (one, other)).await;
    // Which of them is first is settled by chance: whose work was added first.
    let (first, second) = (order[0], if order[0] == one { other } else { one });
    assert_eq!(order, [first, second, first, second, first, second]);
}

#[tokio::test]
async fn a_batch_of_higher_priority_moves_first_once_it_has_work() {
    let town = Town::of(6).await;
    let (one, other) = two(&town, Priority::High).await;
    let order = order(&town, (one, other)).await;
    let last_of_high = order.iter().rposition(|batch| *batch == other).unwrap();
    assert!(last_of_high <= 3, "one of the other may have begun before: {order:?}");
}
