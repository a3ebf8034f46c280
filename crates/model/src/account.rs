//! Who may use the service: accounts, their sessions and API tokens, and the roles that say what each may do.
//!
//! Secrets are here only as hashes that do not print. Hashing and checking them is the server's.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, SessionId, TokenId};

/// What somebody may do; each may do what the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks on.
    Viewer,
    /// Works with endpoints and batches.
    Operator,
    /// Also accounts, tokens and the audit trail.
    Administrator,
}

impl Role {
    /// All of them, from the one that may least.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

/// The hash of a secret, as text or bytes. It does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashed<T>(pub T);

impl<T> fmt::Debug for Hashed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed(…)")
    }
}

/// The hash of a random token: SHA-256, because what is random needs no slow hash.
pub type TokenHash = Hashed<[u8; 32]>;

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id; owns the sealed secret of the second factor.
    pub id: AccountId,
    /// Grows with each change; a stale writer is refused.
    pub version: u64,
    /// The name to sign in with, unique without case.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may not sign in for now.
    pub disabled: bool,
    /// The password's hash with its parameters; none: tokens only.
    pub password: Option<Hashed<String>>,
    /// Whether signing in takes a code of an authenticator besides the password.
    pub second_factor: bool,
    /// The last time step whose code was taken: none is taken twice.
    #[serde(default)]
    pub second_factor_step: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// When somebody last signed in with it.
    pub last_sign_in: Option<Timestamp>,
}

/// A browser or command line that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id; says nothing about the token.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// The token's hash.
    #[serde(skip, default = "nothing")]
    pub hash: TokenHash,
    /// The address it was begun from.
    pub address: String,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was last used, to the minute.
    pub seen: Timestamp,
    /// When it ends, used or not.
    pub expires: Timestamp,
}

/// A token for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id; says nothing about the token.
    pub id: TokenId,
    /// Whose: a disabled or removed account takes its tokens along.
    pub account: AccountId,
    /// What it is for.
    pub name: String,
    /// What it may do, never more than its account.
    pub role: Role,
    /// The token's hash.
    #[serde(skip, default = "nothing")]
    pub hash: TokenHash,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; none: never.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

fn nothing() -> TokenHash {
    Hashed([0; 32])
}

/// The answer to a request that must not be carried out twice, kept for a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The hash of the request: the same key with another request is a mistake.
    pub request: [u8; 32],
    /// None while it is carried out.
    pub answer: Option<Answer>,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The headers that belong to it, by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}
