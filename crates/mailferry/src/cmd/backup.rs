//! `backup FILE`: the store, the reports and, when asked, the master key, as one file.

use std::{io, path::PathBuf};

use clap::Args;
use mailferry_model::{audit::AuditEntry, port::Audits};
use mailferry_server::Problem;
use mailferry_store::{DATABASE, Location, MasterKey, SqlStore};
use serde_json::json;
use uuid::Uuid;

use super::Asked;
use crate::{
    archive::{Draft, Label, Packing, REPORTS},
    exit::{self, Failure},
    instance::{self, KeyPlace},
    out,
};

/// The flags of `backup`.
#[derive(Args)]
pub struct BackupArgs {
    /// The file to write; an older one of that name is replaced once the new one is whole
    pub file: PathBuf,
    /// Put the master key into it: whoever has the file then has all passwords
    #[arg(long, conflicts_with = "without_master_key")]
    pub with_master_key: bool,
    /// Leave the master key out [default]
    #[arg(long)]
    pub without_master_key: bool,
}

/// Writes a backup.
pub async fn run(asked: Asked<'_>, args: BackupArgs) -> Result<u8, Failure> {
    crate::reach::check_local(&asked, "backup")?;
    crate::database::check_embedded(asked.global, "backup")?;
    let folder = instance::data_folder(asked.global)?;
    if !folder.join(DATABASE).exists() {
        let text = format!("There is no store in {}.", folder.display());
        return Err(Failure::Problem(Box::new(Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            "BACKUP_NOTHING",
            text,
        ))));
    }
    let (key, place) = match instance::known_key(&folder)? {
        Some((key, place)) => (key, Some(place)),
        None if args.with_master_key => return Err(instance::no_key(&folder)),
        // A store whose key is lost or elsewhere is copied all the same: nothing is opened for that.
        None => (MasterKey::random()?, None),
    };
    let key_text = args.with_master_key.then(|| key.to_text());
    let store = SqlStore::open(&Location::Sqlite(folder.clone()), key).await?;
    let copied = Copied(folder.join(format!("backup-{}", Uuid::now_v7().simple())));
    store.copy_into(&copied.0).await.map_err(|e| unwritable(&args, e.context()))?;
    let now = jiff::Timestamp::now();
    let label = Label::of(now, mailferry_store::newest_schema(), args.with_master_key);
    let write = || -> io::Result<(u64, u64)> {
        let mut packing = Packing::begin(Draft::of(&args.file)?, &label)?;
        packing.add_store(&copied.0)?;
        if let Some(text) = &key_text {
            packing.add_key(text.expose())?;
        }
        let reports = packing.add_reports(&folder.join(REPORTS))?;
        Ok((packing.end()?.keep()?, reports))
    };
    let (bytes, reports) = write().map_err(|e| unwritable(&args, &e.to_string()))?;
    let with = if args.with_master_key { "with" } else { "without" };
    let entry = AuditEntry {
        at: now,
        actor: instance::actor(),
        action: "store.backup".to_owned(),
        subject: format!("store {with} master key"),
        change: None,
    };
    store.record(&entry).await?;
    store.close().await;
    let file = args.file.display();
    asked.out.say(&format!(
        "Backup of {}: {file}, {}, {with} the master key.",
        folder.display(),
        out::bytes(bytes)
    ));
    asked.out.say(&match args.with_master_key {
        true => "Whoever has this file has all passwords in it: keep it like one.".to_owned(),
        false => format!(
            "The passwords in it open only with the master key ({}): keep a copy of that elsewhere. \
             Without it they must be set again after a restore.",
            place.as_ref().map_or_else(|| "which is not here".to_owned(), place_of)
        ),
    });
    if !asked.out.is_for_people() {
        let told = json!({
            "file": args.file, "sizeBytes": bytes, "masterKey": args.with_master_key,
            "reports": reports, "schema": label.schema, "made": label.made,
        });
        asked.out.show(&told, &[out::Column::of("FILE", "/file"), out::Column::of("BYTES", "/sizeBytes")]);
    }
    Ok(exit::OK)
}

/// Where the key is, in words.
pub fn place_of(place: &KeyPlace) -> String {
    match place {
        KeyPlace::Environment => "in MAILFERRY_MASTER_KEY".to_owned(),
        KeyPlace::Credential(path) => format!("the credential {}", path.display()),
        KeyPlace::Folder(path) => path.display().to_string(),
    }
}

fn unwritable(args: &BackupArgs, why: &str) -> Failure {
    let text = format!("{}: {why}", args.file.display());
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    Failure::Problem(Box::new(Problem::new(status, "BACKUP_UNWRITABLE", text)))
}

/// The copy of the store on its way into the file, in the private folder; gone afterwards.
struct Copied(PathBuf);

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
