//! `batch new` and `batch validate`: rows of a CSV are judged here and by the router, the good ones make a batch.

use std::{
    collections::HashMap,
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use clap::Args;
use mailferry_model::{
    catalogue,
    csv::{self, DomainRule, Encoding, Needs, Parsed, Passwords, Reading, Unknown},
    schedule::shown,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::COLUMNS;
use crate::{
    api::{Api, segment},
    cmd::{Asked, run_options::RunArgs, schedule::ScheduleArgs},
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
    /// EmailAddress[,UserName][,Password][,TargetAddress][,TargetUserName][,TargetPassword]
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// How the CSV is encoded where no byte order mark says it: auto, utf-8 or windows-1252
    #[arg(long, value_name = "ENCODING", default_value = "auto")]
    pub encoding: Encoding,
    /// Leave columns alone that mean nothing here, even one that looks like a misspelt name
    #[arg(long)]
    pub allow_unknown_columns: bool,
    /// A domain that is another one at the target, where a row names no TargetAddress
    #[arg(long, value_name = "OLD=NEW")]
    pub domain_map: Vec<DomainRule>,
    /// Overwrite and remove the CSV once its passwords are kept encrypted
    #[arg(long)]
    pub shred_csv: bool,
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
    /// When it does what.
    #[command(flatten)]
    pub schedule: ScheduleArgs,
    /// What moves.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Makes one from a CSV, or only judges it.
pub(crate) async fn run(asked: &Asked<'_>, api: &Api, args: &Creation) -> Result<u8, Failure> {
    let shown = args.csv.display();
    let bytes = std::fs::read(&args.csv).map_err(|e| Failure::usage(format!("--csv {shown}: {e}")))?;
    let bytes = Zeroizing::new(bytes);
    let needs = Needs {
        source: needed(asked, api, &args.source).await?,
        target: needed(asked, api, &args.target).await?,
    };
    let unknown = if args.allow_unknown_columns { Unknown::Allowed } else { Unknown::Told };
    let (encoding, domains) = (args.encoding, args.domain_map.clone());
    let reading = Reading { encoding, unknown, domains, ..Reading::of(needs) };
    let refused = |r: csv::Refusal| Failure::Usage(r.code, format!("{shown}: {}", r.message));
    let mut parsed = csv::parse(&bytes, &reading).map_err(refused)?;
    let text = Zeroizing::new(csv::text(&bytes, encoding).map_err(refused)?.text.into_owned());
    parsed.notices.iter().for_each(|notice| asked.out.note(&format!("{shown}: {notice}")));
    let domain_map: Vec<String> = reading.domains.iter().map(|r| format!("{}={}", r.from, r.to)).collect();
    let mut body = json!({
        "name": args.name,
        "source": args.source,
        "target": args.target,
        "csv": *text,
        "options": args.run.options(),
        "schedule": args.schedule.given(None)?,
        "notes": args.notes,
        "allowUnknownColumns": args.allow_unknown_columns,
        "domainMap": domain_map,
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
                asked.out.say(&format!("The batch {} has {rows}; {}", args.name, begins(&made)));
            }
            false => asked.out.show(&made, &COLUMNS),
        }
    }
    if !args.dry_run {
        after(asked, args, &parsed)?;
    }
    Ok(if parsed.rejected.is_empty() { exit::OK } else { exit::PARTIAL })
}

/// How a batch begins that was made.
fn begins(made: &Value) -> String {
    let (name, schedule) = (made["name"].as_str().unwrap_or_default(), &made["schedule"]);
    match schedule["startAfter"].as_str().and_then(|at| at.parse().ok()) {
        Some(at) => format!("its mailboxes begin {}.", shown(at, schedule["timeZone"].as_str())),
        None => format!("mailferry batch start {name} begins."),
    }
}

/// What becomes of the file once its rows are kept.
fn after(asked: &Asked<'_>, args: &Creation, parsed: &Parsed) -> Result<(), Failure> {
    let shown = args.csv.display();
    if args.shred_csv {
        shred(&args.csv).map_err(|e| Failure::own(format!("--shred-csv {shown}: {e}; the batch is made")))?;
        asked.out.note(&format!("{shown} was overwritten and removed; its passwords are kept encrypted."));
    } else if parsed.rows.iter().any(|r| r.source.password.is_some() || r.target.password.is_some()) {
        asked.out.note(&format!(
            "{shown} holds passwords; they are kept encrypted now, the file is not needed. With --shred-csv it is \
             overwritten and removed."
        ));
    }
    Ok(())
}

/// Overwrites and removes a file. What a file system or a disk keeps of older blocks it cannot reach.
fn shred(path: &Path) -> std::io::Result<()> {
    let is_file = std::fs::symlink_metadata(path)?.is_file();
    if !is_file {
        return Err(std::io::Error::other("it is no plain file, so it stays as it is"));
    }
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    let size = file.metadata()?.len();
    std::io::copy(&mut std::io::repeat(0).take(size), &mut file)?;
    file.sync_all()?;
    std::fs::remove_file(path)
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
