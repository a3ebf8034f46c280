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

/// Those of twelve characters and more that everybody tries first; in small letters.
const COMMON: [&str; 24] = [
    "password1234",
    "password12345",
    "password123!",
    "passw0rd1234",
    "p@ssw0rd1234",
    "mypassword123",
    "passwordpassword",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopas",
    "qwertyuiopasdfghjkl",
    "qwerty123456",
    "asdfghjkl123",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "123qweasdzxc",
    "administrator",
    "administrator1",
    "admin1234567",
    "changeme1234",
    "welcome12345",
    "letmein12345",
    "iloveyou1234",
    "mailferry1234",
];

/// Judges a new password: its length, and that nobody guesses it at once.
pub(crate) fn check_strength(password: &Secret<String>, name: &str) -> std::result::Result<(), Problem> {
    let text = password.expose();
    let weak = match text.chars().count() {
        12..=1024 => guessed(text, name),
        n => Some(format!("It has {n} characters; 12 to 1024 are asked for.")),
    };
    weak.map_or(Ok(()), |why| Err(Problem::refused("PASSWORD_WEAK", why)))
}

/// Why it is guessed at once, if it is.
fn guessed(text: &str, name: &str) -> Option<String> {
    const LONGEST_UNIT: usize = 4;
    let small = text.to_lowercase();
    let letters: Vec<char> = small.chars().collect();
    let repeats = |n: usize| letters.iter().zip(letters.iter().skip(n)).all(|(a, b)| a == b);
    // After 9 comes 0 on a keyboard.
    let step = |a: char, b: char| u32::from(b) == u32::from(a) + 1 || (a, b) == ('9', '0');
    let up = letters.windows(2).all(|w| step(w[0], w[1]));
    let down = letters.windows(2).all(|w| step(w[1], w[0]));
    let why = if small == name.to_lowercase() {
        "It is the account's name."
    } else if (1..=LONGEST_UNIT).any(repeats) {
        "It repeats the same few characters."
    } else if up || down {
        "Its characters follow each other in order."
    } else if COMMON.contains(&small.as_str()) {
        "It is one of those that everybody tries first."
    } else {
        return None;
    };
    Some(why.to_owned())
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

    #[test]
    fn what_is_guessed_at_once_is_refused_with_a_sentence() {
        let detail =
            |text: &str| check_strength(&Secret::from(text), "Anna@Example.org").err().map(|p| p.detail);
        for (text, why) in [
            ("short", "12 to 1024"),
            ("123456789012", "in order"),
            ("abcdefghijklmn", "in order"),
            ("210987654321", "in order"),
            ("aaaaaaaaaaaa", "repeats"),
            ("123123123123", "repeats"),
            ("anna@example.org", "account's name"),
            ("PassWord1234", "tries first"),
        ] {
            let told = detail(text).unwrap_or_else(|| panic!("{text} is taken"));
            assert!(told.contains(why) && !told.contains(text), "{text}: {told}");
        }
        for text in ["correct horse battery", "canary canary canary", "Anna@Example.org2"] {
            assert_eq!(detail(text), None, "{text}");
        }
        assert!(COMMON.iter().all(|c| c.len() >= 12 && *c == c.to_lowercase()));
    }

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
