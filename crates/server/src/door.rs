//! The door: who asks, by session or token, and whether the role suffices. Inside the own process nobody is asked.

use std::{
    net::SocketAddr,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use mailferry_model::{
    Kind, Result,
    account::{Account, Role, Session},
    cancel::Cancel,
    id::SessionId,
};

use crate::{
    Context, PREFIX,
    access::{self, Access},
    problem::Problem,
    sign_in::{limiter::Limiter, refusals::Refusals, token},
};

/// A session ends when it was not used for so long.
const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// A session ends after so long in any case.
pub(crate) const SESSION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// To which precision uses are written down.
const NOTED: SignedDuration = SignedDuration::from_mins(1);

/// How long the body of a stranger's request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the router is reached.
#[derive(Clone)]
pub enum Door {
    /// By calls in this process: whoever runs it may do everything.
    Inside,
    /// Over the network: everybody signs in.
    Listening(std::sync::Arc<Keeper>),
}

/// Whether what passes the network is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By TLS.
    Tls,
    /// Not at all.
    Plain,
}

/// What a listening service keeps in memory.
pub struct Keeper {
    pub(crate) limiter: Limiter,
    pub(crate) refusals: Refusals,
    /// How long the body of a stranger's request may take.
    pub(crate) patience: Duration,
    pub(crate) transport: Transport,
    /// Ends what would never end by itself.
    pub(crate) closing: Cancel,
    /// Below which folders of this machine endpoints may lie.
    pub(crate) folders: Vec<PathBuf>,
    /// Whether anybody is told the numbers for monitoring.
    pub(crate) open_metrics: bool,
}

impl Keeper {
    /// A fresh one; streams end when `closing` is cancelled.
    pub fn new(transport: Transport, closing: Cancel) -> Self {
        let (limiter, refusals) = (Limiter::default(), Refusals::default());
        Self {
            limiter,
            refusals,
            patience: PATIENCE,
            transport,
            closing,
            folders: Vec::new(),
            open_metrics: false,
        }
    }

    /// The same with another patience for bodies of requests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same, where anybody who reaches the service is told the numbers for monitoring.
    #[must_use]
    pub fn with_open_metrics(self) -> Self {
        Self { open_metrics: true, ..self }
    }

    /// The same, where endpoints may lie below these folders of this machine.
    #[must_use]
    pub fn with_folders(self, folders: Vec<PathBuf>) -> Self {
        Self { folders, ..self }
    }

    /// Whether a path that came over the network may be used: it names something below a folder that the machine's
    /// own configuration allows.
    pub(crate) fn allows(&self, path: &str) -> bool {
        let path = Path::new(path);
        let plain = |c: Component<'_>| matches!(c, Component::RootDir | Component::Normal(_));
        path.is_absolute() && path.components().all(plain) && self.folders.iter().any(|f| path.starts_with(f))
    }

    /// The name of the session's cookie. A browser takes the longer one from this very host by TLS alone.
    pub(crate) fn cookie(&self) -> &'static str {
        match self.transport {
            Transport::Tls => "__Host-mailferry",
            Transport::Plain => "mailferry",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// For the audit trail.
    pub actor: String,
    pub role: Role,
    /// None inside the own process.
    pub account: Option<Account>,
    pub session: Option<SessionId>,
    /// The name of a token for programs, if it is one.
    pub token: Option<String>,
    /// Where from.
    pub address: String,
}

impl Caller {
    /// The account; the own process has none.
    pub fn account(&self) -> std::result::Result<&Account, Problem> {
        self.account.as_ref().ok_or_else(|| {
            Problem::conflict("SERVICE_LOCAL_ONLY", "Inside the own process nobody is signed in.")
        })
    }

    /// As [`Caller::account`], for what a stolen token must not do: new passwords, second factors, tokens.
    pub fn person(&self) -> std::result::Result<&Account, Problem> {
        match self.token {
            Some(_) => {
                let detail = "A token for programs may not do this; sign in with the password.";
                Err(Problem::new(StatusCode::FORBIDDEN, "ACCOUNT_ROLE", detail))
            }
            None => self.account(),
        }
    }
}

impl FromRequestParts<Context> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> std::result::Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// Handlers get the context with the caller's name for the audit trail.
impl FromRequestParts<Self> for Context {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Self,
    ) -> std::result::Result<Self, Self::Rejection> {
        let actor = parts.extensions.get::<Caller>().map(|caller| caller.actor.clone());
        Ok(Self { actor: actor.unwrap_or_else(|| state.actor.clone()), ..state.clone() })
    }
}

/// Lets a request through, or says why not.
pub(crate) async fn admit(State(context): State<Context>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match judge(&context, &parts).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn judge(context: &Context, request: &Parts) -> std::result::Result<Option<Caller>, Problem> {
    let path = request.extensions.get::<MatchedPath>().map(|p| p.as_str().to_owned()).unwrap_or_default();
    let path = path.strip_prefix(PREFIX).unwrap_or_default();
    let Some(access) = access::of(&request.method, path) else {
        let methods = access::methods(path);
        if methods.is_empty() {
            return Err(Problem::new(StatusCode::FORBIDDEN, "ACCOUNT_ROLE", "Nobody may do this."));
        }
        return Err(Problem::method(&request.method, &methods));
    };
    let keeper = match &context.door {
        Door::Inside => return Ok(Some(insider(context))),
        Door::Listening(keeper) => keeper,
    };
    let safe = matches!(request.method, Method::GET | Method::HEAD);
    let caller = caller(context, keeper, request).await;
    if !safe {
        check_origin(&request.headers, &caller)?;
    }
    let Access::From(role) = access else { return Ok(caller.ok().map(|(caller, _)| caller)) };
    let (caller, _) = caller?;
    if caller.role < role {
        let detail = format!("{} is {}; this takes {}.", caller.actor, caller.role.word(), role.word());
        return Err(Problem::new(StatusCode::FORBIDDEN, "ACCOUNT_ROLE", detail));
    }
    Ok(Some(caller))
}

fn insider(context: &Context) -> Caller {
    Caller {
        actor: context.actor.clone(),
        role: Role::Administrator,
        account: None,
        session: None,
        token: None,
        address: "inside".to_owned(),
    }
}

/// How a caller was recognised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A header that no foreign page can set.
    Header,
    /// A cookie, which a browser sends by itself.
    Cookie,
}

/// Who asks, and how that is known.
pub(crate) async fn caller(
    context: &Context,
    keeper: &Keeper,
    request: &Parts,
) -> std::result::Result<(Caller, By), Problem> {
    let address = address(request.extensions.get::<ConnectInfo<SocketAddr>>());
    let (given, by) = match (bearer(&request.headers), cookie(&request.headers, keeper.cookie())) {
        (Some(token), _) => (token, By::Header),
        (None, Some(token)) => (token, By::Cookie),
        (None, None) => return Err(missing()),
    };
    let found = match given.starts_with(token::PROGRAM) {
        true if by == By::Header => by_token(context, &given, address).await?,
        true => None,
        false => by_session(context, &given, address).await?,
    };
    found.map(|caller| (caller, by)).ok_or_else(|| {
        let detail = "The session or token is not valid, or no longer.";
        Problem::new(StatusCode::UNAUTHORIZED, "SIGN_IN_MISSING", detail)
    })
}

/// The address of the other side, for limits and sessions.
pub(crate) fn address(info: Option<&ConnectInfo<SocketAddr>>) -> String {
    info.map_or_else(|| "unknown".to_owned(), |ConnectInfo(address)| address.ip().to_string())
}

async fn by_session(context: &Context, given: &str, address: String) -> Result<Option<Caller>> {
    let Some(session) = known(context.store.session_by_hash(&token::hash(given)).await)? else {
        return Ok(None);
    };
    let now = context.clock.now();
    if is_over(&session, now) {
        return Ok(None);
    }
    let Some(account) = able(context, session.account).await? else { return Ok(None) };
    if now.duration_since(session.seen) > NOTED {
        context.store.see_session(session.id, now).await?;
    }
    let (actor, role) = (account.name.clone(), account.role);
    Ok(Some(Caller { actor, role, account: Some(account), session: Some(session.id), token: None, address }))
}

async fn by_token(context: &Context, given: &str, address: String) -> Result<Option<Caller>> {
    let Some(token) = known(context.store.token_by_hash(&token::hash(given)).await)? else { return Ok(None) };
    let now = context.clock.now();
    if token.expires.is_some_and(|end| end <= now) {
        return Ok(None);
    }
    let Some(account) = able(context, token.account).await? else { return Ok(None) };
    if token.last_used.is_none_or(|at| now.duration_since(at) > NOTED) {
        context.store.use_token(token.id, now).await?;
    }
    let actor = format!("{} (token {})", account.name, token.name);
    let role = token.role.min(account.role);
    Ok(Some(Caller { actor, role, account: Some(account), session: None, token: Some(token.name), address }))
}

/// The account if it may sign in.
async fn able(context: &Context, id: mailferry_model::id::AccountId) -> Result<Option<Account>> {
    Ok(known(context.store.account_by_id(id).await)?.filter(|account| !account.disabled))
}

/// What is not there, as nothing.
pub(crate) fn known<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a session has ended by itself.
pub(crate) fn is_over(session: &Session, now: Timestamp) -> bool {
    session.expires <= now || now.duration_since(session.seen) > IDLE
}

fn missing() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "SIGN_IN_MISSING", "The service wants to know who asks.")
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|c| c.to_str().ok());
    let mut pairs = all.flat_map(|c| c.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
}

/// What a browser sends for another page does not write; with a cookie the origin must be told.
pub(crate) fn check_origin(
    headers: &HeaderMap,
    caller: &std::result::Result<(Caller, By), Problem>,
) -> std::result::Result<(), Problem> {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("?").to_owned());
    let host = text(header::HOST).unwrap_or_default();
    let told = text(header::ORIGIN);
    let ours = told.as_ref().map(|origin| {
        let place = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        place.is_some_and(|place| place.eq_ignore_ascii_case(&host))
    });
    let by_cookie = matches!(caller, Ok((_, By::Cookie)));
    match ours {
        Some(true) => Ok(()),
        None if !by_cookie => Ok(()),
        _ => {
            let from = told.unwrap_or_else(|| "no origin".to_owned());
            let detail = format!("It came from {from}, and this is {host}.");
            Err(Problem::new(StatusCode::FORBIDDEN, "REQUEST_ORIGIN", detail))
        }
    }
}

/// How long a browser keeps the cookie.
pub(crate) fn seconds() -> u64 {
    Duration::try_from(SESSION).map_or(0, |d| d.as_secs())
}
