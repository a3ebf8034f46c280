//! The contract of `Domains`.

use mailferry_model::{
    Kind,
    domain::{Domain, Wanted},
    port::Store,
};

use super::{Outcome, refused, said, same, sentences};

sentences! { "domain":
    one_is_kept_found_listed_and_forgotten,
    of_two_that_write_one_is_stale,
}

fn domain(name: &str) -> Domain {
    Domain {
        version: 0,
        name: name.to_owned(),
        wanted: Wanted { spf: Some("include:a.example".to_owned()), ..Wanted::default() },
        at: None,
        batch: None,
        resolver: None,
        asked: None,
        asked_by: "anna".to_owned(),
        looked: None,
        records: Vec::new(),
        warned: None,
    }
}

async fn one_is_kept_found_listed_and_forgotten(store: &dyn Store) -> Outcome {
    for name in ["z.example", "a.example"] {
        store.keep_domain(&domain(name)).await.map_err(said)?;
    }
    let kept = Domain { version: 1, ..domain("a.example") };
    same!(store.domain("a.example").await.map_err(said)?, kept, "by name");
    let all: Vec<String> = store.domains().await.map_err(said)?.into_iter().map(|d| d.name).collect();
    same!(all, ["a.example", "z.example"].map(str::to_owned).to_vec(), "by name");
    store.remove_domain("a.example").await.map_err(said)?;
    refused(store.remove_domain("a.example").await, Kind::NotFound, "it is gone")?;
    refused(store.domain("a.example").await, Kind::NotFound, "it is gone").map(drop)
}

async fn of_two_that_write_one_is_stale(store: &dyn Store) -> Outcome {
    store.keep_domain(&domain("a.example")).await.map_err(said)?;
    refused(store.keep_domain(&domain("a.example")).await, Kind::Conflict, "it is made already")?;
    let one = store.domain("a.example").await.map_err(said)?;
    store.keep_domain(&Domain { asked_by: "ben".to_owned(), ..one.clone() }).await.map_err(said)?;
    refused(store.keep_domain(&one).await, Kind::Conflict, "it was changed")?;
    let gone = Domain { version: 3, ..domain("b.example") };
    refused(store.keep_domain(&gone).await, Kind::NotFound, "it is not there").map(drop)
}
