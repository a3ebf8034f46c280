//! The contract of `Together`.

use mailferry_model::{
    Kind,
    audit::AuditEntry,
    port::{Store, Write},
    secret::Secret,
};

use super::{Outcome, refused, said, same, samples, sentences};

sentences! { "together":
    a_thing_its_secrets_and_what_is_told_of_it_are_written_at_once,
    nothing_is_written_where_one_write_is_refused,
    one_secret_is_forgotten_and_the_others_stay,
}

fn entry(subject: &str) -> AuditEntry {
    AuditEntry {
        at: samples::time(1),
        actor: "cli:root".into(),
        action: "endpoint.new".into(),
        subject: subject.into(),
        change: None,
    }
}

async fn names(store: &dyn Store, owner: uuid::Uuid) -> Result<Vec<String>, String> {
    let opened = store.unseal(owner).await.map_err(said)?;
    Ok(opened.into_iter().map(|(name, secret)| format!("{name}={}", secret.expose())).collect())
}

async fn a_thing_its_secrets_and_what_is_told_of_it_are_written_at_once(store: &dyn Store) -> Outcome {
    let (endpoint, secret, entry) = (samples::endpoint(store), Secret::from("s"), entry("endpoint"));
    let secrets = [(endpoint.id.0, "password", &secret)];
    let writes = [Write::AddEndpoint(&endpoint), Write::Seal(&secrets), Write::Record(&entry)];
    store.together(&writes).await.map_err(said)?;
    same!(store.endpoint_by_id(endpoint.id).await.map_err(said)?, endpoint, "the endpoint");
    same!(names(store, endpoint.id.0).await?, ["password=s"], "its secrets");
    let end = store.audit_end().await.map_err(said)?;
    same!(store.audit(end - 1).await.map_err(said)?, [(end, entry)], "the newest entry");
    Ok(())
}

async fn nothing_is_written_where_one_write_is_refused(store: &dyn Store) -> Outcome {
    let (stored, fresh) = (samples::endpoint(store), samples::endpoint(store));
    store.together(&[Write::AddEndpoint(&stored), Write::Record(&entry("made"))]).await.map_err(said)?;
    store.seal(stored.id.0, "password", &"old".into()).await.map_err(said)?;
    store.set_endpoint(&stored).await.map_err(said)?;
    let (end, new, entry) = (store.audit_end().await.map_err(said)?, Secret::from("new"), entry("refused"));
    let secrets = [(stored.id.0, "password", &new), (fresh.id.0, "password", &new)];
    let writes = [
        Write::AddEndpoint(&fresh),
        Write::Seal(&secrets),
        Write::Record(&entry),
        Write::ForgetSecrets(stored.id.0),
        Write::SetEndpoint(&stored),
    ];
    refused(store.together(&writes).await, Kind::Conflict, "a version that is not the stored one")?;
    refused(store.endpoint_by_id(fresh.id).await, Kind::NotFound, "what came before the refusal")?;
    same!(names(store, stored.id.0).await?, ["password=old"], "the secrets");
    same!(names(store, fresh.id.0).await?, [""; 0], "secrets of nobody");
    same!(store.audit_end().await.map_err(said)?, end, "the newest entry");
    same!(store.check_audit().await.map_err(said)?, None, "the first entry that does not fit");
    Ok(())
}

async fn one_secret_is_forgotten_and_the_others_stay(store: &dyn Store) -> Outcome {
    let owner = store.new_id();
    for name in ["a", "b"] {
        store.seal(owner, name, &name.into()).await.map_err(said)?;
    }
    store.together(&[Write::ForgetSecret(owner, "a")]).await.map_err(said)?;
    same!(names(store, owner).await?, ["b=b"], "secrets");
    let again = store.together(&[Write::ForgetSecret(owner, "a")]).await;
    refused(again, Kind::NotFound, "one that is not there")?;
    Ok(())
}
