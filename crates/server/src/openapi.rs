//! The document of the API, made from the same routes that answer, so that the two cannot drift apart.

use axum::http::StatusCode;
use mailferry_model::account::Role;
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{
        Content, InfoBuilder, OpenApi as Document, Ref, RefOr, Required, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Context, PREFIX,
    access::{self, Access},
    once::CREATES,
    problem::Problem,
    routes,
};

/// What stands above all operations.
#[derive(OpenApi)]
#[openapi()]
struct Head;

/// All routes below the prefix.
pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Head::openapi()).nest(PREFIX, routes::all())
}

/// The document.
pub fn document() -> Document {
    let mut document = routes().into_openapi();
    let mut info = InfoBuilder::new()
        .title("mailferry")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Moves mailboxes between mail systems: completely, exactly once. Lists are JSON arrays; \
             with `limit` and `cursor` they come in parts, and a `Link` header names the next.",
        ))
        .build();
    info.license = Some(utoipa::openapi::LicenseBuilder::new().name("MIT OR Apache-2.0").build());
    document.info = info;
    let components = document.components.get_or_insert_default();
    let mut below = Vec::new();
    Problem::schemas(&mut below);
    components.schemas.extend(below);
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let cookie = ApiKey::Cookie(ApiKeyValue::new("__Host-mailferry"));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    for (path, item) in &mut document.paths.paths {
        let path = path.strip_prefix(PREFIX).unwrap_or(path).to_owned();
        for (method, operation) in operations(item) {
            complete(operation, method, &path);
        }
    }
    document
}

/// The operations of a path with their methods.
pub(crate) fn operations(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?))).collect()
}

/// What follows from method, path and role, and is therefore not written at each operation.
fn complete(operation: &mut Operation, method: &str, path: &str) {
    let access = method.parse().ok().and_then(|m| access::of(&m, path));
    let from = match access {
        Some(Access::From(role)) => Some(role),
        _ => None,
    };
    if let Some(role) = from {
        let either =
            [SecurityRequirement::new("session", [""; 0]), SecurityRequirement::new("token", [""; 0])];
        operation.security = Some(either.into());
        let words = match role {
            Role::Viewer => "Any role may.",
            Role::Operator => "Takes the role operator.",
            Role::Administrator => "Takes the role administrator.",
        };
        let said = operation.description.take().map(|d| format!("{d}\n\n")).unwrap_or_default();
        operation.description = Some(format!("{said}{words}"));
    } else {
        operation.security = Some(Vec::new());
    }
    let writes = method != "GET";
    let versioned = writes
        && ["/endpoints/", "/batches/", "/accounts/", "/channels/"]
            .iter()
            .any(|nouns| path.starts_with(nouns));
    let creates = method == "POST" && CREATES.contains(&path);
    let mut statuses = vec![StatusCode::UNPROCESSABLE_ENTITY, StatusCode::INTERNAL_SERVER_ERROR];
    statuses.push(StatusCode::SERVICE_UNAVAILABLE);
    if path == "/health" {
        statuses.push(StatusCode::INSUFFICIENT_STORAGE);
    }
    if from.is_some() || path == "/sessions" {
        statuses.push(StatusCode::UNAUTHORIZED);
    }
    if from.is_some() || writes {
        statuses.push(StatusCode::FORBIDDEN);
    }
    // What is named in the query or the body may be missing as well.
    let names = path.contains('{') || ["/items", "/stalls", "/users"].contains(&path);
    let ordered = ["/endpoint-tests", "/verifications", "/scans"].contains(&path);
    if names || (method == "POST" && (ordered || ["/batches", "/tokens"].contains(&path))) {
        statuses.push(StatusCode::NOT_FOUND);
    }
    if operation.parameters.as_ref().is_some_and(|p| !p.is_empty()) {
        statuses.push(StatusCode::BAD_REQUEST);
    }
    if writes {
        statuses.extend([StatusCode::CONFLICT, StatusCode::PAYLOAD_TOO_LARGE]);
    }
    if operation.request_body.is_some() {
        statuses.push(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if versioned {
        statuses.push(StatusCode::PRECONDITION_FAILED);
        header(operation, "If-Match", "The version that the change is made for, as ETag told it.");
    }
    if creates {
        let words = "Makes the request happen once however often it is sent; kept for a day.";
        header(operation, "Idempotency-Key", words);
    }
    if matches!(path, "/sessions" | "/setup") || path.starts_with("/me/") || (creates && ordered) {
        statuses.push(StatusCode::TOO_MANY_REQUESTS);
    }
    for status in statuses {
        let known = operation.responses.responses.contains_key(status.as_str());
        if !known {
            let words = status.canonical_reason().unwrap_or("Problem");
            let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
            let response = ResponseBuilder::new()
                .description(words)
                .content("application/problem+json", content)
                .build();
            operation.responses.responses.insert(status.as_str().to_owned(), response.into());
        }
    }
}

fn header(operation: &mut Operation, name: &str, words: &str) {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(words))
        .schema(Some(text))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}
