//! `scan start|list|show|plan|stop|resume|remove`: what mailboxes hold, before anything moves. Nothing is written at either
//! side.
//!
//! Without a service the scan is made by this command; with one its worker makes it, and `--wait` waits for that.

use std::{path::PathBuf, time::Duration};

use axum::http::Method;
use clap::{Args, Subcommand};
use mailferry_model::{
    cancel::Cancel,
    csv::{self, Encoding},
    schedule::size,
    verification::Ended,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Asked,
    planner::{self, PlanArgs},
    to_remove,
};
use crate::{
    api::{Api, segment},
    args::Form,
    exit::{self, Failure},
    instance::Pace,
    out::{self, Column},
    reach::Reach,
    result::counted,
    signals,
};

/// Between two looks at a scan that a service makes.
const LOOK: Duration = Duration::from_millis(500);
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What to do with scans.
#[derive(Subcommand)]
pub enum ScanCommand {
    /// Read what mailboxes hold: sizes, counts, folders, names, items that are too large
    Start(StartArgs),
    /// All scans, newest first
    List,
    /// What a scan found: in all mailboxes together, and in each
    Show {
        /// Its id
        id: String,
    },
    /// How long its mailboxes would take to move, what decides that, and in which waves
    Plan(PlanArgs),
    /// Stop a scan; what it has found stays
    Stop {
        /// Its id
        id: String,
    },
    /// Go on with the mailboxes that are left
    Resume {
        /// Its id
        id: String,
        /// Wait until a service has made it
        #[arg(long)]
        wait: bool,
    },
    /// Forget a scan and what it found
    Remove {
        /// Its id
        id: String,
    },
}

/// The flags of `scan start`.
#[derive(Args)]
pub struct StartArgs {
    /// The mailboxes of this batch
    #[arg(long, value_name = "NAME", conflicts_with_all = ["source", "csv", "target"], required_unless_present = "csv")]
    batch: Option<String>,
    /// The endpoint that is read
    #[arg(long, value_name = "ENDPOINT", requires = "csv")]
    source: Option<String>,
    /// The endpoint that folder names are held against
    #[arg(long, value_name = "ENDPOINT", requires = "csv")]
    target: Option<String>,
    /// The mailboxes: the CSV of a batch; the columns Department and Group are read too
    #[arg(long, value_name = "FILE", requires = "source")]
    csv: Option<PathBuf>,
    /// How the CSV is encoded where no byte order mark says it: auto, utf-8 or windows-1252
    #[arg(long, value_name = "ENCODING", default_value = "auto")]
    encoding: Encoding,
    /// Go on with the rows that can be used
    #[arg(long)]
    skip_rejected: bool,
    /// Name items larger than this: 25M, 1G [default: what the target says, else 35 MB as Microsoft 365 comes]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Wait until a service has made it
    #[arg(long)]
    wait: bool,
}

const SCANS: [Column; 8] = [
    Column::of("ID", "/id"),
    Column::of("STATE", "/state"),
    Column::of("SOURCE", "/source"),
    Column::of("TARGET", "/target"),
    Column::of("BATCH", "/batch"),
    Column::of("MAILBOXES", "/mailboxes"),
    Column::of("LOOKED_AT", "/lookedAt"),
    Column::of("ASKED", "/asked"),
];

/// The columns of its CSV: docs/reference/scan.md. Only ever added.
const MAILBOXES: [Column; 30] = [
    Column::of("MAILBOX", "/emailAddress"),
    Column::wide("TARGET", "/targetAddress"),
    Column::wide("DEPARTMENT", "/department"),
    Column::wide("GROUP", "/group"),
    Column::of("OUTCOME", "/outcome"),
    Column::of("ITEMS", "/items"),
    Column::of("SIZE", "/bytes"),
    Column::of("FOLDERS", "/folders"),
    Column::of("LARGEST", "/bytesLargest"),
    Column::wide("LARGEST_IN", "/largestIn"),
    Column::of("TOO_LARGE", "/oversize"),
    Column::wide("TOO_LARGE_SIZE", "/bytesOversize"),
    Column::wide("LIMIT", "/bytesLimit"),
    Column::wide("LIMIT_OF", "/limitOf"),
    Column::of("DEPTH", "/depth"),
    Column::wide("DEEPEST", "/deepest"),
    Column::of("BAD_NAMES", "/badNames"),
    Column::wide("NAMES", "/names"),
    Column::wide("CHANGED", "/foldersChanged"),
    Column::of("LAST_ACTIVITY", "/lastActivity"),
    Column::wide("SPECIAL", "/special"),
    Column::wide("SHARED", "/shared"),
    Column::wide("OTHER_USERS", "/otherUsers"),
    Column::wide("PUBLIC", "/public"),
    Column::wide("VIRTUAL", "/virtual"),
    Column::wide("UNREAD", "/unread"),
    Column::wide("PERMISSIONS", "/permissions"),
    Column::wide("MILLISECONDS", "/milliseconds"),
    Column::wide("ITEMS_PER_SECOND", "/itemsPerSecond"),
    Column::of("CODE", "/code"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: ScanCommand) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let api = reach.api();
    match command {
        ScanCommand::List => {
            asked.out.list(&api.get("/scans").await?, &SCANS)?;
            Ok(exit::OK)
        }
        ScanCommand::Show { id } => show(&asked, &api, &id).await,
        ScanCommand::Plan(args) => planner::run(&asked, &api, &args).await,
        ScanCommand::Stop { id } => {
            api.post(&format!("/scans/{}/stop", segment(&id)), json!({})).await?;
            asked.out.say(&format!("Stopped. It goes on with: mailferry scan resume {id}"));
            Ok(exit::OK)
        }
        ScanCommand::Remove { id } => {
            to_remove(&asked, &format!("the scan {id} and what it found"))?;
            api.call(Method::DELETE, &format!("/scans/{}", segment(&id)), None).await?;
            Ok(exit::OK)
        }
        ScanCommand::Resume { id, wait } => {
            // One that was cut off waits already.
            let path = format!("/scans/{}", segment(&id));
            if !matches!(api.get(&path).await?["state"].as_str(), Some("Ordered" | "Running")) {
                api.post(&format!("{path}/resume"), json!({})).await?;
            }
            made(&asked, &reach, &id, wait).await
        }
        ScanCommand::Start(args) => {
            let scan = api.post("/scans", order(&asked, &args)?).await?;
            let id = scan["id"].as_str().unwrap_or_default().to_owned();
            made(&asked, &reach, &id, args.wait).await
        }
    }
}

fn order(asked: &Asked<'_>, args: &StartArgs) -> Result<Value, Failure> {
    let mut order = json!({ "maxSize": args.max_size });
    let Some(file) = &args.csv else {
        order["batch"] = json!(args.batch);
        return Ok(order);
    };
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("--csv {shown}: {e}")))?;
    let bytes = Zeroizing::new(bytes);
    let read = csv::text(&bytes, args.encoding)
        .map_err(|r| Failure::Usage(r.code, format!("{shown}: {}", r.message)))?;
    asked.out.note(&format!("Reading mailboxes of {shown}; nothing is written at either side."));
    order["csv"] = json!(*read.text);
    order["source"] = json!(args.source);
    order["target"] = json!(args.target);
    order["skipRejected"] = args.skip_rejected.into();
    Ok(order)
}

/// Has it made, and shows what came of it.
async fn made(asked: &Asked<'_>, reach: &Reach, id: &str, waits: bool) -> Result<u8, Failure> {
    let (api, cancel) = (reach.api(), Cancel::default());
    signals::watch(&cancel);
    match reach {
        Reach::Here(instance) => {
            let parsed = id.parse().map_err(|_| Failure::own("the scan has no id"))?;
            instance.worker(Pace::default()).make_scan(parsed, &cancel).await?;
            if cancel.is_cancelled() {
                let text =
                    format!("What was found is kept; mailferry scan resume {id} goes on with the rest.");
                return Err(Failure::Interrupted(text));
            }
        }
        Reach::There(_) if waits => wait(&api, id, &cancel).await?,
        Reach::There(_) => {
            let scan = api.get(&format!("/scans/{}", segment(id))).await?;
            asked.out.show(&scan, &SCANS);
            asked.out.note(&format!("The service makes it; mailferry scan show {id} tells how far it is."));
            return Ok(exit::OK);
        }
    }
    show(asked, &api, id).await
}

async fn wait(api: &Api, id: &str, cancel: &Cancel) -> Result<(), Failure> {
    let path = format!("/scans/{}", segment(id));
    let mut look = LOOK;
    while matches!(api.get(&path).await?["state"].as_str(), Some("Ordered" | "Running")) {
        tokio::select! {
            () = cancel.cancelled() => {
                let text = format!("The service goes on; mailferry scan show {id} tells how far it is.");
                return Err(Failure::Interrupted(text));
            }
            // Each answer sums up all mailboxes.
            () = tokio::time::sleep(look) => look = (look * 2).min(LONGEST_LOOK),
        }
    }
    Ok(())
}

/// All that it found so far; 3 where a mailbox could not be read.
async fn show(asked: &Asked<'_>, api: &Api, id: &str) -> Result<u8, Failure> {
    let path = format!("/scans/{}", segment(id));
    let mut scan = api.get(&path).await?;
    let mailboxes = mailboxes(api, &path).await?;
    let strange = |e: serde_json::Error| Failure::own(format!("the scan: {e}"));
    let ended: Option<Ended> = serde_json::from_value(scan["error"].clone()).map_err(strange)?;
    match asked.out.form {
        Form::Json | Form::Yaml => {
            scan["results"] = Value::Array(mailboxes);
            asked.out.show(&scan, &[]);
        }
        Form::Jsonl => {
            mailboxes.iter().for_each(|mailbox| asked.out.event(mailbox));
            asked.out.result(&scan);
        }
        Form::Csv | Form::Name | Form::Table | Form::Wide => {
            let rows = mailboxes.iter().map(row).collect::<Vec<_>>();
            asked.out.list(&json!(rows), &MAILBOXES)?;
            sentences(&scan).iter().for_each(|sentence| asked.out.say(sentence));
        }
    }
    match ended {
        Some(ended) => Err(ended.error().into()),
        None if scan["total"]["failed"].as_u64() > Some(0) => Ok(exit::PARTIAL),
        None => Ok(exit::OK),
    }
}

async fn mailboxes(api: &Api, path: &str) -> Result<Vec<Value>, Failure> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last["number"].as_u64().unwrap_or(0));
        let part = api.get(&format!("{path}/mailboxes?after={after}")).await?;
        match part.as_array() {
            Some(part) if !part.is_empty() => all.extend(part.iter().cloned()),
            _ => return Ok(all),
        }
    }
}

/// A mailbox as a row: one field for each column.
fn row(mailbox: &Value) -> Value {
    let found = &mailbox["found"];
    let list = |name: &str, one: &dyn Fn(&Value) -> String| {
        let all = found[name].as_array()?;
        Some(all.iter().map(one).collect::<Vec<_>>().join("; "))
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    json!({
        "emailAddress": mailbox["emailAddress"],
        "targetAddress": mailbox["targetAddress"],
        "department": mailbox["department"],
        "group": mailbox["group"],
        "outcome": mailbox["outcome"],
        "items": found["mail"]["items"],
        "bytes": found["mail"]["bytes"],
        "folders": found["folders"],
        "bytesLargest": found["largest"]["size"],
        "largestIn": found["largest"]["folder"],
        "oversize": found["oversize"]["items"],
        "bytesOversize": found["oversize"]["bytes"],
        "bytesLimit": found["limit"],
        "limitOf": found["limitOf"],
        "depth": found["depth"],
        "deepest": found["deepest"],
        "badNames": found["badNames"],
        "names": list("names", &|n| format!("{}: {}", text(&n["folder"]), text(&n["reason"]))),
        "foldersChanged": found["preview"]["changed"],
        "lastActivity": day(&found["lastActivity"]),
        "special": list("special", &|s| format!("{}={}", text(&s["role"]), text(&s["folder"]))),
        "shared": found["leftOut"]["shared"],
        "otherUsers": found["leftOut"]["otherUsers"],
        "public": found["leftOut"]["public"],
        "virtual": found["leftOut"]["virtual"],
        "unread": list("unread", &|u| format!("{}: {}", text(&u["folder"]), text(&u["reason"]))),
        "permissions": mailbox["permissions"],
        "milliseconds": found["milliseconds"],
        "itemsPerSecond": mailbox["itemsPerSecond"],
        "code": mailbox["error"]["code"],
    })
}

/// The day of a number of seconds since 1970.
fn day(seconds: &Value) -> Option<String> {
    let at = jiff::Timestamp::from_second(seconds.as_i64()?).ok()?;
    Some(at.to_string().chars().take(10).collect())
}

/// What all mailboxes hold together, for people.
fn sentences(scan: &Value) -> Vec<String> {
    let (total, number) = (&scan["total"], |value: &Value| value.as_u64().unwrap_or(0));
    let mut all = vec![format!(
        "{} of {} looked at: {}, {} in {}.",
        number(&scan["lookedAt"]),
        counted(number(&scan["mailboxes"]), "mailbox"),
        out::bytes(number(&total["mail"]["bytes"])),
        counted(number(&total["mail"]["items"]), "message"),
        counted(number(&total["folders"]), "folder"),
    )];
    let mut add = |n: &Value, sentence: &dyn Fn(u64) -> String| match number(n) {
        0 => {}
        n => all.push(sentence(n)),
    };
    add(&total["failed"], &|n| format!("{} could not be read; CODE says why.", counted(n, "mailbox")));
    add(&total["oversize"]["items"], &|n| {
        format!("{} above the limit: -o json names them.", counted(n, "message"))
    });
    add(&total["badNames"], &|n| {
        format!("{} that targets may refuse, change or merge: -o wide names them.", counted(n, "folder name"))
    });
    add(&total["unread"], &|n| format!("{} could not be read: -o wide names them.", counted(n, "folder")));
    if let Some(largest) = total["largestMailbox"].as_str() {
        let size = out::bytes(number(&total["largestMailboxBytes"]));
        all.push(format!("The largest mailbox is {largest} ({size})."));
    }
    all.extend(scan["hybrid"]["sentence"].as_str().map(str::to_owned));
    all.push("Permissions are not known: no system that is read today tells them.".to_owned());
    let left = number(&scan["mailboxes"]).saturating_sub(number(&scan["lookedAt"]));
    if left > 0 && matches!(scan["state"].as_str(), Some("Stopped" | "Done" | "Ordered")) {
        let id = scan["id"].as_str().unwrap_or_default();
        all.push(format!("{} left: mailferry scan resume {id}", counted(left, "mailbox")));
    }
    all
}
