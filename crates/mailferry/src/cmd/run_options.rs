//! The flags that say what moves and how, shared by `copy`, `verify` and `batch new`.

use std::time::Duration;

use clap::Args;
use jiff::{Timestamp, civil};
use mailferry_model::{
    filter::{Filter, Pattern},
    mapping::{MapRule, RunOptions},
    schedule::{self, size},
};

use crate::instance::Pace;

/// What moves and how.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What moves")]
pub struct RunArgs {
    /// Only this folder; `F/*` with what lies below it, `#SentItems#` by its role
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<Pattern>,
    /// Not this folder
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<Pattern>,
    /// The folder A of the source is B at the target
    #[arg(long, value_name = "A=B")]
    pub map: Vec<MapRule>,
    /// Only what arrived at or after this time: 2024-01-01, or 2024-01-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Timestamp>,
    /// Only what arrived before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub before: Option<Timestamp>,
    /// Only what is at most so large: 10M, 1G
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_size: Option<u64>,
    /// Carry removals: what is gone at the source is removed at the target
    #[arg(long)]
    pub delete: bool,
    /// At most so many connections a side [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub connections: Option<u16>,
    /// How long a doubt is looked at before anything is put again [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub grace: Option<u64>,
}

/// How fast and how patiently.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "How fast")]
pub struct PaceArgs {
    /// At most so many bytes a second over all: 512K, 2M; off
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub bwlimit: Option<u64>,
    /// How long an answer to a put may take [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub put_timeout: Option<u64>,
}

/// How the next pass of a batch or a user is made.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PassArgs {
    /// Stop in order after so long: 90s, 30m, 2h; seconds without a unit
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub timeout: Option<Duration>,
    /// Try once more what earlier passes skipped
    #[arg(long)]
    pub retry_skipped: bool,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// When to stop in order, with code 8; with 5 where the other side asked to wait until the end.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "When to stop")]
pub struct LimitArgs {
    /// Stop in order once so much was written: 500M, 2G
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_transfer: Option<u64>,
    /// Stop in order after so long: 90s, 30m, 2h; seconds without a unit
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub max_duration: Option<Duration>,
    /// Stop in order once more items than this were skipped
    #[arg(long, value_name = "N")]
    pub max_errors: Option<u64>,
}

impl LimitArgs {
    /// The limit that is reached.
    pub fn reached(self, written: u64, took: Duration, skipped: u64) -> Option<Reached> {
        if self.max_transfer.is_some_and(|most| written >= most) {
            return Some(Reached::Transfer);
        }
        if self.max_duration.is_some_and(|most| took >= most) {
            return Some(Reached::Duration);
        }
        self.max_errors.is_some_and(|most| skipped > most).then_some(Reached::Errors)
    }
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// So much was written.
    Transfer,
    /// So long it took.
    Duration,
    /// So many items were skipped.
    Errors,
}

impl Reached {
    /// In one sentence.
    pub fn sentence(self) -> String {
        let what = match self {
            Self::Transfer => "The limit of --max-transfer is reached",
            Self::Duration => "The time of --max-duration is over",
            Self::Errors => "More items were skipped than --max-errors allows",
        };
        format!("{what}; the same command goes on.")
    }
}

impl RunArgs {
    /// As the engine takes them.
    pub fn options(&self) -> RunOptions {
        RunOptions {
            filter: Filter {
                include: self.include.clone(),
                exclude: self.exclude.clone(),
                since: self.since,
                before: self.before,
                max_size: self.max_size,
                per_folder: None,
            },
            map: self.map.clone(),
            delete: self.delete,
            connections: self.connections,
            grace_seconds: self.grace,
        }
    }
}

impl PaceArgs {
    /// As the instance takes them.
    pub fn pace(self) -> Pace {
        Pace {
            bytes_per_second: self.bwlimit.filter(|n| *n > 0),
            put_timeout: self.put_timeout.map(Duration::from_secs),
        }
    }
}

/// A moment with its zone, or a day that begins at midnight UTC.
pub fn time(text: &str) -> Result<Timestamp, String> {
    // A day alone: of a day with a time the parser would take the day and drop the time.
    let day = || {
        text.parse::<civil::Date>().ok().filter(|_| text.len() == 10)?.to_zoned(jiff::tz::TimeZone::UTC).ok()
    };
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| Some(day()?.timestamp()))
        .ok_or_else(|| "write 2024-01-31, or 2024-01-31T12:00:00Z".to_owned())
}

/// A length of time: `90`, `5m`, `1h`.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number of seconds, or one with s, m or h".to_owned();
    let (digits, seconds) = match text.trim().char_indices().last() {
        Some((at, 's')) => (&text.trim()[..at], 1.0),
        Some((at, 'm')) => (&text.trim()[..at], 60.0),
        Some((at, 'h')) => (&text.trim()[..at], 3600.0),
        _ => (text.trim(), 1.0),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// Bytes a second; 0 is no limit.
fn rate(text: &str) -> Result<u64, String> {
    schedule::rate(text).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!(rate("off"), Ok(0));
        assert_eq!(time("2024-01-01").unwrap().to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(time("2024-01-01T01:00:00+01:00").unwrap().to_string(), "2024-01-01T00:00:00Z");
        assert!(time("yesterday").is_err());
        let seconds = |t| length(t).map(|d| d.as_secs());
        assert_eq!(["90", "90s", "1.5m", "2h"].map(seconds), [Ok(90), Ok(90), Ok(90), Ok(7200)]);
        assert!(["", "m", "-1s", "1d"].iter().all(|t| length(t).is_err()));
    }
}
