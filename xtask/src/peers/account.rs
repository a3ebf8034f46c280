//! The users of every throw-away server.

use serde::{Deserialize, Serialize};

/// One user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// `user0001` …
    pub user: String,
    /// `pw-user0001` …
    pub password: String,
    /// `user0001@example.org` …
    pub email: String,
}

impl Account {
    /// The user of a number, from one.
    pub fn numbered(number: usize) -> Self {
        Self::named(&format!("user{number:04}"))
    }

    /// A user by name; the password follows from it.
    pub fn named(user: &str) -> Self {
        Self { user: user.to_owned(), password: format!("pw-{user}"), email: format!("{user}@example.org") }
    }

    /// So many users.
    pub fn several(count: usize) -> Vec<Self> {
        (1..=count).map(Self::numbered).collect()
    }
}
