//! The session with an Exchange server: where its services are, and what an answer means.

use mailferry_model::{finding::Step, settings::Settings};
use mailferry_wire::ews::{Answer, Outcome, Version};

use crate::{
    checks::{
        Fault,
        web::{self, Session, Site},
    },
    net::http,
};

/// Microsoft's proxy for remote moves.
pub const MRSPROXY: &str = "/EWS/mrsproxy.svc";

/// Reads the settings.
///
/// # Errors
/// One sentence for each fault.
pub fn session(settings: &Settings) -> Result<Session, Vec<String>> {
    let site = Site::from_settings(settings)?;
    Session::of(site, settings.get("email").or(settings.get("username")), settings)
}

/// What a mailbox's folder told.
#[derive(Debug)]
pub struct Seen {
    /// Who answered.
    pub version: Option<Version>,
    /// How many items it holds, or why it does not open.
    pub inbox: Result<Option<u64>, Refusal>,
}

/// A refusal in the words of EWS.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The response code.
    pub code: String,
    /// For people.
    pub text: String,
}

/// Reads an answer of the web services.
///
/// # Errors
/// It is no answer of EWS, or the server asks to slow down.
pub fn classify(answer: &http::Answer) -> Result<Seen, Fault> {
    let odd = || Fault::fail("EXCHANGE_ANSWER_ODD").with("words", answer.shown()).shown(answer.shown());
    match answer.status {
        401 => {
            let refused = || Fault::fail("SOURCE_AUTH_FAILED").shown(answer.shown());
            return Err(web::guarded(answer).unwrap_or_else(refused).at(Step::Auth));
        }
        403 => return Err(blocked(answer)),
        429 => return Err(Fault::fail("HTTP_THROTTLED").with("words", answer.shown()).shown(answer.shown())),
        _ => {}
    }
    let parsed = Answer::parse(&answer.body).ok_or_else(odd)?;
    let version = parsed.version;
    match parsed.outcome {
        Outcome::Success { items } => Ok(Seen { version, inbox: Ok(items) }),
        Outcome::Error { code, text, back_off_ms } => match code.as_str() {
            "ErrorServerBusy" | "ErrorExceededConnectionCount" | "ErrorTimeoutExpired" => {
                let wait = back_off_ms.map(|ms| format!(", wait {ms} ms")).unwrap_or_default();
                let words = format!("{code}: {text}{wait}");
                Err(Fault::fail("EXCHANGE_THROTTLED").with("words", words.clone()).shown(words))
            }
            _ => Ok(Seen { version, inbox: Err(Refusal { code, text }) }),
        },
    }
}

/// A 403 behind the sign-in.
pub fn blocked(answer: &http::Answer) -> Fault {
    Fault::fail("EXCHANGE_EWS_BLOCKED").shown(answer.shown()).at(Step::Permission)
}

/// The catalogue's word for a refused mailbox, acting for it or not.
pub fn word(refusal: &Refusal) -> &'static str {
    match refusal.code.as_str() {
        "ErrorImpersonateUserDenied" | "ErrorImpersonationDenied" | "ErrorImpersonationFailed" => {
            "EXCHANGE_IMPERSONATION_DENIED"
        }
        "ErrorNonExistentMailbox" | "ErrorInvalidSmtpAddress" | "ErrorMailboxConfiguration" => {
            "EXCHANGE_NO_MAILBOX"
        }
        "ErrorAccessDenied" => "EXCHANGE_ACCESS_DENIED",
        "ErrorMailboxMoveInProgress" => "EXCHANGE_MAILBOX_MOVES",
        "ErrorMailboxStoreUnavailable" | "ErrorConnectionFailed" => "EXCHANGE_STORE_UNAVAILABLE",
        "ErrorInvalidServerVersion" | "ErrorIncorrectSchemaVersion" | "ErrorSchemaValidation" => {
            "EXCHANGE_VERSION_REFUSED"
        }
        "ErrorAccountDisabled" => "EXCHANGE_ACCOUNT_DISABLED",
        "ErrorPasswordExpired" | "ErrorPasswordChangeRequired" => "EXCHANGE_PASSWORD_EXPIRED",
        _ => "EXCHANGE_REFUSED",
    }
}
