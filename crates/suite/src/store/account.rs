//! The contracts of `Accounts`, `Sessions` and `Tokens`.

use mailferry_model::{
    Kind,
    account::{Account, Hashed, Role, Session, Token, TokenHash},
    id::{AccountId, SessionId, TokenId},
    port::Store,
    secret::Secret,
};

use super::{Outcome, ensure, refused, said, same, samples, sentences};

sentences! { "account":
    one_is_kept_and_found_by_name_without_case,
    a_stale_version_is_refused,
    the_first_one_takes_the_code_once,
    a_session_is_found_by_its_hash_and_seen,
    sessions_end_alone_together_and_in_time,
    a_token_is_found_used_and_revoked,
    what_belongs_to_an_account_goes_with_it,
}

fn account(store: &dyn Store, name: &str) -> Account {
    Account {
        id: AccountId(store.new_id()),
        version: 1,
        name: name.to_owned(),
        role: Role::Operator,
        disabled: false,
        password: Some(Hashed("$argon2id$x".to_owned())),
        second_factor: true,
        second_factor_step: 7,
        created: samples::time(0),
        modified: samples::time(1),
        last_sign_in: None,
    }
}

fn hash(n: u8) -> TokenHash {
    Hashed([n; 32])
}

fn session(store: &dyn Store, account: &Account, n: u8) -> Session {
    Session {
        id: SessionId(store.new_id()),
        account: account.id,
        hash: hash(n),
        address: "127.0.0.1".to_owned(),
        created: samples::time(0),
        seen: samples::time(0),
        expires: samples::time(i64::from(n) * 60),
    }
}

fn token(store: &dyn Store, account: &Account, name: &str, n: u8) -> Token {
    Token {
        id: TokenId(store.new_id()),
        account: account.id,
        name: name.to_owned(),
        role: Role::Viewer,
        hash: hash(n),
        created: samples::time(0),
        expires: Some(samples::time(9)),
        last_used: None,
    }
}

async fn one_is_kept_and_found_by_name_without_case(store: &dyn Store) -> Outcome {
    let one = account(store, "Änne");
    store.add_account(&one).await.map_err(said)?;
    same!(store.account("äNNE").await.map_err(said)?, one, "by name");
    same!(store.account_by_id(one.id).await.map_err(said)?, one, "by id");
    let again = account(store, "ÄNNE");
    refused(store.add_account(&again).await, Kind::AlreadyExists, "the same name")?;
    store.add_account(&account(store, "Zoe")).await.map_err(said)?;
    let names: Vec<String> = store.accounts().await.map_err(said)?.into_iter().map(|a| a.name).collect();
    same!(names, ["Zoe", "Änne"], "all by name");
    refused(store.account("nobody").await, Kind::NotFound, "an unknown name").map(drop)
}

async fn a_stale_version_is_refused(store: &dyn Store) -> Outcome {
    let mut one = account(store, "a");
    store.add_account(&one).await.map_err(said)?;
    one.role = Role::Administrator;
    store.set_account(&one).await.map_err(said)?;
    let stands = store.account("a").await.map_err(said)?;
    same!((stands.version, stands.role), (2, Role::Administrator), "version and role");
    refused(store.set_account(&one).await, Kind::Conflict, "the old version")?;
    refused(store.set_account(&account(store, "b")).await, Kind::NotFound, "an unknown one").map(drop)
}

async fn the_first_one_takes_the_code_once(store: &dyn Store) -> Outcome {
    let first = account(store, "first");
    let wrong = store.add_first_account(&hash(1), &first).await;
    refused(wrong, Kind::Forbidden, "without a code")?;
    store.keep_setup_code(&hash(1)).await.map_err(said)?;
    store.keep_setup_code(&hash(2)).await.map_err(said)?;
    refused(store.add_first_account(&hash(1), &first).await, Kind::Forbidden, "an older code")?;
    store.add_first_account(&hash(2), &first).await.map_err(said)?;
    let second = account(store, "second");
    refused(store.add_first_account(&hash(2), &second).await, Kind::Conflict, "a second time")?;
    refused(store.keep_setup_code(&hash(3)).await, Kind::Conflict, "a code besides accounts").map(drop)
}

async fn a_session_is_found_by_its_hash_and_seen(store: &dyn Store) -> Outcome {
    let one = account(store, "a");
    refused(store.add_session(&session(store, &one, 1)).await, Kind::NotFound, "nobody's session")?;
    store.add_account(&one).await.map_err(said)?;
    let kept = session(store, &one, 1);
    store.add_session(&kept).await.map_err(said)?;
    same!(store.session_by_hash(&hash(1)).await.map_err(said)?, kept, "by hash");
    store.see_session(kept.id, samples::time(5)).await.map_err(said)?;
    same!(store.session_by_hash(&hash(1)).await.map_err(said)?.seen, samples::time(5), "seen");
    refused(store.session_by_hash(&hash(2)).await, Kind::NotFound, "another hash").map(drop)
}

async fn sessions_end_alone_together_and_in_time(store: &dyn Store) -> Outcome {
    let one = account(store, "a");
    store.add_account(&one).await.map_err(said)?;
    let all: Vec<Session> = (1..=5).map(|n| session(store, &one, n)).collect();
    for session in &all {
        store.add_session(session).await.map_err(said)?;
    }
    let left = async || -> Result<Vec<u8>, String> {
        Ok(store.sessions().await.map_err(said)?.iter().map(|s| s.hash.0[0]).collect())
    };
    same!(left().await?, [5, 4, 3, 2, 1], "newest first");
    store.forget_sessions(samples::time(120)).await.map_err(said)?;
    same!(left().await?, [5, 4, 3, 2], "in time");
    store.remove_session(all[1].id).await.map_err(said)?;
    same!(left().await?, [5, 4, 3], "alone");
    refused(store.remove_session(all[1].id).await, Kind::NotFound, "twice")?;
    store.remove_sessions(one.id, Some(all[2].id)).await.map_err(said)?;
    same!(left().await?, [3], "all but one");
    store.remove_sessions(one.id, None).await.map_err(said)?;
    ensure!(left().await?.is_empty(), "some are left");
    Ok(())
}

async fn a_token_is_found_used_and_revoked(store: &dyn Store) -> Outcome {
    let one = account(store, "a");
    store.add_account(&one).await.map_err(said)?;
    let kept = token(store, &one, "Build", 1);
    store.add_token(&kept).await.map_err(said)?;
    refused(store.add_token(&token(store, &one, "BUILD", 2)).await, Kind::AlreadyExists, "the same name")?;
    same!(store.token_by_hash(&hash(1)).await.map_err(said)?, kept, "by hash");
    store.use_token(kept.id, samples::time(5)).await.map_err(said)?;
    same!(store.tokens().await.map_err(said)?[0].last_used, Some(samples::time(5)), "used");
    store.remove_token(kept.id).await.map_err(said)?;
    refused(store.token_by_hash(&hash(1)).await, Kind::NotFound, "a revoked one")?;
    refused(store.remove_token(kept.id).await, Kind::NotFound, "twice").map(drop)
}

async fn what_belongs_to_an_account_goes_with_it(store: &dyn Store) -> Outcome {
    let (one, other) = (account(store, "a"), account(store, "b"));
    for (n, account) in [(1, &one), (2, &other)] {
        store.add_account(account).await.map_err(said)?;
        store.add_session(&session(store, account, n)).await.map_err(said)?;
        store.add_token(&token(store, account, "t", n)).await.map_err(said)?;
        store.seal(account.id.0, "second-factor", &Secret::from("x")).await.map_err(said)?;
    }
    store.remove_account(one.id).await.map_err(said)?;
    refused(store.session_by_hash(&hash(1)).await, Kind::NotFound, "its session")?;
    refused(store.token_by_hash(&hash(1)).await, Kind::NotFound, "its token")?;
    ensure!(store.unseal(one.id.0).await.map_err(said)?.is_empty(), "its secret is left");
    store.session_by_hash(&hash(2)).await.map_err(said)?;
    refused(store.remove_account(one.id).await, Kind::NotFound, "twice").map(drop)
}
