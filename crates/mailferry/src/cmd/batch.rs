//! `batch new|validate|add|list|show|set|start|stop|sync|complete|approve|accept|watch|remove`. Making one is [`new`]'s, changing one
//! [`set`]'s, and in which mode it starts [`start`]'s.

pub(crate) mod new;
mod set;
pub(crate) mod sheet;
mod start;
pub mod told;
mod waves;

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use sheet::SheetArgs;
use start::StartBatch;

use super::{
    Asked,
    acceptance::{self, AcceptBatch},
    approval::{self, ApproveBatch, UnapproveBatch},
    run_options::PassArgs,
    to_remove,
    waiting::{Goal, Run, background, despite, foreground, pretend, watch},
};
use crate::{
    api::{Api, segment},
    exit::{self, Failure},
    out::Column,
    reach::Reach,
};

/// Whether a batch goes before others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Priority {
    /// After all others
    Low,
    /// As batches are made
    #[default]
    Normal,
    /// Before all others
    High,
}

impl Priority {
    /// As the API has it.
    fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// What to do with batches.
#[derive(Subcommand)]
pub enum BatchCommand {
    /// Make one from a CSV
    New(Box<new::Creation>),
    /// Say whether it could be made from a CSV, row by row; makes nothing
    Validate(Box<new::Creation>),
    /// Bring further mailboxes from a CSV; they begin with it, or at once where it is under way or synced
    Add(Box<new::Addition>),
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
    Start(StartBatch),
    /// Sync what is synced once more
    Sync(RunBatch),
    /// The last sync and the verification
    Complete(CompleteBatch),
    /// Say that items of its mailboxes may stay behind, and why
    Approve(ApproveBatch),
    /// Take approvals back
    Unapprove(UnapproveBatch),
    /// Tick what people found in order of all its completed mailboxes: mail-flow, calendar, mobile
    Accept(AcceptBatch),
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

/// The flags of `batch complete`.
#[derive(Args)]
pub struct CompleteBatch {
    /// How.
    #[command(flatten)]
    pub run: RunBatch,
    /// Complete also what the data-consistency gate holds back, and say why: it is audited
    #[arg(long, value_name = "REASON")]
    pub despite_score: Option<String>,
    /// Only say what it would meet: what stands in the way (then with code 3), and how long it may take
    #[arg(long, conflicts_with_all = ["despite_score", "wait"])]
    pub plan: bool,
}

pub(super) const COLUMNS: [Column; 15] = [
    Column::of("NAME", "/name"),
    Column::of("STATUS", "/status"),
    Column::of("SYNCED%", "/percentageSynced"),
    Column::of("TOTAL", "/total"),
    Column::of("SYNCED", "/synced"),
    Column::of("FINALIZED", "/finalized"),
    Column::of("FAILED", "/failed"),
    Column::of("SCORE", "/dataConsistencyScore"),
    Column::wide("ACCEPTED", "/accepted"),
    Column::wide("SOURCE", "/source"),
    Column::wide("TARGET", "/target"),
    Column::wide("SKIPPED", "/itemsSkipped"),
    Column::wide("DATA MIGRATED", "/bytesSynced"),
    Column::wide("PRIORITY", "/priority"),
    Column::wide("NOTES", "/notes"),
];

const PLAN: [Column; 5] = [
    Column::of("BATCH", "/batch"),
    Column::of("READY", "/ready"),
    Column::of("OPEN", "/open"),
    Column::of("SINCE", "/unsyncedSince"),
    Column::of("SENTENCE", "/sentence"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: BatchCommand) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let quiet_api = || reach.api();
    let path = |name: &str| format!("/batches/{}", segment(name));
    match command {
        BatchCommand::New(args) => return new::run(&asked, &quiet_api(), &args).await,
        BatchCommand::Validate(args) => {
            let sheet = SheetArgs { dry_run: true, ..args.sheet };
            let judged = new::Creation { sheet, ..*args };
            return new::run(&asked, &quiet_api(), &judged).await;
        }
        BatchCommand::Add(args) => return new::add(&asked, &quiet_api(), &args).await,
        BatchCommand::List => asked.out.list(&quiet_api().get("/batches").await?, &COLUMNS)?,
        BatchCommand::Show { name } => asked.out.show(&quiet_api().get(&path(&name)).await?, &COLUMNS),
        BatchCommand::Set(args) => set::run(&asked, &quiet_api(), &args).await?,
        BatchCommand::Start(args) => {
            let more = args.more();
            return work(asked, &reach, ("start", more), args.run).await;
        }
        BatchCommand::Sync(args) => return work(asked, &reach, ("sync", String::new()), args).await,
        BatchCommand::Complete(CompleteBatch { run, plan: true, .. }) => {
            return plan(&asked, &quiet_api(), &path(&run.name)).await;
        }
        BatchCommand::Complete(CompleteBatch { run, despite_score, .. }) => {
            let more = despite_score.as_deref().map(despite).unwrap_or_default();
            return work(asked, &reach, ("complete", more), run).await;
        }
        BatchCommand::Approve(ApproveBatch { name, meant, approving }) => {
            let what = (meant.body(), &approving);
            approval::approve(&asked, &quiet_api(), (&path(&name), &COLUMNS), what).await?;
        }
        BatchCommand::Unapprove(UnapproveBatch { name, meant, dry_run }) => {
            let what = (meant.body(), dry_run);
            approval::unapprove(&asked, &quiet_api(), (&path(&name), &COLUMNS), what).await?;
        }
        BatchCommand::Accept(AcceptBatch { name, accepting }) => {
            acceptance::accept(&asked, &quiet_api(), (&path(&name), &COLUMNS), &accepting).await?;
        }
        BatchCommand::Stop { name, dry_run: true } => {
            let path = format!("{}/stop", path(&name));
            return pretend(&asked, &quiet_api(), (&path, ""), &COLUMNS).await;
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
            to_remove(&asked, &format!("the batch {name}"))?;
            quiet_api().call(Method::DELETE, &path(&name), None).await?;
            asked.out.say(&format!("The batch {name} is removed; its ledgers stay."));
        }
    }
    Ok(exit::OK)
}

/// What a completion would meet.
async fn plan(asked: &Asked<'_>, api: &Api, path: &str) -> Result<u8, Failure> {
    let plan = api.get(&format!("{path}/completion")).await?;
    let blockers = plan["blockers"].as_array().map_or(&[][..], Vec::as_slice);
    match asked.out.is_for_people() {
        true => {
            for blocker in blockers {
                let text = |name: &str| blocker[name].as_str().unwrap_or_default();
                asked.out.say(&format!("{}: {} [{}]", text("subject"), text("reason"), text("code")));
            }
            asked.out.say(plan["sentence"].as_str().unwrap_or_default());
        }
        false => asked.out.show(&plan, &PLAN),
    }
    Ok(if blockers.is_empty() { exit::OK } else { exit::PARTIAL })
}

async fn work(
    asked: Asked<'_>,
    reach: &Reach,
    (action, more): (&'static str, String),
    args: RunBatch,
) -> Result<u8, Failure> {
    if args.pass.dry_run {
        let path = format!("/batches/{}/{action}", segment(&args.name));
        return pretend(&asked, &reach.api(), (&path, &more), &COLUMNS).await;
    }
    // `complete --wait` means its own end, not the first sync's.
    let goal = match action {
        "complete" => Goal::Completed,
        _ => args.wait.unwrap_or(Goal::Synced),
    };
    let run = Run { more, ..Run::of(args.name, None, (action, goal), args.pass) };
    match reach {
        Reach::Here(instance) => foreground(&asked, instance, &run).await,
        Reach::There(_) => {
            run.pace.check_unset()?;
            background(&asked, &reach.api(), &run, args.wait.is_some()).await
        }
    }
}
