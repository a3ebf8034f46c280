//! Domains whose mail flow is switched: what their DNS says and what it shall say. A worker looks; nothing is changed in the
//! DNS from here.

use axum::{Json, extract::Path, http::StatusCode};
use jiff::Timestamp;
use mailferry_model::{
    Kind,
    domain::{self, Destination, Domain, Wanted},
    port::Write,
    words::unshown,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::entry;
use crate::{
    Context,
    body::Body,
    page::{Page, PageQuery, Part},
    problem::Problem,
    shape,
    view::DomainView,
};

/// More texts, or longer ones, are a slip.
const MOST: usize = 20;
const LONGEST: usize = 500;

/// Which domain is looked at, and what its DNS shall say.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = DomainCheck)]
pub(crate) struct Check {
    /// `example.org`.
    name: String,
    /// `microsoft-365` or `google`: what that provider asks for, where `wanted` says nothing else.
    to: Option<String>,
    /// The tenant's first domain, such as `contoso.onmicrosoft.com`: DKIM of Microsoft 365 leads there.
    tenant: Option<String>,
    /// What its DNS shall say; nothing is held against what is not named.
    #[serde(default)]
    #[schema(value_type = Option<shape::DomainWanted>)]
    wanted: Wanted,
    /// When the switch is planned.
    at: Option<Timestamp>,
    /// The batch whose completion it is: its CompleteAfter counts where no time is given.
    batch: Option<String>,
    /// The DNS server that is asked, `ADDRESS[:PORT]`; the system's otherwise.
    resolver: Option<String>,
}

/// The domains that were looked at
#[utoipa::path(get, path = "/domains", operation_id = "listDomains", tag = "domains", params(PageQuery), responses((status = 200, description = "By name", body = Vec<DomainView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<DomainView>, Problem> {
    let mut views = Vec::new();
    for domain in context.store.domains().await? {
        views.push(DomainView::of(&context, domain).await?);
    }
    page.cut_by_place(views)
}

/// One domain: what its DNS said when it was last looked at
#[utoipa::path(get, path = "/domains/{name}", operation_id = "getDomain", tag = "domains", params(("name" = String, Path, description = "The domain")), responses((status = 200, description = "The domain", body = DomainView)))]
pub(crate) async fn show(context: Context, Path(name): Path<String>) -> Result<Json<DomainView>, Problem> {
    let domain = context.store.domain(&name.to_lowercase()).await?;
    Ok(Json(DomainView::of(&context, domain).await?))
}

/// Have a domain looked at; a worker does, and again each hour until a planned switch
#[utoipa::path(post, path = "/domains", operation_id = "checkDomain", tag = "domains", request_body = Check, responses((status = 202, description = "It is ordered: ask for the domain until `asked` is null", body = DomainView)))]
pub(crate) async fn check(
    context: Context,
    Body(check): Body<Check>,
) -> Result<(StatusCode, Json<DomainView>), Problem> {
    let malformed = |why: String| Problem::refused("DOMAIN_NAME", why);
    let name = domain::name(&check.name).map_err(malformed)?;
    let batch = match &check.batch {
        Some(batch) => Some(context.store.batch(batch).await?.name),
        None => None,
    };
    let wanted = wanted(&check, &name)?;
    let before = match context.store.domain(&name).await {
        Ok(domain) => Some(domain),
        Err(error) if error.kind() == Kind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let is_other = before.as_ref().is_none_or(|before| before.wanted != wanted);
    let before_it = |pick: fn(&Domain) -> Option<Timestamp>| before.as_ref().and_then(pick);
    let domain = Domain {
        version: before.as_ref().map_or(0, |before| before.version),
        at: check.at,
        batch,
        resolver: check.resolver.clone(),
        asked: Some(context.clock.now()),
        asked_by: context.actor.clone(),
        looked: before_it(|before| before.looked),
        warned: before_it(|before| before.warned),
        // What is asked for depends on what is wanted.
        records: before.filter(|_| !is_other).map(|before| before.records).unwrap_or_default(),
        wanted,
        name,
    };
    let entry = entry(&context, "domain.check", format!("domain {}", domain.name), None);
    context.store.together(&[Write::KeepDomain(&domain), Write::Record(&entry)]).await?;
    let domain = context.store.domain(&domain.name).await?;
    Ok((StatusCode::ACCEPTED, Json(DomainView::of(&context, domain).await?)))
}

/// Forget a domain and what was seen of it
#[utoipa::path(delete, path = "/domains/{name}", operation_id = "removeDomain", tag = "domains", params(("name" = String, Path, description = "The domain")), responses((status = 204, description = "Forgotten")))]
pub(crate) async fn remove(context: Context, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let name = name.to_lowercase();
    let entry = entry(&context, "domain.remove", format!("domain {name}"), None);
    context.store.together(&[Write::RemoveDomain(&name), Write::Record(&entry)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(check: &Check, name: &str) -> Result<Wanted, Problem> {
    let given = check.wanted.clone();
    let texts = given.mx.iter().chain(&given.spf).chain(&given.dmarc).chain(&given.autodiscover);
    let texts =
        texts.chain(given.dkim.keys()).chain(given.dkim.values()).chain(&check.tenant).chain(&check.resolver);
    let texts: Vec<&String> = texts.collect();
    let is_odd = |text: &&&String| text.len() > LONGEST || unshown(text).is_some();
    if given.mx.len() > MOST || given.dkim.len() > MOST || texts.iter().any(|text| is_odd(&text)) {
        let detail =
            format!("At most {MOST} hosts and selectors, each text at most {LONGEST} characters long.");
        return Err(Problem::refused("REQUEST_MALFORMED", detail));
    }
    if let Some(selector) =
        given.dkim.keys().find(|s| domain::name(&format!("{s}._domainkey.{name}")).is_err())
    {
        return Err(Problem::refused("DOMAIN_NAME", format!("{selector:?} is no DKIM selector.")));
    }
    match &check.to {
        None => Ok(given),
        Some(to) => {
            let to: Destination =
                to.parse().map_err(|why| Problem::refused("REQUEST_MALFORMED", format!("to: {why}.")))?;
            Ok(given.or(Wanted::by(to, name, check.tenant.as_deref())))
        }
    }
}
