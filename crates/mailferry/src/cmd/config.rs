//! `config get|set`: what holds for the whole tenant; `config show`: what this command line goes by ([`origin`]).

mod origin;

use axum::http::Method;
use clap::Subcommand;
use serde_json::{Value, json};

use origin::Telling;

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
        /// Its name: tenant-ceiling, bandwidth, bandwidth-time-zone, adaptive
        name: Option<String>,
    },
    /// Show what this command line goes by, and where each value comes from: flag, variable, context, file
    Show {
        /// With where each comes from
        #[arg(long)]
        origin: bool,
    },
    /// Change a setting; running batches follow within seconds
    Set {
        /// Its name: tenant-ceiling, bandwidth, bandwidth-time-zone, adaptive
        name: String,
        /// Its new value; off: none
        value: String,
        /// Only say whether it could be changed so
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
}

/// Names on the command line and in the API.
const NAMES: [(&str, &str); 4] = [
    ("tenant-ceiling", CEILING),
    ("bandwidth", "bandwidth"),
    ("bandwidth-time-zone", "bandwidthTimeZone"),
    (ADAPTIVE, ADAPTIVE),
];
const ADAPTIVE: &str = "adaptive";
const CEILING: &str = "tenantCeiling";

const COLUMNS: [Column; 4] = [
    Column::of("TENANT CEILING", "/tenantCeiling"),
    Column::of("BANDWIDTH", "/bandwidth"),
    Column::wide("BANDWIDTH TIME ZONE", "/bandwidthTimeZone"),
    Column::of("ADAPTIVE", "/adaptive"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: ConfigCommand) -> Result<u8, Failure> {
    if let ConfigCommand::Show { origin } = command {
        return origin::show(&asked, if origin { Telling::Origins } else { Telling::Values });
    }
    let api = Reach::of(&asked).await?.api();
    match command {
        ConfigCommand::Show { .. } => {}
        ConfigCommand::Get { name: None } => asked.out.show(&api.get("/config").await?, &COLUMNS),
        ConfigCommand::Get { name: Some(name) } => {
            let field = field(&name)?;
            let value = api.get("/config").await?[field].clone();
            match asked.out.is_for_people() {
                true => asked.out.say(value.as_str().unwrap_or(&value.to_string())),
                false => asked.out.show(&json!({ field: value }), &COLUMNS),
            }
        }
        ConfigCommand::Set { name, value, dry_run } => {
            let field = field(&name)?;
            let wanted = match field {
                CEILING => {
                    let number = value.parse::<u32>();
                    json!(number.map_err(|_| Failure::usage(format!("{name} is a whole number")))?)
                }
                ADAPTIVE => json!(value.to_lowercase()),
                _ if value.eq_ignore_ascii_case("off") => Value::Null,
                _ => json!(value),
            };
            let body = json!({ field: wanted, "dryRun": dry_run });
            let changed = api.call(Method::PATCH, "/config", Some(body)).await?;
            match asked.out.is_for_people() {
                true if dry_run => {
                    asked.out.say(&format!("{name} could be {value}; nothing was done."));
                }
                true => asked.out.say(&format!("{name} is {value} now.")),
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
