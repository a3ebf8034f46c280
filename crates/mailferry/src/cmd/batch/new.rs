//! `batch new` and `batch validate` make or judge one from a CSV; `batch add` brings further mailboxes.

use std::path::PathBuf;

use clap::Args;
use mailferry_model::schedule::shown;
use serde_json::{Value, json};

use super::{
    COLUMNS, Priority,
    sheet::{Picking, Sent, Sheet, SheetArgs},
    told::ToldArgs,
    waves,
};
use crate::{
    api::{Api, segment},
    cmd::{
        Asked, approval::ConsistencyArgs, planner::WaveArgs, run_options::RunArgs, schedule::ScheduleArgs,
    },
    exit::{self, Failure},
    result::counted,
};

/// The flags of `batch new`.
#[derive(Args)]
pub struct Creation {
    /// Its name, unique, at most 64 characters
    pub name: String,
    /// The endpoint to read from
    #[arg(long, value_name = "ENDPOINT")]
    pub source: String,
    /// The endpoint to write to
    #[arg(long, value_name = "ENDPOINT")]
    pub target: String,
    /// Its mailboxes.
    #[command(flatten)]
    pub sheet: SheetArgs,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// Whether it goes before or after other batches that want the same slots
    #[arg(long, value_enum, value_name = "PRIORITY")]
    pub priority: Option<Priority>,
    /// It goes first: batches at its endpoints that have not begun wait until it is clean and signed off
    #[arg(long)]
    pub pilot: bool,
    /// Pick so many mailboxes of the CSV that differ as all of them do: by Department, bytes (as scan show -o csv has it), MailboxType, Delegates
    #[arg(long, value_name = "N", requires = "pilot", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub suggest: Option<u16>,
    /// Where the rows that were not picked are written, for a batch of their own
    #[arg(long, value_name = "FILE", default_value = "rest.csv", requires = "suggest")]
    pub rest: PathBuf,
    /// Several batches instead of one, NAME-1, NAME-2 …: by the columns bytes and items (as scan show -o csv has them),
    /// Department and Group.
    #[command(flatten)]
    pub waves: WaveArgs,
    /// When it does what.
    #[command(flatten)]
    pub schedule: ScheduleArgs,
    /// What may stay behind.
    #[command(flatten)]
    pub consistency: ConsistencyArgs,
    /// Who is told.
    #[command(flatten)]
    pub told: ToldArgs,
    /// What moves.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The flags of `batch add`.
#[derive(Args)]
pub struct Addition {
    /// Its name
    pub name: String,
    /// The mailboxes.
    #[command(flatten)]
    pub sheet: SheetArgs,
}

/// Makes one from a CSV, or only judges it.
pub(crate) async fn run(asked: &Asked<'_>, api: &Api, args: &Creation) -> Result<u8, Failure> {
    let mut body = json!({
        "name": args.name,
        "source": args.source,
        "target": args.target,
        "options": args.run.options(),
        "schedule": args.schedule.given(None)?,
        "notes": args.notes,
        "priority": args.priority.unwrap_or_default().word(),
        "pilot": args.pilot,
    });
    for (name, value) in args.consistency.given().into_iter().chain(args.told.given()) {
        body[name] = value;
    }
    let mut sheet = Sheet::read(&args.sheet, asked, api, (&args.source, &args.target)).await?;
    if args.waves.wanted()? {
        return waves::make(asked, api, args, (sheet, body)).await;
    }
    if let Some(most) = args.suggest {
        sheet = Picking { most: most.into(), rest: &args.rest }.picked(asked, &sheet)?;
    }
    let sent = sheet.send(asked, api, ("/batches", body)).await?;
    let rows = counted(sent.rows as u64, "mailbox");
    let sentence = match &sent.made {
        None => format!("The batch {} would have {rows}.", args.name),
        Some(made) => format!("The batch {} has {rows}; {}", args.name, begins(made)),
    };
    tell(asked, &args.name, &sent, &sentence);
    Ok(if sent.rejected == 0 { exit::OK } else { exit::PARTIAL })
}

/// Adds mailboxes, or only judges whether it could.
pub(crate) async fn add(asked: &Asked<'_>, api: &Api, args: &Addition) -> Result<u8, Failure> {
    let path = format!("/batches/{}", segment(&args.name));
    let batch = api.get(&path).await?;
    let name = |side: &str| batch[side].as_str().unwrap_or_default().to_owned();
    let ends = (name("source"), name("target"));
    let path = format!("{path}/users");
    let sheet = Sheet::read(&args.sheet, asked, api, (&ends.0, &ends.1)).await?;
    let sent = sheet.send(asked, api, (&path, json!({}))).await?;
    let rows = counted(sent.rows as u64, "mailbox");
    let sentence = match &sent.made {
        None => format!("{rows} could be added to the batch {}.", args.name),
        Some(made) => format!("{rows} added to the batch {}, which has {} now.", args.name, made["total"]),
    };
    tell(asked, &args.name, &sent, &sentence);
    Ok(if sent.rejected == 0 { exit::OK } else { exit::PARTIAL })
}

fn tell(asked: &Asked<'_>, name: &str, sent: &Sent, sentence: &str) {
    match (&sent.made, asked.out.is_for_people()) {
        (made, true) => {
            asked.out.say(sentence);
            let notices = made.iter().flat_map(|made| made["notices"].as_array()).flatten();
            notices.filter_map(Value::as_str).for_each(|notice| asked.out.say(notice));
        }
        (Some(made), false) => asked.out.show(made, &COLUMNS),
        (None, false) => {
            let judged = json!({ "name": name, "total": sent.rows, "rejected": sent.rejected });
            asked.out.show(&judged, &COLUMNS);
        }
    }
}

/// How a batch begins that was made.
pub(super) fn begins(made: &Value) -> String {
    let (name, schedule) = (made["name"].as_str().unwrap_or_default(), &made["schedule"]);
    match schedule["startAfter"].as_str().and_then(|at| at.parse().ok()) {
        Some(at) => format!("its mailboxes begin {}.", shown(at, schedule["timeZone"].as_str())),
        None => format!("mailferry batch start {name} begins."),
    }
}
