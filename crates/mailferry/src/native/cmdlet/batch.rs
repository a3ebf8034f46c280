//! Cmdlets of batches, and the counts over all of them.

use std::{collections::HashMap, path::Path};

use axum::http::Method;
use mailferry_model::{approval::ItemLimit, csv::Encoding, filter::Pattern};
use serde_json::{Value, json};

use super::{Answer, Desk, agreed, confirm, cut, is_what_if, lacks};
use crate::{
    api::segment,
    cmd::{
        approval::ConsistencyArgs,
        batch::{
            new::{self, Addition, Creation},
            sheet::SheetArgs,
            told::ToldArgs,
        },
        run_options::{PassArgs, RunArgs},
        schedule::ScheduleArgs,
        waiting::{Goal, Run, background, foreground},
    },
    exit::{self, Failure},
    native::{
        bind::Bound,
        compare::time_of,
        datum::{Datum, Rows, What},
        table,
    },
    reach::Reach,
};

const PROPERTIES: [&str; 22] = [
    "Identity",
    "Status",
    "StatusDetail",
    "Type",
    "SourceEndpoint",
    "TargetEndpoint",
    "TotalCount",
    "PendingCount",
    "ActiveCount",
    "SyncedCount",
    "FinalizedCount",
    "StoppedCount",
    "FailedCount",
    "PercentageSynced",
    "SyncedItemCount",
    "SkippedItemCount",
    "DataConsistencyScore",
    "CreationDateTime",
    "StartDateTime",
    "InitialSyncDateTime",
    "FinalizedDateTime",
    "BatchGuid",
];
const VIEW: &[&str] = &["Identity", "Status", "Type", "TotalCount"];

/// Batches as objects, each with the type of its source.
pub(super) fn rows(batches: Vec<(Value, String)>) -> Rows {
    let row = |(batch, kind): &(Value, String)| {
        let of = |name: &str| Datum::of(&batch[name]);
        let time = |name: &str| Datum::time(&batch[name]);
        vec![
            of("name"),
            of("status"),
            of("statusDetail"),
            Datum::Text(table::type_of_kind(kind)),
            of("source"),
            of("target"),
            of("total"),
            of("queued"),
            of("syncing"),
            of("synced"),
            of("finalized"),
            of("stopped"),
            of("failed"),
            of("percentageSynced"),
            of("itemsSynced"),
            of("itemsSkipped"),
            of("dataConsistencyScore"),
            time("created"),
            time("started"),
            time("initiallySynced"),
            time("completed"),
            of("id"),
        ]
    };
    Rows::new(What::Batch, &PROPERTIES, VIEW, batches.iter().map(row).collect())
}

fn path(name: &str) -> String {
    format!("/batches/{}", segment(name))
}

async fn named(desk: &Desk<'_>, batches: Vec<Value>) -> Result<Rows, Failure> {
    let endpoints = desk.api.get("/endpoints").await?;
    let kind = |e: &Value| Some((e["name"].as_str()?.to_owned(), e["type"].as_str()?.to_owned()));
    let kinds: HashMap<String, String> =
        endpoints.as_array().into_iter().flatten().filter_map(kind).collect();
    let of = |batch: Value| {
        let kind = batch["source"].as_str().and_then(|s| kinds.get(s)).cloned().unwrap_or_default();
        (batch, kind)
    };
    Ok(rows(batches.into_iter().map(of).collect()))
}

/// All, some or one.
pub(super) async fn get(desk: &Desk<'_>, bound: &Bound) -> Result<Rows, Failure> {
    let mut found = match bound.text("identity") {
        Some(name) => vec![desk.api.get(&path(&name)).await?],
        None => desk.api.get("/batches").await?.as_array().cloned().unwrap_or_default(),
    };
    if let Some(endpoint) = bound.text("endpoint") {
        // One that there is not is no reason for an empty list.
        let endpoint = desk.api.get(&format!("/endpoints/{}", segment(&endpoint))).await?;
        found.retain(|b| b["source"] == endpoint["name"] || b["target"] == endpoint["name"]);
    }
    if let Some(status) = bound.text("status") {
        found.retain(|b| b["status"].as_str().is_some_and(|s| s.eq_ignore_ascii_case(&status)));
    }
    let mut rows = named(desk, found).await?;
    cut(&mut rows, bound);
    Ok(rows)
}

/// Makes one from a CSV.
pub(super) async fn create(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    const CMDLET: &str = "New-MigrationBatch";
    let need = |key: &'static str, name: &str| bound.text(key).ok_or_else(|| lacks(CMDLET, name));
    let name = need("name", "Name")?;
    let Some(Datum::File(csv)) = bound.get("csv") else { return Err(lacks(CMDLET, "CSVData")) };
    let Some(target) = bound.text("target") else {
        let text = "New-MigrationBatch: -TargetEndpoint is missing: mailferry writes to an endpoint, there is no tenant around it";
        return Err(Failure::Usage("NATIVE_PARAMETERS", text.to_owned()));
    };
    confirm(desk, bound, CMDLET, &name)?;
    let what_if = is_what_if(desk, bound, CMDLET, &name);
    let creation = Creation {
        notes: None,
        priority: None,
        pilot: false,
        suggest: None,
        rest: "rest.csv".into(),
        name: name.clone(),
        source: need("source", "SourceEndpoint")?,
        target,
        sheet: sheet(bound, csv, what_if),
        waves: Default::default(),
        schedule: schedule(bound),
        consistency: limits(bound)?,
        told: ToldArgs { notify: bound.list("notification-emails"), notify_failures: Vec::new() },
        run: options(bound)?,
    };
    let code = new::run(desk.asked, desk.api, &creation).await?;
    if code != exit::OK || what_if || !(bound.is_on("auto-start") || bound.is_on("auto-complete")) {
        return Ok(Answer { datum: Datum::Null, code });
    }
    let goal = if bound.is_on("auto-complete") { Goal::Completed } else { Goal::Synced };
    in_foreground(desk, name, "start", goal).await
}

/// `-BadItemLimit`, `-LargeItemLimit`.
fn limits(bound: &Bound) -> Result<ConsistencyArgs, Failure> {
    let limit = |key: &'static str, name: &str| -> Result<Option<ItemLimit>, Failure> {
        let parse = |text: String| text.parse().map_err(|e| Failure::usage(format!("-{name}: {e}")));
        bound.text(key).map(parse).transpose()
    };
    Ok(ConsistencyArgs {
        data_consistency: None,
        bad_item_limit: limit("bad-item-limit", "BadItemLimit")?,
        large_item_limit: limit("large-item-limit", "LargeItemLimit")?,
    })
}

/// What moves.
fn options(bound: &Bound) -> Result<RunArgs, Failure> {
    let patterns = |key: &'static str, name: &str| -> Result<Vec<Pattern>, Failure> {
        let parse = |text: String| text.parse().map_err(|e| Failure::usage(format!("-{name}: {e}")));
        bound.list(key).into_iter().map(parse).collect()
    };
    let mut options = RunArgs {
        include: patterns("include", "IncludeFolders")?,
        exclude: patterns("exclude", "ExcludeFolders")?,
        ..RunArgs::default()
    };
    if let Some(filter) = bound.text("content-filter") {
        received(&filter, &mut options).ok_or_else(|| {
            let form = "Received -ge '8/23/2015' -and Received -lt '8/23/2020'";
            Failure::usage(format!("-ContentFilter is read in this form alone: {form}"))
        })?;
    }
    Ok(options)
}

/// `Received -gt 'date' -and Received -lt 'date'`; a day begins at midnight UTC.
fn received(filter: &str, options: &mut RunArgs) -> Option<()> {
    let words: Vec<String> = filter
        .split(['\'', '"'])
        .enumerate()
        .flat_map(|(n, part)| match n % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .map(|w| w.trim_matches(['(', ')']).to_owned())
        .filter(|w| !w.is_empty())
        .collect();
    for (n, part) in words.split(|w| w.eq_ignore_ascii_case("-and")).enumerate() {
        let [property, operator, date] = part else { return None };
        let time = time_of(date).filter(|_| property.eq_ignore_ascii_case("Received") && n < 2)?;
        match operator.to_lowercase().as_str() {
            "-gt" | "-ge" if options.since.is_none() => options.since = Some(time),
            "-lt" | "-le" if options.before.is_none() => options.before = Some(time),
            _ => return None,
        }
    }
    Some(())
}

/// `-CSVData`, `-AllowUnknownColumnsInCsv`.
fn sheet(bound: &Bound, csv: &Path, what_if: bool) -> SheetArgs {
    SheetArgs {
        csv: csv.to_owned(),
        encoding: Encoding::Auto,
        allow_unknown_columns: bound.is_on("allow-unknown-columns"),
        domain_map: Vec::new(),
        shred_csv: false,
        skip_rejected: false,
        rejected: "rejected.csv".into(),
        dry_run: what_if,
    }
}

/// `-StartAfter`, `-CompleteAfter`, `-AllowIncrementalSyncs`.
fn schedule(bound: &Bound) -> ScheduleArgs {
    let time = |key: &'static str| match bound.get(key) {
        Some(Datum::Time(time)) => Some(time.to_string()),
        _ => None,
    };
    let every = bound.get("allow-incremental-syncs").map(|_| bound.is_on("allow-incremental-syncs"));
    ScheduleArgs {
        start_after: time("start-after"),
        complete_after: time("complete-after"),
        sync_every: every.map(|on| if on { 24 } else { 0 }),
        ..ScheduleArgs::default()
    }
}

/// `-ApproveSkippedItems`, `-SyncNow`, its limits, and when it does what.
pub(super) async fn change(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    const CMDLET: &str = "Set-MigrationBatch";
    let changes = schedule(bound).given(None)?;
    let limits = limits(bound)?.given().remove("itemLimits").unwrap_or_default();
    let told = bound.list("notification-emails");
    let is_limited = limits.as_object().is_some_and(|limits| !limits.is_empty());
    let has_changes = !changes.is_empty() || is_limited || !told.is_empty();
    let approves = bound.is_on("approve-skipped");
    if let Some(Datum::File(csv)) = bound.get("csv") {
        let Some(name) = agreed(desk, bound, CMDLET, path).await? else { return Ok(Answer::done()) };
        let addition = Addition { name, sheet: sheet(bound, csv, false) };
        let code = new::add(desk.asked, desk.api, &addition).await?;
        if code != exit::OK || !(has_changes || approves || bound.is_on("sync-now")) {
            return Ok(Answer { datum: Datum::Null, code });
        }
    }
    if !(bound.is_on("sync-now") || has_changes || approves) {
        let name = bound.text("identity").ok_or_else(|| lacks(CMDLET, "Identity"))?;
        desk.api.get(&path(&name)).await?;
        let text = "Set-MigrationBatch: -CSVData, -SyncNow, -ApproveSkippedItems, -StartAfter, -CompleteAfter, -BadItemLimit, -LargeItemLimit, -NotificationEmails and -AllowIncrementalSyncs change a batch so far";
        return Err(Failure::Usage("NATIVE_PARAMETERS", text.to_owned()));
    }
    if has_changes || approves {
        let Some(name) = agreed(desk, bound, CMDLET, path).await? else { return Ok(Answer::done()) };
        if has_changes {
            let mut body = json!({ "schedule": changes, "itemLimits": limits });
            if !told.is_empty() {
                body["notificationEmails"] = json!(told);
            }
            desk.api.call(Method::PATCH, &path(&name), Some(body)).await?;
        }
        if approves {
            approve(desk, &path(&name), CMDLET).await?;
        }
        if !bound.is_on("sync-now") {
            return Ok(Answer::done());
        }
        return in_foreground(desk, name, "sync", Goal::Synced).await;
    }
    work(desk, bound, CMDLET, "sync").await
}

/// Starts, syncs or completes it: a service does it by itself; without one it is done here, until the batch rests.
pub(super) async fn work(
    desk: &Desk<'_>,
    bound: &Bound,
    cmdlet: &str,
    action: &'static str,
) -> Result<Answer, Failure> {
    let Some(name) = agreed(desk, bound, cmdlet, path).await? else { return Ok(Answer::done()) };
    let goal = if action == "complete" { Goal::Completed } else { Goal::Synced };
    in_foreground(desk, name, action, goal).await
}

async fn in_foreground(
    desk: &Desk<'_>,
    name: String,
    action: &'static str,
    goal: Goal,
) -> Result<Answer, Failure> {
    until_it_rests(desk, Run::of(name, None, (action, goal), PassArgs::default())).await
}

/// Runs a batch or a user of it: at a service, or here until the batch rests.
pub(super) async fn until_it_rests(desk: &Desk<'_>, run: Run) -> Result<Answer, Failure> {
    let out = desk.asked.out;
    let told = format!("No service is named: {} is worked on here until it comes to rest.", run.name);
    let code = match desk.reach {
        Reach::There(_) => background(desk.asked, desk.api, &run, false).await?,
        Reach::Here(instance) => {
            out.note(&told);
            foreground(desk.asked, instance, &run).await?
        }
    };
    Ok(Answer { datum: Datum::Null, code })
}

/// All that stay behind now, with the cmdlet as the comment.
pub(super) async fn approve(desk: &Desk<'_>, path: &str, cmdlet: &str) -> Result<(), Failure> {
    let body = json!({ "all": true, "comment": format!("Approved by {cmdlet}") });
    let told = desk.api.post(&format!("{path}/approve"), body).await?;
    let notices = told["notices"].as_array().into_iter().flatten().filter_map(Value::as_str);
    notices.for_each(|notice| desk.asked.out.note(notice));
    Ok(())
}

/// Stops what is under way.
pub(super) async fn stop(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    let Some(name) = agreed(desk, bound, "Stop-MigrationBatch", path).await? else {
        return Ok(Answer::done());
    };
    desk.api.post(&format!("{}/stop", path(&name)), json!({})).await?;
    desk.asked.out.note(&format!("The batch {name} is stopping; what is under way ends in order."));
    Ok(Answer::done())
}

/// Removes it; ledgers stay.
pub(super) async fn remove(desk: &Desk<'_>, bound: &Bound) -> Result<Answer, Failure> {
    let Some(name) = agreed(desk, bound, "Remove-MigrationBatch", path).await? else {
        return Ok(Answer::done());
    };
    desk.api.call(Method::DELETE, &path(&name), None).await?;
    desk.asked.out.note(&format!("The batch {name} is removed; its ledgers stay."));
    Ok(Answer::done())
}

/// All mailboxes, counted over all batches.
pub(super) async fn totals(desk: &Desk<'_>) -> Result<Rows, Failure> {
    let batches = desk.api.get("/batches").await?;
    let counts = ["total", "syncing", "stopped", "synced", "finalized", "failed", "queued"];
    let sum = |name: &str| {
        let all = batches.as_array().into_iter().flatten().filter_map(|b| b[name].as_i64());
        Datum::Whole(all.sum())
    };
    let heads = [
        "TotalCount",
        "ActiveCount",
        "StoppedCount",
        "SyncedCount",
        "FinalizedCount",
        "FailedCount",
        "PendingCount",
    ];
    Ok(Rows::new(What::Other, &heads, &[], vec![counts.iter().map(|c| sum(c)).collect()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_filter_is_two_dates() {
        let read = |text: &str| {
            let mut options = RunArgs::default();
            received(text, &mut options).map(|()| (options.since, options.before))
        };
        let (since, before) = read("Received -gt '8/23/2015' -and Received -lt '8/23/2020'").unwrap();
        assert_eq!(since.unwrap().to_string(), "2015-08-23T00:00:00Z");
        assert_eq!(before.unwrap().to_string(), "2020-08-23T00:00:00Z");
        assert!(read("Subject -eq 'x'").is_none());
        assert!(read("Received -gt 'soon'").is_none());
    }
}
