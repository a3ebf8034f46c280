//! What the status of a page means that should ask for a sign-in, or answer one.

use mailferry_model::finding::Verdict;

use super::between;
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
    /// The application pool of IIS that has it.
    pub pool: &'static str,
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
        let fault = fault.with("port", page.port.to_string()).with("pool", page.pool);
        fault.with("words", shown.clone()).shown(shown.clone())
    };
    let fail = |code: &'static str| Err(dressed(Fault::fail(code)));
    if let Some(fault) = between::answers(answer, page) {
        return Err(dressed(fault));
    }
    match answer.status {
        401 if answer.schemes().is_empty() => fail("HTTP_NO_SCHEMES"),
        // A service that takes tokens alone may be a provider's under a name of one's own.
        401 if answer.schemes() == ["bearer"]
            && let Some(fault) = elsewhere(answer, page) =>
        {
            Err(dressed(fault))
        }
        401 => Ok(Told::pass(shown.clone()).seen("schemes", answer.schemes())),
        200..=299 => {
            elsewhere(answer, page).map_or_else(|| fail("HTTP_WEB_PAGE"), |fault| Err(dressed(fault)))
        }
        300..=399 => match answer.header("location") {
            Some(location) if is_sign_in(location) => fail("HTTP_SIGN_IN_PAGE"),
            Some(location) => Err(dressed(redirected(location, page))),
            None => fail("HTTP_WEB_PAGE"),
        },
        403 => fail("HTTP_FORBIDDEN"),
        404 | 410 => elsewhere(answer, page).map_or_else(|| fail(page.missing), |fault| Err(dressed(fault))),
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

/// What a redirect to no sign-in means: a loop only where it leads to the same page again, by HTTPS or by HTTP (which
/// leads back as a rule); else the service is at another server, port or path.
fn redirected(location: &str, page: &Page<'_>) -> Fault {
    let leads = asked(page).and_then(|asked| Some((asked.join(location).ok()?, asked)));
    let Some((told, asked)) = leads else {
        return Fault::fail("HTTP_REDIRECTED").with("itself", page.host).with("same", page.host);
    };
    let is_here = told.host() == asked.host();
    let (port, secured) = (told.port_or_known_default(), told.scheme() == "https");
    let is_door = port == Some(page.port) || (!secured && port == Some(80));
    let resource = url::Position::BeforePath..url::Position::AfterQuery;
    if is_here && is_door && told[resource.clone()] == asked[resource] {
        return Fault::fail("HTTP_REDIRECT_LOOP").with("back", "which is the same place");
    }
    let fault = Fault::fail("HTTP_REDIRECTED");
    let other = told.host_str().filter(|_| !is_here);
    let other_port = port.filter(|port| secured && *port != page.port);
    let fault = match other {
        Some(other) => fault.with("other", other),
        None => fault.with("same", page.host),
    };
    match other_port {
        Some(port) => fault.with("otherPort", port.to_string()),
        None if other.is_none() => fault.with("itself", page.host),
        None => fault,
    }
}

/// The page's own address.
pub(super) fn asked(page: &Page<'_>) -> Option<url::Url> {
    let host = match page.host.contains(':') && !page.host.starts_with('[') {
        true => format!("[{}]", page.host),
        false => page.host.to_owned(),
    };
    url::Url::parse(&format!("https://{host}:{}{}", page.port, page.path)).ok()
}

impl Fault {
    /// The same as a warning for us; natively it stays what it was.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { outcome: Verdict::Warn, ..self }
    }
}
