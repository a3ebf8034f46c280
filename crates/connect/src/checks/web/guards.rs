//! What guards an account whose sign-in was refused, where the server says so: in a header, or in the body.
//!
//! Servers of all Exchange kinds say it alike, whatever service was asked.

use crate::{
    checks::{
        Fault,
        guards::{self, Guard},
    },
    net::http::Answer,
};

/// What guards the account, for a refused sign-in whose answer tells it.
pub fn guarded(answer: &Answer) -> Option<Fault> {
    let shown = answer.shown();
    let guard = guards::named(&shown.to_lowercase()).filter(|_| answer.status == 401)?;
    let code = match guard {
        Guard::AppPassword => "EXCHANGE_APP_PASSWORD",
        Guard::PasswordExpired => "EXCHANGE_PASSWORD_EXPIRED",
        Guard::ConditionalAccess => "EXCHANGE_CONDITIONAL_ACCESS",
        Guard::SecondProof => "EXCHANGE_MFA",
        Guard::Locked => "EXCHANGE_SIGN_IN_LOCKED",
        Guard::Disabled => "EXCHANGE_ACCOUNT_DISABLED",
    };
    Some(Fault::fail(code).with("words", shown.clone()).shown(shown))
}
