//! Signing in: passwords, second factors, tokens, and how often it may be tried. Who may do what is `access`'s.

pub(crate) mod limiter;
pub(crate) mod password;
pub(crate) mod refusals;
pub(crate) mod token;
pub(crate) mod totp;

use mailferry_model::{Error, Kind, account::Account, secret::Secret};

use self::refusals::Refused;
use crate::{Context, door::Keeper, problem::Problem};
use axum::http::StatusCode;

/// The name under which the secret of a second factor is sealed.
pub(crate) const SECOND_FACTOR: &str = "second-factor";

/// What somebody gives to sign in.
pub(crate) struct Given<'a> {
    pub name: &'a str,
    pub password: Secret<String>,
    pub code: Option<&'a str>,
    /// Where from, for the limits.
    pub address: &'a str,
}

/// Whose name, password and code these are. An unknown name takes as long as a wrong password and says the same.
pub(crate) async fn check(context: &Context, keeper: &Keeper, given: Given<'_>) -> Result<Account, Problem> {
    let known = match context.store.account(given.name).await {
        Ok(account) => Some(account),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Malformed) => None,
        Err(error) => return Err(error.into()),
    };
    if let Err(problem) = attempt(context, keeper, given.name, given.address) {
        refusals::refused(context, &keeper.refusals, (known.as_ref(), given.address), Refused::TOO_SOON);
        return Err(problem);
    }
    let hash = known.as_ref().and_then(|a| a.password.clone());
    let fits = password::verify(given.password, hash).await?;
    let account = known.clone().filter(|account| fits && !account.disabled);
    let judged = match account {
        None => Err(refused()),
        Some(account) if account.second_factor => second_factor(context, account, given.code).await,
        Some(account) => Ok(account),
    };
    match &judged {
        // Nothing was tried: the code was only asked for.
        Err(problem) if problem.code == "SIGN_IN_CODE" && given.code.is_none() => {
            keeper.limiter.take_back(given.name, given.address);
        }
        Err(problem) if problem.status < 500 => {
            refusals::refused(context, &keeper.refusals, (known.as_ref(), given.address), Refused::TRIED);
        }
        Err(_) => {}
        Ok(_) => {
            keeper.limiter.succeeded(given.name, given.address);
            refusals::tell_due(context, &keeper.refusals).await;
        }
    }
    judged
}

/// The account if the code fits; the code's time step is used up with it.
async fn second_factor(
    context: &Context,
    mut account: Account,
    code: Option<&str>,
) -> Result<Account, Problem> {
    let wrong = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "SIGN_IN_CODE",
            "The code of the authenticator is missing or wrong.",
        )
    };
    let code = code.ok_or_else(wrong)?;
    let secrets = context.store.unseal(account.id.0).await?;
    let secret = secrets.into_iter().find(|(name, _)| name == SECOND_FACTOR);
    let (_, secret) = secret.ok_or_else(|| Error::bug("sign in", "the second factor has no secret"))?;
    let step = totp::step_of(&secret, code, context.clock.now()).ok_or_else(wrong)?;
    if step <= account.second_factor_step {
        return Err(wrong());
    }
    account.second_factor_step = step;
    match context.store.set_account(&account).await {
        Ok(()) => Ok(context.store.account_by_id(account.id).await?),
        // Somebody else was quicker with it, perhaps with this very code.
        Err(error) if error.kind() == Kind::Conflict => Err(wrong()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn refused() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "SIGN_IN_REFUSED", "Name, password or token is not right.")
}

/// Begins an attempt, or says how long to wait.
pub(crate) fn attempt(context: &Context, keeper: &Keeper, name: &str, address: &str) -> Result<(), Problem> {
    let begun = keeper.limiter.begin(context.clock.elapsed(), name, address);
    begun.map_err(|wait| too_often(wait.as_secs().max(1)))
}

fn too_often(seconds: u64) -> Problem {
    let detail = format!("Too many attempts; wait {seconds} seconds.");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "SIGN_IN_TOO_OFTEN", detail).after(seconds)
}
