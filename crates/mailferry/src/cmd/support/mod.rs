//! `support bundle FILE`: what somebody who helps needs to see, without anything that tells who it is about.
//!
//! Only what is named here goes in; free texts (evidence, reasons, subjects, paths) never do.

mod collect;
mod pseudonyms;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use axum::http::StatusCode;
use clap::{Args, Subcommand};
use mailferry_server::Problem;
use serde_json::{Value, json};

use self::pseudonyms::Pseudonyms;
use super::{Asked, doctor};
use crate::{
    archive::Draft,
    exit::{self, Failure},
    instance::Instance,
    out::{self, Column},
};

/// What to do for those who help.
#[derive(Subcommand)]
pub enum SupportCommand {
    /// Write what helps others to help: statuses, codes and counts; no passwords, addresses or names
    Bundle(BundleArgs),
}

/// The flags of `support bundle`.
#[derive(Args)]
pub struct BundleArgs {
    /// The file to write (tar.gz)
    pub file: PathBuf,
    /// Also write, for yourself, which name stands for whom (CSV); do not send this one
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
}

const README: &str = "\
Written by `mailferry support bundle`. It holds versions, settings without secrets, statuses, counts and codes.

Names of servers, mailboxes, people, endpoints and batches are replaced by pseudonyms, the same for the same name
within this file. They are made with a random key that was thrown away: they cannot be turned back, except with the
table that `--names FILE` writes for whoever made this file.
";

/// Runs it.
pub async fn run(asked: Asked<'_>, command: SupportCommand) -> Result<u8, Failure> {
    crate::reach::check_local(&asked, "support bundle")?;
    let SupportCommand::Bundle(args) = command;
    // First: opening the instance would make what the doctor finds missing.
    let rows = doctor::rows(asked.global, doctor::PORT).await?;
    let instance = Instance::open(asked.global, asked.connectors.clone()).await?;
    let random = |e: getrandom::Error| Failure::own(format!("there is no randomness: {e}"));
    let mut names = Pseudonyms::fresh().map_err(random)?;
    let mut parts = vec![
        ("version.json", collect::version()),
        ("doctor.json", collect::doctor(&rows)),
        ("endpoints.json", collect::endpoints(&instance, &mut names).await?),
        ("batches.json", collect::batches(&instance, &mut names).await?),
        ("users.json", collect::users(&instance, &mut names).await?),
        ("items.json", collect::items(&instance, &mut names).await?),
        ("audit.json", collect::audit(&instance, &mut names).await?),
    ];
    parts.sort_by_key(|(name, _)| *name);
    if let Some(leak) = parts.iter().find_map(|(part, value)| Some((part, names.leak(&value.to_string())?))) {
        let text = format!("{} would have told a name ({}); nothing was written.", leak.0, leak.1);
        return Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "BUNDLE_TELLS", text));
    }
    let unwritable = |file: &PathBuf, e: &io::Error| {
        let text = format!("{}: {e}", file.display());
        problem(StatusCode::INTERNAL_SERVER_ERROR, "BACKUP_UNWRITABLE", text)
    };
    let bytes = write(&args.file, &parts).map_err(|e| unwritable(&args.file, &e))?;
    if let Some(file) = &args.names {
        let table = || -> io::Result<u64> {
            let mut draft = Draft::of(file)?;
            draft.write_all(names.table().as_bytes())?;
            draft.keep()
        };
        table().map_err(|e| unwritable(file, &e))?;
    }
    if !asked.out.is_for_people() {
        let told = json!({ "file": args.file, "sizeBytes": bytes, "names": args.names });
        asked.out.show(&told, &[Column::of("FILE", "/file"), Column::of("BYTES", "/sizeBytes")]);
    }
    asked.out.say(&format!(
        "Wrote {} ({}): no passwords, addresses or names; look into it before you send it (tar xzf).",
        args.file.display(),
        out::bytes(bytes)
    ));
    match &args.names {
        Some(file) => asked.out.say(&format!("Who is who stands in {}: keep that one.", file.display())),
        None => asked.out.say("To know later who is who: --names FILE."),
    }
    Ok(exit::OK)
}

fn problem(status: StatusCode, code: &str, text: String) -> Failure {
    Failure::Problem(Box::new(Problem::new(status, code, text)))
}

fn write(file: &std::path::Path, parts: &[(&str, Value)]) -> io::Result<u64> {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    let packed = flate2::write::GzEncoder::new(Draft::of(file)?, flate2::Compression::default());
    let mut tar = tar::Builder::new(packed);
    let mut add = |name: &str, text: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        tar.append_data(&mut header, format!("mailferry-support/{name}"), text)
    };
    add("README.txt", README.as_bytes())?;
    for (name, value) in parts {
        add(name, format!("{value:#}\n").as_bytes())?;
    }
    tar.into_inner()?.finish()?.keep()
}
