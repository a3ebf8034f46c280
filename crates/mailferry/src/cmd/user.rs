//! `user list|show|set|start|retry|sync|complete|approve|accept|stop|move|remove`: the mailboxes of batches, one by one.

use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Asked,
    acceptance::{self, AcceptUser},
    approval::{self, ApproveUser, UnapproveUser},
    run_options::PassArgs,
    schedule, to_remove,
    waiting::{Goal, Run, background, despite, foreground, foretold, pretend},
};
use crate::{
    api::{Api, segment},
    exit::{self, Failure},
    out::Column,
    reach::Reach,
    secrets,
};

/// What to do with users.
#[derive(Subcommand)]
pub enum UserCommand {
    /// All users, of one batch or of all
    List {
        /// Only of this batch
        #[arg(long)]
        batch: Option<String>,
        /// Only in this status, or with this summary: Active, Synced, Completed, Failed, Stopped
        #[arg(long)]
        status: Option<String>,
    },
    /// One user, in whichever batches
    Show {
        /// The address
        address: String,
        /// Also its rate, how long it was in which phase, and how long it may still take
        #[arg(long)]
        stats: bool,
    },
    /// Give its passwords anew, where each mailbox signs in with its own, or say when it completes
    Set(Passwords),
    /// Start or resume it; all others of its batch stay as they are. What is told, and the exit code, are the batch's
    Start(RunUser),
    /// Try it again after its last pass failed
    Retry(RunUser),
    /// Sync it once more
    Sync(RunUser),
    /// The last sync and the verification, of it alone
    Complete(CompleteUser),
    /// Say that items of it may stay behind, and why
    Approve(ApproveUser),
    /// Take approvals back
    Unapprove(UnapproveUser),
    /// Stop what is under way for it
    Stop(Ending),
    /// Take it to another batch between the same endpoints; what was moved of it stays moved
    Move(Moving),
    /// Say that a mailbox of a pilot works at its new place
    SignOff(SigningOff),
    /// Tick what people found in order since its completion: mail-flow, calendar, mobile
    Accept(AcceptUser),
    /// Take it out of its batch; its ledger stays
    Remove(Ending),
}

/// Which user.
#[derive(Args)]
pub struct One {
    /// The address
    pub address: String,
    /// Its batch, where it is in several
    #[arg(long)]
    pub batch: Option<String>,
}

/// The flags of `user stop` and `user remove`.
#[derive(Args)]
pub struct Ending {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `user sign-off`.
#[derive(Args)]
pub struct SigningOff {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// What works, separated by commas: mail-flow, calendar, mobile, desktop, shared-mailboxes
    #[arg(
        long,
        value_name = "CHECK",
        value_delimiter = ',',
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub check: Vec<String>,
    /// All of it
    #[arg(long)]
    pub all: bool,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Take it back instead
    #[arg(long)]
    pub withdraw: bool,
    /// Only say what it would be
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `user move`.
#[derive(Args)]
pub struct Moving {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// The batch it goes to
    #[arg(long, value_name = "BATCH")]
    pub to: String,
    /// Only say whether it could be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `user set`.
#[derive(Args)]
pub struct Passwords {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// Its password at the source
    #[arg(long, value_name = "FILE", required_unless_present_any = ["target_password_file", "complete_after"])]
    pub password_file: Option<PathBuf>,
    /// Its password at the target
    #[arg(long, value_name = "FILE")]
    pub target_password_file: Option<PathBuf>,
    /// When it is completed by itself, before its batch's own time: 2026-12-01T18:00:00Z, now; with-batch takes it away
    #[arg(long, value_name = "TIME")]
    pub complete_after: Option<String>,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of commands that run a user.
#[derive(Args)]
pub struct RunUser {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// Wait until its batch rests. Without a service the work is done here, and always waited for
    #[arg(long)]
    pub wait: bool,
    /// How it is made.
    #[command(flatten)]
    pub pass: PassArgs,
}

/// The flags of `user complete`.
#[derive(Args)]
pub struct CompleteUser {
    /// How.
    #[command(flatten)]
    pub run: RunUser,
    /// Complete it although the data-consistency gate holds it back, and say why: it is audited
    #[arg(long, value_name = "REASON")]
    pub despite_score: Option<String>,
}

pub(super) const COLUMNS: [Column; 14] = [
    Column::of("ADDRESS", "/emailAddress"),
    Column::of("BATCH", "/batch"),
    Column::of("STATUS", "/status"),
    Column::of("SYNCED%", "/percentageSynced"),
    Column::of("ITEMS SYNCED", "/itemsSynced"),
    Column::of("ITEMS SKIPPED", "/itemsSkipped"),
    Column::of("SCORE", "/dataConsistencyScore"),
    Column::of("REASON", "/detail/code"),
    Column::wide("DATA MIGRATED", "/bytesSynced"),
    Column::wide("LAST SYNCED", "/lastSynced"),
    Column::wide("LAST PROGRESS", "/lastProgress"),
    Column::wide("WORDS", "/detail/text"),
    Column::wide("UNAPPROVED", "/itemsUnapproved"),
    Column::wide("ACCEPTED", "/accepted"),
];

const STATISTICS: [Column; 10] = [
    Column::of("ITEMS", "/itemsIdentified"),
    Column::of("BYTES", "/bytesIdentified"),
    Column::of("BYTES SYNCED", "/bytesSynced"),
    Column::of("BYTES A MINUTE", "/statistics/rateBytesPerMinute"),
    Column::of("SECONDS QUEUED", "/statistics/queuedSeconds"),
    Column::of("IN PROGRESS", "/statistics/inProgressSeconds"),
    Column::of("SYNCED", "/statistics/syncedSeconds"),
    Column::of("STALLED", "/statistics/stalledSeconds"),
    Column::of("SECONDS LEFT FROM", "/statistics/etaSeconds/from"),
    Column::of("TO", "/statistics/etaSeconds/to"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: UserCommand) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let api = reach.api();
    match command {
        UserCommand::List { batch, status } => {
            let mut query = Vec::new();
            query.extend(batch.map(|b| format!("batch={}", segment(&b))));
            query.extend(status.map(|s| format!("status={}", segment(&s))));
            let users = api.get(&format!("/users?{}", query.join("&"))).await?;
            asked.out.list(&users, &COLUMNS)?;
        }
        UserCommand::Show { address, stats } => {
            let users = api.get(&format!("/users/{}", segment(&address))).await?;
            let columns = if stats { [&COLUMNS[..], &STATISTICS].concat() } else { COLUMNS.to_vec() };
            match users.as_array().map(Vec::as_slice) {
                Some([one]) if asked.out.is_for_people() => {
                    asked.out.show(&if stats { measured(one) } else { unmeasured(one) }, &columns)
                }
                Some([one]) => asked.out.show(one, &columns),
                _ => asked.out.list(&users, &columns)?,
            }
        }
        UserCommand::Set(args) => set(&asked, &api, &args).await?,
        UserCommand::SignOff(args) => sign_off(&asked, &reach.api(), &args).await?,
        UserCommand::Start(args) => return work(&asked, &reach, "start", (args, "")).await,
        UserCommand::Retry(args) => return work(&asked, &reach, "retry", (args, "")).await,
        UserCommand::Sync(args) => return work(&asked, &reach, "sync", (args, "")).await,
        UserCommand::Complete(CompleteUser { run, despite_score }) => {
            let more = despite_score.as_deref().map(despite).unwrap_or_default();
            return work(&asked, &reach, "complete", (run, &more)).await;
        }
        UserCommand::Approve(ApproveUser { one, meant, approving }) => {
            let path = path(&api, &one).await?;
            approval::approve(&asked, &api, (&path, &COLUMNS), (meant.body(), &approving)).await?;
        }
        UserCommand::Unapprove(UnapproveUser { one, meant, dry_run }) => {
            let path = path(&api, &one).await?;
            approval::unapprove(&asked, &api, (&path, &COLUMNS), (meant.body(), dry_run)).await?;
        }
        UserCommand::Accept(AcceptUser { one, accepting }) => {
            let path = path(&api, &one).await?;
            acceptance::accept(&asked, &api, (&path, &COLUMNS), &accepting).await?;
        }
        UserCommand::Stop(Ending { one, dry_run: true }) => {
            let path = format!("{}/stop", path(&api, &one).await?);
            pretend(&asked, &api, (&path, ""), &COLUMNS).await?;
        }
        UserCommand::Stop(Ending { one, .. }) => {
            let user = api.post(&format!("{}/stop", path(&api, &one).await?), json!({})).await?;
            let sentence = format!("{} is stopping; what is under way ends in order.", one.address);
            told(&asked, &user, &sentence);
        }
        UserCommand::Move(Moving { one, to, dry_run }) => {
            let path = format!("{}/move?dryRun={dry_run}", path(&api, &one).await?);
            let user = api.post(&path, json!({ "to": to })).await?;
            let sentence = match dry_run {
                true => format!("{} could go to the batch {to}; nothing was done.", one.address),
                false => format!("{} is in the batch {to} now.", one.address),
            };
            told(&asked, &user, &sentence);
        }
        UserCommand::Remove(Ending { one, dry_run: true }) => {
            let path = format!("{}?dryRun=true", path(&api, &one).await?);
            api.call(Method::DELETE, &path, None).await?;
            asked.out.say(&format!("{} could be removed; nothing was done.", one.address));
        }
        UserCommand::Remove(Ending { one, .. }) => {
            let path = path(&api, &one).await?;
            to_remove(&asked, &format!("the user {}", one.address))?;
            api.call(Method::DELETE, &path, None).await?;
            asked.out.say(&format!("{} is removed; its ledger stays.", one.address));
        }
    }
    Ok(exit::OK)
}

/// What is measured of a user, as people read it.
fn measured(user: &Value) -> Value {
    let kept = |column: &Column| {
        let name = column.pointer.rsplit('/').next().unwrap_or_default();
        let is_range = column.pointer.contains("/etaSeconds/");
        (!is_range).then(|| (name.to_owned(), user.pointer(column.pointer).cloned().unwrap_or_default()))
    };
    let mut fields: serde_json::Map<String, Value> =
        COLUMNS.iter().filter(|c| !c.is_wide).chain(&STATISTICS).filter_map(kept).collect();
    let range = &user["statistics"]["etaSeconds"];
    if let (Some(from), Some(to)) = (range["from"].as_u64(), range["to"].as_u64()) {
        fields.insert("etaSeconds".to_owned(), format!("{from} to {to}").into());
    }
    Value::Object(fields)
}

/// The rest of it.
fn unmeasured(user: &Value) -> Value {
    let mut user = user.clone();
    if let Some(fields) = user.as_object_mut() {
        fields.remove("statistics");
    }
    user
}

async fn set(asked: &Asked<'_>, api: &Api, args: &Passwords) -> Result<(), Failure> {
    let mut body = json!({});
    for (name, flag, file) in [
        ("password", "--password-file", &args.password_file),
        ("targetPassword", "--target-password-file", &args.target_password_file),
    ] {
        let Some(file) = file else { continue };
        let secret = secrets::from_file(file).map_err(|e| e.of_option(flag))?;
        body[name] = json!(secret.expose());
    }
    if let Some(text) = &args.complete_after {
        body["completeAfter"] = match text.eq_ignore_ascii_case("with-batch") {
            true => Value::Null,
            false => schedule::time("--complete-after", text, None)?,
        };
    }
    let path = path(api, &args.one).await?;
    if args.dry_run {
        body["dryRun"] = json!(true);
        foretold(asked, &api.call(Method::PATCH, &path, Some(body)).await?, &COLUMNS);
        return Ok(());
    }
    let user = api.call(Method::PATCH, &path, Some(body)).await?;
    let address = &args.one.address;
    let next = match user["statusSummary"] == "Failed" {
        true => format!("; mailferry user retry {address} tries it"),
        false => String::new(),
    };
    let signs_in = args.password_file.is_some() || args.target_password_file.is_some();
    match (signs_in, user["completeAfter"].as_str()) {
        (true, _) => told(asked, &user, &format!("What {address} signs in with is changed{next}.")),
        (false, Some(at)) => told(asked, &user, &format!("{address} completes {at}, where a service runs.")),
        (false, None) => told(asked, &user, &format!("{address} completes with its batch.")),
    }
    Ok(())
}

async fn sign_off(asked: &Asked<'_>, api: &Api, args: &SigningOff) -> Result<(), Failure> {
    let path = format!("{}/sign-off", path(api, &args.one).await?);
    let body = json!({
        "checks": args.check, "comment": args.comment, "withdraw": args.withdraw, "dryRun": args.dry_run,
    });
    let user = api.post(&path, body).await?;
    match args.dry_run {
        true => foretold(asked, &user, &COLUMNS),
        false => told(asked, &user, user["notices"][0].as_str().unwrap_or_default()),
    }
    Ok(())
}

async fn work(
    asked: &Asked<'_>,
    reach: &Reach,
    action: &'static str,
    (args, more): (RunUser, &str),
) -> Result<u8, Failure> {
    let api = reach.api();
    if args.pass.dry_run {
        let path = format!("{}/{action}", path(&api, &args.one).await?);
        return pretend(asked, &api, (&path, more), &COLUMNS).await;
    }
    let name = batch(&api, &args.one).await?;
    let run = Run::of(name, Some(args.one.address), (action, Goal::Synced), args.pass);
    let run = Run { more: more.to_owned(), ..run };
    match reach {
        Reach::Here(instance) => foreground(asked, instance, &run).await,
        Reach::There(_) => {
            run.pace.check_unset()?;
            background(asked, &api, &run, args.wait).await
        }
    }
}

/// The batch that a user is in.
async fn batch(api: &Api, one: &One) -> Result<String, Failure> {
    if let Some(batch) = &one.batch {
        return Ok(batch.clone());
    }
    let users = api.get(&format!("/users/{}", segment(&one.address))).await?;
    let users = users.as_array().map_or(&[][..], Vec::as_slice);
    let batches: Vec<&str> = users.iter().filter_map(|user| user["batch"].as_str()).collect();
    match batches[..] {
        [batch] => Ok(batch.to_owned()),
        _ => {
            let (address, all) = (&one.address, batches.join(", "));
            Err(Failure::usage(format!("{address} is in several batches: say which by --batch: {all}")))
        }
    }
}

pub(super) async fn path(api: &Api, one: &One) -> Result<String, Failure> {
    Ok(format!("/batches/{}/users/{}", segment(&batch(api, one).await?), segment(&one.address)))
}

/// The user itself for programs, a sentence for people.
fn told(asked: &Asked<'_>, user: &Value, sentence: &str) {
    match asked.out.is_for_people() {
        true => asked.out.say(sentence),
        false => asked.out.show(user, &COLUMNS),
    }
}
