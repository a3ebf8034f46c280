//! A page to look at until the admin centre comes: endpoints, batches and users by status. It changes nothing, runs
//! no script, and whoever is not signed in sees the way in alone.

use std::{fmt::Write as _, net::SocketAddr};

use axum::{
    Form, Router,
    extract::{ConnectInfo, FromRequest, Request, State},
    http::{Extensions, HeaderMap, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use mailferry_model::{secret::Secret, words::escaped};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Context, body,
    door::{self, Caller, Door, Keeper},
    problem::Problem,
    routes::{Status, session, status_of},
    sign_in::Given,
};

const STYLE: &str = "\
body{font:15px/1.5 'Segoe UI',system-ui,sans-serif;color:#242424;background:#fafafa;margin:2rem auto;max-width:70rem;\
padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%;\
background:#fff}th,td{text-align:left;padding:.4rem .7rem;border-bottom:1px solid #e0e0e0;vertical-align:top}\
th{font-weight:600}td.n,th.n{text-align:right}label{display:block;margin:.6rem 0 .2rem}input{padding:.4rem;width:20rem;\
max-width:100%}button{margin-top:1rem;padding:.45rem 1.2rem}.bad{color:#b10e1c}.quiet{color:#616161}\
@media(prefers-color-scheme:dark){body{color:#fff;background:#1f1f1f}table{background:#292929}\
th,td{border-color:#525252}.bad{color:#f1707b}.quiet{color:#adadad}}";

/// Page, style, and the form's targets.
pub(crate) fn routes() -> Router<Context> {
    Router::new()
        .route("/", get(page))
        .route("/status.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
}

/// What the form sends.
#[derive(Deserialize)]
struct Filled {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
}

async fn page(State(context): State<Context>, request: Parts) -> Result<Html<String>, Problem> {
    let keeper = keeper(&context)?;
    let Ok((caller, _)) = door::caller(&context, keeper, &request).await else {
        let none = context.store.accounts().await?.is_empty();
        let said =
            if none { "There is no account yet: see what the service printed when it started." } else { "" };
        return Ok(Html(way_in(said)));
    };
    let (status, endpoints, batches) = status_of(&context).await?;
    let endpoints: Vec<Value> = endpoints.iter().filter_map(|v| serde_json::to_value(v).ok()).collect();
    let batches: Vec<Value> = batches.iter().filter_map(|v| serde_json::to_value(v).ok()).collect();
    Ok(Html(overview(&context, &caller, &status, &endpoints, &batches)))
}

fn keeper(context: &Context) -> Result<&Keeper, Problem> {
    match &context.door {
        Door::Listening(keeper) => Ok(keeper),
        Door::Inside => {
            Err(Problem::new(StatusCode::NOT_FOUND, "REQUEST_NOT_FOUND", "There is no page here."))
        }
    }
}

async fn sign_in(
    State(context): State<Context>,
    headers: HeaderMap,
    extensions: Extensions,
    request: Request,
) -> Result<Response, Problem> {
    let keeper = keeper(&context)?;
    let (parts, body) = request.into_parts();
    let body = body::read(&context, None, body).await?;
    let filled = Form::<Filled>::from_request(Request::from_parts(parts, body.into()), &context).await;
    let Form(filled) = filled.map_err(|_| {
        Problem::refused("REQUEST_MALFORMED", "The form is not filled in as the page has it.")
    })?;
    let password = Secret::new(filled.password);
    door::check_origin(&headers, &Err(Problem::refused("SIGN_IN_MISSING", "")))?;
    let address = door::address(extensions.get::<ConnectInfo<SocketAddr>>());
    let code = Some(filled.code.trim()).filter(|code| !code.is_empty());
    let given = Given { name: &filled.name, password, code, address: &address };
    match session::begin(&context, keeper, given).await {
        Ok(begun) => {
            let mut answer = Redirect::to("/").into_response();
            answer.headers_mut().insert(header::SET_COOKIE, session::cookie(keeper, &begun.token));
            Ok(answer)
        }
        Err(problem) if problem.status < 500 => {
            // People read this: a page, not a problem.
            Ok(Html(way_in(&problem.detail)).into_response())
        }
        Err(problem) => Err(problem),
    }
}

async fn sign_out(State(context): State<Context>, request: Parts) -> Result<Response, Problem> {
    let keeper = keeper(&context)?;
    let caller = door::caller(&context, keeper, &request).await;
    door::check_origin(&request.headers, &caller)?;
    if let Ok((Caller { session: Some(session), .. }, _)) = caller {
        context.store.remove_session(session).await?;
    }
    let mut answer = Redirect::to("/").into_response();
    answer.headers_mut().insert(header::SET_COOKIE, session::no_cookie(keeper));
    Ok(answer)
}

fn framed(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/status.css\"></head>\
         <body><main>{body}</main></body></html>"
    )
}

fn way_in(said: &str) -> String {
    let said = escaped(said);
    framed(
        "mailferry: sign in",
        &format!(
            "<h1>mailferry</h1><p class=\"bad\" role=\"status\">{said}</p>\
             <form method=\"post\" action=\"/sign-in\">\
             <label for=\"name\">Name</label><input id=\"name\" name=\"name\" autocomplete=\"username\" required>\
             <label for=\"password\">Password</label>\
             <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\
             <label for=\"code\">Code of the authenticator, if the account has one</label>\
             <input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\">\
             <br><button>Sign in</button></form>"
        ),
    )
}

fn overview(
    context: &Context,
    caller: &Caller,
    status: &Status,
    endpoints: &[Value],
    batches: &[Value],
) -> String {
    let mut body = format!(
        "<h1>mailferry</h1><p class=\"quiet\">{} ({}), {}</p>\
         <form method=\"post\" action=\"/sign-out\"><button>Sign out</button></form>",
        escaped(&caller.actor),
        caller.role.word(),
        context.clock.now().strftime("%Y-%m-%d %H:%M:%S UTC"),
    );
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text),
        other => escaped(&other.to_string()),
    };
    body.push_str("<h2>Batches</h2>");
    let columns = [
        ("Name", "/name"),
        ("Status", "/status"),
        ("Synced %", "/percentageSynced"),
        ("Total", "/total"),
        ("Synced", "/synced"),
        ("Finalized", "/finalized"),
        ("Failed", "/failed"),
        ("Score", "/dataConsistencyScore"),
    ];
    table(&mut body, &columns, batches, cell);
    body.push_str("<h2>Endpoints</h2>");
    let columns = [
        ("Name", "/name"),
        ("Type", "/type"),
        ("Status", "/status"),
        ("Migrations", "/MaxConcurrentMigrations"),
        ("Incremental", "/MaxConcurrentIncrementalSyncs"),
        ("Needs", "/needsToConnect"),
    ];
    table(&mut body, &columns, endpoints, cell);
    body.push_str("<h2>Users by status</h2>");
    let users: Vec<Value> =
        status.users.iter().map(|(status, n)| serde_json::json!({ "status": status, "n": n })).collect();
    table(&mut body, &[("Status", "/status"), ("Users", "/n")], &users, cell);
    framed("mailferry: status", &body)
}

fn table(body: &mut String, columns: &[(&str, &str)], rows: &[Value], cell: impl Fn(&Value) -> String) {
    if rows.is_empty() {
        body.push_str("<p class=\"quiet\">None.</p>");
        return;
    }
    let class = |value: Option<&Value>| if value.is_some_and(Value::is_number) { " class=\"n\"" } else { "" };
    body.push_str("<table><thead><tr>");
    for (title, at) in columns {
        let class = class(rows.first().and_then(|row| row.pointer(at)));
        let _ = write!(body, "<th scope=\"col\"{class}>{title}</th>");
    }
    body.push_str("</tr></thead><tbody>");
    for row in rows {
        body.push_str("<tr>");
        for (_, at) in columns {
            let value = row.pointer(at);
            let _ = write!(body, "<td{}>{}</td>", class(value), cell(value.unwrap_or(&Value::Null)));
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table>");
}
