//! Random tokens: of sessions, for programs, and the set-up code. Only their hashes are kept.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mailferry_model::{
    Error, Result,
    account::{Hashed, TokenHash},
    secret::Secret,
};
use sha2::{Digest, Sha256};

use super::totp::base32;

/// Begins the tokens of sessions.
pub(crate) const SESSION: &str = "mfs_";
/// Begins the tokens for programs, so that scanners of repositories find them.
pub(crate) const PROGRAM: &str = "mft_";

/// A new token and its hash.
pub(crate) fn fresh(prefix: &str) -> Result<(Secret<String>, TokenHash)> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|e| Error::bug("make token", e.to_string()))?;
    let token = Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random)));
    let hash = hash(token.expose());
    Ok((token, hash))
}

/// A new set-up code, to be typed: five groups of four letters and digits.
pub(crate) fn fresh_code() -> Result<(Secret<String>, TokenHash)> {
    let mut random = [0u8; 13];
    getrandom::fill(&mut random).map_err(|e| Error::bug("make set-up code", e.to_string()))?;
    let letters = base32(&random);
    let groups: Vec<&str> = (0..5).filter_map(|n| letters.get(4 * n..4 * n + 4)).collect();
    let code = groups.join("-");
    let hash = code_hash(&code);
    Ok((Secret::new(code), hash))
}

/// The hash under which a token is kept.
pub(crate) fn hash(token: &str) -> TokenHash {
    Hashed(Sha256::digest(token.as_bytes()).into())
}

/// The hash of a set-up code as somebody typed it.
pub(crate) fn code_hash(typed: &str) -> TokenHash {
    let bare: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    hash(&bare.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_taken_as_people_type_them() {
        let (code, hash) = fresh_code().unwrap();
        assert_eq!(code.expose().len(), 24, "{}", code.expose());
        assert_eq!(code_hash(&code.expose().to_lowercase().replace('-', " ")), hash);
        let (token, _) = fresh(PROGRAM).unwrap();
        assert!(token.expose().starts_with("mft_") && token.expose().len() == 47);
    }
}
