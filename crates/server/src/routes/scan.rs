//! Scans that are ordered here and made by a worker: of the mailboxes of a CSV, or of those of a batch. Nothing is moved.

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use mailferry_model::{
    csv::{self, Encoding, Needs, Parsed, Passwords, Reading},
    endpoint::Endpoint,
    id::{BatchId, EndpointId, ScanId},
    mapping::RunOptions,
    port::{Sealing, Write},
    scan::{Scan, ScanMailbox, ScanState, Whose},
    settings::MailboxAddress,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    batch::{check_readable, check_rejected},
    entry,
};
use crate::{
    Context,
    body::Body,
    page::{Page, PageQuery, Part},
    problem::Problem,
    view::{ScanMailboxView, ScanView, signs_in_for_all},
};

/// So many may wait for a worker.
const WAITING: u64 = 20;
/// So many mailboxes are told at once.
const MOST: usize = 200;

/// Which mailboxes are read: those of a CSV at a source, or those of a batch.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScanOrder)]
pub(crate) struct Order {
    /// The endpoint that is read; with a CSV.
    source: Option<String>,
    /// The endpoint that folder names are held against; with a CSV.
    target: Option<String>,
    /// EmailAddress[,UserName][,Password][,Department][,Group] …
    csv: Option<String>,
    /// Go on with the rows that can be used.
    #[serde(default)]
    skip_rejected: bool,
    /// A batch by its name, instead of all that.
    batch: Option<String>,
    /// Items above so many bytes are named; the target's own limit otherwise, else that of Microsoft 365.
    #[schema(minimum = 1)]
    max_size: Option<u64>,
}

/// Which mailboxes of a scan are told.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part200 {
    /// Only those after this number; ask again with the last one.
    #[serde(default)]
    after: u64,
}

/// The scans, newest first and without what they found
#[utoipa::path(get, path = "/scans", operation_id = "listScans", tag = "scans", params(PageQuery), responses((status = 200, description = "Newest first", body = Vec<ScanView>)))]
pub(crate) async fn list(context: Context, page: Page) -> Result<Part<ScanView>, Problem> {
    let mut views = Vec::new();
    for scan in context.store.scans().await? {
        views.push(ScanView::of(&context, scan).await?);
    }
    page.cut_by_place(views)
}

/// One scan: how far it is, and what its mailboxes hold together
#[utoipa::path(get, path = "/scans/{id}", operation_id = "getScan", tag = "scans", params(("id" = String, Path, description = "Its id")), responses((status = 200, description = "The scan", body = ScanView)))]
pub(crate) async fn show(context: Context, Path(id): Path<String>) -> Result<Json<ScanView>, Problem> {
    let scan = context.store.scan(parse(&id)?).await?;
    Ok(Json(ScanView::whole(&context, scan).await?))
}

/// The mailboxes of a scan and what each holds, two hundred at a time
#[utoipa::path(get, path = "/scans/{id}/mailboxes", operation_id = "listScanMailboxes", tag = "scans", params(("id" = String, Path, description = "Its id"), Part200), responses((status = 200, description = "By number", body = Vec<ScanMailboxView>)))]
pub(crate) async fn mailboxes(
    context: Context,
    Path(id): Path<String>,
    Query(part): Query<Part200>,
) -> Result<Json<Vec<ScanMailboxView>>, Problem> {
    let scan = context.store.scan(parse(&id)?).await?;
    let mailboxes = context.store.scan_mailboxes(scan.id, part.after, MOST).await?;
    Ok(Json(mailboxes.into_iter().map(ScanMailboxView::of).collect()))
}

/// Order a scan of mailboxes; a worker makes it
#[utoipa::path(post, path = "/scans", operation_id = "orderScan", tag = "scans", request_body = Order, responses((status = 202, description = "It is ordered: ask for it by its id until it is `Done` or `Stopped`", body = ScanView)))]
pub(crate) async fn order(
    context: Context,
    Body(order): Body<Order>,
) -> Result<(StatusCode, Json<ScanView>), Problem> {
    if context.store.scans_under_way().await? >= WAITING {
        let detail = format!("{WAITING} scans wait for a worker already.");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "SCAN_QUEUE_FULL", detail));
    }
    if order.max_size == Some(0) {
        return Err(Problem::refused("REQUEST_MALFORMED", "maxSize is at least 1 byte."));
    }
    let parsed;
    let subject = match (&order.batch, &order.source, &order.csv) {
        (Some(batch), None, None) if order.target.is_none() => of_batch(&context, batch).await?,
        (None, Some(source), Some(csv)) => {
            let source = context.store.endpoint(source).await?;
            parsed = judged(&context, &source, csv, order.skip_rejected).await?;
            of_csv(&context, source, order.target.as_deref(), &parsed).await?
        }
        _ => {
            let detail = "A scan is of a batch alone, or of a source with a CSV.";
            return Err(Problem::refused("REQUEST_MALFORMED", detail));
        }
    };
    let scan = Scan {
        id: ScanId(context.store.new_id()),
        source: subject.source,
        target: subject.target,
        batch: subject.batch,
        max_size: order.max_size,
        state: ScanState::Ordered,
        mailboxes: subject.mailboxes.len() as u64,
        looked_at: 0,
        error: None,
        asked_by: context.actor.clone(),
        asked: context.clock.now(),
    };
    let change = format!("{} mailboxes", scan.mailboxes);
    let entry = entry(&context, "scan.new", subject.called, Some(change));
    let writes =
        [Write::Seal(&subject.passwords), Write::AddScan(&scan, &subject.mailboxes), Write::Record(&entry)];
    context.store.together(&writes).await?;
    (context.bell)();
    Ok((StatusCode::ACCEPTED, Json(ScanView::of(&context, scan).await?)))
}

/// Stop a scan; what it has found stays
#[utoipa::path(post, path = "/scans/{id}/stop", operation_id = "stopScan", tag = "scans", params(("id" = String, Path, description = "Its id")), responses((status = 200, description = "The scan", body = ScanView)))]
pub(crate) async fn stop(context: Context, Path(id): Path<String>) -> Result<Json<ScanView>, Problem> {
    let id = parse(&id)?;
    changed(&context, id, "scan.stop", Write::StopScan(id)).await
}

/// Go on with the mailboxes of a scan that are left
#[utoipa::path(post, path = "/scans/{id}/resume", operation_id = "resumeScan", tag = "scans", params(("id" = String, Path, description = "Its id")), responses((status = 200, description = "The scan", body = ScanView)))]
pub(crate) async fn resume(context: Context, Path(id): Path<String>) -> Result<Json<ScanView>, Problem> {
    let id = parse(&id)?;
    changed(&context, id, "scan.resume", Write::ResumeScan(id)).await
}

async fn changed(
    context: &Context,
    id: ScanId,
    action: &str,
    write: Write<'_>,
) -> Result<Json<ScanView>, Problem> {
    let entry = entry(context, action, format!("scan {id}"), None);
    context.store.together(&[write, Write::Record(&entry)]).await?;
    (context.bell)();
    let scan = context.store.scan(id).await?;
    Ok(Json(ScanView::of(context, scan).await?))
}

/// Forget a scan and what it found; one that runs stops within seconds
#[utoipa::path(delete, path = "/scans/{id}", operation_id = "removeScan", tag = "scans", params(("id" = String, Path, description = "Its id")), responses((status = 204, description = "Forgotten")))]
pub(crate) async fn remove(context: Context, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id = parse(&id)?;
    let entry = entry(&context, "scan.remove", format!("scan {id}"), None);
    context.store.together(&[Write::RemoveScan(id), Write::Record(&entry)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn parse(id: &str) -> Result<ScanId, Problem> {
    id.parse()
        .map_err(|_| Problem::new(StatusCode::NOT_FOUND, "OWN_NOT_FOUND", format!("There is no scan {id}.")))
}

/// What is read, and what it is called in the audit trail.
struct Subject<'a> {
    source: EndpointId,
    target: Option<EndpointId>,
    batch: Option<BatchId>,
    mailboxes: Vec<ScanMailbox>,
    passwords: Vec<Sealing<'a>>,
    called: String,
}

async fn of_batch<'a>(context: &Context, name: &str) -> Result<Subject<'a>, Problem> {
    let batch = context.store.batch(name).await?;
    let users = context.store.users(batch.id).await?;
    let mailboxes = (1..).zip(users).map(|(number, user)| ScanMailbox {
        number,
        secrets: Whose::User(user.id),
        options: user.overrides.applied(&batch.options),
        source: user.source,
        target: user.target,
        department: None,
        group: None,
        outcome: None,
    });
    Ok(Subject {
        source: batch.source,
        target: Some(batch.target),
        batch: Some(batch.id),
        mailboxes: mailboxes.collect(),
        passwords: Vec::new(),
        called: format!("batch {}", batch.name),
    })
}

/// The rows of a CSV: each signs in by itself where the source has no sign-in for all.
async fn judged(context: &Context, source: &Endpoint, csv: &str, skips: bool) -> Result<Parsed, Problem> {
    check_readable(context, source)?;
    let each = if signs_in_for_all(context, source).await? { Passwords::None } else { Passwords::Each };
    let needs = Needs { source: each, target: Passwords::None };
    let reading = Reading { encoding: Encoding::Utf8, ..Reading::of(needs) };
    let parsed = csv::parse(csv.as_bytes(), &reading).map_err(|r| Problem::refused(r.code, r.message))?;
    check_rejected(&parsed, skips)?;
    Ok(parsed)
}

async fn of_csv<'a>(
    context: &Context,
    source: Endpoint,
    target: Option<&str>,
    parsed: &'a Parsed,
) -> Result<Subject<'a>, Problem> {
    let target = match target {
        Some(name) => Some(context.store.endpoint(name).await?.id),
        None => None,
    };
    let bare = |m: &MailboxAddress| MailboxAddress { password: None, token: None, ..m.clone() };
    let (mut mailboxes, mut passwords) = (Vec::with_capacity(parsed.rows.len()), Vec::new());
    for (number, row) in (1..).zip(&parsed.rows) {
        let own = context.store.new_id();
        let sides = [("source-password", &row.source), ("target-password", &row.target)];
        passwords.extend(sides.into_iter().filter_map(|(name, m)| Some((own, name, m.password.as_ref()?))));
        mailboxes.push(ScanMailbox {
            number,
            secrets: Whose::Own(own),
            source: bare(&row.source),
            target: bare(&row.target),
            options: row.overrides.applied(&RunOptions::default()),
            department: parsed.cell(row, "Department"),
            group: parsed.cell(row, "Group"),
            outcome: None,
        });
    }
    let called = format!("endpoint {}", source.name);
    Ok(Subject { source: source.id, target, batch: None, mailboxes, passwords, called })
}
