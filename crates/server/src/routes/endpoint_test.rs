//! Tests of endpoints that are ordered here and made by a worker: of an endpoint, or of settings that nobody stored.

use std::collections::BTreeMap;

use axum::{Json, extract::Path, http::StatusCode};
use mailferry_model::{
    Side,
    endpoint_test::{EndpointTest, MAILBOX_SECRET, Mailbox, TestScope, TestState},
    id::EndpointTestId,
    port::Write,
    secret::Secret,
    settings::Settings,
    words::unshown,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    endpoint::{check_paths, check_settings, manifest},
    entry,
};
use crate::{
    Context,
    body::Body,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::EndpointTestView,
};

/// So many may wait for a worker.
const WAITING: u64 = 200;
/// The longest time of connecting again and again, in seconds.
const LONGEST: u32 = 3600;

/// What is tested: an endpoint by its name, or a kind with settings.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EndpointTestOrder)]
pub(crate) struct Order {
    endpoint: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// Kept sealed until the test has ended, and never shown.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// The side that it will play: `source` (the default) or `target`.
    #[serde(rename = "as", default)]
    role: TestRole,
    /// A mailbox to open, instead of the settings' own.
    mailbox: Option<MailboxToOpen>,
    /// Only what the settings leave open is found out by the address; nobody signs in but for that.
    #[serde(default)]
    discovery: bool,
    /// Whether the endpoint keeps what is found; it does unless this says no.
    keep: Option<bool>,
    /// For so many seconds it connects again and again afterwards, without signing in.
    #[schema(minimum = 1, maximum = 3600)]
    repeat_seconds: Option<u32>,
}

/// The side that an endpoint plays.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TestRole {
    /// It will be read.
    #[default]
    Source,
    /// It will be written.
    Target,
}

/// A mailbox that a test opens.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MailboxToOpen {
    address: String,
    /// The name to sign in with, where it differs.
    user: Option<String>,
    /// Its password, where it has its own.
    password: Option<String>,
}

/// The tests that were ordered within a day, newest first
#[utoipa::path(get, path = "/endpoint-tests", operation_id = "listEndpointTests", tag = "endpoints", params(PageQuery), responses((status = 200, description = "Newest first", body = Vec<EndpointTestView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<EndpointTestView>, Problem> {
    let mut views = Vec::new();
    for test in context.store.endpoint_tests().await? {
        views.push(EndpointTestView::of(&context, test).await?);
    }
    page.cut_by_place(views)
}

/// One test: how far it is, and what it found
#[utoipa::path(get, path = "/endpoint-tests/{id}", operation_id = "getOrderedTest", tag = "endpoints", params(("id" = String, Path, description = "Its id")), responses((status = 200, description = "The test", body = EndpointTestView)))]
pub(crate) async fn show(
    context: Context,
    Path(id): Path<String>,
) -> Result<Json<EndpointTestView>, Problem> {
    let Ok(id) = id.parse::<EndpointTestId>() else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", format!("There is no test {id}.")));
    };
    let test = context.store.endpoint_test(id).await?;
    Ok(Json(EndpointTestView::of(&context, test).await?))
}

/// Order a test of an endpoint, or of settings before they are stored; a worker makes it
#[utoipa::path(post, path = "/endpoint-tests", operation_id = "orderEndpointTest", tag = "endpoints", request_body = Order, responses((status = 202, description = "It is ordered: ask for it by its id until it is `Done` or `Interrupted`", body = EndpointTestView)))]
pub(crate) async fn order(
    context: Context,
    Body(order): Body<Order>,
) -> Result<(StatusCode, Json<EndpointTestView>), Problem> {
    if context.store.endpoint_tests_under_way().await? >= WAITING {
        let detail = format!("{WAITING} tests wait for a worker already.");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "TEST_QUEUE_FULL", detail));
    }
    let scope = scope(&order)?;
    if let Some(mailbox) = &order.mailbox {
        check_mailbox(mailbox)?;
    }
    let (endpoint, kind, settings) = subject(&context, &order).await?;
    let id = EndpointTestId(context.store.new_id());
    let mailbox =
        order.mailbox.as_ref().map(|m| Mailbox { address: m.address.clone(), user: m.user.clone() });
    let test = EndpointTest {
        id,
        endpoint: endpoint.as_ref().map(|(id, _)| *id),
        kind,
        settings: Settings { secrets: BTreeMap::new(), ..settings.clone() },
        also: None,
        side: match order.role {
            TestRole::Source => Side::Source,
            TestRole::Target => Side::Target,
        },
        mailbox,
        keeps: order.keep.unwrap_or(true),
        scope,
        state: TestState::Ordered,
        result: None,
        asked_by: context.actor.clone(),
        asked: context.clock.now(),
    };
    let password = order.mailbox.and_then(|m| m.password).map(Secret::new);
    let mut secrets: Vec<_> = settings.secrets.iter().map(|(name, s)| (id.0, name.as_str(), s)).collect();
    secrets.extend(password.as_ref().map(|secret| (id.0, MAILBOX_SECRET, secret)));
    let subject = match &endpoint {
        Some((_, name)) => format!("endpoint {name}"),
        None => format!("settings of {}", test.kind),
    };
    let change = serde_json::json!({ "settings": test.settings }).to_string();
    let entry = entry(&context, "endpoint.test", subject, endpoint.is_none().then_some(change));
    let writes = [Write::Seal(&secrets), Write::AddEndpointTest(&test), Write::Record(&entry)];
    context.store.together(&writes).await?;
    (context.bell)();
    Ok((StatusCode::ACCEPTED, Json(EndpointTestView::of(&context, test).await?)))
}

fn check_mailbox(mailbox: &MailboxToOpen) -> Result<(), Problem> {
    let names = [Some(&mailbox.address), mailbox.user.as_ref()];
    match names.into_iter().flatten().find_map(|name| unshown(name)) {
        Some(_) => Err(Problem::refused(
            "REQUEST_MALFORMED",
            "The mailbox's name holds a character that cannot be shown.",
        )),
        None => Ok(()),
    }
}

fn scope(order: &Order) -> Result<TestScope, Problem> {
    match (order.discovery, order.repeat_seconds) {
        (true, None) => Ok(TestScope::Discovery),
        (false, None) => Ok(TestScope::Steps),
        (false, Some(seconds @ 1..=LONGEST)) => Ok(TestScope::Repeated(seconds)),
        _ => {
            let detail =
                format!("repeatSeconds is a number from 1 to {LONGEST}, and goes without discovery.");
            Err(Problem::refused("REQUEST_MALFORMED", detail))
        }
    }
}

type Subject = (Option<(mailferry_model::id::EndpointId, String)>, String, Settings);

async fn subject(context: &Context, order: &Order) -> Result<Subject, Problem> {
    let bare = order.settings.is_empty() && order.secrets.is_empty();
    match (&order.endpoint, &order.kind) {
        (Some(name), None) if bare => {
            let endpoint = context.store.endpoint(name).await?;
            Ok((Some((endpoint.id, endpoint.name)), endpoint.kind, endpoint.settings))
        }
        (None, Some(kind)) => {
            let manifest = manifest(context, kind)?;
            let mut settings = Settings { values: order.settings.clone(), ..Settings::default() };
            for (name, secret) in &order.secrets {
                settings = settings.with_secret(name, Secret::new(secret.clone()));
            }
            check_settings(context, manifest, &settings)?;
            check_paths(context, manifest, &settings, None)?;
            Ok((None, manifest.kind.to_owned(), settings))
        }
        _ => {
            let detail = "A test is of an endpoint alone, or of a type with its settings and secrets.";
            Err(Problem::refused("REQUEST_MALFORMED", detail))
        }
    }
}
