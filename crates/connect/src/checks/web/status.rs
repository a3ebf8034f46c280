//! What the status of a page means that should ask for a sign-in, or answer one.

use mailferry_model::finding::Verdict;

use crate::{
    checks::{
        Fault, Told,
        speaks::{self, Speaks},
    },
    net::http::Answer,
};

/// A page that was asked for.
pub struct Page<'a> {
    /// What people call it.
    pub what: &'static str,
    /// The server.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: &'a str,
    /// What the catalogue says where the page is not there.
    pub missing: &'static str,
}

/// Judges the answer to a question without a sign-in: a healthy service asks for one.
///
/// # Errors
/// Anything else.
pub fn judge(answer: &Answer, page: &Page<'_>) -> Result<Told, Fault> {
    let shown = answer.shown();
    let dressed = |fault: Fault| {
        let location = answer.header("location").unwrap_or_default();
        let fault = fault.with("host", page.host).with("path", page.path).with("what", page.what);
        let fault = fault.with("status", answer.status.to_string()).with("location", location);
        fault.with("words", shown.clone()).shown(shown.clone())
    };
    let fail = |code: &'static str| Err(dressed(Fault::fail(code)));
    match answer.status {
        401 if answer.schemes().is_empty() => fail("HTTP_NO_SCHEMES"),
        401 => Ok(Told::pass(shown.clone()).seen("schemes", answer.schemes())),
        200..=299 => {
            elsewhere(answer, page).map_or_else(|| fail("HTTP_WEB_PAGE"), |fault| Err(dressed(fault)))
        }
        300..=399 => match answer.header("location") {
            Some(location) if is_sign_in(location) => fail("HTTP_SIGN_IN_PAGE"),
            Some(location) => match leads_to(location, page.host) {
                Some(other) => Err(dressed(Fault::fail("HTTP_REDIRECTED").with("other", other))),
                None => fail("HTTP_REDIRECT_LOOP"),
            },
            None => fail("HTTP_WEB_PAGE"),
        },
        403 => fail("HTTP_FORBIDDEN"),
        404 | 410 => elsewhere(answer, page).map_or_else(|| fail(page.missing), |fault| Err(dressed(fault))),
        407 => fail("HTTP_PROXY_SIGN_IN"),
        429 => fail("HTTP_THROTTLED"),
        503 if answer.header("retry-after").is_some() => fail("HTTP_THROTTLED"),
        502..=504 => fail("HTTP_UNAVAILABLE"),
        500..=599 => fail("HTTP_BROKEN"),
        _ => fail("HTTP_ODD"),
    }
}

/// Pages that belong to another system altogether.
fn elsewhere(answer: &Answer, page: &Page<'_>) -> Option<Fault> {
    let head: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let text = format!("HTTP/1.1 {}\r\n{}\r\n\r\n{}", answer.status, head.join("\r\n"), answer.body);
    match speaks::judge(text.as_bytes(), page.host) {
        known @ (Speaks::Google | Speaks::Microsoft365) => known.instead_of(page.what, page.host, page.port),
        _ => None,
    }
}

/// Whether a redirect leads to a page where people sign in: a proxy or a portal stands before the service.
fn is_sign_in(location: &str) -> bool {
    let location = location.to_lowercase();
    ["login", "logon", "signin", "sign-in", "/auth", "saml", "adfs", "owa/auth", "sso"]
        .iter()
        .any(|mark| location.contains(mark))
}

/// The other host that a redirect leads to.
fn leads_to(location: &str, host: &str) -> Option<String> {
    let url = url::Url::parse(location).ok()?;
    let other = url.host_str()?;
    (!other.eq_ignore_ascii_case(host)).then(|| other.to_owned())
}

impl Fault {
    /// The same as a warning for us; natively it stays what it was.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { outcome: Verdict::Warn, ..self }
    }
}
