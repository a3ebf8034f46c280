//! The shared store, where there is one: who names it, how it is opened, how it is shown. Its URL comes from a file, the
//! environment or a credential of systemd, never from an argument, and is never shown whole.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mailferry_engine::tasks::Worker;
use mailferry_model::{Error, Kind, Side, cancel::Cancel, secret::Secret};
use mailferry_server::Problem;
use mailferry_store::{Location, MasterKey, OPEN, Shared, SqlStore, look_at_shared};

use crate::{
    args::Global,
    exit::Failure,
    instance::{self, KEY},
    secrets,
};

/// The variable that has the URL.
pub const VARIABLE: &str = "MAILFERRY_DATABASE_URL";
/// The name of the URL among systemd's credentials.
pub const CREDENTIAL: &str = "mailferry-database-url";
/// So long a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries to hear the bell.
const AGAIN: Duration = Duration::from_secs(5);

/// Whether somebody names a shared store.
pub fn is_given(global: &Global) -> bool {
    global.database_url_file.is_some()
        || secrets::from_environment(VARIABLE).is_some()
        || credential().is_some()
}

/// Its URL, if somebody names one: the flag, the variable, the credential.
pub fn url(global: &Global) -> Result<Option<Secret<String>>, Failure> {
    if let Some(file) = &global.database_url_file {
        // What was given may be the URL itself: it is not repeated.
        let there = if file.is_file() { secrets::from_file(file) } else { Err(no_file()) };
        return there.map(Some);
    }
    match (secrets::from_environment(VARIABLE), credential()) {
        (Some(url), _) => Ok(Some(url)),
        (None, Some(file)) => secrets::from_file(&file).map(Some),
        (None, None) => Ok(None),
    }
}

fn no_file() -> Failure {
    Failure::usage("--database-url-file: there is no such file (the file holds the URL)")
}

fn credential() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(folder).join(CREDENTIAL)).filter(|path| path.exists())
}

/// What is shown of a URL of which nobody knows where its password ends.
const HIDDEN: &str = "postgresql://(not shown: a letter of the password is not escaped)";

/// Where it is, without who signs in and how: `postgresql://HOST/DATABASE`.
pub fn shown(url: &Secret<String>) -> String {
    let rest = url.expose().split_once("://").map_or("", |(_, rest)| rest);
    let (secret, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    // A password may hold what ends an authority elsewhere, or stand behind one: then nobody knows where it ends.
    if secret.contains(['?', '#', '/']) {
        return HIDDEN.to_owned();
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || "-._:[]/".contains(*c)).collect()
    };
    format!("postgresql://{}/{}", plain(host), plain(path))
}

/// Opens it with the master key that all processes of it need. Only the first process of all makes one.
pub async fn open(folder: &Path, url: &Secret<String>) -> Result<SqlStore, Failure> {
    let looked = look(url, None).await.map_err(|e| unusable(url, e))?;
    let key = match instance::known_key(folder)? {
        Some((key, _)) => key,
        None if looked.is_keyed => return Err(no_key(url)),
        None => MasterKey::create_file(&folder.join(KEY))?,
    };
    let store = SqlStore::open(&Location::Postgres(url.clone()), key).await.map_err(|e| unusable(url, e))?;
    store.check_key().await?;
    Ok(store)
}

/// What stands in it; an error when it does not answer in time.
pub async fn look(url: &Secret<String>, key: Option<&MasterKey>) -> mailferry_model::Result<Shared> {
    let looked = tokio::time::timeout(PATIENCE, look_at_shared(url, key)).await;
    looked.unwrap_or_else(|_| Err(Error::new(Kind::Busy, Side::Us, OPEN, "the database does not answer")))
}

fn unusable(url: &Secret<String>, error: Error) -> Failure {
    use axum::http::StatusCode;
    if error.code() == "STORE_URL" || error.kind() == Kind::Conflict {
        return error.into();
    }
    let status = match error.kind() {
        Kind::Busy | Kind::Tls => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = format!("{}: {}", shown(url), error.context());
    Failure::Problem(Box::new(Problem::new(status, "DATABASE_UNREACHABLE", text)))
}

fn no_key(url: &Secret<String>) -> Failure {
    let text = format!("There is a store at {}, and its master key is not here.", shown(url));
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    Failure::Problem(Box::new(Problem::new(status, "DOCTOR_NO_KEY", text)))
}

/// Commands that are about the files of the embedded store do not go on where there is a shared one.
pub fn check_embedded(global: &Global, command: &str) -> Result<(), Failure> {
    match url(global)? {
        None => Ok(()),
        Some(url) => {
            let text = format!("{command} is for the embedded store; this one is {}.", shown(&url));
            let status = axum::http::StatusCode::NOT_IMPLEMENTED;
            Err(Failure::Problem(Box::new(Problem::new(status, "BACKUP_SHARED", text))))
        }
    }
}

/// Wakes a worker whenever any process rings, until it is cancelled. Without the bell it looks on its timer.
pub fn listen(store: Arc<SqlStore>, worker: Arc<Worker>, cancel: Cancel) {
    tokio::spawn(async move {
        while !cancel.is_cancelled() {
            let heard = async {
                let mut bell = store.bell().await?;
                loop {
                    bell.rung().await?;
                    worker.ring();
                }
            };
            let ended: mailferry_model::Result<()> = tokio::select! {
                ended = heard => ended,
                () = cancel.cancelled() => return,
            };
            if let Err(error) = ended {
                tracing::warn!(code = error.code(), "the bell of the store is not heard; trying again");
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_names_host_and_database_alone() {
        for (url, expected) in [
            (
                "postgresql://ferry:canary@db.example:5432/mail?sslmode=require",
                "postgresql://db.example:5432/mail",
            ),
            ("postgres://ferry:c@nary@db.example/mail", "postgresql://db.example/mail"),
            ("postgresql:///mail?host=/run/postgresql&password=canary", "postgresql:///mail"),
            ("postgresql://[::1]:5432/mail", "postgresql://[::1]:5432/mail"),
            ("canary", "postgresql:///"),
            ("postgresql://ferry:canary#1@db.example/mail", HIDDEN),
            ("postgresql://ferry:cana/ry@db.example/mail", HIDDEN),
            ("postgresql://ferry:5555#99@db.example/mail", HIDDEN),
            ("postgresql:///mail?user=ferry&password=can@ary", HIDDEN),
        ] {
            assert_eq!(shown(&url.into()), expected);
        }
    }
}
