//! `config get|set`: what holds for the whole tenant.

use axum::http::Method;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Asked;
use crate::{
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// What to do with it.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Show all of it, or one setting
    Get {
        /// Its name: tenant-ceiling
        name: Option<String>,
    },
    /// Change a setting; running batches follow within seconds
    Set {
        /// Its name: tenant-ceiling
        name: String,
        /// Its new value
        value: String,
        /// Only say whether it could be changed so
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
}

/// Names on the command line and in the API.
const NAMES: [(&str, &str); 1] = [("tenant-ceiling", "tenantCeiling")];

const COLUMNS: [Column; 1] = [Column::of("TENANT CEILING", "/tenantCeiling")];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: ConfigCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    match command {
        ConfigCommand::Get { name: None } => asked.out.show(&api.get("/config").await?, &COLUMNS),
        ConfigCommand::Get { name: Some(name) } => {
            let field = field(&name)?;
            let value = api.get("/config").await?[field].clone();
            match asked.out.is_for_people() {
                true => asked.out.say(&value.to_string()),
                false => asked.out.show(&json!({ field: value }), &COLUMNS),
            }
        }
        ConfigCommand::Set { name, value, dry_run } => {
            let field = field(&name)?;
            let number: u32 =
                value.parse().map_err(|_| Failure::usage(format!("{name} is a whole number")))?;
            let body = json!({ field: number, "dryRun": dry_run });
            let changed = api.call(Method::PATCH, "/config", Some(body)).await?;
            match asked.out.is_for_people() {
                true if dry_run => {
                    asked.out.say(&format!("{name} could be {number}; nothing was done."));
                }
                true => asked.out.say(&format!("{name} is {number} now.")),
                false => asked.out.show(&changed, &COLUMNS),
            }
        }
    }
    Ok(exit::OK)
}

fn field(name: &str) -> Result<&'static str, Failure> {
    let known = NAMES
        .iter()
        .find(|(ours, api)| [ours, api].iter().any(|n| n.eq_ignore_ascii_case(name)))
        .map(|(_, field)| *field);
    known.ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(ours, _)| *ours).collect();
        Failure::usage(format!("there is no such setting; there is {}", names.join(", ")))
    })
}

/// The tenant ceiling as it is.
pub(crate) async fn ceiling(api: &crate::api::Api) -> Result<u32, Failure> {
    let config: Value = api.get("/config").await?;
    Ok(config["tenantCeiling"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX))
}
