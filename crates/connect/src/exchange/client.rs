//! The session with an Exchange server: where its services are, and what an answer means.

use mailferry_model::{
    finding::{Step, Verdict},
    settings::Settings,
};
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

/// What a mailbox told.
#[derive(Debug)]
pub struct Seen {
    /// Who answered.
    pub version: Option<Version>,
    /// It was done, and how many items the folder holds; or why not.
    pub inbox: Result<Option<u64>, Refusal>,
    /// The item that the answer speaks of, by its id.
    pub item: Option<String>,
    /// What that is called.
    pub subject: Option<String>,
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
    let (version, item, subject) = (parsed.version, parsed.item, parsed.subject);
    match parsed.outcome {
        Outcome::Success { items } => Ok(Seen { version, inbox: Ok(items), item, subject }),
        Outcome::Error { code, text, back_off_ms } => match code.as_str() {
            "ErrorServerBusy" | "ErrorExceededConnectionCount" | "ErrorTimeoutExpired" => {
                let wait = back_off_ms.map(|ms| format!(", wait {ms} ms")).unwrap_or_default();
                let words = format!("{code}: {text}{wait}");
                Err(Fault::fail("EXCHANGE_THROTTLED").with("words", words.clone()).shown(words))
            }
            _ => Ok(Seen { version, inbox: Err(Refusal { code, text }), item, subject }),
        },
    }
}

/// A 403 behind the sign-in.
pub fn blocked(answer: &http::Answer) -> Fault {
    Fault::fail("EXCHANGE_EWS_BLOCKED").shown(answer.shown()).at(Step::Permission)
}

/// The catalogue's word for a refused mailbox, acting for it or not.
pub fn word(refusal: &Refusal, version: Option<&Version>) -> &'static str {
    match refusal.code.as_str() {
        "ErrorImpersonateUserDenied" | "ErrorImpersonationDenied" | "ErrorImpersonationFailed" => {
            "EXCHANGE_IMPERSONATION_DENIED"
        }
        "ErrorNonExistentMailbox" | "ErrorInvalidSmtpAddress" | "ErrorMailboxConfiguration" => {
            "EXCHANGE_NO_MAILBOX"
        }
        "ErrorAccessDenied" => "EXCHANGE_ACCESS_DENIED",
        "ErrorMailboxMoveInProgress" => "EXCHANGE_MAILBOX_MOVES",
        "ErrorMailboxFailover" => "EXCHANGE_STORE_MOVES",
        "ErrorMailboxStoreUnavailable" | "ErrorConnectionFailed" => "EXCHANGE_STORE_UNAVAILABLE",
        "ErrorInvalidServerVersion" | "ErrorIncorrectSchemaVersion" | "ErrorSchemaValidation"
            if version.is_some_and(knows_our_requests) =>
        {
            "EXCHANGE_REQUEST_REFUSED"
        }
        "ErrorInvalidServerVersion" | "ErrorIncorrectSchemaVersion" | "ErrorSchemaValidation" => {
            "EXCHANGE_VERSION_REFUSED"
        }
        "ErrorAccountDisabled" => "EXCHANGE_ACCOUNT_DISABLED",
        "ErrorPasswordExpired" | "ErrorPasswordChangeRequired" => "EXCHANGE_PASSWORD_EXPIRED",
        _ => "EXCHANGE_REFUSED",
    }
}

/// Whether a version knows the oldest requests that we make: 2007 from Service Pack 1 on.
fn knows_our_requests(version: &Version) -> bool {
    version.major > 8 || version.major == 8 && version.minor >= 1
}

/// What the answer of mrsproxy.svc to an account that signed in means; nothing where it is as it should be. To us it is
/// a warning.
pub fn classify_mrsproxy(answer: &http::Answer) -> Option<Fault> {
    let code = match answer.status {
        401 => "EXCHANGE_MRSPROXY_SIGN_IN",
        403 => "EXCHANGE_MRSPROXY_OFF",
        404 | 410 => "EXCHANGE_MRSPROXY_NOT_PUBLISHED",
        405 => "EXCHANGE_MRSPROXY_HANDLER",
        413 => "EXCHANGE_MRSPROXY_BODY_LIMIT",
        502..=504 => "EXCHANGE_MRSPROXY_UNAVAILABLE",
        200..=299 if is_page(answer) => "EXCHANGE_MRSPROXY_WEB_PAGE",
        300..=399 => "EXCHANGE_MRSPROXY_WEB_PAGE",
        // A GET to a SOAP service: it answers, with whatever it thinks of GET.
        200 | 400 | 415 => return None,
        _ => "EXCHANGE_MRSPROXY_ODD",
    };
    let native = if code == "EXCHANGE_MRSPROXY_ODD" { Verdict::Unknown } else { Verdict::Fail };
    let (status, shown) = (answer.status.to_string(), answer.shown());
    Some(Fault::warn(code).natively(native).with("status", status).with("words", shown.clone()).shown(shown))
}

/// Whether people are meant to look at it: a sign-in before the service, or a portal.
fn is_page(answer: &http::Answer) -> bool {
    let kind = answer.header("content-type").unwrap_or_default().to_lowercase();
    let body = answer.body.trim_start().to_lowercase();
    kind.starts_with("text/html")
        || body.starts_with("<html")
        || body.starts_with("<!doctype html")
        || body.contains("<form")
}

/// The word for a server that is too old for Microsoft's own framework, which needs 2010 with Service Pack 3.
pub fn too_old_natively(version: &Version) -> Option<&'static str> {
    match (version.major, version.minor) {
        (..=8, _) => Some("EXCHANGE_2007"),
        (14, ..=2) => Some("EXCHANGE_2010_OLD"),
        _ => None,
    }
}

/// What a mailbox that does not open for us means for Microsoft's own framework, which has rights of its own: only what
/// is missing or out of order is so for everybody.
pub fn natively(code: &str) -> Verdict {
    match code {
        "EXCHANGE_NO_MAILBOX" | "EXCHANGE_STORE_UNAVAILABLE" => Verdict::Fail,
        _ => Verdict::Unknown,
    }
}
