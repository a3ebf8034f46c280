//! Tokens for programs: shown once, revoked at any time.

use axum::{Json, extract::Path, http::StatusCode};
use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    account::{Role, Token},
    id::TokenId,
    port::Write,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{check_name, entry};
use crate::{
    Context,
    body::Body,
    door::Caller,
    page::{Page, PageQuery, Part},
    problem::Problem,
    sign_in::token,
    view::TokenView,
};

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    /// What it is for; unique for its account.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What it may do, never more than its account; the account's role without it.
    #[schema(value_type = Option<crate::shape::Role>)]
    role: Option<Role>,
    /// Whose; one's own without it. Another account's takes an administrator.
    account: Option<String>,
    /// After how many days it ends, 1 to 3650; 365 without it.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u16>,
}

/// One's own tokens; an administrator sees all
#[utoipa::path(get, path = "/tokens", operation_id = "listTokens", tag = "tokens", params(PageQuery), responses((status = 200, description = "Oldest first", body = Vec<TokenView>)))]
pub(crate) async fn list(context: Context, caller: Caller, page: Page) -> Result<Part<TokenView>, Problem> {
    let accounts = context.store.accounts().await?;
    let mut views = Vec::new();
    for token in context.store.tokens().await?.into_iter().filter(|t| sees(&caller, t)) {
        let account = accounts.iter().find(|a| a.id == token.account);
        views.push(TokenView::of(&token, account.map_or("", |a| a.name.as_str())));
    }
    page.cut(views, |view| view.id.clone())
}

fn sees(caller: &Caller, token: &Token) -> bool {
    caller.role == Role::Administrator || caller.account.as_ref().is_some_and(|a| a.id == token.account)
}

/// Make a token; the answer alone shows it
#[utoipa::path(post, path = "/tokens", operation_id = "createToken", tag = "tokens", request_body = Wanted, responses((status = 201, description = "The token", body = TokenView)))]
pub(crate) async fn create(
    context: Context,
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<TokenView>), Problem> {
    if caller.token.is_some() {
        caller.person()?;
    }
    check_name("ACCOUNT_NAME", &wanted.name)?;
    let account = match (&wanted.account, &caller.account) {
        (None, Some(own)) => own.clone(),
        (None, None) => return Err(nobodys(&context, &wanted.name).await?),
        (Some(name), Some(own)) if own.name.to_lowercase() == name.to_lowercase() => own.clone(),
        (Some(name), _) if caller.role == Role::Administrator => context.store.account(name).await?,
        (Some(_), _) => {
            let detail = "Only an administrator makes tokens of other accounts.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "ACCOUNT_ROLE", detail));
        }
    };
    let role = wanted.role.unwrap_or(account.role);
    if role > account.role {
        let detail = format!("{} is {}; its tokens cannot be more.", account.name, account.role.word());
        return Err(Problem::refused("ACCOUNT_ROLE", detail));
    }
    let days = wanted.days.unwrap_or(365);
    if !(1..=3650).contains(&days) {
        return Err(Problem::refused("REQUEST_MALFORMED", "days is 1 to 3650."));
    }
    let now: Timestamp = context.clock.now();
    let (secret, hash) = token::fresh(token::PROGRAM)?;
    let made = Token {
        id: TokenId(context.store.new_id()),
        account: account.id,
        name: wanted.name,
        role,
        hash,
        created: now,
        expires: Some(now + SignedDuration::from_hours(24 * i64::from(days))),
        last_used: None,
    };
    let change = format!("{} of {}, {days} days", role.word(), account.name);
    let entry = entry(&context, "token.new", format!("token {}", made.name), Some(change));
    context.store.together(&[Write::AddToken(&made), Write::Record(&entry)]).await?;
    let mut view = TokenView::of(&made, &account.name);
    view.token = Some(secret.expose().clone());
    Ok((StatusCode::CREATED, Json(view)))
}

/// Here nobody is signed in, so a token is nobody's until its account is named: by one that there is, if there is one.
async fn nobodys(context: &Context, name: &str) -> Result<Problem, Problem> {
    let accounts = context.store.accounts().await?;
    let fix = match accounts.as_slice() {
        [] => {
            "Make the account first: mailferry account new NAME --role ROLE --password-file FILE".to_owned()
        }
        all => {
            let names: Vec<&str> = all.iter().map(|a| a.name.as_str()).collect();
            let (first, others) = (names[0], names.join(", "));
            format!("Say whose: mailferry token new {name} --account {first} (there are: {others})")
        }
    };
    let detail = "The account is missing: nobody is signed in here whose token it could be.";
    Ok(Problem { fix: vec![fix], ..Problem::refused("REQUEST_MALFORMED", detail) })
}

/// Revoke a token: one's own, or as administrator anybody's
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "removeToken", tag = "tokens", params(("id" = String, Path, description = "Its id")), responses((status = 204, description = "Revoked")))]
pub(crate) async fn remove(
    context: Context,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let known = context.store.tokens().await?.into_iter().find(|t| t.id.to_string() == id);
    let Some(token) = known.filter(|t| sees(&caller, t)) else {
        let detail = format!("There is no token {id}.");
        return Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail));
    };
    let entry = entry(&context, "token.remove", format!("token {}", token.name), None);
    context.store.together(&[Write::RemoveToken(token.id), Write::Record(&entry)]).await?;
    Ok(StatusCode::NO_CONTENT)
}
