//! One's own account: who one is, password, second factor.

use axum::{Json, http::StatusCode};
use mailferry_model::{
    account::{Account, Role},
    port::Write,
    secret::Secret,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry;
use crate::{
    Context,
    body::Body,
    door::{Caller, Door},
    problem::Problem,
    sign_in::{self, SECOND_FACTOR, password, totp},
};

/// The name under which a second factor waits to be confirmed.
const BEGUN: &str = "second-factor-begun";

/// Who asks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    /// As the audit trail names it.
    actor: String,
    #[schema(value_type = crate::shape::Role)]
    role: Role,
    /// None inside the service's own process.
    account: Option<String>,
    /// The token that was used, if one was.
    token: Option<String>,
    second_factor: bool,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The present one.
    old: String,
    /// 12 to 1024 characters.
    new: String,
}

/// The password again, for what a session that was left open must not do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    password: String,
}

/// What an authenticator is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactor {
    /// In base32, to be typed.
    secret: String,
    /// The same as an address, for a QR code.
    address: String,
}

/// The authenticator's code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    code: String,
}

/// Who one is and what one may do
#[utoipa::path(get, path = "/me", operation_id = "getMe", tag = "me", responses((status = 200, description = "Who asks", body = Me)))]
pub(crate) async fn show(caller: Caller) -> Json<Me> {
    Json(Me {
        actor: caller.actor,
        role: caller.role,
        token: caller.token,
        second_factor: caller.account.as_ref().is_some_and(|a| a.second_factor),
        account: caller.account.map(|a| a.name),
    })
}

/// Change one's password; all other sessions end
#[utoipa::path(put, path = "/me/password", operation_id = "changePassword", tag = "me", request_body = PasswordChange, responses((status = 204, description = "Changed")))]
pub(crate) async fn password(
    context: Context,
    caller: Caller,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let fresh = Secret::new(change.new);
    let mut account = checked(&context, &caller, Secret::new(change.old)).await?;
    password::check_strength(&fresh, &account.name)?;
    account.password = Some(password::hash(fresh).await?);
    let ends = Write::RemoveSessions(account.id, caller.session);
    set(&context, account, "account.password", vec![ends]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begin a second factor; it counts once a code has confirmed it
#[utoipa::path(post, path = "/me/second-factor", operation_id = "beginSecondFactor", tag = "me", request_body = Again, responses((status = 200, description = "What the authenticator is told", body = SecondFactor)))]
pub(crate) async fn begin_second_factor(
    context: Context,
    caller: Caller,
    Body(again): Body<Again>,
) -> Result<Json<SecondFactor>, Problem> {
    let account = checked(&context, &caller, Secret::new(again.password)).await?;
    if account.second_factor {
        return Err(Problem::conflict("ACCOUNT_SECOND_FACTOR", "It is on already; end it first."));
    }
    let secret = totp::fresh()?;
    context.store.seal(account.id.0, BEGUN, &secret).await?;
    let address = totp::address(&account.name, &secret);
    Ok(Json(SecondFactor { secret: secret.expose().clone(), address }))
}

/// Confirm the second factor with a first code
#[utoipa::path(put, path = "/me/second-factor", operation_id = "confirmSecondFactor", tag = "me", request_body = Confirmation, responses((status = 204, description = "It counts from now on")))]
pub(crate) async fn confirm_second_factor(
    context: Context,
    caller: Caller,
    Body(given): Body<Confirmation>,
) -> Result<StatusCode, Problem> {
    let mut account = caller.person()?.clone();
    let secrets = context.store.unseal(account.id.0).await?;
    let begun = secrets.into_iter().find(|(name, _)| name == BEGUN).map(|(_, secret)| secret);
    let Some(begun) = begun.filter(|_| !account.second_factor) else {
        return Err(Problem::conflict("ACCOUNT_SECOND_FACTOR", "Nothing was begun that could be confirmed."));
    };
    let Some(step) = totp::step_of(&begun, &given.code, context.clock.now()) else {
        return Err(Problem::refused("SIGN_IN_CODE", "The code does not fit the secret that was begun."));
    };
    let id = account.id.0;
    account.second_factor = true;
    account.second_factor_step = step;
    let sealed = [(id, SECOND_FACTOR, &begun)];
    let writes = vec![Write::ForgetSecrets(id), Write::Seal(&sealed)];
    set(&context, account, "account.second-factor", writes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one's second factor
#[utoipa::path(delete, path = "/me/second-factor", operation_id = "endSecondFactor", tag = "me", request_body = Again, responses((status = 204, description = "The password alone is asked for")))]
pub(crate) async fn end_second_factor(
    context: Context,
    caller: Caller,
    Body(again): Body<Again>,
) -> Result<StatusCode, Problem> {
    let mut account = checked(&context, &caller, Secret::new(again.password)).await?;
    if !account.second_factor {
        return Err(Problem::conflict("ACCOUNT_SECOND_FACTOR", "It is not on."));
    }
    account.second_factor = false;
    set(&context, account, "account.second-factor", Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's account, if this is its password; as limited as signing in is.
async fn checked(context: &Context, caller: &Caller, password: Secret<String>) -> Result<Account, Problem> {
    let account = caller.person()?;
    let Door::Listening(keeper) = &context.door else { return Err(sign_in::refused()) };
    sign_in::attempt(context, keeper, &account.name, &caller.address)?;
    match password::verify(password, account.password.clone()).await? {
        true => {
            keeper.limiter.succeeded(&account.name, &caller.address);
            Ok(account.clone())
        }
        // Not 401: the session is good.
        false => {
            let whose = (Some(account), caller.address.as_str());
            sign_in::refusals::refused(context, &keeper.refusals, whose, sign_in::refusals::Refused::TRIED);
            Err(Problem::new(StatusCode::FORBIDDEN, "SIGN_IN_REFUSED", "The password is not right."))
        }
    }
}

/// Writes the account, what goes along with it, and the audit entry.
async fn set(
    context: &Context,
    mut account: Account,
    action: &str,
    mut writes: Vec<Write<'_>>,
) -> Result<(), Problem> {
    account.modified = context.clock.now();
    let change = match action {
        "account.second-factor" if account.second_factor => Some("on".to_owned()),
        "account.second-factor" => Some("off".to_owned()),
        _ => None,
    };
    let entry = entry(context, action, format!("account {}", account.name), change);
    writes.extend([Write::SetAccount(&account), Write::Record(&entry)]);
    Ok(context.store.together(&writes).await?)
}
