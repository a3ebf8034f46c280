//! What guards an account whose sign-in was refused, where the server says so: one table for all kinds.
//!
//! What a kind calls it in the catalogue, and where it looks for the words, is its own.

/// What keeps an account whose password may be right from signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// An application password is taken, and the account's own is not.
    AppPassword,
    /// The password is over.
    PasswordExpired,
    /// A policy lets it in under conditions alone.
    ConditionalAccess,
    /// A second proof is wanted.
    SecondProof,
    /// It is locked, for a while as a rule.
    Locked,
    /// It is disabled.
    Disabled,
}

/// Words of refusals, in small letters, and what they mean; the first that fits counts.
// Codes of Microsoft Entra begin with AADSTS.
const WORDS: [(&[&str], Guard); 6] = [
    (
        &[
            "application-specific password",
            "apppasswordrequired",
            "app password",
            "app-specific",
            "application password",
        ],
        Guard::AppPassword,
    ),
    (
        &[
            "[expired]",
            "passwordexpired",
            "password expired",
            "password is expired",
            "password has expired",
            "expired password",
            "passwordchangerequired",
            "must change your password",
            "password must be changed",
            "aadsts50055",
        ],
        Guard::PasswordExpired,
    ),
    (
        &["aadsts53003", "aadsts53000", "conditional access", "blocked by policy", "access policy"],
        Guard::ConditionalAccess,
    ),
    (
        &[
            "aadsts50074",
            "aadsts50076",
            "aadsts50079",
            "multi-factor",
            "multifactor",
            "two-factor",
            "second factor",
            "strong authentication",
        ],
        Guard::SecondProof,
    ),
    (
        &[
            "locked out",
            "accountlocked",
            "account locked",
            "account is locked",
            "userlocked",
            "aadsts50053",
            "too many failed",
            "too many login failures",
            "temporarily blocked",
        ],
        Guard::Locked,
    ),
    (
        &["account is disabled", "account disabled", "account has been disabled", "aadsts50057"],
        Guard::Disabled,
    ),
];

/// What guards the account, as these words in small letters say.
pub fn named(words: &str) -> Option<Guard> {
    let fits = |(marks, _): &&(&[&str], Guard)| marks.iter().any(|mark| words.contains(mark));
    WORDS.iter().find(fits).map(|(_, guard)| *guard)
}
