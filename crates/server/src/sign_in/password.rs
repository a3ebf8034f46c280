//! Passwords: hashed with argon2id, apart from the threads that answer requests, two at a time.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use mailferry_model::{Error, Result, account::Hashed, secret::Secret};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Each takes 19 MiB and a core: many at once would be a way to stop the service.
static HASHING: Semaphore = Semaphore::const_new(2);

/// What an unknown name is compared with: the same parameters, no password fits.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWFpbGZlcnJ5bm9ib2R5$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Judges a new password: length is all that is asked for.
pub(crate) fn check_strength(password: &Secret<String>) -> std::result::Result<(), Problem> {
    match password.expose().chars().count() {
        12..=1024 => Ok(()),
        n => Err(Problem::refused(
            "PASSWORD_WEAK",
            format!("It has {n} characters; 12 to 1024 are asked for."),
        )),
    }
}

/// The hash of a password with its parameters and a salt of its own.
pub(crate) async fn hash(password: Secret<String>) -> Result<Hashed<String>> {
    apart(move || {
        let hash = Argon2::default().hash_password(password.expose().as_bytes());
        hash.map(|h| Hashed(h.to_string())).map_err(|e| Error::bug("hash password", e.to_string()))
    })
    .await?
}

/// Whether a password fits a hash. Without a hash nothing fits, and it takes as long.
pub(crate) async fn verify(password: Secret<String>, hash: Option<Hashed<String>>) -> Result<bool> {
    apart(move || {
        let text = hash.as_ref().map_or(NOBODY, |h| h.0.as_str());
        let parsed = PasswordHash::new(text);
        let fits =
            parsed.is_ok_and(|h| Argon2::default().verify_password(password.expose().as_bytes(), &h).is_ok());
        fits && hash.is_some()
    })
    .await
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = HASHING.acquire().await.map_err(|e| Error::bug("hash password", e.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::bug("hash password", e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let hash = hash(Secret::from("correct horse")).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "the parameters stand in it");
        assert!(verify(Secret::from("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!verify(Secret::from("correct house"), Some(hash.clone())).await.unwrap());
        assert!(!verify(Secret::from("correct horse"), None).await.unwrap());
        assert!(PasswordHash::new(NOBODY).is_ok(), "nobody's hash is computed as others are");
        assert!(!format!("{hash:?}").contains("argon2"));
    }
}
