//! Accounts: who may sign in, and what each may do.

use axum::{extract::Path, http::StatusCode};
use mailferry_model::{
    account::{Account, Role},
    id::AccountId,
    port::Write,
    secret::Secret,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{check_name, entry};
use crate::{
    Context,
    body::Body,
    etag::{IfMatch, Versioned},
    page::{Page, PageQuery, Part},
    problem::Problem,
    sign_in::password,
    view::AccountView,
};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountCreation {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    #[schema(value_type = crate::shape::Role)]
    role: Role,
    /// 12 to 1024 characters; without one only tokens work.
    #[schema(min_length = 12, max_length = 1024)]
    password: Option<String>,
}

/// Changes to an account: what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AccountChanges {
    #[schema(value_type = Option<crate::shape::Role>)]
    role: Option<Role>,
    /// Whether it may not sign in for now; its sessions end, its tokens rest.
    disabled: Option<bool>,
    /// A new password; all its sessions end.
    password: Option<String>,
    /// `false` ends the second factor, for somebody who lost the authenticator. `true` is the account's own to say.
    second_factor: Option<bool>,
}

/// All accounts
#[utoipa::path(get, path = "/accounts", operation_id = "listAccounts", tag = "accounts", params(PageQuery), responses((status = 200, description = "By name", body = Vec<AccountView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<AccountView>, Problem> {
    let accounts = context.store.accounts().await?;
    page.cut(accounts.iter().map(AccountView::of).collect(), |a| a.name.to_lowercase())
}

/// One account
#[utoipa::path(get, path = "/accounts/{name}", operation_id = "getAccount", tag = "accounts", params(("name" = String, Path, description = "Its name")), responses((status = 200, description = "The account", body = AccountView)))]
pub(crate) async fn show(
    context: Context,
    Path(name): Path<String>,
) -> Result<Versioned<AccountView>, Problem> {
    let account = context.store.account(&name).await?;
    Ok(versioned(StatusCode::OK, &account))
}

fn versioned(status: StatusCode, account: &Account) -> Versioned<AccountView> {
    Versioned { status, version: account.version, body: AccountView::of(account) }
}

/// Make an account
#[utoipa::path(post, path = "/accounts", operation_id = "createAccount", tag = "accounts", request_body = AccountCreation, responses((status = 201, description = "The account", body = AccountView)))]
pub(crate) async fn create(
    context: Context,
    Body(wanted): Body<AccountCreation>,
) -> Result<Versioned<AccountView>, Problem> {
    let secret = wanted.password.map(Secret::new);
    check_name("ACCOUNT_NAME", &wanted.name)?;
    let password = match secret {
        None => None,
        Some(secret) => {
            password::check_strength(&secret, &wanted.name)?;
            Some(password::hash(secret).await?)
        }
    };
    let now = context.clock.now();
    let account = Account {
        id: AccountId(context.store.new_id()),
        version: 1,
        name: wanted.name,
        role: wanted.role,
        disabled: false,
        password,
        second_factor: false,
        second_factor_step: 0,
        created: now,
        modified: now,
        last_sign_in: None,
    };
    let role = account.role.word().to_owned();
    let entry = entry(&context, "account.new", format!("account {}", account.name), Some(role));
    context.store.together(&[Write::AddAccount(&account), Write::Record(&entry)]).await?;
    Ok(versioned(StatusCode::CREATED, &account))
}

/// Change an account
#[utoipa::path(patch, path = "/accounts/{name}", operation_id = "changeAccount", tag = "accounts", params(("name" = String, Path, description = "Its name")), request_body = AccountChanges, responses((status = 200, description = "As it is now", body = AccountView)))]
pub(crate) async fn change(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
    Body(changes): Body<AccountChanges>,
) -> Result<Versioned<AccountView>, Problem> {
    let secret = changes.password.map(Secret::new);
    let mut account = context.store.account(&name).await?;
    if_match.check(account.version)?;
    let mut told = Vec::new();
    if let Some(role) = changes.role {
        told.push(format!("role {} -> {}", account.role.word(), role.word()));
        account.role = role;
    }
    if let Some(disabled) = changes.disabled {
        told.push(if disabled { "disabled" } else { "enabled" }.to_owned());
        account.disabled = disabled;
    }
    match changes.second_factor {
        Some(true) if !account.second_factor => {
            let detail = "An account begins its second factor itself: /me/second-factor.";
            return Err(Problem::conflict("ACCOUNT_SECOND_FACTOR", detail));
        }
        Some(false) => {
            told.push("second factor off".to_owned());
            account.second_factor = false;
        }
        _ => {}
    }
    if account.disabled || account.role != Role::Administrator {
        check_others(&context, account.id).await?;
    }
    let ends = secret.is_some() || account.disabled;
    if let Some(secret) = secret {
        password::check_strength(&secret, &account.name)?;
        told.push("password replaced".to_owned());
        account.password = Some(password::hash(secret).await?);
    }
    account.modified = context.clock.now();
    let entry = entry(&context, "account.set", format!("account {}", account.name), Some(told.join(", ")));
    let mut writes = vec![Write::SetAccount(&account)];
    if ends {
        writes.push(Write::RemoveSessions(account.id, None));
    }
    writes.push(Write::Record(&entry));
    if_match.kept(context.store.together(&writes).await)?;
    Ok(versioned(StatusCode::OK, &context.store.account_by_id(account.id).await?))
}

/// Remove an account with its sessions and tokens
#[utoipa::path(delete, path = "/accounts/{name}", operation_id = "removeAccount", tag = "accounts", params(("name" = String, Path, description = "Its name")), responses((status = 204, description = "Removed")))]
pub(crate) async fn remove(
    context: Context,
    if_match: IfMatch,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let account = context.store.account(&name).await?;
    if_match.check(account.version)?;
    check_others(&context, account.id).await?;
    let entry = entry(&context, "account.remove", format!("account {}", account.name), None);
    // Written first, it is still the one that was looked at.
    let writes = [Write::SetAccount(&account), Write::RemoveAccount(account.id), Write::Record(&entry)];
    if_match.kept(context.store.together(&writes).await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody must be left who can let others in, unless there never was such a one.
async fn check_others(context: &Context, but: AccountId) -> Result<(), Problem> {
    let able = |a: &Account| a.role == Role::Administrator && !a.disabled && a.password.is_some();
    let accounts = context.store.accounts().await?;
    let is_last =
        accounts.iter().any(|a| a.id == but && able(a)) && !accounts.iter().any(|a| a.id != but && able(a));
    match is_last {
        true => Err(Problem::conflict("ACCOUNT_LAST", "It is the last administrator with a password.")),
        false => Ok(()),
    }
}
