//! Accounts, sessions and tokens as they are shown: never a hash.

use jiff::Timestamp;
use mailferry_model::account::{Account, Role, Session, Token};
use serde::Serialize;
use utoipa::ToSchema;

/// An account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Account)]
pub(crate) struct AccountView {
    pub(crate) name: String,
    #[schema(value_type = crate::shape::Role)]
    pub(crate) role: Role,
    disabled: bool,
    /// Whether it can sign in with a password.
    has_password: bool,
    second_factor: bool,
    last_sign_in: Option<Timestamp>,
    created: Timestamp,
    modified: Timestamp,
    pub(crate) version: u64,
    id: String,
}

impl AccountView {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            name: account.name.clone(),
            role: account.role,
            disabled: account.disabled,
            has_password: account.password.is_some(),
            second_factor: account.second_factor,
            last_sign_in: account.last_sign_in,
            created: account.created,
            modified: account.modified,
            version: account.version,
            id: account.id.to_string(),
        }
    }
}

/// A sign-in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(crate) struct SessionView {
    pub(crate) id: String,
    pub(crate) account: String,
    /// Where from.
    address: String,
    /// Whether it is the one that asks.
    current: bool,
    created: Timestamp,
    seen: Timestamp,
    expires: Timestamp,
}

impl SessionView {
    pub(crate) fn of(
        session: &Session,
        account: &str,
        current: Option<mailferry_model::id::SessionId>,
    ) -> Self {
        Self {
            id: session.id.to_string(),
            account: account.to_owned(),
            address: session.address.clone(),
            current: current == Some(session.id),
            created: session.created,
            seen: session.seen,
            expires: session.expires,
        }
    }
}

/// A token for programs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Token)]
pub(crate) struct TokenView {
    pub(crate) id: String,
    name: String,
    account: String,
    #[schema(value_type = crate::shape::Role)]
    role: Role,
    created: Timestamp,
    expires: Option<Timestamp>,
    last_used: Option<Timestamp>,
    /// The token itself, in the answer to its making alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

impl TokenView {
    pub(crate) fn of(token: &Token, account: &str) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            account: account.to_owned(),
            role: token.role,
            created: token.created,
            expires: token.expires,
            last_used: token.last_used,
            token: None,
        }
    }
}
