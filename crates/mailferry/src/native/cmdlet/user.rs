//! Cmdlets of the mailboxes of batches, in the words of migration users and of move requests.

use serde_json::Value;

use super::{Desk, cut, lacks};
use crate::{
    api::segment,
    exit::Failure,
    native::{
        bind::Bound,
        datum::{Datum, Rows, What},
        evaluate::place,
    },
};

const USER: [&str; 12] = [
    "Identity",
    "BatchId",
    "Status",
    "StatusSummary",
    "StatusDetail",
    "LastSyncTime",
    "SyncedItemCount",
    "SkippedItemCount",
    "DataConsistencyScore",
    "ErrorSummary",
    "Guid",
    "HasUnapprovedSkippedItems",
];
const USER_VIEW: &[&str] = &["Identity", "BatchId", "Status", "LastSyncTime"];
const STATISTICS: [&str; 15] = [
    "Identity",
    "BatchId",
    "Status",
    "StatusDetail",
    "PercentageComplete",
    "TotalItemsInSourceMailboxCount",
    "SyncedItemCount",
    "SkippedItemCount",
    "BytesTransferred",
    "DataConsistencyScore",
    "LastSuccessfulSyncTime",
    "Error",
    "NextTry",
    "SkippedItems",
    "Report",
];
const STATISTICS_VIEW: &[&str] = &["Identity", "BatchId", "Status", "SyncedItemCount", "SkippedItemCount"];
const MOVE: [&str; 6] = ["DisplayName", "Identity", "Status", "BatchName", "TargetDatabase", "BatchId"];
const MOVE_VIEW: &[&str] = &["DisplayName", "Status", "BatchName"];
const MOVE_STATISTICS: [&str; 14] = [
    "DisplayName",
    "Identity",
    "Status",
    "StatusDetail",
    "PercentComplete",
    "TotalMailboxItemCount",
    "ItemsTransferred",
    "TotalMailboxSize",
    "BytesTransferred",
    "BadItemsEncountered",
    "BatchName",
    "LastSuccessfulSyncTimestamp",
    "LastUpdateTimestamp",
    "Message",
];
const MOVE_STATISTICS_VIEW: &[&str] = &["DisplayName", "StatusDetail", "ItemsTransferred", "PercentComplete"];

/// Mailboxes as migration users.
pub(super) fn rows(users: Vec<Value>) -> Rows {
    let row = |user: &Value| {
        let of = |name: &str| Datum::of(&user[name]);
        vec![
            of("emailAddress"),
            of("batch"),
            of("status"),
            of("statusSummary"),
            Datum::of(&user["detail"]["code"]),
            Datum::time(&user["lastSynced"]),
            of("itemsSynced"),
            of("itemsSkipped"),
            of("dataConsistencyScore"),
            failure(user),
            of("id"),
            Datum::Bool(user["itemsUnapproved"].as_u64().is_some_and(|n| n > 0)),
        ]
    };
    Rows::new(What::User, &USER, USER_VIEW, users.iter().map(row).collect())
}

/// Mailboxes with how far they are.
pub(super) fn statistics_rows(users: Vec<(Value, Datum, Datum)>) -> Rows {
    let row = |(user, skipped, report): &(Value, Datum, Datum)| {
        let of = |name: &str| Datum::of(&user[name]);
        vec![
            of("emailAddress"),
            of("batch"),
            of("status"),
            Datum::of(&user["detail"]["code"]),
            of("percentageSynced"),
            of("itemsIdentified"),
            of("itemsSynced"),
            of("itemsSkipped"),
            of("bytesSynced"),
            of("dataConsistencyScore"),
            Datum::time(&user["lastSynced"]),
            failure(user),
            Datum::time(&user["detail"]["nextTry"]),
            skipped.clone(),
            report.clone(),
        ]
    };
    Rows::new(What::User, &STATISTICS, STATISTICS_VIEW, users.iter().map(row).collect())
}

/// Mailboxes as move requests.
pub(super) fn move_rows(users: Vec<Value>) -> Rows {
    let row = |user: &Value| {
        let address = Datum::of(&user["emailAddress"]);
        let batch = Datum::of(&user["batch"]);
        vec![
            address.clone(),
            address,
            Datum::text(Some(move_status(user))),
            batch.clone(),
            Datum::Null,
            batch,
        ]
    };
    Rows::new(What::User, &MOVE, MOVE_VIEW, users.iter().map(row).collect())
}

/// Move requests with how far they are.
pub(super) fn move_statistics_rows(users: Vec<Value>) -> Rows {
    let row = |user: &Value| {
        let of = |name: &str| Datum::of(&user[name]);
        let status = move_status(user);
        let detail = user["detail"]["code"].as_str().unwrap_or(user["status"].as_str().unwrap_or(status));
        let percent = user["percentageSynced"].as_f64().unwrap_or(0.0) as i64;
        vec![
            of("emailAddress"),
            of("emailAddress"),
            Datum::text(Some(status)),
            Datum::text(Some(detail)),
            Datum::Whole(percent),
            of("itemsIdentified"),
            of("itemsSynced"),
            of("bytesIdentified"),
            of("bytesSynced"),
            of("itemsSkipped"),
            of("batch"),
            Datum::time(&user["lastSynced"]),
            Datum::time(&user["lastProgress"]),
            Datum::of(&user["detail"]["text"]),
        ]
    };
    Rows::new(What::User, &MOVE_STATISTICS, MOVE_STATISTICS_VIEW, users.iter().map(row).collect())
}

fn failure(user: &Value) -> Datum {
    match user["statusSummary"] == "Failed" {
        true => Datum::of(&user["detail"]["text"]),
        false => Datum::Null,
    }
}

/// The status of a user in the words of move requests.
fn move_status(user: &Value) -> &'static str {
    match user["status"].as_str().unwrap_or_default() {
        "Starting" | "Syncing" | "IncrementalSyncing" | "Stopping" | "Removing" => "InProgress",
        "Synced" | "IncrementalSynced" => "Synced",
        "CompletionSynced" | "Completing" => "CompletionInProgress",
        "Completed" => "Completed",
        "CompletedWithWarnings" => "CompletedWithWarning",
        "Stopped" | "IncrementalStopped" => "Suspended",
        "Failed" | "IncrementalFailed" | "CompletionFailed" | "Corrupted" => "Failed",
        _ => "Queued",
    }
}

/// The mailboxes that are meant: of a batch, in a status, or of one name.
pub(super) async fn found(desk: &Desk<'_>, bound: &Bound) -> Result<Vec<Value>, Failure> {
    let mut query = Vec::new();
    query.extend(bound.text("batch").map(|b| format!("batch={}", segment(&b))));
    let path = match bound.text("identity") {
        Some(address) => format!("/users/{}", segment(&address)),
        None => format!("/users?{}", query.join("&")),
    };
    let mut users = desk.api.get(&path).await?.as_array().cloned().unwrap_or_default();
    for (key, field) in [("status", "status"), ("summary", "statusSummary")] {
        if let Some(wanted) = bound.text(key) {
            users.retain(|u| u[field].as_str().is_some_and(|s| s.eq_ignore_ascii_case(&wanted)));
        }
    }
    // One that came through a pipeline is of one batch, though its address may be in others.
    if let Some(batch) = bound.text("batch of identity") {
        users.retain(|u| u["batch"].as_str() == Some(&batch));
    }
    Ok(users)
}

/// `Get-MigrationUser`.
pub(super) async fn get(desk: &Desk<'_>, bound: &Bound) -> Result<Rows, Failure> {
    let mut rows = rows(found(desk, bound).await?);
    cut(&mut rows, bound);
    Ok(rows)
}

/// `Get-MigrationUserStatistics`, with skipped items and the report where they are asked for.
pub(super) async fn statistics(desk: &Desk<'_>, bound: &Bound) -> Result<Rows, Failure> {
    if bound.get("identity").is_none() {
        return Err(lacks("Get-MigrationUserStatistics", "Identity"));
    }
    let mut told = Vec::new();
    for user in found(desk, bound).await? {
        let skipped = match bound.is_on("skipped-items") {
            true => skipped(desk, bound, &user).await?,
            false => Datum::Null,
        };
        let report = match bound.is_on("report") {
            true => report(desk, &user).await?,
            false => Datum::Null,
        };
        told.push((user, skipped, report));
    }
    Ok(statistics_rows(told))
}

/// What the last passes of a mailbox found, a sentence each.
async fn report(desk: &Desk<'_>, user: &Value) -> Result<Datum, Failure> {
    let address = segment(user["emailAddress"].as_str().unwrap_or_default());
    let reports = desk.api.get(&format!("/users/{address}/reports")).await?;
    let sentence = |report: &Value| Some(Datum::Text(report["sentence"].as_str()?.to_owned()));
    Ok(Datum::List(reports.as_array().into_iter().flatten().filter_map(sentence).collect()))
}

async fn skipped(desk: &Desk<'_>, bound: &Bound, user: &Value) -> Result<Datum, Failure> {
    let address = segment(user["emailAddress"].as_str().unwrap_or_default());
    let items = desk.api.get(&format!("/items?user={address}&kind=skipped")).await?;
    let told = |item: &Value| {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        Datum::Text(format!("{}: {} [{}]", text("folder"), text("reason"), text("code")))
    };
    let most = bound.number("skipped-limit").unwrap_or(usize::MAX);
    Ok(Datum::List(items.as_array().into_iter().flatten().take(most).map(told).collect()))
}

/// `Get-MoveRequest`.
pub(super) async fn move_requests(desk: &Desk<'_>, bound: &Bound) -> Result<Rows, Failure> {
    let mut rows = move_rows(found(desk, bound).await?);
    if let Some(wanted) = bound.text("move-status") {
        let at = rows.place("Status").unwrap_or(0);
        rows.rows.retain(|r| r.get(at).is_some_and(|d| d.shown() == wanted));
    }
    if let Some(by) = bound.text("sort-by") {
        let at = place(&rows, &by).map_err(|text| Failure::usage(format!("-SortBy: {text}")))?;
        rows.rows.sort_by_key(|r| r.get(at).map(Datum::shown));
    }
    cut(&mut rows, bound);
    Ok(rows)
}

/// `Get-MoveRequestStatistics`.
pub(super) async fn move_statistics(desk: &Desk<'_>, bound: &Bound) -> Result<Rows, Failure> {
    if bound.get("identity").is_none() {
        return Err(lacks("Get-MoveRequestStatistics", "Identity"));
    }
    Ok(move_statistics_rows(found(desk, bound).await?))
}
