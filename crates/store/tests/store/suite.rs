//! The suite, each test on an empty store.

use super::places::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    let mut wrong = Vec::new();
    for test in mailferry_suite::store::tests() {
        let place = Place::sqlite();
        if let Err(words) = (test.run)(&place.open().await).await {
            wrong.push(format!("{}: {words}", test.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract() {
    let mut wrong = Vec::new();
    for test in mailferry_suite::store::tests() {
        let Some(place) = Place::postgres().await else { return };
        if let Err(words) = (test.run)(&place.open().await).await {
            wrong.push(format!("{}: {words}", test.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
