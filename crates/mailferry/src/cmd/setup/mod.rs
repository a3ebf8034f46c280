//! `setup`: the first run. Makes the data folder, the master key and the store, and says where they lie; prints the
//! unit for systemd. Asks nothing, and a second run changes nothing.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use mailferry_store::{DATABASE, Location, MasterKey, SqlStore};
use serde_json::json;

use super::{Asked, backup::place_of};
use crate::{
    archive::Draft,
    database,
    exit::{self, Failure},
    instance::{self, KeyPlace},
    out::{self, Column},
};

/// The flags of `setup`.
#[derive(Args)]
pub struct SetupArgs {
    /// Only write the unit for systemd: into a file, or to standard output
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with = "master_key")]
    pub systemd_unit: Option<Option<PathBuf>>,
    /// The program that the unit starts [default: this one]
    #[arg(long, value_name = "PATH", requires = "systemd_unit")]
    pub exec: Option<PathBuf>,
    /// Write the unit of a worker, which listens nowhere and shares its store
    #[arg(long, requires = "systemd_unit")]
    pub worker: bool,
    /// Only make a master key in this file, for systemd to hand over
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
}

/// The unit; `{exec}` is the program.
const UNIT: &str = include_str!("mailferry.service");

/// Runs it.
pub async fn run(asked: Asked<'_>, args: SetupArgs) -> Result<u8, Failure> {
    match (&args.systemd_unit, &args.master_key) {
        (Some(file), _) => {
            let text = if args.worker { of_worker() } else { UNIT.to_owned() };
            unit(&asked, (&text, file.as_deref()), args.exec.as_deref())
        }
        (None, Some(file)) => key(&asked, file),
        (None, None) => {
            crate::reach::check_local(&asked, "setup")?;
            folder(&asked).await
        }
    }
}

/// The unit of a worker: as the service's, with the shared store.
fn of_worker() -> String {
    let credential = "LoadCredential=mailferry-master-key:/etc/mailferry/mailferry-master-key";
    let both = format!("{credential}\nLoadCredential={0}:/etc/mailferry/{0}", database::CREDENTIAL);
    UNIT.replace(
        "#   mailferry setup --master-key /etc/mailferry/mailferry-master-key   (keep a copy of it elsewhere)",
        "#   put the master key of the installation into /etc/mailferry/mailferry-master-key and the URL of its database,\n\
         #   postgresql://USER:PASSWORD@HOST/DATABASE, into /etc/mailferry/mailferry-database-url; chmod 600 both",
    )
    .replace("mailferry as a service", "a worker of mailferry")
    .replace("mailferry.service", "mailferry-worker.service")
    .replace("enable --now mailferry", "enable --now mailferry-worker")
    .replace("edit mailferry`", "edit mailferry-worker`")
    .replace("Description=mailferry moves", "Description=worker of mailferry, which moves")
    .replace("{exec} serve", "{exec} worker")
    .replace("%S/mailferry", "%S/mailferry-worker")
    .replace("StateDirectory=mailferry", "StateDirectory=mailferry-worker")
    .replace(credential, &both)
}

fn unit(asked: &Asked<'_>, (text, file): (&str, Option<&Path>), exec: Option<&Path>) -> Result<u8, Failure> {
    let exec = match exec {
        Some(path) => path.to_owned(),
        None => std::env::current_exe().map_err(|e| Failure::own(format!("where this program lies: {e}")))?,
    };
    // systemd splits at blanks and replaces what follows a percent sign.
    let words = exec.to_str().filter(|p| p.starts_with('/') && !p.contains([' ', '%', '"', '\\', '$', '\n']));
    let words = words.ok_or_else(|| {
        Failure::usage(format!("--exec {}: give a whole path without blanks and signs", exec.display()))
    })?;
    let text = text.replace("{exec}", words);
    let Some(file) = file else {
        out::print(&text);
        return Ok(exit::OK);
    };
    let write = || -> io::Result<u64> {
        let mut draft = Draft::of(file)?;
        draft.write_all(text.as_bytes())?;
        draft.keep_open_to_all()
    };
    write().map_err(|e| Failure::usage(format!("--systemd-unit {}: {e}", file.display())))?;
    asked.out.say(&format!("Wrote {}; how to install it stands at its beginning.", file.display()));
    Ok(exit::OK)
}

fn key(asked: &Asked<'_>, file: &Path) -> Result<u8, Failure> {
    let was_there = file.exists();
    MasterKey::create_file(file)?;
    let name = file.display();
    match asked.out.is_for_people() {
        true => asked.out.say(&match was_there {
            true => format!("The master key is there already: {name}. It stays as it is."),
            false => format!("Made the master key: {name}. {KEEP}"),
        }),
        false => asked.out.show(&json!({ "masterKey": file, "made": !was_there }), &COLUMNS),
    }
    Ok(exit::OK)
}

const KEEP: &str =
    "Keep a copy of it elsewhere: without it nobody can open the passwords in the store or in backups.";
const COLUMNS: [Column; 2] = [Column::of("MASTER KEY", "/masterKey"), Column::of("MADE", "/made")];

async fn folder(asked: &Asked<'_>) -> Result<u8, Failure> {
    let folder = instance::data_folder(asked.global)?;
    let url = database::url(asked.global)?;
    let was_there = folder.join(DATABASE).exists();
    instance::make_private(&folder)?;
    let known = instance::known_key(&folder)?;
    let made_key = known.is_none();
    let (key, place) = match known {
        Some(known) => known,
        None if url.is_some() => (MasterKey::random()?, KeyPlace::Folder(folder.join(instance::KEY))),
        None => (instance::master_key(&folder)?, KeyPlace::Folder(folder.join(instance::KEY))),
    };
    let store = match &url {
        Some(url) => database::open(&folder, url).await?,
        None => SqlStore::open(&Location::Sqlite(folder.clone()), key).await?,
    };
    store.close().await;
    let place = place_of(&place);
    let shared = url.as_ref().map(database::shown);
    if !asked.out.is_for_people() {
        let told = json!({ "dataDir": folder, "made": !was_there, "masterKey": place, "madeKey": made_key, "database": shared });
        asked.out.show(&told, &COLUMNS);
        return Ok(exit::OK);
    }
    let made = |made: bool| if made { "made" } else { "there already" };
    asked.out.say(&format!("Data folder: {} ({})", folder.display(), made(!was_there)));
    if let Some(shared) = shared {
        asked.out.say(&format!("Database:    {shared}"));
    }
    asked.out.say(&format!("Master key:  {place} ({})", made(made_key)));
    if made_key {
        asked.out.say(KEEP);
    }
    asked.out.say("\nNext:");
    for (command, what) in [
        ("mailferry doctor", "whether this machine has what is needed"),
        ("mailferry endpoint new --help", "the first server"),
        ("mailferry backup FILE", "all that is remembered, in one file"),
        ("mailferry setup --systemd-unit", "the unit for the service"),
    ] {
        asked.out.say(&format!("  {command:32} {what}"));
    }
    Ok(exit::OK)
}
