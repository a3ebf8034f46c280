//! `endpoint new`: found by Autodiscover where the settings leave the server open, tested first when asked.

use std::io::{BufRead, IsTerminal};

use clap::Args;
use mailferry_engine::probing::keep;
use mailferry_model::{
    finding::TestResult,
    secret::Secret,
    settings::{Manifest, Settings, signs_in},
};
use serde_json::json;

use super::{
    Asked, Flags, How, Role, Secrets, Subject,
    ask::{ask, discover},
    check, given, manifest, note, object, sent, shown, stdin, told,
};
use crate::{
    api::{Api, segment},
    args::below,
    exit::{self, Failure},
    out,
    reach::Reach,
    secrets,
};

/// What to make.
#[derive(Args)]
pub struct Making {
    /// Its name, unique; without one a name is proposed: asked for on a terminal, taken with --yes
    name: Option<String>,
    /// The kind of system: imap, maildir; exchange-remote, outlook-anywhere, google and m365 are tested only so far
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Test it first, and make it only if nothing fails
    #[arg(long)]
    test: bool,
    /// Why it is made without a test; kept in the audit log
    #[arg(long, value_name = "TEXT", conflicts_with = "test")]
    reason: Option<String>,
    /// What else.
    #[command(flatten)]
    flags: Flags,
}

/// Makes it.
pub async fn run(asked: &Asked<'_>, reach: &Reach, args: &Making) -> Result<u8, Failure> {
    let api = &reach.api();
    let manifest = manifest(asked, &args.kind)?;
    let name = &match &args.name {
        Some(name) => name.clone(),
        None => named(asked, &proposed(api, manifest).await?, manifest)?,
    };
    let matches = below(asked.matches, "endpoint", "new").unwrap_or(asked.matches);
    let (mut settings, mut secrets) = given(matches, manifest, stdin(&args.flags)?)?;
    let lacks = manifest.setting("password").is_some() && !secrets.iter().any(|(name, _)| signs_in(name));
    if let Some(user) = settings.get("username").filter(|_| lacks) {
        let secret = match secrets::from_environment("MAILFERRY_PASSWORD") {
            Some(secret) => secret,
            None => secrets::ask(user, "password-file FILE")?,
        };
        secrets.push(("password", secret.expose().clone()));
    }
    check(asked, manifest, &settings)?;
    settings = sent(reach, settings)?;
    if settings.get("autodiscover").is_some() {
        match discover(asked, reach, (manifest.kind, with(&settings, &secrets))).await? {
            Ok(complete) => settings.values = complete.values,
            Err(row) => return Ok(refused(asked, TestResult::of(vec![*row]))),
        }
    }
    let mut tested = None;
    if args.test {
        let subject = Subject::AdHoc(manifest.kind, with(&settings, &secrets));
        let came = ask(asked, reach, &subject, &How::of(Role::Source)).await?;
        if came.result.result == "Failed" {
            return Ok(refused(asked, came.result));
        }
        tested = Some(came);
    }
    let body = json!({
        "name": name,
        "type": manifest.kind,
        "settings": settings.values,
        "secrets": object(secrets),
        "maxConcurrentMigrations": args.flags.max_concurrent_migrations,
        "maxConcurrentIncrementalSyncs": args.flags.max_concurrent_incremental_syncs,
        "unverified": (tested.is_none() && !args.flags.dry_run).then(|| why(asked, args)).transpose()?,
        "dryRun": args.flags.dry_run,
        "tested": tested.as_ref().and_then(|came| came.id.as_ref()),
    });
    let mut made = api.post("/endpoints", body).await?;
    let notices = made["notices"].take();
    let sentence = match &tested {
        _ if args.flags.dry_run => format!("The endpoint {name} could be made; nothing was done."),
        None => format!("The endpoint {name} is made; test it: mailferry endpoint test {name}"),
        Some(came) => {
            if let Reach::Here(instance) = reach {
                let endpoint = instance.store.endpoint(name).await?;
                keep(&*instance.store, &endpoint, None, &mut came.result.clone()).await?;
                made = api.get(&format!("/endpoints/{}", segment(name))).await?;
            }
            format!("The endpoint {name} is tested and made.")
        }
    };
    match notices.is_null() {
        true => _ = made.as_object_mut().map(|fields| fields.remove("notices")),
        false => made["notices"] = notices,
    }
    told(asked.out, &made, &sentence);
    note(asked.out, &made);
    if !manifest.moves {
        asked.out.note(&format!(
            "Endpoints of the type {} are tested only so far: no mailbox moves.",
            manifest.kind
        ));
    }
    Ok(exit::OK)
}

/// Why there is no test: from the flag, or asked for on a terminal.
fn why(asked: &Asked<'_>, args: &Making) -> Result<String, Failure> {
    const NOT_GIVEN: &str = "not given";
    match &args.reason {
        Some(reason) => Ok(reason.clone()),
        None if asked.global.yes || asked.global.quiet || !is_terminal() => Ok(NOT_GIVEN.to_owned()),
        None => answered("It is saved without a test (--test tests it first). Why?", NOT_GIVEN),
    }
}

/// A name where none was given: the proposal with `--yes`, else what somebody at a terminal says to it.
fn named(asked: &Asked<'_>, proposed: &str, manifest: &Manifest) -> Result<String, Failure> {
    match (asked.global.yes, is_terminal()) {
        (true, _) => Ok(proposed.to_owned()),
        (false, true) => answered("The endpoint's name?", proposed),
        (false, false) => Err(Failure::usage(format!(
            "an endpoint needs a name. Proposed: {proposed}; --yes takes it, or write: mailferry endpoint new {proposed} --type {} …",
            manifest.kind
        ))),
    }
}

/// Asks at the terminal; an empty answer is the one in brackets.
fn answered(question: &str, usual: &str) -> Result<String, Failure> {
    out::complain(&format!("{question} [{usual}] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|e| Failure::own(format!("the terminal cannot be read: {e}")))?;
    Ok(if answer.trim().is_empty() { usual } else { answer.trim() }.to_owned())
}

fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn with(settings: &Settings, secrets: &Secrets) -> Settings {
    let all = settings.clone();
    secrets.iter().fold(all, |all, (name, secret)| all.with_secret(name, Secret::new(secret.clone())))
}

/// Nothing is made: shows why, and what could be given by hand.
fn refused(asked: &Asked<'_>, result: TestResult) -> u8 {
    match asked.out.is_for_people() {
        true => {
            shown::show(asked.out, &result, &shown::Wanted::of(asked, false));
            asked.out.say("Nothing was made.");
        }
        false => asked.out.show(&json!(result), &[]),
    }
    result.exit_code(Role::Source.tested_as())
}

/// A name as guides propose them: what it is, and the month; with a number where that is taken.
async fn proposed(api: &Api, manifest: &Manifest) -> Result<String, Failure> {
    let name = format!("{}-{}", manifest.naming, jiff::Timestamp::now().strftime("%Y-%m"));
    let all = api.get("/endpoints").await?;
    let all: Vec<&str> = all.as_array().into_iter().flatten().filter_map(|e| e["name"].as_str()).collect();
    let is_free = |name: &String| !all.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    Ok(std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name))
}
