//! `batch set`: notes, what moves and how, and when. What stays as it was made is refused by the router with what to do.

use axum::http::Method;
use clap::{Args, ValueEnum};
use mailferry_model::approval::DataConsistency;
use serde_json::{Value, json};

use super::{COLUMNS, Priority, told::ToldArgs};
use crate::{
    api::{Api, segment},
    cmd::{Asked, approval::ConsistencyArgs, run_options::RunArgs, schedule::ScheduleArgs},
    exit::Failure,
};

/// The flags of `batch set`.
#[derive(Args)]
pub struct Changes {
    /// Its name
    pub name: String,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// Whether it goes before or after other batches that want the same slots
    #[arg(long, value_enum, value_name = "PRIORITY")]
    pub priority: Option<Priority>,
    /// Let it begin although an endpoint fails its test, and say why: it is audited
    #[arg(long, value_name = "REASON")]
    pub despite_test: Option<String>,
    /// Let it begin although a pilot at its endpoints is not clean, and say why: it is audited
    #[arg(long, value_name = "REASON")]
    pub despite_pilot: Option<String>,
    /// Let it go first: batches at its endpoints that have not begun wait until it is clean and signed off
    #[arg(long)]
    pub pilot: bool,
    /// Take this away, so that it is as without the flag
    #[arg(long, value_enum, value_name = "FLAG")]
    pub unset: Vec<Flag>,
    /// Only say whether it could be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
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

/// What can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flag {
    /// What is included
    Include,
    /// What is excluded
    Exclude,
    /// The earliest arrival
    Since,
    /// The latest arrival
    Before,
    /// The largest size
    MaxSize,
    /// Carrying removals
    Delete,
    /// How many connections
    Connections,
    /// How long a doubt is looked at
    Grace,
    /// The notes
    Notes,
    /// Why it begins although an endpoint fails its test
    DespiteTest,
    /// Why it begins although a pilot is not clean
    DespitePilot,
    /// That it goes first
    Pilot,
    /// The time at which it begins
    StartAfter,
    /// The time at which it completes
    CompleteAfter,
    /// The hours between two syncs, so that they are 24
    SyncEvery,
    /// The hours in which it moves
    Windows,
    /// The time zone
    Tz,
    /// What completes whatever its score is
    DataConsistency,
    /// How many items may be skipped
    BadItemLimit,
    /// How many large items may be skipped
    LargeItemLimit,
}

/// Changes it.
pub(super) async fn run(asked: &Asked<'_>, api: &Api, args: &Changes) -> Result<(), Failure> {
    let path = format!("/batches/{}", segment(&args.name));
    let before = api.get(&path).await?;
    let mut body = body(args);
    body["schedule"] = schedule(args, before["schedule"]["timeZone"].as_str())?;
    if body == json!({ "options": { "filter": {} }, "schedule": {}, "itemLimits": {} }) {
        let text = format!("nothing to change at {}: name what moves, when, or notes (--help)", args.name);
        return Err(Failure::usage(text));
    }
    body["version"] = before["version"].clone();
    body["dryRun"] = args.dry_run.into();
    let changed = api.call(Method::PATCH, &path, Some(body)).await?;
    let name = &args.name;
    let sentence = match changed["version"] == before["version"] {
        _ if args.dry_run => format!("The batch {name} could be changed so; nothing was done."),
        true => format!("The batch {name} is so already: nothing was changed."),
        false => format!("The batch {name} is changed."),
    };
    match asked.out.is_for_people() {
        true => asked.out.say(&sentence),
        false => asked.out.show(&changed, &COLUMNS),
    }
    Ok(())
}

/// The fields that flags name; what is taken away is null.
fn body(args: &Changes) -> Value {
    let run = &args.run;
    let mut body = json!({ "options": { "filter": {} } });
    let given = |is_given: bool, value: Value| is_given.then_some(value);
    let filter = [
        ("include", given(!run.include.is_empty(), json!(run.include)), Flag::Include),
        ("exclude", given(!run.exclude.is_empty(), json!(run.exclude)), Flag::Exclude),
        ("since", given(run.since.is_some(), json!(run.since)), Flag::Since),
        ("before", given(run.before.is_some(), json!(run.before)), Flag::Before),
        ("maxSize", given(run.max_size.is_some(), json!(run.max_size)), Flag::MaxSize),
    ];
    let others = [
        ("delete", given(run.delete, json!(true)), Flag::Delete),
        ("connections", given(run.connections.is_some(), json!(run.connections)), Flag::Connections),
        ("graceSeconds", given(run.grace.is_some(), json!(run.grace)), Flag::Grace),
    ];
    let change = |into: &mut Value, (name, value, flag): (&str, Option<Value>, Flag)| {
        let taken_away = args.unset.contains(&flag).then_some(Value::Null);
        if let Some(value) = value.or(taken_away) {
            into[name] = value;
        }
    };
    filter.into_iter().for_each(|field| change(&mut body["options"]["filter"], field));
    others.into_iter().for_each(|field| change(&mut body["options"], field));
    for (name, value) in args.consistency.given() {
        body[name] = value;
    }
    for (name, value) in args.told.given() {
        body[name] = value;
    }
    if args.unset.contains(&Flag::DataConsistency) && args.consistency.data_consistency.is_none() {
        body["dataConsistency"] = json!(DataConsistency::default());
    }
    for (name, flag) in [("badItemLimit", Flag::BadItemLimit), ("largeItemLimit", Flag::LargeItemLimit)] {
        if args.unset.contains(&flag) && body["itemLimits"][name].is_null() {
            body["itemLimits"][name] = Value::Null;
        }
    }
    if !run.map.is_empty() {
        body["options"]["map"] = json!(run.map);
    }
    if let Some(reason) = &args.despite_pilot {
        body["despitePilot"] = json!(reason);
    } else if args.unset.contains(&Flag::DespitePilot) {
        body["despitePilot"] = json!("");
    }
    if args.pilot || args.unset.contains(&Flag::Pilot) {
        body["pilot"] = json!(args.pilot);
    }
    if let Some(reason) = &args.despite_test {
        body["despiteTest"] = json!(reason);
    } else if args.unset.contains(&Flag::DespiteTest) {
        body["despiteTest"] = json!("");
    }
    if let Some(priority) = args.priority {
        body["priority"] = json!(priority.word());
    }
    if let Some(notes) = &args.notes {
        body["notes"] = json!(notes);
    } else if args.unset.contains(&Flag::Notes) {
        body["notes"] = json!("");
    }
    body
}

/// The fields of the schedule that flags name; what is taken away is null.
fn schedule(args: &Changes, zone: Option<&str>) -> Result<Value, Failure> {
    let mut given = args.schedule.given(zone)?;
    let flags = [
        ("startAfter", Flag::StartAfter),
        ("completeAfter", Flag::CompleteAfter),
        ("syncEveryHours", Flag::SyncEvery),
        ("windows", Flag::Windows),
        ("timeZone", Flag::Tz),
    ];
    for (name, flag) in flags {
        if args.unset.contains(&flag) {
            given.entry(name).or_insert(Value::Null);
        }
    }
    Ok(Value::Object(given))
}
