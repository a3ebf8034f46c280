//! `batch new|validate|list|show|set|start|stop|sync|complete|watch|remove`. Changing one is [`set`]'s.

mod set;

use std::{
    collections::HashMap,
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use axum::http::Method;
use clap::{Args, Subcommand};
use mailferry_model::{
    catalogue,
    csv::{self, Needs, Passwords},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Asked, confirm,
    run_options::{PassArgs, RunArgs},
    waiting::{Goal, Run, background, foreground, pretend, watch},
};
use crate::{
    api::{Api, segment},
    exit::{self, Failure},
    out::Column,
    reach::Reach,
    result::counted,
};

/// What to do with batches.
#[derive(Subcommand)]
pub enum BatchCommand {
    /// Make one from a CSV
    New(Box<Creation>),
    /// Say whether it could be made from a CSV, row by row; makes nothing
    Validate(Box<Creation>),
    /// All of them
    List,
    /// One of them
    Show {
        /// Its name
        name: String,
    },
    /// Change its notes, or what moves: each mailbox follows with its next pass
    Set(Box<set::Changes>),
    /// Start it, resume it, or retry what failed
    #[command(visible_aliases = ["resume", "retry"])]
    Start(RunBatch),
    /// Sync what is synced once more
    Sync(RunBatch),
    /// The last sync and the verification
    Complete(RunBatch),
    /// Stop what is under way
    Stop {
        /// Its name
        name: String,
        /// Only say what would be done
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
    /// Look on without doing anything
    Watch {
        /// Its name
        name: String,
    },
    /// Remove it; ledgers stay
    Remove {
        /// Its name
        name: String,
        /// Only say whether it could be removed
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
}

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
    /// EmailAddress[,UserName][,Password][,TargetAddress][,TargetUserName][,TargetPassword]
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// Make it from the rows that can be used
    #[arg(long)]
    pub skip_rejected: bool,
    /// Where rows that cannot be used are written, with their reasons; never over the CSV itself
    #[arg(long, value_name = "FILE", default_value = "rejected.csv")]
    pub rejected: PathBuf,
    /// Only say whether it could be made
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// What moves.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The flags of commands that run a batch.
#[derive(Args)]
pub struct RunBatch {
    /// Its name
    pub name: String,
    /// Until when to wait. Without a service the work is done here, until the batch comes to rest; with
    /// `completed`, `start` and `sync` go on with the completion if everything synced well
    #[arg(long, value_name = "GOAL", num_args = 0..=1, require_equals = true, default_missing_value = "synced")]
    pub wait: Option<Goal>,
    /// How it is made.
    #[command(flatten)]
    pub pass: PassArgs,
}

pub(super) const COLUMNS: [Column; 13] = [
    Column::of("NAME", "/name"),
    Column::of("STATUS", "/status"),
    Column::of("SYNCED%", "/percentageSynced"),
    Column::of("TOTAL", "/total"),
    Column::of("SYNCED", "/synced"),
    Column::of("FINALIZED", "/finalized"),
    Column::of("FAILED", "/failed"),
    Column::of("SCORE", "/dataConsistencyScore"),
    Column::wide("SOURCE", "/source"),
    Column::wide("TARGET", "/target"),
    Column::wide("SKIPPED", "/itemsSkipped"),
    Column::wide("DATA MIGRATED", "/bytesSynced"),
    Column::wide("NOTES", "/notes"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: BatchCommand) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let quiet_api = || reach.api();
    let path = |name: &str| format!("/batches/{}", segment(name));
    match command {
        BatchCommand::New(args) => return new(&asked, &quiet_api(), &args).await,
        BatchCommand::Validate(args) => {
            let judged = Creation { dry_run: true, ..*args };
            return new(&asked, &quiet_api(), &judged).await;
        }
        BatchCommand::List => asked.out.list(&quiet_api().get("/batches").await?, &COLUMNS)?,
        BatchCommand::Show { name } => asked.out.show(&quiet_api().get(&path(&name)).await?, &COLUMNS),
        BatchCommand::Set(args) => set::run(&asked, &quiet_api(), &args).await?,
        BatchCommand::Start(args) => return work(asked, &reach, "start", Goal::Synced, args).await,
        BatchCommand::Sync(args) => return work(asked, &reach, "sync", Goal::Synced, args).await,
        BatchCommand::Complete(args) => {
            return work(asked, &reach, "complete", Goal::Completed, args).await;
        }
        BatchCommand::Stop { name, dry_run: true } => {
            let path = format!("{}/stop", path(&name));
            return pretend(&asked, &quiet_api(), &path, &COLUMNS).await;
        }
        BatchCommand::Stop { name, .. } => {
            let batch = quiet_api().post(&format!("{}/stop", path(&name)), json!({})).await?;
            match asked.out.is_for_people() {
                true => {
                    asked.out.say(&format!("The batch {name} is stopping; what is under way ends in order."))
                }
                false => asked.out.show(&batch, &COLUMNS),
            }
        }
        BatchCommand::Watch { name } => return watch(&asked, &quiet_api(), &name).await,
        BatchCommand::Remove { name, dry_run: true } => {
            quiet_api().call(Method::DELETE, &format!("{}?dryRun=true", path(&name)), None).await?;
            asked.out.say(&format!("The batch {name} could be removed; nothing was done."));
        }
        BatchCommand::Remove { name, .. } => {
            quiet_api().get(&path(&name)).await?;
            confirm(&asked, &format!("the batch {name}"))?;
            quiet_api().call(Method::DELETE, &path(&name), None).await?;
            asked.out.say(&format!("The batch {name} is removed; its ledgers stay."));
        }
    }
    Ok(exit::OK)
}

async fn work(
    asked: Asked<'_>,
    reach: &Reach,
    action: &'static str,
    goal: Goal,
    args: RunBatch,
) -> Result<u8, Failure> {
    if args.pass.dry_run {
        let path = format!("/batches/{}/{action}", segment(&args.name));
        return pretend(&asked, &reach.api(), &path, &COLUMNS).await;
    }
    // `complete --wait` means its own end, not the first sync's.
    let goal = args.wait.filter(|_| action != "complete").unwrap_or(goal);
    let run = Run::of(args.name, None, (action, goal), args.pass);
    match reach {
        Reach::Here(instance) => foreground(&asked, instance, &run).await,
        Reach::There(_) => {
            run.pace.check_unset()?;
            background(&asked, &reach.api(), &run, args.wait.is_some()).await
        }
    }
}

/// Makes one from a CSV, or only judges it.
pub(crate) async fn new(asked: &Asked<'_>, api: &Api, args: &Creation) -> Result<u8, Failure> {
    let shown = args.csv.display();
    let bytes = std::fs::read(&args.csv).map_err(|e| Failure::usage(format!("--csv {shown}: {e}")))?;
    let bytes = Zeroizing::new(bytes);
    let needs = Needs {
        source: needed(asked, api, &args.source).await?,
        target: needed(asked, api, &args.target).await?,
    };
    let mut parsed =
        csv::parse(&bytes, needs).map_err(|r| Failure::Usage(r.code, format!("{shown}: {}", r.message)))?;
    let text = csv::text(&bytes).map_err(|r| Failure::Usage(r.code, format!("{shown}: {}", r.message)))?;
    let text = Zeroizing::new(text.into_owned());
    let mut body = json!({
        "name": args.name,
        "source": args.source,
        "target": args.target,
        "csv": *text,
        "options": args.run.options(),
        "notes": args.notes,
        "skipRejected": args.skip_rejected,
        "dryRun": true,
    });
    // The router knows what the file does not tell: mailboxes of other batches.
    let judged = api.post("/batches", body.clone()).await?;
    parsed.reject(rejected(&judged));
    if !parsed.rejected.is_empty() {
        let file = beside(&args.csv, &args.rejected)?;
        write_private(&file, &parsed.rejected_csv())?;
        let goes_on = !args.dry_run && args.skip_rejected && !parsed.rows.is_empty();
        asked.out.note(&told_of_rejected(parsed.rejected.len(), &args.csv, &file, goes_on));
        if args.dry_run {
            // Otherwise the refusal, or the file, names them.
            let said =
                parsed.rejected.iter().map(|r| format!("row {}: {} [{}]", r.number, r.message, r.code));
            said.for_each(|row| asked.out.note(&row));
        }
    }
    let rows = counted(parsed.rows.len() as u64, "mailbox");
    if args.dry_run {
        let made =
            json!({ "name": args.name, "total": parsed.rows.len(), "rejected": parsed.rejected.len() });
        match asked.out.is_for_people() {
            true => asked.out.say(&format!("The batch {} would have {rows}.", args.name)),
            false => asked.out.show(&made, &COLUMNS),
        }
    } else {
        body["dryRun"] = false.into();
        let made = api.post("/batches", body).await?;
        match asked.out.is_for_people() {
            true => {
                let name = &args.name;
                asked.out.say(&format!("The batch {name} has {rows}; mailferry batch start {name} begins."));
            }
            false => asked.out.show(&made, &COLUMNS),
        }
    }
    if !args.dry_run && parsed.rows.iter().any(|r| r.source.password.is_some() || r.target.password.is_some())
    {
        asked
            .out
            .note(&format!("{shown} holds passwords; they are kept encrypted now, the file is not needed."));
    }
    Ok(if parsed.rejected.is_empty() { exit::OK } else { exit::PARTIAL })
}

/// The rows that the router rejects, with the words of its codes.
fn rejected(judged: &Value) -> HashMap<u64, (&'static str, String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = judged["rejected"].as_array().into_iter().flatten();
    rows.filter_map(|row| {
        let code = catalogue::find(row["errorCode"].as_str()?).map_or("CSV_ROWS_REJECTED", |e| &e.code);
        Some((row["rowNumber"].as_u64()?, (code, text(row, "errorMessage"), text(row, "suggestion"))))
    })
    .collect()
}

/// Which passwords rows need at an endpoint; says so at once where nothing can move there yet.
async fn needed(asked: &Asked<'_>, api: &Api, name: &str) -> Result<Passwords, Failure> {
    let endpoint: Value = api.get(&format!("/endpoints/{}", segment(name))).await?;
    let manifest = asked.connectors.iter().map(|c| c.manifest()).find(|m| endpoint["type"] == m.kind);
    if let Some(manifest) = manifest.filter(|m| !m.moves) {
        asked.out.note(&format!(
            "WARNING: {name} is of the type {}, which is tested only so far: this batch will not move.",
            manifest.kind
        ));
    }
    Ok(match endpoint["signsInForAll"].as_bool() {
        Some(true) => Passwords::None,
        _ => Passwords::Each,
    })
}

/// What to do about rows that cannot be used: their file alone would make a batch without all others.
fn told_of_rejected(n: usize, csv: &Path, file: &Path, goes_on: bool) -> String {
    let (rows, csv, file) = (counted(n as u64, "row"), csv.display(), file.display());
    match goes_on {
        true => format!(
            "{rows} cannot be used and stayed out of the batch; {file} says why. Correct {file} and import it as a \
             further batch."
        ),
        false => format!(
            "{rows} cannot be used; {file} says why and holds nothing else. Correct them in {csv}, or use \
             --skip-rejected and import {file}, once corrected, as a further batch."
        ),
    }
}

/// Where rejected rows go: never over the file that they come from, which has been corrected by hand perhaps.
fn beside(csv: &Path, wanted: &Path) -> Result<PathBuf, Failure> {
    let is_input = |path: &Path| match (std::fs::metadata(path), std::fs::metadata(csv)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    };
    if !is_input(wanted) {
        return Ok(wanted.to_owned());
    }
    let stem = wanted.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let end = wanted.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let free = (2..1000).map(|n| wanted.with_file_name(format!("{stem}-{n}{end}"))).find(|p| !p.exists());
    free.ok_or_else(|| Failure::usage(format!("--rejected {}: that is the CSV itself", wanted.display())))
}

/// It holds passwords if the CSV did.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut f| f.write_all(bytes));
    written.map_err(|e| Failure::own(format!("{}: {e}", path.display())))
}
