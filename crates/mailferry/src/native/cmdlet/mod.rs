//! What cmdlets do: over the routes that the command line uses, with native names and words. A file for each noun.

mod batch;
mod config;
mod endpoint;
mod one;
mod test;
mod user;

use mailferry_server::Problem;

use super::{
    bind::Bound,
    datum::{Datum, Rows},
    session::get_credential,
    table::Cmdlet,
};
use crate::{
    api::Api,
    cmd::{Asked, says_yes},
    exit::{self, Failure},
    reach::Reach,
};

/// What cmdlets work with.
pub struct Desk<'a> {
    /// What was asked for on the command line.
    pub asked: &'a Asked<'a>,
    /// Where the router is.
    pub reach: &'a Reach,
    /// The router.
    pub api: &'a Api,
}

/// What a cmdlet hands on, and the exit code.
pub struct Answer {
    /// What it hands on.
    pub datum: Datum,
    /// The code.
    pub code: u8,
}

impl Answer {
    /// Nothing, and a success.
    pub fn done() -> Self {
        Self { datum: Datum::Null, code: exit::OK }
    }
}

impl From<Rows> for Answer {
    fn from(rows: Rows) -> Self {
        Self { datum: Datum::Rows(rows), code: exit::OK }
    }
}

/// Runs a cmdlet.
pub async fn run(desk: &Desk<'_>, cmdlet: &Cmdlet, bound: &Bound) -> Result<Answer, Failure> {
    match cmdlet.name {
        "Get-Credential" => get_credential(bound).map(|datum| Answer { datum, code: exit::OK }),
        "Get-Content" => {
            let path = bound.text("path").ok_or_else(|| lacks(cmdlet.name, "Path"))?;
            Ok(Answer { datum: Datum::File(path.into()), code: exit::OK })
        }
        "Get-MigrationEndpoint" => endpoint::get(desk, bound).await.map(Answer::from),
        "New-MigrationEndpoint" => endpoint::create(desk, bound).await,
        "Set-MigrationEndpoint" => endpoint::change(desk, bound).await,
        "Remove-MigrationEndpoint" => endpoint::remove(desk, bound).await,
        "Test-MigrationServerAvailability" => test::run(desk, bound).await,
        "Get-MigrationBatch" => batch::get(desk, bound).await.map(Answer::from),
        "New-MigrationBatch" => batch::create(desk, bound).await,
        "Set-MigrationBatch" => batch::change(desk, bound).await,
        "Start-MigrationBatch" => batch::work(desk, bound, cmdlet.name, "start").await,
        "Complete-MigrationBatch" => batch::work(desk, bound, cmdlet.name, "complete").await,
        "Stop-MigrationBatch" => batch::stop(desk, bound).await,
        "Remove-MigrationBatch" => batch::remove(desk, bound).await,
        "Get-MigrationUser" => user::get(desk, bound).await.map(Answer::from),
        "Set-MigrationUser" => one::change(desk, bound, cmdlet.name).await,
        "Set-MoveRequest" => one::change_request(desk, bound, cmdlet.name).await,
        "Start-MigrationUser" | "Resume-MoveRequest" => one::start(desk, bound, cmdlet.name).await,
        "Stop-MigrationUser" | "Suspend-MoveRequest" => one::stop(desk, bound, cmdlet.name).await,
        "Remove-MigrationUser" => one::remove(desk, bound, cmdlet.name).await,
        "Get-MigrationUserStatistics" => user::statistics(desk, bound).await.map(Answer::from),
        "Get-MoveRequest" => user::move_requests(desk, bound).await.map(Answer::from),
        "Get-MoveRequestStatistics" => user::move_statistics(desk, bound).await.map(Answer::from),
        "Get-MigrationConfig" => config::get(desk).await.map(Answer::from),
        "Set-MigrationConfig" => config::change(desk, bound).await,
        "Get-MigrationStatistics" => batch::totals(desk).await.map(Answer::from),
        other => Err(Failure::own(format!("nothing does {other}"))),
    }
}

/// What a cmdlet's objects look like when there is none.
pub fn shape(name: &str) -> Option<Rows> {
    match name {
        "Get-MigrationEndpoint" => Some(endpoint::rows(Vec::new(), &[])),
        "Get-MigrationBatch" => Some(batch::rows(Vec::new())),
        "Get-MigrationUser" => Some(user::rows(Vec::new())),
        "Get-MigrationUserStatistics" => Some(user::statistics_rows(Vec::new())),
        "Get-MigrationConfig" => Some(config::rows(Vec::new())),
        "Get-MoveRequest" => Some(user::move_rows(Vec::new())),
        "Get-MoveRequestStatistics" => Some(user::move_statistics_rows(Vec::new())),
        _ => None,
    }
}

/// A parameter that is missing.
fn lacks(cmdlet: &str, parameter: &str) -> Failure {
    Failure::Usage("NATIVE_PARAMETERS", format!("{cmdlet}: -{parameter} is missing"))
}

/// Says what would be done; whether that is all that was asked for.
fn is_what_if(desk: &Desk<'_>, bound: &Bound, cmdlet: &str, target: &str) -> bool {
    let only = bound.is_on("what-if");
    if only {
        let text = format!("What if: Performing the operation \"{cmdlet}\" on target \"{target}\".");
        match desk.asked.out.is_for_people() {
            true => desk.asked.out.say(&text),
            false => desk.asked.out.note(&text),
        }
    }
    only
}

/// Asks before something is removed, and before anything else where `-Confirm` asks for it.
fn confirm(desk: &Desk<'_>, bound: &Bound, cmdlet: &str, target: &str) -> Result<(), Failure> {
    let asks = match bound.get("confirm") {
        Some(given) => given.is_true(),
        None => cmdlet.starts_with("Remove-") || desk.asked.global.confirm,
    };
    if !asks || desk.asked.global.yes || says_yes(&format!("Confirm: {cmdlet} on {target}")) {
        return Ok(());
    }
    let text = format!("{cmdlet} on {target} is not done without a yes.");
    let fix = vec![format!("Add -Confirm:$false to {cmdlet}, or --yes to mailferry.")];
    let problem = Problem::conflict("CONFIRMATION_MISSING", text);
    Err(Failure::Problem(Box::new(Problem { fix, ..problem })))
}

/// What `-Identity` names, when it is there and the command may go on; none where `-WhatIf` only wanted to know.
async fn agreed(
    desk: &Desk<'_>,
    bound: &Bound,
    cmdlet: &str,
    path: fn(&str) -> String,
) -> Result<Option<String>, Failure> {
    let name = bound.text("identity").ok_or_else(|| lacks(cmdlet, "Identity"))?;
    desk.api.get(&path(&name)).await?;
    if is_what_if(desk, bound, cmdlet, &name) {
        return Ok(None);
    }
    confirm(desk, bound, cmdlet, &name)?;
    Ok(Some(name))
}

/// At most so many rows, as `-ResultSize` says.
fn cut(rows: &mut Rows, bound: &Bound) {
    if let Some(most) = bound.number("result-size") {
        rows.rows.truncate(most);
    }
}
