//! `scan plan`: how long the mailboxes of a scan would take to move, what decides that, and in which waves.

use clap::Args;
use jiff::Timestamp;
use mailferry_model::schedule::{Windows, rate, shown};
use serde_json::{Value, json};

use super::{Asked, schedule};
use crate::{
    api::{Api, segment},
    args::Form,
    exit::{self, Failure},
    out::{self, Column},
    result::counted,
};

/// The flags of `scan plan`.
#[derive(Args)]
pub struct PlanArgs {
    /// The scan's id
    id: String,
    /// How many mailboxes move at once [default: what both endpoints and the tenant's ceiling allow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_concurrent_migrations: Option<u32>,
    /// Bytes a second that may be moved in all: 10M
    #[arg(long, value_name = "RATE", value_parser = rated)]
    bwlimit: Option<String>,
    /// When it begins: 2026-12-01T18:00:00+01:00, or 2026-12-01 18:00 with --tz [default: now]
    #[arg(long, value_name = "TIME")]
    start_after: Option<String>,
    /// The hours in which mailboxes move: "Mon-Fri 19:00-07:00, Sat-Sun"
    #[arg(long, value_name = "WINDOWS")]
    windows: Option<Windows>,
    /// The zone in which times are meant and shown: Europe/Berlin (UTC otherwise)
    #[arg(long, value_name = "ZONE", value_parser = schedule::zoned)]
    tz: Option<String>,
    /// How it is cut into waves.
    #[command(flatten)]
    waves: WaveArgs,
}

/// How mailboxes are cut into waves.
#[derive(Args, Clone, Debug, Default)]
pub struct WaveArgs {
    /// Into so many waves of about the same size; who is of one Group stays together, and departments where they can
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500), conflicts_with = "wave_size")]
    pub waves: Option<u16>,
    /// Into waves of at most so many mailboxes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub wave_size: Option<u32>,
    /// From the beginning of one wave to that of the next: 30m, 6h, 1d
    #[arg(long, value_name = "TIME", value_parser = minutes)]
    pub wave_every: Option<u32>,
}

impl WaveArgs {
    /// Whether there are to be any.
    ///
    /// # Errors
    /// A distance between waves of which nobody knows.
    pub fn wanted(&self) -> Result<bool, Failure> {
        match (self.waves.is_some() || self.wave_size.is_some(), self.wave_every) {
            (false, Some(_)) => {
                Err(Failure::usage("--wave-every: it goes with --waves or --wave-size".to_owned()))
            }
            (wanted, _) => Ok(wanted),
        }
    }
}

const WAVES: [Column; 11] = [
    Column::of("WAVE", "/number"),
    Column::of("MAILBOXES", "/mailboxes"),
    Column::of("ITEMS", "/items"),
    Column::of("SIZE", "/bytes"),
    Column::of("BEGINS", "/begins"),
    Column::of("ENDS_FROM", "/ends/from"),
    Column::of("ENDS_TO", "/ends/to"),
    Column::wide("SECONDS_FROM", "/seconds/from"),
    Column::wide("SECONDS_TO", "/seconds/to"),
    Column::of("DECIDES", "/decides"),
    Column::wide("LARGEST", "/largest"),
];

/// Shows it.
pub async fn run(asked: &Asked<'_>, api: &Api, args: &PlanArgs) -> Result<u8, Failure> {
    let path = format!("/scans/{}/plan?{}", segment(&args.id), args.query()?);
    let plan = api.get(&path).await?;
    if !matches!(asked.out.form, Form::Csv | Form::Name | Form::Table | Form::Wide) {
        asked.out.show(&plan, &[]);
        return Ok(exit::OK);
    }
    let waves = plan["waves"].as_array().filter(|waves| !waves.is_empty());
    let rows = waves.cloned().unwrap_or_else(|| vec![plan.clone()]);
    asked.out.list(&json!(rows), &WAVES)?;
    asked.out.say(&sentence(&plan, args.tz.as_deref()));
    plan["notes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .for_each(|note| asked.out.say(note));
    Ok(exit::OK)
}

impl PlanArgs {
    fn query(&self) -> Result<String, Failure> {
        let zone = mailferry_model::schedule::zone(self.tz.as_deref()).ok().filter(|_| self.tz.is_some());
        let start = match &self.start_after {
            Some(text) => schedule::time("--start-after", text, zone.as_ref())?.as_str().map(str::to_owned),
            None => None,
        };
        self.waves.wanted()?;
        let parts = [
            ("maxConcurrentMigrations", self.max_concurrent_migrations.map(|n| n.to_string())),
            ("bandwidth", self.bwlimit.clone()),
            ("startAfter", start),
            ("windows", self.windows.as_ref().map(ToString::to_string)),
            ("timeZone", self.tz.clone()),
            ("waves", self.waves.waves.map(|n| n.to_string())),
            ("waveSize", self.waves.wave_size.map(|n| n.to_string())),
            ("waveEveryMinutes", self.waves.wave_every.map(|n| n.to_string())),
        ];
        let given =
            parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(&value?))));
        Ok(given.collect::<Vec<_>>().join("&"))
    }
}

/// All of it, for people.
fn sentence(plan: &Value, zone: Option<&str>) -> String {
    let mailboxes = counted(plan["mailboxes"].as_u64().unwrap_or(0), "mailbox");
    let size = out::bytes(plan["bytes"].as_u64().unwrap_or(0));
    let seconds = |end: &str| out::duration(plan["seconds"][end].as_f64().unwrap_or(0.0));
    let at = |end: &str| {
        let at = plan["ends"][end].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        at.map_or_else(|| "nobody knows when".to_owned(), |at| shown(at, zone))
    };
    format!(
        "{mailboxes}, {size}: {} to {} of moving, {} at once; it ends between {} and {}.",
        seconds("from"),
        seconds("to"),
        plan["together"],
        at("from"),
        at("to")
    )
}

fn rated(text: &str) -> Result<String, String> {
    rate(text).map(|_| text.to_owned())
}

/// `30m`, `6h`, `1d`; minutes where it says nothing.
fn minutes(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let (digits, each) = match text.chars().last() {
        Some('m') => (&text[..text.len() - 1], 1),
        Some('h') => (&text[..text.len() - 1], 60),
        Some('d') => (&text[..text.len() - 1], 24 * 60),
        _ => (text, 1),
    };
    let number = digits.trim().parse::<u32>().ok().and_then(|n| n.checked_mul(each));
    number.filter(|n| (1..=60 * 24 * 365).contains(n)).ok_or_else(|| "write 30m, 6h or 1d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_minutes_hours_or_days() {
        assert_eq!(["45", "30m", "6h", "1d"].map(minutes), [Ok(45), Ok(30), Ok(360), Ok(1440)]);
        assert!(["", "0", "m", "-1h", "1w", "99999999d", "30 m m"].iter().all(|text| minutes(text).is_err()));
    }
}
