//! `audit list|export|verify`: who did what, and whether the record of it is whole.

use clap::Subcommand;
use serde_json::Value;

use super::Asked;
use crate::{
    api::Api,
    exit::{self, Failure},
    out::{self, Column},
    reach::Reach,
    result::counted,
};

/// What to do with the audit trail.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Who did what, oldest first
    List {
        /// Only the newest so many, 1 to 500
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=500))]
        last: Option<u64>,
    },
    /// All of it as JSON lines, oldest first: for an archive
    Export,
    /// Whether nobody changed or removed an entry: each covers the one before by its hash, and the newest is known
    Verify,
}

const COLUMNS: [Column; 6] = [
    Column::of("NO", "/no"),
    Column::of("AT", "/at"),
    Column::of("ACTOR", "/actor"),
    Column::of("ACTION", "/action"),
    Column::of("SUBJECT", "/subject"),
    Column::wide("CHANGE", "/change"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: AuditCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    match command {
        AuditCommand::List { last: Some(last) } => {
            asked.out.list(&api.get(&format!("/audit?last={last}")).await?, &COLUMNS)?;
        }
        AuditCommand::List { last: None } => {
            let mut all = Vec::new();
            pages(&api, |page| all.extend(page)).await?;
            asked.out.list(&Value::Array(all), &COLUMNS)?;
        }
        AuditCommand::Export => {
            pages(&api, |page| page.iter().for_each(|entry| out::print(&format!("{entry}\n")))).await?;
        }
        AuditCommand::Verify => {
            let verdict = api.get("/audit/verification").await?;
            let newest = verdict["entries"].as_u64().unwrap_or(0);
            let entries = counted(newest, "entry");
            let fault = verdict["firstFault"].as_u64();
            if !asked.out.is_for_people() {
                asked.out.show(&verdict, &[]);
            } else if let Some(no) = fault.filter(|no| *no > newest) {
                asked.out.say(&format!(
                    "The audit trail is NOT whole: entry {no} is missing, or what is kept apart of the trail's end."
                ));
            } else if let Some(no) = fault {
                asked
                    .out
                    .say(&format!("The audit trail is NOT whole: entry {no} does not fit the one before."));
            } else {
                asked.out.say(&format!("The audit trail is whole: {entries}."));
            }
            return Ok(if fault.is_some() { exit::PARTIAL } else { exit::OK });
        }
    }
    Ok(exit::OK)
}

/// The whole trail, oldest first, part by part.
async fn pages(api: &Api, mut take: impl FnMut(Vec<Value>)) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = api.get(&format!("/audit?after={after}")).await?;
        let Value::Array(page) = page else { return Ok(()) };
        let Some(end) = page.last().and_then(|e| e["no"].as_u64()) else { return Ok(()) };
        take(page);
        after = end;
    }
}
