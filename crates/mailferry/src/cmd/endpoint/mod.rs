//! `endpoint new|list|show|set|test|remove`.

use axum::http::Method;
use clap::{ArgMatches, Args, Subcommand};
use mailferry_connect::net::tls;
use mailferry_model::settings::{Manifest, Settings, Takes};
use serde_json::{Value, json};

use super::{Asked, to_remove};
use crate::{
    api::segment,
    args::{below, given_secret_files, given_settings},
    exit::{self, Failure},
    out::{Column, Out},
    reach::Reach,
    secrets,
};

mod ask;
mod new;
mod replace;
mod rows;
mod shown;
mod test;

pub(crate) use ask::{How, Subject, ask};
pub(crate) use test::Role;

/// What to do with endpoints.
#[derive(Subcommand)]
pub enum EndpointCommand {
    /// Make one
    New(new::Making),
    /// All of them
    List,
    /// One of them
    Show {
        /// Its name
        name: String,
    },
    /// Change one; its batches go on by themselves
    Set {
        /// Its name
        name: String,
        /// Take settings or secrets away
        #[arg(long, value_name = "SETTING")]
        unset: Vec<String>,
        /// What else.
        #[command(flatten)]
        flags: Flags,
    },
    /// Ask the live system, step by step: an endpoint by its name, or what the flags say
    Test(test::TestArgs),
    /// Put another in its place: its batches pause, point at the successor, and go on
    Replace(replace::Replacing),
    /// Remove one that no batch refers to
    Remove {
        /// Its name
        name: String,
        /// Only say whether it could be removed
        #[arg(short = 'n', long, visible_alias = "what-if")]
        dry_run: bool,
    },
}

/// The flags of `new` and `set` that are of no kind.
#[derive(Args, Default)]
pub struct Flags {
    /// Only say whether it could be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    dry_run: bool,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// A command of the shell that prints the password
    #[arg(long, value_name = "CMD", conflicts_with = "password_stdin")]
    password_command: Option<String>,
    /// Mailboxes in their initial sync at once
    #[arg(long, value_name = "N")]
    max_concurrent_migrations: Option<u32>,
    /// Mailboxes in incremental and final syncs at once
    #[arg(long, value_name = "N")]
    max_concurrent_incremental_syncs: Option<u32>,
}

const COLUMNS: [Column; 9] = [
    Column::of("NAME", "/name"),
    Column::of("TYPE", "/type"),
    Column::of("REMOTE SERVER", "/settings/remote-server"),
    Column::of("STATUS", "/status"),
    Column::of("MIGRATIONS", "/MaxConcurrentMigrations"),
    Column::of("INCREMENTAL", "/MaxConcurrentIncrementalSyncs"),
    Column::of("BATCHES", "/batches"),
    Column::wide("MODIFIED", "/modified"),
    Column::wide("NEEDS", "/needsToConnect"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: EndpointCommand) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let api = reach.api();
    match command {
        EndpointCommand::New(args) => return new::run(&asked, &reach, &args).await,
        EndpointCommand::List => asked.out.list(&api.get("/endpoints").await?, &COLUMNS)?,
        EndpointCommand::Show { name } => {
            let mut endpoint = api.get(&format!("/endpoints/{}", segment(&name))).await?;
            if asked.out.is_for_people() {
                summarize_test(&mut endpoint);
                if endpoint["settings"][CA].is_string() {
                    endpoint["settings"][CA] = "(certificates; whole with -o json)".into();
                }
            }
            asked.out.show(&endpoint, &COLUMNS);
        }
        EndpointCommand::Set { name, unset, flags } => change(&asked, &reach, &name, unset, &flags).await?,
        EndpointCommand::Test(args) => return test::run(&asked, &reach, &args).await,
        EndpointCommand::Replace(args) => return replace::run(&asked, &reach, &args).await,
        EndpointCommand::Remove { name, dry_run: true } => {
            api.call(Method::DELETE, &format!("/endpoints/{}?dryRun=true", segment(&name)), None).await?;
            asked.out.say(&format!("The endpoint {name} could be removed; nothing was done."));
        }
        EndpointCommand::Remove { name, .. } => {
            let path = format!("/endpoints/{}", segment(&name));
            api.get(&path).await?;
            to_remove(&asked, &format!("the endpoint {name}"))?;
            api.call(Method::DELETE, &path, None).await?;
            asked.out.say(&format!("The endpoint {name} is removed."));
        }
    }
    Ok(exit::OK)
}

/// The steps of the last tests in a line each: people see them with `endpoint test`.
fn summarize_test(endpoint: &mut Value) {
    let again = format!(
        " (again: mailferry endpoint test {}; its steps: -o json)",
        endpoint["name"].as_str().unwrap_or("ENDPOINT")
    );
    for (field, hint) in [("lastTest", again.as_str()), ("lastGoodTest", "")] {
        let Some(result) = endpoint[field]["result"].as_str() else { continue };
        let mut steps = endpoint[field]["steps"].as_array().into_iter().flatten();
        let failing = steps.find(|s| s["outcome"] == "fail").and_then(|s| s["step"].as_str());
        let failing = failing.map(|step| format!(" at {step}")).unwrap_or_default();
        let at = endpoint[field]["at"].as_str().map(|at| format!(", {at}")).unwrap_or_default();
        endpoint[field] = format!("{result}{failing}{at}{hint}").into();
    }
}

async fn change(
    asked: &Asked<'_>,
    reach: &Reach,
    name: &str,
    unset: Vec<String>,
    flags: &Flags,
) -> Result<(), Failure> {
    let api = &reach.api();
    let path = format!("/endpoints/{}", segment(name));
    let before = api.get(&path).await?;
    let manifest = manifest(asked, before["type"].as_str().unwrap_or_default())?;
    let matches = below(asked.matches, "endpoint", "set").unwrap_or(asked.matches);
    let (settings, secrets) = given(matches, manifest, stdin(flags)?)?;
    let settings = sent(reach, settings)?;
    let (mut plain, hidden) = taken_away(manifest, &unset)?;
    // One takes the place of the other.
    for (new, old) in [(CA, CA_FILE), (CA_FILE, CA)] {
        if settings.get(new).is_some() && before["settings"][old].is_string() {
            plain.push(old.to_owned());
        }
    }
    let limits = flags.max_concurrent_migrations.or(flags.max_concurrent_incremental_syncs);
    if settings.values.is_empty() && secrets.is_empty() && unset.is_empty() && limits.is_none() {
        let text = format!("nothing to change at {name}: name a setting, a secret or a limit (--help)");
        return Err(Failure::usage(text));
    }
    let kept = before["settings"].as_object().into_iter().flatten();
    let kept = kept.filter(|(name, _)| !plain.contains(name));
    let all = kept.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let all = all.fold(Settings::default(), |all, (name, value)| all.with(name, value));
    check(asked, manifest, &settings.values.iter().fold(all, |all, (name, value)| all.with(name, value)))?;
    let mut values = json!(settings.values);
    plain.into_iter().for_each(|s| values[s] = Value::Null);
    let mut secrets = object(secrets);
    hidden.into_iter().for_each(|s| secrets[s] = Value::Null);
    let body = json!({
        "version": before["version"],
        "settings": values,
        "secrets": secrets,
        "maxConcurrentMigrations": flags.max_concurrent_migrations,
        "maxConcurrentIncrementalSyncs": flags.max_concurrent_incremental_syncs,
        "dryRun": flags.dry_run,
    });
    let changed = api.call(Method::PATCH, &path, Some(body)).await?;
    let sentence = match changed["version"] == before["version"] {
        _ if flags.dry_run => format!("The endpoint {name} could be changed so; nothing was done."),
        true => format!("The endpoint {name} is so already: nothing was changed."),
        false => format!("The endpoint {name} is changed."),
    };
    told(asked.out, &changed, &sentence);
    Ok(())
}

/// What is taken away: plain settings and secrets.
fn taken_away(manifest: &Manifest, unset: &[String]) -> Result<(Vec<String>, Vec<String>), Failure> {
    if unset.iter().any(|name| manifest.setting(name).is_none()) {
        let known: Vec<&str> = manifest.settings.iter().map(|s| s.name).collect();
        let text = format!("--unset: {} has no such setting; it has {}", manifest.kind, known.join(", "));
        return Err(Failure::usage(text));
    }
    let is_secret = |name: &&String| manifest.setting(name).is_some_and(|s| s.takes == Takes::Secret);
    let (hidden, plain): (Vec<&String>, Vec<&String>) = unset.iter().partition(is_secret);
    Ok((plain.into_iter().cloned().collect(), hidden.into_iter().cloned().collect()))
}

type Secrets = Vec<(&'static str, String)>;

fn manifest(asked: &Asked<'_>, kind: &str) -> Result<&'static Manifest, Failure> {
    let mut manifests = asked.connectors.iter().map(|c| c.manifest());
    manifests.find(|m| m.kind.eq_ignore_ascii_case(kind)).ok_or_else(|| {
        let known: Vec<&str> = asked.connectors.iter().map(|c| c.manifest().kind).collect();
        Failure::usage(format!("--type is one of {}", known.join(", ")))
    })
}

/// The password from standard input or a command.
fn stdin(flags: &Flags) -> Result<Option<String>, Failure> {
    let secret = match &flags.password_command {
        Some(command) => Some(secrets::from_command(command)?),
        None => flags.password_stdin.then(secrets::from_stdin).transpose()?,
    };
    Ok(secret.map(|s| s.expose().clone()))
}

/// The file of authorities, and what stands in it.
const CA_FILE: &str = tls::CA_FILE.name;
const CA: &str = tls::CA.name;

/// Settings as the service takes them: the authorities that a file of this machine holds, not the file's name.
fn sent(reach: &Reach, mut settings: Settings) -> Result<Settings, Failure> {
    let Reach::There(_) = reach else { return Ok(settings) };
    if let Some(path) = settings.values.remove(CA_FILE) {
        let unreadable = |e: std::io::Error| Failure::usage(format!("--{CA_FILE}: {path}: {e}"));
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        settings = settings.with(CA, text);
    }
    Ok(settings)
}

/// Settings and secrets from the flags.
fn given(
    flags: &ArgMatches,
    manifest: &Manifest,
    stdin: Option<String>,
) -> Result<(Settings, Secrets), Failure> {
    let (settings, faults) = given_settings(flags, manifest);
    if !faults.is_empty() {
        return Err(Failure::usage(faults.join("; ")));
    }
    let mut secrets: Secrets = Vec::new();
    for (name, path) in given_secret_files(flags, manifest) {
        let secret = secrets::from_file(&path).map_err(|e| e.of_option(&format!("--{name}-file")))?;
        secrets.push((name, secret.expose().clone()));
    }
    if let Some(password) = stdin {
        if manifest.setting("password").is_none() {
            return Err(Failure::usage(format!("{} takes no password", manifest.kind)));
        }
        secrets.retain(|(name, _)| *name != "password");
        secrets.push(("password", password));
    }
    Ok((settings, secrets))
}

/// What the connector says of the settings, beyond what the router can know.
fn check(asked: &Asked<'_>, manifest: &Manifest, settings: &Settings) -> Result<(), Failure> {
    let connector = asked.connectors.iter().find(|c| c.manifest().kind == manifest.kind);
    let mut faults = manifest.check(settings);
    if faults.is_empty() {
        faults = connector.and_then(|c| c.check(settings).err()).unwrap_or_default();
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::Usage("SETTINGS_REFUSED", faults.join("; "))),
    }
}

/// The same for settings from elsewhere than the flags; a kind that there is not is the router's to refuse.
pub(crate) fn check_known(
    asked: &Asked<'_>,
    kind: &str,
    values: &serde_json::Map<String, Value>,
) -> Result<(), Failure> {
    let Some(connector) = asked.connectors.iter().find(|c| c.manifest().kind == kind) else { return Ok(()) };
    let all = values.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let settings = all.fold(Settings::default(), |all, (name, value)| all.with(name, value));
    // What the manifest asks for may be a secret: the router sees those.
    match connector.manifest().check(&settings).is_empty() {
        true => check(asked, connector.manifest(), &settings),
        false => Ok(()),
    }
}

fn object(secrets: Secrets) -> Value {
    Value::Object(secrets.into_iter().map(|(name, secret)| (name.to_owned(), secret.into())).collect())
}

/// What an answer says beside the thing itself.
pub(crate) fn note(out: &Out, thing: &Value) {
    thing["notices"].as_array().into_iter().flatten().filter_map(Value::as_str).for_each(|n| out.note(n));
}

/// The thing itself for programs, a sentence for people.
fn told(out: &Out, thing: &Value, sentence: &str) {
    match out.is_for_people() {
        true => out.say(sentence),
        false => out.show(thing, &COLUMNS),
    }
}
