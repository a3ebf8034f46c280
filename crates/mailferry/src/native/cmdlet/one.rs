//! Cmdlets that do something to one mailbox of a batch: start, stop, change, remove.
//!
//! Natively one that is named by no mailbox means all of them; here it is refused.

use axum::http::Method;
use mailferry_model::port::Clock;
use serde_json::json;

use super::{Answer, Desk, batch, confirm, is_what_if, lacks, user};
use crate::{
    api::segment,
    clock::SystemClock,
    cmd::{
        run_options::PassArgs,
        waiting::{Goal, Run},
    },
    exit::Failure,
    native::{bind::Bound, datum::Datum},
};

/// A mailbox and its batch.
struct One {
    address: String,
    batch: String,
}

impl One {
    fn path(&self) -> String {
        format!("/batches/{}/users/{}", segment(&self.batch), segment(&self.address))
    }
}

/// The mailbox that is meant, when the command may go on; none where `-WhatIf` only wanted to know.
async fn agreed(desk: &Desk<'_>, bound: &Bound, cmdlet: &str) -> Result<Option<One>, Failure> {
    let address = bound.text("identity").ok_or_else(|| lacks(cmdlet, "Identity"))?;
    let users = user::found(desk, bound).await?;
    let mut batches: Vec<&str> = users.iter().filter_map(|user| user["batch"].as_str()).collect();
    // One that was completed in an earlier batch is not meant where it is in a later one.
    let open = users.iter().filter(|user| user["statusSummary"] != "Completed");
    let open: Vec<&str> = open.filter_map(|user| user["batch"].as_str()).collect();
    if batches.len() > 1 && open.len() == 1 {
        batches = open;
    }
    let [batch] = batches[..] else {
        let text = format!(
            "{cmdlet}: {address} is in several batches ({}): Get-MigrationUser -BatchId NAME | {cmdlet} says which",
            batches.join(", ")
        );
        return Err(Failure::Usage("NATIVE_PARAMETERS", text));
    };
    let one = One { batch: batch.to_owned(), address };
    if is_what_if(desk, bound, cmdlet, &one.address) {
        return Ok(None);
    }
    confirm(desk, bound, cmdlet, &one.address)?;
    Ok(Some(one))
}

async fn run(desk: &Desk<'_>, one: One, action: &'static str) -> Result<Answer, Failure> {
    let run = Run::of(one.batch, Some(one.address), (action, Goal::Synced), PassArgs::default());
    batch::until_it_rests(desk, run).await
}

/// `Start-MigrationUser`: starts it, resumes it, or tries again what failed.
pub(super) async fn start(desk: &Desk<'_>, bound: &Bound, cmdlet: &str) -> Result<Answer, Failure> {
    match agreed(desk, bound, cmdlet).await? {
        Some(one) => run(desk, one, "start").await,
        None => Ok(Answer::done()),
    }
}

/// `Stop-MigrationUser`.
pub(super) async fn stop(desk: &Desk<'_>, bound: &Bound, cmdlet: &str) -> Result<Answer, Failure> {
    let Some(one) = agreed(desk, bound, cmdlet).await? else { return Ok(Answer::done()) };
    desk.api.post(&format!("{}/stop", one.path()), json!({})).await?;
    desk.asked.out.note(&format!("{} is stopping; what is under way ends in order.", one.address));
    Ok(Answer::done())
}

/// `Remove-MigrationUser`.
pub(super) async fn remove(desk: &Desk<'_>, bound: &Bound, cmdlet: &str) -> Result<Answer, Failure> {
    let Some(one) = agreed(desk, bound, cmdlet).await? else { return Ok(Answer::done()) };
    desk.api.call(Method::DELETE, &one.path(), None).await?;
    desk.asked.out.note(&format!("{} is removed from {}; its ledger stays.", one.address, one.batch));
    Ok(Answer::done())
}

/// `Set-MoveRequest`: `-SkippedItemApprovalTime`, and `-CompleteAfter` as of a migration user.
pub(super) async fn change_request(desk: &Desk<'_>, bound: &Bound, cmdlet: &str) -> Result<Answer, Failure> {
    let Some(Datum::Time(until)) = bound.get("approval-time") else {
        return change(desk, bound, cmdlet).await;
    };
    let Some(one) = agreed(desk, bound, cmdlet).await? else { return Ok(Answer::done()) };
    let items =
        desk.api.get(&format!("/items?user={}&batch={}", segment(&one.address), segment(&one.batch))).await?;
    let found =
        items.as_array().into_iter().flatten().filter_map(|item| item["found"].as_str()?.parse().ok());
    // Natively what was found later is not approved; here all of a mailbox were found by one pass.
    if let Some(at) = found.max().filter(|at: &jiff::Timestamp| at > until) {
        let text = format!(
            "{cmdlet}: -SkippedItemApprovalTime is earlier than the pass that named the items ({at}): none is approved"
        );
        return Err(Failure::Usage("NATIVE_PARAMETERS", text));
    }
    batch::approve(desk, &one.path(), cmdlet).await?;
    Ok(Answer::done())
}

/// `Set-MigrationUser`: `-ApproveSkippedItems`, `-SyncNow`, and `-CompleteAfter`: at once where the time has come.
pub(super) async fn change(desk: &Desk<'_>, bound: &Bound, cmdlet: &str) -> Result<Answer, Failure> {
    let (approves, syncs) = (bound.is_on("approve-skipped"), bound.is_on("sync-now"));
    let at = match bound.get("complete-after") {
        Some(Datum::Time(at)) => Some(*at),
        _ => None,
    };
    let completes = at.is_some_and(|at| at <= SystemClock::default().now());
    if !(approves || syncs || at.is_some()) {
        let text = format!(
            "{cmdlet}: {} change a mailbox so far",
            match cmdlet {
                "Set-MoveRequest" => "-SkippedItemApprovalTime and -CompleteAfter",
                _ => "-ApproveSkippedItems, -SyncNow and -CompleteAfter",
            }
        );
        return Err(Failure::Usage("NATIVE_PARAMETERS", text));
    }
    let Some(one) = agreed(desk, bound, cmdlet).await? else { return Ok(Answer::done()) };
    if approves {
        batch::approve(desk, &one.path(), cmdlet).await?;
    }
    if let Some(at) = at.filter(|_| !completes) {
        desk.api.call(Method::PATCH, &one.path(), Some(json!({ "completeAfter": at }))).await?;
        desk.asked.out.note(&format!("{} completes {at}, where a service runs.", one.address));
    }
    match (completes, syncs) {
        (true, _) => run(desk, one, "complete").await,
        (false, true) => run(desk, one, "sync").await,
        (false, false) => Ok(Answer::done()),
    }
}
