//! What a test wants of the server.

use super::{abilities::Abilities, quirk::Quirk};

/// How connections are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    #[default]
    None,
    /// After STARTTLS.
    StartTls,
    /// From the first octet.
    Tls,
}

/// When passwords are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginRule {
    /// Always.
    #[default]
    Anywhere,
    /// With TLS; before it LOGINDISABLED is announced and kept.
    WithTls,
    /// LOGIN never (LOGINDISABLED), AUTHENTICATE always: Exchange Online.
    Never,
}

/// Someone who may sign in.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// As signed in with.
    pub name: String,
    /// The password.
    pub password: String,
    /// Access tokens for XOAUTH2 and OAUTHBEARER.
    pub tokens: Vec<String>,
    /// In octets.
    pub quota: Option<u64>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// What names in it begin with.
    pub prefix: String,
    /// Between the levels.
    pub separator: char,
}

impl Space {
    /// A namespace.
    pub fn create(prefix: &str, separator: char) -> Self {
        Self { prefix: prefix.to_owned(), separator }
    }
}

/// All namespaces. Mailboxes of others are planted in each user's own tree, under the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own; the first one is where new mailboxes belong.
    pub personal: Vec<Space>,
    /// Other users'.
    pub others: Vec<Space>,
    /// Shared, public, virtual.
    pub shared: Vec<Space>,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self { personal: vec![Space::create("", '/')], others: Vec::new(), shared: Vec::new() }
    }
}

impl Namespaces {
    /// Everything below `INBOX.`, as Courier and old Cyrus.
    pub fn below_inbox() -> Self {
        Self { personal: vec![Space::create("INBOX.", '.')], others: Vec::new(), shared: Vec::new() }
    }
}

/// A server to be started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may sign in.
    pub users: Vec<User>,
    /// Names and passwords of those who may sign in as anyone: `user*master`, or PLAIN with an authorisation id.
    pub masters: Vec<(String, String)>,
    /// Between user and master.
    pub master_separator: char,
    /// TLS.
    pub security: Security,
    /// When passwords are taken.
    pub login: LoginRule,
    /// SASL mechanisms that are offered: PLAIN, LOGIN, XOAUTH2, OAUTHBEARER.
    pub mechanisms: Vec<String>,
    /// Extensions.
    pub abilities: Abilities,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// The largest message, announced as APPENDLIMIT.
    pub append_limit: Option<u64>,
    /// What it does that it should not.
    pub quirks: Vec<Quirk>,
}

impl Config {
    /// A server without TLS, with all abilities, for users given with their passwords.
    pub fn for_users(users: &[(&str, &str)]) -> Self {
        let user = |(name, password): &(&str, &str)| User {
            name: (*name).to_owned(),
            password: (*password).to_owned(),
            ..User::default()
        };
        Self { users: users.iter().map(user).collect(), ..Self::default() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            masters: Vec::new(),
            master_separator: '*',
            security: Security::None,
            login: LoginRule::Anywhere,
            mechanisms: ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"].map(str::to_owned).to_vec(),
            abilities: Abilities::all(),
            namespaces: Namespaces::default(),
            append_limit: None,
            quirks: Vec::new(),
        }
    }
}
