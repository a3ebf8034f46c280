//! The first account, made with the code that the service prints when it starts without accounts.

use axum::{
    Json,
    extract::{ConnectInfo, FromRequest, Request},
    http::{Extensions, StatusCode},
};
use mailferry_model::{
    Error, Kind,
    account::{Account, Role},
    id::AccountId,
    port::{Store, Write},
    secret::Secret,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{check_name, entry};
use crate::{
    Context,
    body::Body,
    door::{self, Door},
    problem::Problem,
    sign_in::{self, password, token},
    view::AccountView,
};

/// Whether there is an account already.
#[derive(Serialize, ToSchema)]
pub(crate) struct Setup {
    done: bool,
}

/// The first account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {
    /// The code that the service printed.
    code: String,
    /// The name of the first administrator.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// Its password, 12 to 1024 characters.
    #[schema(min_length = 12, max_length = 1024)]
    password: String,
}

/// Whether there is an account already
#[utoipa::path(get, path = "/setup", operation_id = "getSetup", tag = "setup", responses((status = 200, description = "Whether it is done", body = Setup)))]
pub(crate) async fn show(context: Context) -> Result<Json<Setup>, Problem> {
    Ok(Json(Setup { done: !context.store.accounts().await?.is_empty() }))
}

/// Make the first administrator with the set-up code
#[utoipa::path(post, path = "/setup", operation_id = "redeemSetupCode", tag = "setup", request_body = First, responses((status = 201, description = "The account", body = AccountView)))]
pub(crate) async fn redeem(
    context: Context,
    extensions: Extensions,
    request: Request,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    // Said before anything is read of a stranger.
    if !context.store.accounts().await?.is_empty() {
        return Err(done());
    }
    let Body(first) = Body::<First>::from_request(request, &context).await?;
    let secret = Secret::new(first.password);
    let address = door::address(extensions.get::<ConnectInfo<std::net::SocketAddr>>());
    let code = token::code_hash(&first.code);
    check_name("ACCOUNT_NAME", &first.name)?;
    password::check_strength(&secret, &first.name)?;
    if let Door::Listening(keeper) = &context.door {
        // A set-up code has no name.
        sign_in::attempt(&context, keeper, "", &address)?;
    }
    let now = context.clock.now();
    let account = Account {
        id: AccountId(context.store.new_id()),
        version: 1,
        name: first.name,
        role: Role::Administrator,
        disabled: false,
        password: Some(password::hash(secret).await?),
        second_factor: false,
        second_factor_step: 0,
        created: now,
        modified: now,
        last_sign_in: None,
    };
    let context = Context { actor: "setup".to_owned(), ..context };
    let role = Some("administrator".to_owned());
    let entry = entry(&context, "account.new", format!("account {}", account.name), role);
    match context.store.together(&[Write::AddFirstAccount(&code, &account), Write::Record(&entry)]).await {
        Ok(()) => {}
        Err(error) if error.kind() == Kind::Conflict => {
            return Err(done());
        }
        Err(error) if error.kind() == Kind::Forbidden => {
            if let Door::Listening(keeper) = &context.door {
                let whose = (None, address.as_str());
                sign_in::refusals::refused(
                    &context,
                    &keeper.refusals,
                    whose,
                    sign_in::refusals::Refused::TRIED,
                );
            }
            return Err(Problem::new(StatusCode::FORBIDDEN, "SETUP_CODE", "The code is not right."));
        }
        Err(error) => return Err(error.into()),
    }
    Ok((StatusCode::CREATED, Json(AccountView::of(&account))))
}

fn done() -> Problem {
    Problem::conflict("SETUP_DONE", "There are accounts already.")
}

/// A new set-up code, where there is no account yet; an older one is void.
///
/// # Errors
/// What the store says.
pub async fn fresh_setup_code(store: &dyn Store) -> Result<Option<Secret<String>>, Error> {
    let (code, hash) = token::fresh_code()?;
    match store.keep_setup_code(&hash).await {
        Ok(()) => Ok(Some(code)),
        Err(error) if error.kind() == Kind::Conflict => Ok(None),
        Err(error) => Err(error),
    }
}
