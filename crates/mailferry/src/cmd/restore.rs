//! `restore FILE`: a backup becomes a data folder again.
//!
//! All is unpacked, checked and prepared in a folder inside the data folder, and moved to its place in the end. What
//! was put after the backup is not in its ledger: windows over everything make the next passes look for it.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use clap::Args;
use mailferry_model::{
    Error, Kind, Side,
    audit::AuditEntry,
    port::{Audits, Batches, Endpoints, Users},
};
use mailferry_server::Problem;
use mailferry_store::{DATABASE, Location, MasterKey, OPEN, SqlStore, hold_alone, look};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Asked, backup::place_of};
use crate::{
    archive::{self, Label, REPORTS},
    exit::{self, Failure},
    instance::{self, KEY},
    out,
};

/// The flags of `restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// The file that `backup` wrote
    pub file: PathBuf,
    /// Also into a data folder that is not empty: what is there is moved into a folder inside it
    #[arg(long)]
    pub force: bool,
}

/// What had to be forgotten, since no key opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lost {
    /// `endpoint` or `batch`.
    kind: &'static str,
    name: String,
    /// Names of an endpoint's secrets; addresses of a batch's mailboxes.
    what: Vec<String>,
    fix: String,
}

/// What is in the store.
#[derive(Clone, Debug, Default, Serialize)]
struct Counts {
    endpoints: usize,
    batches: usize,
    mailboxes: usize,
}

/// Restores a backup.
pub async fn run(asked: Asked<'_>, args: RestoreArgs) -> Result<u8, Failure> {
    crate::reach::check_local(&asked, "restore")?;
    crate::database::check_embedded(asked.global, "restore")?;
    let folder = instance::data_folder(asked.global)?;
    if !args.file.exists() {
        return Err(Failure::usage(format!("{}: there is no such file", args.file.display())));
    }
    check_empty(&folder, args.force)?;
    let nothing_there = !folder.exists();
    instance::make_private(&folder)?;
    let _alone = hold_alone(&folder).map_err(|e| locked(&folder, &e))?;
    let restored = restore_into(&asked, &args, &folder).await;
    if restored.is_err() && nothing_there {
        // While it is still held: only what was made here for a backup that cannot be used, and nothing beside it.
        drop(fs::remove_dir_all(folder.join("locks")).and_then(|()| fs::remove_dir(&folder)));
    }
    restored
}

async fn restore_into(asked: &Asked<'_>, args: &RestoreArgs, folder: &Path) -> Result<u8, Failure> {
    let stage = Stage(folder.join(format!("restoring-{}", Uuid::now_v7().simple())));
    instance::make_private(&stage.0)?;
    let label = archive::unpack(&args.file, &stage.0).map_err(|why| {
        Failure::Problem(Box::new(Problem::refused(
            "BACKUP_UNREADABLE",
            format!("{}: {why}.", args.file.display()),
        )))
    })?;
    let looked = look(&stage.0.join(DATABASE), None).await?;
    if let Some(fault) = looked.faults.first() {
        let text = format!("{}: the store in it is damaged: {fault}.", args.file.display());
        return Err(Failure::Problem(Box::new(Problem::refused("BACKUP_UNREADABLE", text))));
    }
    let (key, place) = key(folder, &stage.0)?;
    let store = SqlStore::open(&Location::Sqlite(stage.0.clone()), key).await?;
    let (lost, counts) = prepare(&store).await?;
    let begun = store.doubt_everything().await?;
    record(&store, &label).await?;
    store.close().await;
    let aside = install(folder, &stage.0)
        .map_err(|e| Failure::Store(format!("the data folder {}: {e}", folder.display())))?;
    tell(asked, args, &Told { folder, label: &label, counts, lost, place, begun, aside });
    Ok(exit::OK)
}

/// What people are told in the end.
struct Told<'a> {
    folder: &'a Path,
    label: &'a Label,
    counts: Counts,
    lost: Vec<Lost>,
    place: String,
    begun: u64,
    aside: Option<PathBuf>,
}

/// A folder counts as empty when only a master key was laid into it.
fn check_empty(folder: &Path, force: bool) -> Result<(), Failure> {
    let unusable = |e: io::Error| Failure::Store(format!("the data folder {}: {e}", folder.display()));
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(unusable)?,
    };
    for entry in entries {
        let name = entry.map_err(unusable)?.file_name();
        if !force && ![KEY, "locks", "lost+found"].iter().any(|known| name == *known) {
            let text = format!("{} is not empty: it holds {}.", folder.display(), name.display());
            return Err(Failure::Problem(Box::new(Problem::conflict("RESTORE_NOT_EMPTY", text))));
        }
    }
    Ok(())
}

fn locked(folder: &Path, error: &io::Error) -> Failure {
    let kind = if error.kind() == ErrorKind::WouldBlock { Kind::Locked } else { Kind::Forbidden };
    Failure::Error(Error::new(kind, Side::Us, OPEN, format!("{}: {error}", folder.display())))
}

/// The key to go on with, and where it came from.
fn key(folder: &Path, stage: &Path) -> Result<(MasterKey, String), Failure> {
    let brought = match MasterKey::from_file(&stage.join(KEY)) {
        Ok(key) => Some(key),
        Err(e) if e.kind() == Kind::NotFound => None,
        Err(e) => return Err(e.into()),
    };
    match (instance::known_key(folder)?, brought) {
        (Some((known, place)), Some(brought)) if !known.is_same_as(&brought) => {
            let text = format!("The backup's master key is not the one that is here ({}).", place_of(&place));
            Err(Failure::Problem(Box::new(Problem::conflict("RESTORE_OTHER_KEY", text))))
        }
        (Some((known, place)), _) => Ok((known, format!("as it is here: {}", place_of(&place)))),
        (None, Some(brought)) => Ok((brought, "from the backup".to_owned())),
        (None, None) => {
            let made = MasterKey::create_file(&stage.join(KEY))?;
            Ok((made, "new: neither the backup nor this folder has the old one".to_owned()))
        }
    }
}

/// Forgets what the key does not open, and says whose it was; endpoints wait until they have their secrets again.
async fn prepare(store: &SqlStore) -> Result<(Vec<Lost>, Counts), Failure> {
    let foreign = store.forget_foreign_secrets().await?;
    let of = |owner: Uuid| foreign.iter().filter(move |(o, _)| *o == owner).map(|(_, name)| name.clone());
    let (endpoints, batches) = (store.endpoints().await?, store.batches().await?);
    let mut counts = Counts { endpoints: endpoints.len(), batches: batches.len(), mailboxes: 0 };
    let mut lost = Vec::new();
    for mut endpoint in endpoints {
        let what: Vec<String> = of(endpoint.id.0).collect();
        if what.is_empty() {
            continue;
        }
        let flags: String = what.iter().map(|name| format!(" --{name}-file FILE")).collect();
        let name = endpoint.name.clone();
        let fix = format!("mailferry endpoint set {name}{flags}");
        endpoint.needs_to_connect = Some(format!("Its secrets must be set again after a restore: {fix}"));
        store.set_endpoint(&endpoint).await?;
        lost.push(Lost { kind: "endpoint", name, what, fix });
    }
    for batch in batches {
        let users = store.users(batch.id).await?;
        counts.mailboxes += users.len();
        let bare = users.iter().filter(|u| of(u.id.0).next().is_some());
        let what: Vec<String> = bare.map(|u| u.address.clone()).collect();
        if !what.is_empty() {
            let fix = format!(
                "mailferry batch remove {0}, then batch new {0} with its CSV: nothing is copied twice",
                batch.name
            );
            lost.push(Lost { kind: "batch", name: batch.name, what, fix });
        }
    }
    Ok((lost, counts))
}

async fn record(store: &SqlStore, label: &Label) -> Result<(), Failure> {
    let entry = AuditEntry {
        at: jiff::Timestamp::now(),
        actor: instance::actor(),
        action: "store.restore".to_owned(),
        subject: format!("store from the backup of {}", label.made),
        change: None,
    };
    store.record(&entry).await?;
    Ok(())
}

/// Moves what was prepared to its place; where something is there, that goes aside first.
fn install(folder: &Path, stage: &Path) -> io::Result<Option<PathBuf>> {
    let old = folder.join(format!("before-restore-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")));
    let mut moved = false;
    // The write-ahead log first: without its store it is nothing, the store without it is older than it should be.
    for name in ["mailferry.db-wal", "mailferry.db-shm", DATABASE, REPORTS] {
        let there = folder.join(name);
        if there.try_exists()? {
            if !moved {
                use std::os::unix::fs::DirBuilderExt;
                fs::DirBuilder::new().mode(0o700).create(&old)?;
            }
            fs::rename(&there, old.join(name))?;
            moved = true;
        }
    }
    if !folder.join(KEY).exists() && stage.join(KEY).exists() {
        fs::rename(stage.join(KEY), folder.join(KEY))?;
    }
    if stage.join(REPORTS).exists() {
        fs::rename(stage.join(REPORTS), folder.join(REPORTS))?;
    }
    // Last: from here on it is a data folder.
    fs::rename(stage.join(DATABASE), folder.join(DATABASE))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(moved.then_some(old))
}

fn tell(asked: &Asked<'_>, args: &RestoreArgs, told: &Told<'_>) {
    if !asked.out.is_for_people() {
        let object = json!({
            "dataDir": told.folder, "made": told.label.made, "program": told.label.program,
            "holds": told.counts, "masterKey": told.place, "secretsToSet": told.lost,
            "ledgersToCompare": told.begun, "movedAside": told.aside,
        });
        return asked.out.show(&object, &[out::Column::of("DATA DIR", "/dataDir")]);
    }
    let say = |text: String| asked.out.say(&text);
    let Counts { endpoints, batches, mailboxes } = told.counts;
    say(format!(
        "Restored {} ({}, mailferry {}) into {}: endpoints: {endpoints}, batches: {batches}, mailboxes: {mailboxes}.",
        args.file.display(),
        told.label.made.strftime("%Y-%m-%d %H:%M:%SZ"),
        told.label.program,
        told.folder.display()
    ));
    say(format!("Master key: {}.", told.place));
    if let Some(aside) = &told.aside {
        say(format!("What was there lies in {}.", aside.display()));
    }
    if told.begun > 0 {
        say("The next pass of each mailbox first looks for what was put after the backup; nothing is doubled.".into());
    }
    if told.lost.is_empty() {
        return;
    }
    say("\nThese secrets do not open without the old master key and must be set again:".to_owned());
    for lost in &told.lost {
        let what = match lost.kind {
            "batch" => format!("passwords of mailboxes: {}", lost.what.len()),
            _ => lost.what.join(", "),
        };
        say(format!("  {} {}: {what}\n    {}", lost.kind, lost.name, lost.fix));
    }
    say(format!(
        "Or, if the old key is found: lay it into an empty folder as {KEY} (mode 0600) and restore into that."
    ));
}

/// Where the backup is unpacked; gone afterwards.
struct Stage(PathBuf);

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
