//! The contract of `Secrets`.

use mailferry_model::{port::Store, secret::Secret};

use super::{Outcome, said, same, sentences};

sentences! { "secret":
    what_was_sealed_opens_by_name,
    a_newer_one_replaces_the_older,
    many_are_sealed_at_once_and_count_as_if_one_by_one,
    owners_do_not_see_each_other_and_can_be_forgotten,
}

async fn what_was_sealed_opens_by_name(store: &dyn Store) -> Outcome {
    let owner = store.new_id();
    let long = "long ".repeat(10_000);
    let texts = [("a", "pässword \0"), ("b", ""), ("c", long.as_str())];
    for (name, text) in texts.iter().rev() {
        store.seal(owner, name, &Secret::from(*text)).await.map_err(said)?;
    }
    let opened = store.unseal(owner).await.map_err(said)?;
    let plain: Vec<(&str, &str)> = opened.iter().map(|(n, s)| (n.as_str(), s.expose().as_str())).collect();
    same!(plain, texts, "secrets");
    Ok(())
}

async fn a_newer_one_replaces_the_older(store: &dyn Store) -> Outcome {
    let owner = store.new_id();
    for text in ["old", "newer", "newest"] {
        store.seal(owner, "password", &text.into()).await.map_err(said)?;
    }
    let opened = store.unseal(owner).await.map_err(said)?;
    same!(opened.len(), 1, "number of secrets");
    same!(opened[0].1.expose(), "newest", "the secret");
    Ok(())
}

async fn many_are_sealed_at_once_and_count_as_if_one_by_one(store: &dyn Store) -> Outcome {
    let owners: Vec<_> = (0..700).map(|_| store.new_id()).collect();
    let texts: Vec<Secret<String>> = (0..700).map(|n| Secret::new(format!("text {n}"))).collect();
    store.seal(owners[1], "a", &"older".into()).await.map_err(said)?;
    let pairs = owners.iter().zip(&texts);
    let mut all: Vec<_> =
        pairs.flat_map(|(owner, text)| [(*owner, "a", text), (*owner, "b", text)]).collect();
    let last = Secret::from("last");
    all.push((owners[2], "b", &last));
    store.seal_all(&all).await.map_err(said)?;
    store.seal_all(&[]).await.map_err(said)?;
    for (n, owner) in owners.iter().enumerate() {
        let opened = store.unseal(*owner).await.map_err(said)?;
        let plain: Vec<(&str, &str)> =
            opened.iter().map(|(n, s)| (n.as_str(), s.expose().as_str())).collect();
        let text = texts[n].expose().as_str();
        same!(plain, [("a", text), ("b", if n == 2 { "last" } else { text })], format!("owner {n}"));
    }
    Ok(())
}

async fn owners_do_not_see_each_other_and_can_be_forgotten(store: &dyn Store) -> Outcome {
    let (one, other) = (store.new_id(), store.new_id());
    store.seal(one, "password", &"one".into()).await.map_err(said)?;
    store.seal(other, "password", &"other".into()).await.map_err(said)?;
    store.forget_secrets(one).await.map_err(said)?;
    same!(store.unseal(one).await.map_err(said)?, [], "a forgotten owner");
    same!(store.unseal(other).await.map_err(said)?[0].1.expose(), "other", "the other");
    Ok(())
}
