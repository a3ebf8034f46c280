//! The contract of `Readiness`.

use mailferry_model::{
    id::BatchId,
    port::{Store, Write},
    readiness::{Point, Tick},
};

use super::{Outcome, ensure, said, same, samples, sentences};

sentences! { "readiness":
    they_are_read_as_they_were,
    one_of_the_same_point_and_batch_is_replaced,
    what_is_taken_back_is_gone_and_nothing_else,
    those_of_a_batch_go_with_it,
    all_are_kept_or_none,
}

fn tick(point: Point, batch: Option<BatchId>, comment: &str) -> Tick {
    Tick { point, batch, by: "Ünïcode\0'\"".into(), at: samples::time(7), comment: Some(comment.into()) }
}

/// Their comments, in order.
async fn comments(store: &dyn Store) -> Result<Vec<String>, String> {
    let ticks = store.ticks().await.map_err(said)?;
    let mut comments: Vec<String> = ticks.into_iter().filter_map(|tick| tick.comment).collect();
    comments.sort();
    Ok(comments)
}

async fn they_are_read_as_they_were(store: &dyn Store) -> Outcome {
    same!(comments(store).await?, [""; 0], "of nobody");
    let (batch, _) = samples::stored(store, &[]).await?;
    let given = [
        tick(Point::HelpDeskReady, None, "\0 all"),
        tick(Point::HelpDeskReady, Some(batch.id), "one"),
        Tick { comment: None, ..tick(Point::UsersInformed, None, "") },
    ];
    for tick in &given {
        store.tick(tick).await.map_err(said)?;
    }
    let kept = store.ticks().await.map_err(said)?;
    same!(kept.len(), given.len(), "how many");
    ensure!(given.iter().all(|tick| kept.contains(tick)), "one is not as it was: {kept:?}");
    Ok(())
}

async fn one_of_the_same_point_and_batch_is_replaced(store: &dyn Store) -> Outcome {
    for comment in ["first", "second"] {
        store.tick(&tick(Point::HelpDeskReady, None, comment)).await.map_err(said)?;
    }
    same!(comments(store).await?, ["second"], "the later one");
    Ok(())
}

async fn what_is_taken_back_is_gone_and_nothing_else(store: &dyn Store) -> Outcome {
    let (batch, _) = samples::stored(store, &[]).await?;
    store.tick(&tick(Point::HelpDeskReady, None, "all")).await.map_err(said)?;
    store.tick(&tick(Point::HelpDeskReady, Some(batch.id), "one")).await.map_err(said)?;
    store.tick(&tick(Point::UsersInformed, Some(batch.id), "other")).await.map_err(said)?;
    for _ in 0..2 {
        store.untick(Point::HelpDeskReady, Some(batch.id)).await.map_err(said)?;
        same!(comments(store).await?, ["all", "other"], "afterwards");
    }
    Ok(())
}

async fn those_of_a_batch_go_with_it(store: &dyn Store) -> Outcome {
    let (batch, _) = samples::stored(store, &["anna"]).await?;
    store.tick(&tick(Point::HelpDeskReady, None, "all")).await.map_err(said)?;
    store.tick(&tick(Point::HelpDeskReady, Some(batch.id), "one")).await.map_err(said)?;
    store.remove_batch(batch.id).await.map_err(said)?;
    same!(comments(store).await?, ["all"], "afterwards");
    Ok(())
}

async fn all_are_kept_or_none(store: &dyn Store) -> Outcome {
    let nobody = samples::batch(store, samples::endpoint(store).id, samples::endpoint(store).id);
    let given = tick(Point::HelpDeskReady, None, "all");
    let refused = store.together(&[Write::Tick(&given), Write::SetBatch(&nobody)]).await;
    ensure!(refused.is_err(), "a batch that there is not was changed");
    same!(comments(store).await?, [""; 0], "afterwards");
    Ok(())
}
