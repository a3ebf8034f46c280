//! The end of a demo: what it came to, the three conditions, and what to try next.

use std::time::Duration;

use serde_json::Value;

use super::{
    stage::{Stage, typed},
    town::MAILBOXES,
};
use crate::exit::{Failure, OK};

/// The table and the three conditions; without a judgement two of them are not known.
pub async fn sum_up(
    stage: &Stage,
    judgement: &Value,
    looks_good: bool,
    worked: Duration,
) -> Result<(), Failure> {
    let batch = stage.ask("batch show town", &[OK]).await?;
    let n = |name: &str| judgement[name].as_u64();
    let messages = n("messages").or_else(|| batch["itemsSynced"].as_u64()).unwrap_or(0);
    let size = n("bytes").or_else(|| batch["bytesSynced"].as_u64()).unwrap_or(0);
    let score = batch["dataConsistencyScore"].as_str().unwrap_or("-");
    stage.head("What it came to")?;
    stage.say("  MAILBOXES  MESSAGES       MB  SECONDS  SCORE")?;
    stage.say(&format!(
        "  {MAILBOXES:>9}  {messages:>8}  {:>7.1}  {:>7.1}  {score}",
        size as f64 / 1e6,
        worked.as_secs_f64()
    ))?;
    let empty = |names: [&str; 2]| names.iter().all(|n| judgement[*n].as_array().is_some_and(Vec::is_empty));
    let read = |is: bool| if judgement.is_null() { "NOT READ" } else { yes(is) };
    stage.say("")?;
    for (what, answer) in [
        ("an independent reading finds what was planted", read(empty(["sourceFaults", "unlisted"]))),
        ("exactly what was refused or changed is listed", read(empty(["unlisted", "unfounded"]))),
        ("the migration looks good", yes(looks_good)),
    ] {
        stage.say(&format!("  {what:<46}  {answer}"))?;
    }
    match judgement.is_null() {
        true => stage.say("!! The independent reading was skipped: no python3, or no scripts. Exit code 1."),
        false => Ok(()),
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "NO" }
}

/// Three commands that work while servers and mailboxes stay, or how to let them stay.
pub fn next(stage: &Stage, verify: &str) -> Result<(), Failure> {
    if !stage.stays {
        return stage
            .head("Servers and mailboxes are removed now; with --keep they stay, and you can try more.");
    }
    stage.head("Try next")?;
    stage.say(&format!("  alias mailferry={}", stage.program.display()))?;
    stage.say(&format!("  cd {}; export MAILFERRY_DATA_DIR=$PWD/data", stage.folder.display()))?;
    stage.say("  mailferry user show user0011@example.org -o yaml")?;
    stage.say("  mailferry explain TARGET_MALFORMED")?;
    stage.say(&format!("  mailferry {} --deep", typed(verify)))
}
