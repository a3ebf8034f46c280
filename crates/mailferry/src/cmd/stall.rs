//! `stall list`: why mailboxes wait, since when, what helps, and when somebody has to look.

use clap::Subcommand;
use serde_json::Value;

use super::Asked;
use crate::{
    api::segment,
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// What to do with them.
#[derive(Subcommand)]
pub enum StallCommand {
    /// Why mailboxes wait, a row for each cause
    List {
        /// Of this batch alone
        #[arg(long, value_name = "NAME")]
        batch: Option<String>,
    },
}

const COLUMNS: [Column; 11] = [
    Column::of("BATCH", "/batch"),
    Column::of("ENDPOINT", "/endpoint"),
    Column::of("CODE", "/code"),
    Column::of("MAILBOXES", "/mailboxes"),
    Column::of("SINCE", "/since"),
    Column::of("NEXT TRY", "/nextTry"),
    Column::of("LOOK AT IT", "/escalates"),
    Column::wide("ESCALATED", "/escalated"),
    Column::wide("EVIDENCE", "/evidence"),
    Column::wide("REMEDY", "/remedy"),
    Column::wide("NEXT STEP", "/nextStep"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: StallCommand) -> Result<u8, Failure> {
    let StallCommand::List { batch } = command;
    let api = Reach::of(&asked).await?.api();
    let of = batch.map(|name| format!("?batch={}", segment(&name))).unwrap_or_default();
    let stalls = api.get(&format!("/stalls{of}")).await?;
    asked.out.list(&stalls, &COLUMNS)?;
    if asked.out.is_for_people() {
        tell(&asked, stalls.as_array().map_or(&[], Vec::as_slice));
    }
    Ok(exit::OK)
}

/// What helps, once for each code; first what has lasted too long.
fn tell(asked: &Asked<'_>, stalls: &[Value]) {
    if stalls.is_empty() {
        return asked.out.say("No mailbox waits for anything but its turn.");
    }
    let mut told: Vec<&str> = Vec::new();
    for stall in stalls {
        let text = |name: &str| stall[name].as_str().unwrap_or_default();
        if told.contains(&text("code")) {
            continue;
        }
        told.push(text("code"));
        asked.out.say(&format!("\n{}: {}", text("code"), text("title")));
        if !text("evidence").is_empty() {
            asked.out.say(&format!("  seen:  {}", text("evidence")));
        }
        let escalated = stall["escalated"] == true;
        let remedies = stall["remedy"].as_array().into_iter().flatten().filter_map(Value::as_str);
        remedies.filter(|_| !escalated).for_each(|remedy| asked.out.say(&format!("  fix:   {remedy}")));
        let step = if escalated { "now:  " } else { "later:" };
        if !text("nextStep").is_empty() {
            asked.out.say(&format!("  {step} {}", text("nextStep")));
        }
    }
}
