//! Sign-ins: begun with a password, listed, ended.

use axum::{
    Json,
    extract::{ConnectInfo, FromRequest, Path, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use mailferry_model::{
    Kind,
    account::{Account, Role, Session},
    id::SessionId,
    port::Write,
    secret::Secret,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry;
use crate::{
    Context,
    body::Body,
    door::{self, Caller, Door, Keeper, Transport},
    page::{Page, PageQuery, Part},
    problem::Problem,
    sign_in::{self, Given, token},
    view::SessionView,
};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    name: String,
    password: String,
    /// The authenticator's code, where the account has a second factor.
    code: Option<String>,
    /// `cookie` for browsers (the default), or `token`: then the answer holds the token.
    #[serde(default, rename = "as")]
    form: Form,
}

/// How a session is carried.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SessionForm)]
pub(crate) enum Form {
    #[default]
    Cookie,
    Token,
}

/// A session that has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedIn {
    account: String,
    #[schema(value_type = crate::shape::Role)]
    role: Role,
    /// When the session ends, used or not.
    expires: Timestamp,
    /// For the header `Authorization: Bearer`, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Sign in
#[utoipa::path(post, path = "/sessions", operation_id = "signIn", tag = "sessions", request_body = SignIn, responses((status = 201, description = "Signed in; a cookie or a token", body = SignedIn)))]
pub(crate) async fn sign_in(context: Context, request: Request) -> Result<Response, Problem> {
    let Door::Listening(keeper) = context.door.clone() else {
        return Err(Problem::conflict("SERVICE_LOCAL_ONLY", "Inside the own process nobody signs in."));
    };
    let address = door::address(request.extensions().get::<ConnectInfo<std::net::SocketAddr>>());
    let Body(given) = Body::<SignIn>::from_request(request, &context).await?;
    let password = Secret::new(given.password);
    let given_to = Given { name: &given.name, password, code: given.code.as_deref(), address: &address };
    let begun = begin(&context, &keeper, given_to).await?;
    let (account, session, token) = (begun.account, begun.session, begun.token);
    let shown = SignedIn {
        account: account.name.clone(),
        role: account.role,
        expires: session.expires,
        token: (given.form == Form::Token).then(|| token.expose().clone()),
    };
    let mut answer = (StatusCode::CREATED, Json(shown)).into_response();
    if given.form == Form::Cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie(&keeper, &token));
    }
    Ok(answer)
}

/// A session as it was begun.
pub(crate) struct Begun {
    account: Account,
    session: Session,
    pub(crate) token: Secret<String>,
}

/// Checks who it is and begins a session.
pub(crate) async fn begin(context: &Context, keeper: &Keeper, given: Given<'_>) -> Result<Begun, Problem> {
    let address = given.address.to_owned();
    let mut account = sign_in::check(context, keeper, given).await?;
    let now = context.clock.now();
    context.store.forget_sessions(now).await?;
    let (token, hash) = token::fresh(token::SESSION)?;
    let session = Session {
        id: SessionId(context.store.new_id()),
        account: account.id,
        hash,
        address,
        created: now,
        seen: now,
        expires: now + door::SESSION,
    };
    let entry = {
        let context = Context { actor: account.name.clone(), ..context.clone() };
        entry(&context, "session.new", format!("account {}", account.name), None)
    };
    context.store.together(&[Write::AddSession(&session), Write::Record(&entry)]).await?;
    account.last_sign_in = Some(now);
    match context.store.set_account(&account).await {
        // Somebody changed it meanwhile: that matters more than when somebody last signed in.
        Err(error) if error.kind() == Kind::Conflict => {}
        other => other?,
    }
    Ok(Begun { account, session, token })
}

/// The cookie of a session: not for scripts, not for requests that other pages cause.
pub(crate) fn cookie(keeper: &Keeper, token: &Secret<String>) -> HeaderValue {
    let secure = if keeper.transport == Transport::Tls { "; Secure" } else { "" };
    let (name, age) = (keeper.cookie(), door::seconds());
    let text = format!("{name}={}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}", token.expose());
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What takes the cookie away.
pub(crate) fn no_cookie(keeper: &Keeper) -> HeaderValue {
    let secure = if keeper.transport == Transport::Tls { "; Secure" } else { "" };
    let text = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{secure}", keeper.cookie());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// One's own sign-ins; an administrator sees all
#[utoipa::path(get, path = "/sessions", operation_id = "listSessions", tag = "sessions", params(PageQuery), responses((status = 200, description = "Newest first", body = Vec<SessionView>)))]
pub(crate) async fn list(context: Context, caller: Caller, page: Page) -> Result<Part<SessionView>, Problem> {
    let now = context.clock.now();
    let accounts = context.store.accounts().await?;
    let mut views = Vec::new();
    for session in context.store.sessions().await? {
        let account = accounts.iter().find(|a| a.id == session.account);
        let Some(account) = account.filter(|_| !door::is_over(&session, now)) else { continue };
        if caller.role == Role::Administrator || caller.account.as_ref().is_some_and(|a| a.id == account.id) {
            views.push(SessionView::of(&session, &account.name, caller.session));
        }
    }
    page.cut_by_place(views)
}

/// Sign out
#[utoipa::path(delete, path = "/sessions/current", operation_id = "signOut", tag = "sessions", responses((status = 204, description = "Signed out")))]
pub(crate) async fn sign_out(context: Context, caller: Caller) -> Result<Response, Problem> {
    let Some(session) = caller.session else {
        let detail = "This is no session; a token is revoked under /tokens.";
        let fix = vec!["mailferry token list, then mailferry token revoke ID".to_owned()];
        return Err(Problem { fix, ..Problem::conflict("WRONG_STATE", detail) });
    };
    let entry = entry(&context, "session.remove", format!("account {}", caller.actor), None);
    context.store.together(&[Write::RemoveSession(session), Write::Record(&entry)]).await?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let Door::Listening(keeper) = &context.door {
        answer.headers_mut().insert(header::SET_COOKIE, no_cookie(keeper));
    }
    Ok(answer)
}

/// End a session: one's own, or as administrator anybody's
#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "removeSession", tag = "sessions", params(("id" = String, Path, description = "Its id")), responses((status = 204, description = "Ended")))]
pub(crate) async fn remove(
    context: Context,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let known = context.store.sessions().await?.into_iter().find(|s| s.id.to_string() == id);
    let own = |s: &Session| caller.account.as_ref().is_some_and(|a| a.id == s.account);
    let Some(session) = known.filter(|s| caller.role == Role::Administrator || own(s)) else {
        let detail = format!("There is no session {id}.");
        return Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", detail));
    };
    let entry = entry(&context, "session.remove", format!("session {id}"), None);
    context.store.together(&[Write::RemoveSession(session.id), Write::Record(&entry)]).await?;
    Ok(StatusCode::NO_CONTENT)
}
