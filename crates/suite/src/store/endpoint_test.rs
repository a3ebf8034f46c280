//! The contract of `EndpointTests`.

use std::time::Duration;

use futures_util::future::join_all;
use mailferry_model::{
    Kind, Side,
    endpoint_test::{EndpointTest, Mailbox, TestScope, TestState},
    finding::TestResult,
    id::EndpointTestId,
    port::Store,
    secret::Secret,
    settings::Settings,
};

use super::{Outcome, refused, said, same, samples, sentences};

const MINUTE: Duration = Duration::from_secs(60);

sentences! { "endpoint_test":
    what_is_ordered_is_read_as_it_was,
    the_oldest_is_claimed_once,
    what_came_of_it_is_kept_by_its_owner_and_its_secrets_are_forgotten,
    one_whose_time_is_over_is_interrupted_and_never_made_again,
    old_ones_are_forgotten,
}

async fn ordered(store: &dyn Store, asked: i64) -> Result<EndpointTest, String> {
    let mailbox = Mailbox { address: "ä\0@x".to_owned(), user: Some("a".to_owned()) };
    let test = EndpointTest {
        id: EndpointTestId(store.new_id()),
        endpoint: None,
        kind: "imap".to_owned(),
        settings: Settings::default().with("odd", "a\0b'\"\\"),
        side: Side::Target,
        also: Some(Side::Source),
        mailbox: Some(mailbox),
        keeps: true,
        scope: TestScope::Repeated(7),
        state: TestState::Ordered,
        result: None,
        asked_by: "anna".to_owned(),
        asked: samples::time(asked),
    };
    store.add_endpoint_test(&test).await.map_err(said)?;
    store.seal(test.id.0, "password", &Secret::new("p".to_owned())).await.map_err(said)?;
    Ok(test)
}

fn running(test: &EndpointTest) -> EndpointTest {
    EndpointTest { state: TestState::Running, ..test.clone() }
}

async fn secrets(store: &dyn Store, test: &EndpointTest) -> Result<usize, String> {
    Ok(store.unseal(test.id.0).await.map_err(said)?.len())
}

async fn what_is_ordered_is_read_as_it_was(store: &dyn Store) -> Outcome {
    let (first, second) = (ordered(store, 1).await?, ordered(store, 2).await?);
    same!(store.endpoint_test(first.id).await.map_err(said)?, first, "by its id");
    same!(store.endpoint_tests().await.map_err(said)?, [second, first], "newest first");
    refused(store.endpoint_test(EndpointTestId(store.new_id())).await, Kind::NotFound, "no such test")?;
    Ok(())
}

async fn the_oldest_is_claimed_once(store: &dyn Store) -> Outcome {
    let (first, second) = (ordered(store, 1).await?, ordered(store, 2).await?);
    let owner = store.new_id();
    let claimed = join_all((0..4).map(|_| store.claim_endpoint_test(owner, MINUTE))).await;
    let mut claimed: Vec<_> = claimed.into_iter().filter_map(|c| c.ok().flatten()).collect();
    // Of several at once some may find nothing, as long as each is claimed by one.
    while let Some(next) = store.claim_endpoint_test(owner, MINUTE).await.map_err(said)? {
        claimed.push(next);
    }
    claimed.sort_by_key(|test| test.id);
    same!(claimed, [running(&first), running(&second)], "each once");
    same!(store.endpoint_tests_under_way().await.map_err(said)?, 2, "how many run");
    Ok(())
}

async fn what_came_of_it_is_kept_by_its_owner_and_its_secrets_are_forgotten(store: &dyn Store) -> Outcome {
    let test = ordered(store, 1).await?;
    let (owner, other) = (store.new_id(), store.new_id());
    let done = EndpointTest {
        state: TestState::Done,
        result: Some(TestResult::of(Vec::new())),
        settings: Settings::default().with("found", "it"),
        ..test.clone()
    };
    refused(store.end_endpoint_test(&done, owner).await, Kind::Conflict, "not claimed")?;
    store.claim_endpoint_test(owner, MINUTE).await.map_err(said)?;
    store.hold_endpoint_test(test.id, owner, MINUTE).await.map_err(said)?;
    refused(store.hold_endpoint_test(test.id, other, MINUTE).await, Kind::Conflict, "held by another")?;
    refused(store.end_endpoint_test(&done, other).await, Kind::Conflict, "ended by another")?;
    same!(secrets(store, &test).await?, 1, "secrets while it runs");
    store.end_endpoint_test(&done, owner).await.map_err(said)?;
    same!(store.endpoint_test(test.id).await.map_err(said)?, done, "afterwards");
    same!(secrets(store, &test).await?, 0, "secrets afterwards");
    same!(store.endpoint_tests_under_way().await.map_err(said)?, 0, "how many have not ended");
    refused(store.end_endpoint_test(&done, owner).await, Kind::Conflict, "a second time")?;
    Ok(())
}

async fn one_whose_time_is_over_is_interrupted_and_never_made_again(store: &dyn Store) -> Outcome {
    let test = ordered(store, 1).await?;
    let owner = store.new_id();
    store.claim_endpoint_test(owner, Duration::ZERO).await.map_err(said)?;
    store.sweep_endpoint_tests(samples::time(0)).await.map_err(said)?;
    let state = store.endpoint_test(test.id).await.map_err(said)?.state;
    same!(state, TestState::Interrupted, "its owner is gone");
    same!(secrets(store, &test).await?, 0, "its secrets");
    same!(store.claim_endpoint_test(owner, MINUTE).await.map_err(said)?, None, "again");
    refused(store.hold_endpoint_test(test.id, owner, MINUTE).await, Kind::Conflict, "it comes back")?;
    Ok(())
}

async fn old_ones_are_forgotten(store: &dyn Store) -> Outcome {
    let (busy, old, young) = (ordered(store, 1).await?, ordered(store, 2).await?, ordered(store, 9).await?);
    store.claim_endpoint_test(store.new_id(), MINUTE).await.map_err(said)?;
    store.sweep_endpoint_tests(samples::time(5)).await.map_err(said)?;
    let left: Vec<_> = store.endpoint_tests().await.map_err(said)?.into_iter().map(|t| t.id).collect();
    same!(left, [young.id, busy.id], "what runs and what is young");
    same!(secrets(store, &old).await?, 0, "its secrets");
    Ok(())
}
