//! The CSV of a batch as commands take it: its rows are judged here and by the router, the good ones are sent.

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
    pilot::suggest::{Candidate, suggest},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    api::{Api, segment},
    cmd::Asked,
    exit::Failure,
    result::counted,
};

/// The flags of a CSV.
#[derive(Args)]
pub struct SheetArgs {
    /// EmailAddress[,UserName][,Password][,UserRoot][,TargetAddress][,TargetUserName][,TargetPassword], or the native
    /// columns of the kind
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
    /// Go on with the rows that can be used
    #[arg(long)]
    pub skip_rejected: bool,
    /// Where rows that cannot be used are written, with their reasons; never over the CSV itself
    #[arg(long, value_name = "FILE", default_value = "rejected.csv")]
    pub rejected: PathBuf,
    /// Only say whether it could be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// What came of a CSV.
pub(super) struct Sent {
    /// Rows that can be used.
    pub rows: usize,
    /// Rows that cannot.
    pub rejected: usize,
    /// What the router made of it; nothing was made where it was only judged.
    pub made: Option<Value>,
}

/// Who goes first, out of a sheet of all.
pub(super) struct Picking<'a> {
    /// At most so many.
    pub most: usize,
    /// Where the others are written.
    pub rest: &'a Path,
}

impl Picking<'_> {
    /// The sheet of those who are picked; the others are written beside it.
    pub(super) fn picked<'a>(&self, asked: &Asked<'_>, sheet: &Sheet<'a>) -> Result<Sheet<'a>, Failure> {
        let parsed = &sheet.parsed;
        let cell = |row: &csv::Row, name: &str| parsed.cell(row, name);
        let candidate = |row: &csv::Row| Candidate {
            address: row.source.address.clone(),
            department: cell(row, "Department"),
            size: cell(row, "bytes").and_then(|bytes| bytes.parse().ok()),
            is_shared: cell(row, "MailboxType").is_some_and(|kind| kind.to_lowercase().contains("shared")),
            has_delegates: cell(row, "Delegates").is_some_and(|text| text != "0"),
        };
        let candidates: Vec<Candidate> = parsed.rows.iter().map(candidate).collect();
        let (picks, unknown) = suggest(&candidates, self.most);
        for pick in &picks {
            asked.out.note(&format!("picked {}: {}", candidates[pick.at].address, pick.why));
        }
        unknown.iter().for_each(|what| asked.out.note(&format!("{}: {what}", sheet.args.csv.display())));
        let is_picked = |at: usize| picks.iter().any(|pick| pick.at == at);
        let others = parsed.rows.len() - picks.len();
        if others > 0 && !sheet.args.dry_run {
            let file = beside(&sheet.args.csv, self.rest)?;
            write_private(&file, &parsed.part_csv(|at| !is_picked(at)))?;
            asked.out.note(&format!("The other {others} are in {}.", file.display()));
        }
        sheet.part(is_picked)
    }
}

/// A CSV that was read: its good rows, and what to send of it.
pub(super) struct Sheet<'a> {
    args: &'a SheetArgs,
    reading: Reading,
    /// Its rows.
    pub parsed: Parsed,
    text: Zeroizing<String>,
}

impl<'a> Sheet<'a> {
    /// Reads it for batches between two endpoints.
    pub(super) async fn read(
        args: &'a SheetArgs,
        asked: &Asked<'_>,
        api: &Api,
        (source, target): (&str, &str),
    ) -> Result<Self, Failure> {
        let shown = args.csv.display();
        let bytes = std::fs::read(&args.csv).map_err(|e| Failure::usage(format!("--csv {shown}: {e}")))?;
        let bytes = Zeroizing::new(bytes);
        let needs =
            Needs { source: needed(asked, api, source).await?, target: needed(asked, api, target).await? };
        let reading = args.reading(needs);
        let refused = |r| args.refused(r);
        let parsed = csv::parse(&bytes, &reading).map_err(refused)?;
        let text = Zeroizing::new(csv::text(&bytes, args.encoding).map_err(refused)?.text.into_owned());
        parsed.notices.iter().for_each(|notice| asked.out.note(&format!("{shown}: {notice}")));
        Ok(Self { args, reading, parsed, text })
    }

    /// Some of its good rows as a sheet of their own.
    pub(super) fn part(&self, wanted: impl Fn(usize) -> bool) -> Result<Self, Failure> {
        let text = Zeroizing::new(String::from_utf8(self.parsed.part_csv(wanted)).unwrap_or_default());
        let reading = Reading { encoding: Encoding::Utf8, ..self.reading.clone() };
        let parsed = csv::parse(text.as_bytes(), &reading).map_err(|r| self.args.refused(r))?;
        Ok(Self { args: self.args, reading, parsed, text })
    }

    /// What is sent with what else belongs there.
    fn body(&self, mut body: Value) -> Value {
        let domains = self.reading.domains.iter().map(|rule| json!(format!("{}={}", rule.from, rule.to)));
        body["csv"] = json!(*self.text);
        body["allowUnknownColumns"] = self.args.allow_unknown_columns.into();
        body["domainMap"] = domains.collect();
        body["skipRejected"] = self.args.skip_rejected.into();
        body
    }

    /// Has its rows judged: the router knows what the file does not tell, mailboxes of other batches. Those that cannot be
    /// used are told and written beside it.
    pub(super) async fn judge(
        &mut self,
        asked: &Asked<'_>,
        api: &Api,
        (path, body): (&str, &Value),
    ) -> Result<(), Failure> {
        let mut body = self.body(body.clone());
        body["dryRun"] = true.into();
        self.parsed.reject(rejected(&api.post(path, body).await?));
        self.args.tell_rejected(asked, &self.parsed)
    }

    /// Has made of it what belongs to that path.
    pub(super) async fn make(&self, api: &Api, (path, body): (&str, &Value)) -> Result<Value, Failure> {
        api.post(path, self.body(body.clone())).await
    }

    /// Sends the rows to a path of the API; only has them judged with --dry-run.
    pub(super) async fn send(
        mut self,
        asked: &Asked<'_>,
        api: &Api,
        (path, body): (&str, Value),
    ) -> Result<Sent, Failure> {
        self.judge(asked, api, (path, &body)).await?;
        let made = match self.args.dry_run {
            true => None,
            false => Some(self.make(api, (path, &body)).await?),
        };
        if made.is_some() {
            after(asked, self.args, &self.parsed)?;
        }
        Ok(Sent { rows: self.parsed.rows.len(), rejected: self.parsed.rejected.len(), made })
    }
}

impl SheetArgs {
    fn refused(&self, refusal: csv::Refusal) -> Failure {
        Failure::Usage(refusal.code, format!("{}: {}", self.csv.display(), refusal.message))
    }

    fn reading(&self, needs: Needs) -> Reading {
        let unknown = if self.allow_unknown_columns { Unknown::Allowed } else { Unknown::Told };
        let domains = self.domain_map.clone();
        Reading { encoding: self.encoding, unknown, domains, ..Reading::of(needs) }
    }

    fn tell_rejected(&self, asked: &Asked<'_>, parsed: &Parsed) -> Result<(), Failure> {
        if parsed.rejected.is_empty() {
            return Ok(());
        }
        let file = beside(&self.csv, &self.rejected)?;
        write_private(&file, &parsed.rejected_csv())?;
        let goes_on = !self.dry_run && self.skip_rejected && !parsed.rows.is_empty();
        asked.out.note(&told_of_rejected(parsed.rejected.len(), &self.csv, &file, goes_on));
        if self.dry_run {
            // Otherwise the refusal, or the file, names them.
            let said =
                parsed.rejected.iter().map(|r| format!("row {}: {} [{}]", r.number, r.message, r.code));
            said.for_each(|row| asked.out.note(&row));
        }
        Ok(())
    }
}

/// What becomes of the file once its rows are kept.
pub(super) fn after(asked: &Asked<'_>, args: &SheetArgs, parsed: &Parsed) -> Result<(), Failure> {
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
