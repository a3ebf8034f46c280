//! `readiness` and `readiness tick`: what should be in order before batches move, and what people confirm of it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Asked;
use crate::{
    api::segment,
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// The flags of `readiness`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReadinessArgs {
    /// Of this batch, or of this endpoint with each one at its other side; all without it
    #[arg(value_name = "BATCH|ENDPOINT")]
    pub of: Option<String>,
    /// What else.
    #[command(subcommand)]
    pub command: Option<ReadinessCommand>,
}

/// What to do with it.
#[derive(Subcommand)]
pub enum ReadinessCommand {
    /// Confirm a point: users-informed, help-desk-ready, rollback-described, mail-flow-planned
    Tick {
        /// Which point
        point: String,
        /// Of this batch alone; of the whole project without it
        #[arg(long, value_name = "NAME")]
        batch: Option<String>,
        /// For people: it is kept with your name
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
        /// Take it back instead
        #[arg(long)]
        take_back: bool,
        /// Only say what it would be
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
}

const COLUMNS: [Column; 9] = [
    Column::of("BATCH", "/batch"),
    Column::of("SOURCE", "/source"),
    Column::of("TARGET", "/target"),
    Column::of("VERDICT", "/verdict"),
    Column::of("DONE", "/done"),
    Column::of("LOOK", "/look"),
    Column::of("OPEN", "/open"),
    Column::of("UNKNOWN", "/unknown"),
    Column::of("SENTENCE", "/sentence"),
];

const POINTS: [Column; 6] = [
    Column::of("STATE", "/state"),
    Column::of("POINT", "/point"),
    Column::of("WHAT", "/title"),
    Column::of("SEEN", "/evidence"),
    Column::of("WHEN", "/at"),
    Column::of("WHO", "/by"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, args: ReadinessArgs) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    let lists = match args.command {
        None => {
            let of = args.of.map(|name| format!("?of={}", segment(&name))).unwrap_or_default();
            api.get(&format!("/readiness{of}")).await?
        }
        Some(ReadinessCommand::Tick { point, batch, comment, take_back, dry_run }) => {
            let body =
                json!({ "batch": batch, "comment": comment, "takeBack": take_back, "dryRun": dry_run });
            let lists = api.post(&format!("/readiness/{}/tick", segment(&point)), body).await?;
            if asked.out.is_for_people() {
                let done = match (dry_run, take_back) {
                    (true, true) => "could be taken back; nothing was done",
                    (true, false) => "could be ticked; nothing was done",
                    (false, true) => "is no longer ticked",
                    (false, false) => "is ticked",
                };
                let of =
                    batch.map_or_else(|| "the whole project".to_owned(), |name| format!("the batch {name}"));
                asked.out.say(&format!("{point} of {of} {done}."));
                return Ok(exit::OK);
            }
            lists
        }
    };
    match asked.out.is_for_people() {
        true => tell(&asked, lists.as_array().map_or(&[], Vec::as_slice))?,
        false => asked.out.list(&lists, &COLUMNS)?,
    }
    Ok(exit::OK)
}

/// Each checklist with its verdict, its points apart by who confirms them, and what to do of what is not done.
fn tell(asked: &Asked<'_>, lists: &[Value]) -> Result<(), Failure> {
    if lists.is_empty() {
        asked.out.say("There is no endpoint yet: mailferry endpoint new NAME --type TYPE");
    }
    for list in lists {
        let text = |name: &str| list[name].as_str().unwrap_or_default();
        let ends: Vec<&str> = ["source", "target"].iter().filter_map(|end| list[*end].as_str()).collect();
        let of = list["batch"].as_str().map(|batch| format!(" for {batch}")).unwrap_or_default();
        asked.out.say(&format!(
            "Readiness{of} ({}): {}. {}",
            ends.join(" to "),
            text("verdict"),
            text("sentence")
        ));
        let all = list["points"].as_array().map_or(&[][..], Vec::as_slice);
        for (who, title) in [("machine", "Checked by mailferry"), ("people", "Confirmed by people")] {
            let points: Vec<&Value> = all.iter().filter(|point| point["confirmed"] == who).collect();
            let done = points.iter().filter(|point| point["state"] == "done").count();
            asked.out.say(&format!("\n{title}: {done} of {}", points.len()));
            asked.out.list(&Value::Array(points.into_iter().cloned().collect()), &POINTS)?;
        }
        for point in all.iter().filter(|point| point["state"] != "done") {
            let how = point["how"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let title = point["title"].as_str().unwrap_or_default();
            how.enumerate().for_each(|(at, how)| match at {
                0 => asked.out.say(&format!("\n{title}:\n  {how}")),
                _ => asked.out.say(&format!("  {how}")),
            });
        }
        asked.out.say("");
    }
    Ok(())
}
