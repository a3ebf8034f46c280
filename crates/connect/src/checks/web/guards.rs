//! What guards an account whose sign-in was refused, where the server says so: in a header, or in the body.
//!
//! Servers of all Exchange kinds say it alike, whatever service was asked.

use crate::{checks::Fault, net::http::Answer};

/// Words of a refused sign-in, in small letters, and what they mean; the first that fits counts.
// Codes of Microsoft Entra begin with AADSTS.
const GUARDS: [(&[&str], &str); 5] = [
    (
        &[
            "passwordexpired",
            "password expired",
            "password has expired",
            "passwordchangerequired",
            "aadsts50055",
        ],
        "EXCHANGE_PASSWORD_EXPIRED",
    ),
    (&["apppasswordrequired", "app password", "application password"], "EXCHANGE_APP_PASSWORD"),
    (&["aadsts53003", "aadsts53000", "conditional access"], "EXCHANGE_CONDITIONAL_ACCESS"),
    (&["aadsts50076", "aadsts50079", "multi-factor", "multifactor", "strong authentication"], "EXCHANGE_MFA"),
    (
        &["locked out", "accountlocked", "account locked", "account is locked", "aadsts50053", "userlocked"],
        "EXCHANGE_SIGN_IN_LOCKED",
    ),
];

/// What guards the account, for a refused sign-in whose answer tells it.
pub fn guarded(answer: &Answer) -> Option<Fault> {
    let shown = answer.shown();
    let words = shown.to_lowercase();
    let fits = |(marks, _): &&(&[&str], &str)| marks.iter().any(|mark| words.contains(mark));
    let (_, code) = GUARDS.iter().find(fits).filter(|_| answer.status == 401)?;
    Some(Fault::fail(*code).with("words", shown.clone()).shown(shown))
}
