//! `bwlimit get|set`: how much may be moved when, over all mailboxes of a worker.

use axum::http::Method;
use clap::Subcommand;
use mailferry_model::schedule::{Timetable, shown};
use serde_json::{Value, json};

use super::Asked;
use crate::{
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// What to do with it.
#[derive(Subcommand)]
pub enum BwlimitCommand {
    /// Show the timetable and what holds now
    Get,
    /// Set it: `2M`, `off`, or `Mon-Fri 08:00,2M 19:00,off`; running batches follow within seconds
    Set {
        /// A rate, or times with the rate that holds from then on; K, M and G are binary, off is no limit
        #[arg(value_name = "TIMETABLE")]
        timetable: Timetable,
        /// The zone of its hours: Europe/Berlin; UTC without it
        #[arg(long, value_name = "ZONE")]
        tz: Option<String>,
        /// Only say what it would be
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
}

const COLUMNS: [Column; 4] = [
    Column::of("TIMETABLE", "/bandwidth"),
    Column::of("ZONE", "/bandwidthTimeZone"),
    Column::of("NOW", "/bandwidthNow"),
    Column::of("UNTIL", "/bandwidthUntil"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: BwlimitCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    let (config, pretended) = match command {
        BwlimitCommand::Get => (api.get("/config").await?, false),
        BwlimitCommand::Set { timetable, tz, dry_run } => {
            let text = timetable.to_string();
            // No limit at any time is no timetable.
            let bandwidth = if text.eq_ignore_ascii_case("off") { Value::Null } else { json!(text) };
            let body = json!({ "bandwidth": bandwidth, "bandwidthTimeZone": tz, "dryRun": dry_run });
            (api.call(Method::PATCH, "/config", Some(body)).await?, dry_run)
        }
    };
    match asked.out.is_for_people() {
        true => {
            asked.out.say(&told(&config));
            if pretended {
                asked.out.say("Nothing was done.");
            }
        }
        false => asked.out.show(&config, &COLUMNS),
    }
    Ok(exit::OK)
}

/// The timetable and what holds now, in a sentence.
fn told(config: &Value) -> String {
    let Some(table) = config["bandwidth"].as_str() else {
        return "There is no limit. Flags such as --bwlimit of serve hold beside it.".to_owned();
    };
    let zone = config["bandwidthTimeZone"].as_str();
    let now = config["bandwidthNow"].as_u64();
    let now = now.map_or("no limit".to_owned(), |bytes| format!("{} a second", crate::out::bytes(bytes)));
    let until = config["bandwidthUntil"].as_str().and_then(|at| at.parse().ok());
    let until = until.map(|at| format!(" until {}", shown(at, zone))).unwrap_or_default();
    format!("{table} ({}): now {now}{until}, for each worker.", zone.unwrap_or("UTC"))
}
