//! What a refused greeting, sign-in or mailbox means for whoever has to mend it: the catalogue's word for it.
//!
//! The second half of `classify`: the error says how we react, this says what people do.

use mailferry_model::{Error, Kind};

use super::talk::HALF;
use crate::checks::guards::{self, Guard};

/// What was shown to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A password.
    Password,
    /// A token.
    Token,
}

/// Words of servers, in small letters, and what they mean; the first that fits counts.
const SIGN_IN: [(&[&str], &str); 4] = [
    (&["authenticated but not connected"], "IMAP_NOT_CONNECTED"),
    (
        &["web login required", "log in via your web browser", "webalert", "sign in with a web browser"],
        "IMAP_WEB_SIGN_IN",
    ),
    (
        &[
            "not enabled for imap",
            "imap access is disabled",
            "imap is disabled",
            "imap disabled",
            "enable imap",
            "imap access is not",
            "yet to enable imap",
            "imap not enabled",
            "disabled imap",
        ],
        "IMAP_NOT_ENABLED",
    ),
    (
        &[
            "basic authentication is disabled",
            "basicauthblocked",
            "basic auth is disabled",
            "less secure app",
            "logondenied-basicauthblocked",
        ],
        "IMAP_BASIC_AUTH_GONE",
    ),
];

/// The same for words that count only where nothing tells what guards the account: they are short, and other words
/// hold them.
const SHORT: [(&[&str], &str); 7] = [
    (&["security policy"], "IMAP_CONDITIONAL_ACCESS"),
    (&["2fa", "mfa"], "IMAP_MFA"),
    (&["locked", "suspended", "inactive"], "IMAP_ACCOUNT_LOCKED"),
    (&["[contactadmin]"], "IMAP_CONTACT_ADMIN"),
    (
        &["[privacyrequired]", "plaintext authentication disallowed", "cleartext", "[privacy"],
        "IMAP_PASSWORDS_DISABLED",
    ),
    (
        &["no mechanism in common", "unsupported authentication mechanism", "mechanism not supported"],
        "IMAP_NO_COMMON_MECHANISM",
    ),
    (&["refuses passwords before tls"], "IMAP_PASSWORDS_DISABLED"),
];

/// The word for what these words of a refused sign-in mean.
fn known(words: &str) -> Option<&'static str> {
    let of = |table: &[(&[&str], &'static str)]| {
        let fits = table.iter().find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)));
        fits.map(|(_, code)| *code)
    };
    let guard = || {
        Some(match guards::named(words)? {
            Guard::AppPassword => "IMAP_APP_PASSWORD",
            Guard::PasswordExpired => "IMAP_PASSWORD_EXPIRED",
            Guard::ConditionalAccess => "IMAP_CONDITIONAL_ACCESS",
            Guard::SecondProof => "IMAP_MFA",
            Guard::Locked | Guard::Disabled => "IMAP_ACCOUNT_LOCKED",
        })
    };
    of(&SIGN_IN).or_else(guard).or_else(|| of(&SHORT))
}

/// The commands that show a password.
const SIGN_INS: [&str; 2] = ["LOGIN", "AUTHENTICATE"];

/// The word for an answer that does not come, from a server that has spoken before.
pub fn of_waiting(error: &Error) -> &'static str {
    if error.context().starts_with(HALF) { "IMAP_DRIPS" } else { "IMAP_FELL_SILENT" }
}

/// The word for a sign-in that failed; `None` where the error's own code says all there is.
pub fn of_sign_in(error: &Error, shown: Shown) -> Option<&'static str> {
    let words = error.context().to_lowercase();
    let known = known(&words);
    match error.kind() {
        Kind::Throttled => Some("IMAP_THROTTLED"),
        Kind::Timeout if !error.context().starts_with(HALF) && SIGN_INS.contains(&error.op()) => {
            Some("IMAP_SIGN_IN_HELD")
        }
        Kind::Timeout => Some(of_waiting(error)),
        Kind::Cancelled => None,
        Kind::Busy if words.contains("[inuse]") => Some("IMAP_MAILBOX_IN_USE"),
        _ if known.is_some() => known,
        Kind::Busy => Some("IMAP_BUSY"),
        Kind::Unreachable => Some("IMAP_HUNG_UP_AT_SIGN_IN"),
        Kind::Unauthenticated if shown == Shown::Token => Some("IMAP_TOKEN_REFUSED"),
        _ => None,
    }
}

/// The word for a greeting that is none.
pub fn of_greeting(error: &Error) -> &'static str {
    match error.kind() {
        Kind::Throttled => "IMAP_THROTTLED",
        Kind::Busy => "IMAP_BUSY",
        Kind::Timeout if error.context().starts_with(HALF) => "IMAP_DRIPS",
        Kind::Timeout => "IMAP_SILENT",
        // TLS 1.3 tells only after the handshake that a certificate of ours is missing.
        Kind::Unreachable if error.context().contains("CertificateRequired") => "TLS_CLIENT_CERTIFICATE",
        // A goodbye has words; who only hangs up has none.
        Kind::Unreachable if error.context().starts_with("no greeting") => "IMAP_HUNG_UP",
        Kind::Unreachable | Kind::Forbidden | Kind::Unauthenticated => "IMAP_BYE",
        _ => "IMAP_GARBLED",
    }
}

/// Words of servers whose mailbox somebody else holds, in small letters.
// RFC 5530 §3 INUSE
const IN_USE: [&str; 3] = ["[inuse]", "mailbox is in use", "locked by another"];

/// Words of servers that are out of order for a while, in small letters: others refuse for a reason of their own.
const BUSY: [&str; 12] = [
    "[unavailable]",
    "[serverbug]",
    "temporar",
    "internal",
    "system error",
    "server error",
    "not connected",
    "unavailable",
    "try again",
    "later",
    "busy",
    "time",
];

/// The word for a mailbox that does not open, or takes nothing.
pub fn of_mailbox(error: &Error) -> &'static str {
    let words = error.context().to_lowercase();
    match error.kind() {
        _ if IN_USE.iter().any(|mark| words.contains(mark)) => "IMAP_MAILBOX_IN_USE",
        Kind::Throttled => "IMAP_THROTTLED",
        Kind::Busy if BUSY.iter().any(|mark| words.contains(mark)) => "IMAP_BUSY",
        Kind::Busy => "IMAP_REFUSED",
        Kind::Timeout => of_waiting(error),
        Kind::Unreachable => "IMAP_HUNG_UP_LATER",
        Kind::QuotaExceeded => "IMAP_MAILBOX_FULL",
        Kind::Forbidden if error.op() != "append" => "IMAP_MAY_NOT_OPEN",
        Kind::Forbidden => "IMAP_MAY_NOT_PUT",
        _ if error.op() == "append" => "IMAP_PUT_REFUSED",
        _ => "IMAP_MAILBOX_MISSING",
    }
}
