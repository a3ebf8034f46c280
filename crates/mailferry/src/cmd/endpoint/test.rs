//! `endpoint test`: an endpoint by its name, or ad hoc what the flags say, before anything is stored.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::http::Method;
use clap::{Args, ValueEnum};
use mailferry_engine::probing::{probe, repeat};
use mailferry_model::{
    Side,
    cancel::Cancel,
    finding::{Step, TestResult, TestedAs, Verdict},
    port::{Connector, Cx},
    secret::Secret,
    settings::{MailboxAddress, Settings, signs_in},
};
use serde_json::json;

use super::{super::run_options::length, Asked, check, given, manifest, rows, shown};
use crate::{
    api::{Api, segment},
    args::{Form, below},
    exit::Failure,
    instance::{Instance, Pace},
    secrets, signals,
};

/// The setting that names the mailbox which tests open.
const SAMPLE: &str = "test-mailbox";

/// What to test, and how.
#[derive(Args)]
pub struct TestArgs {
    /// Its name; without one the flags say what is tested, and nothing is stored
    name: Option<String>,
    /// The kind of system, where no name is given
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "name")]
    kind: Option<String>,
    /// The side it will play
    #[arg(long = "as", value_enum, default_value_t = Role::Source)]
    role: Role,
    /// A mailbox to open, instead of the endpoint's test-mailbox
    #[arg(long, value_name = "ADDRESS")]
    mailbox: Option<String>,
    /// The mailbox's password, where it has its own
    #[arg(long, value_name = "FILE")]
    mailbox_password_file: Option<PathBuf>,
    /// Show what Microsoft's own framework would say
    #[arg(long)]
    native: bool,
    /// Connect again and again for so long (5m), without signing in: resets, losses and the spread of latency
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    repeats: Option<Duration>,
    /// Sign in to each mailbox of a CSV instead, before a batch is made of it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mailbox", "repeats"])]
    csv: Option<PathBuf>,
}

/// A length of time that is one.
fn lasting(text: &str) -> Result<Duration, String> {
    match length(text)? {
        Duration::ZERO => Err("that is no time at all; write how long, such as 30s or 5m".to_owned()),
        lasts => Ok(lasts),
    }
}

/// The side that an endpoint plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// It will be read
    Source,
    /// It will be written
    Target,
}

/// What is tested: a kind and its settings, with secrets.
struct Subject {
    kind: String,
    settings: Settings,
}

impl Role {
    /// For exit codes.
    pub(crate) fn tested_as(self) -> TestedAs {
        match self {
            Self::Source => TestedAs::Source,
            Self::Target => TestedAs::Target,
        }
    }

    pub(super) fn side(self) -> Side {
        match self {
            Self::Source => Side::Source,
            Self::Target => Side::Target,
        }
    }
}

/// Tests it.
pub async fn run(asked: &Asked<'_>, instance: &Instance, api: &Api, args: &TestArgs) -> Result<u8, Failure> {
    let mailbox = sample(args)?;
    if let Some(csv) = &args.csv {
        let subject = match (&args.name, &args.kind) {
            (Some(name), _) => stored(asked, instance, name).await?,
            (None, Some(kind)) => ad_hoc(asked, kind)?,
            (None, None) => return Err(unnamed()),
        };
        let connector = connector(asked, &subject.kind)?;
        return rows::run(asked, instance, &**connector, &subject.settings, (csv, args.role)).await;
    }
    let (result, subject) = match (&args.name, &args.kind) {
        (Some(name), _) => {
            let subject = stored(asked, instance, name).await?;
            (kept(asked, instance, api, (name, args.role), &subject, mailbox).await?, subject)
        }
        (None, Some(kind)) => {
            let subject = ad_hoc(asked, kind)?;
            let connector = connector(asked, &subject.kind)?;
            (ask_system(instance, &**connector, &subject.settings, mailbox, args.role).await?, subject)
        }
        (None, None) => return Err(unnamed()),
    };
    let result = match args.repeats {
        None => result,
        Some(how_long) => {
            let connector = connector(asked, &subject.kind)?;
            let cx = cx(instance, args.role);
            let repeated = Some(repeat(&**connector, &subject.settings, &cx, how_long).await);
            TestResult { repeated, ..result }
        }
    };
    match asked.out.form {
        Form::Table | Form::Wide => shown::show(asked.out, &result, &shown::Wanted::of(asked, args.native)),
        Form::Json | Form::Yaml => asked.out.show(&json!(result), &[]),
        _ => asked.out.list(&json!(result.steps), &shown::COLUMNS)?,
    }
    Ok(result.exit_code(args.role.tested_as()))
}

/// Tests a stored endpoint, and keeps what was found.
pub(crate) async fn ask_stored(
    asked: &Asked<'_>,
    instance: &Instance,
    api: &Api,
    (name, role): (&str, Role),
    mailbox: Option<MailboxAddress>,
) -> Result<TestResult, Failure> {
    let subject = with_secrets(instance, name).await?;
    kept(asked, instance, api, (name, role), &subject, mailbox).await
}

async fn kept(
    asked: &Asked<'_>,
    instance: &Instance,
    api: &Api,
    (name, role): (&str, Role),
    subject: &Subject,
    mailbox: Option<MailboxAddress>,
) -> Result<TestResult, Failure> {
    let connector = connector(asked, &subject.kind)?;
    let foreign = mailbox.is_some();
    let mut result = ask_system(instance, &**connector, &subject.settings, mailbox, role).await?;
    // A mailbox of the flags that is refused says nothing about the endpoint as it is stored.
    if !(foreign && result.steps.iter().any(|s| s.outcome == Verdict::Fail && s.step >= Step::Auth)) {
        remember(api, name, &mut result).await?;
    }
    Ok(result)
}

/// Tests a system; nothing is kept.
pub(crate) async fn ask_system(
    instance: &Instance,
    connector: &dyn Connector,
    settings: &Settings,
    mailbox: Option<MailboxAddress>,
    role: Role,
) -> Result<TestResult, Failure> {
    // Without a sample mailbox an account of its own shows whether it signs in; an administrator who acts for
    // others may have no mailbox at all.
    let own = settings.get("username").filter(|_| settings.get("admin-style").is_none());
    let of = |address: &str| MailboxAddress { address: address.to_owned(), ..MailboxAddress::default() };
    let mailbox = mailbox.or_else(|| settings.get(SAMPLE).or(own).map(of));
    let cx = cx(instance, role);
    let mut result = probe(connector, settings, mailbox.as_ref(), &cx).await;
    if cx.cancel.is_cancelled() {
        return Err(Failure::Interrupted("The test was interrupted.".to_owned()));
    }
    result.at = Some(instance.clock.now());
    Ok(result)
}

fn cx(instance: &Instance, role: Role) -> Cx {
    let cancel = Cancel::default();
    signals::watch(&cancel);
    instance.house(Pace::default()).0.cx(role.side(), &cancel, Some(1))
}

fn unnamed() -> Failure {
    Failure::usage("name an endpoint, or say what to test: --type TYPE".to_owned())
}

pub(super) fn connector<'a>(asked: &'a Asked<'_>, kind: &str) -> Result<&'a Arc<dyn Connector>, Failure> {
    let known = asked.connectors.iter().find(|c| c.manifest().kind == kind);
    known.ok_or_else(|| Failure::own(format!("no such kind: {kind}")))
}

/// An endpoint with its secrets: the API shows none, and what runs probes needs them.
async fn stored(asked: &Asked<'_>, instance: &Instance, name: &str) -> Result<Subject, Failure> {
    let matches = below(asked.matches, "endpoint", "test").unwrap_or(asked.matches);
    let of_kind = matches.ids().filter_map(|i| i.as_str().strip_prefix("setting:")).find(|f| *f != SAMPLE);
    if let Some(flag) = of_kind {
        return Err(Failure::usage(format!(
            "--{flag} is for a test without a name; to change the endpoint: mailferry endpoint set {name} --{flag} …"
        )));
    }
    let mut subject = with_secrets(instance, name).await?;
    if let Ok(Some(sample)) = matches.try_get_one::<String>(&format!("setting:{SAMPLE}")) {
        subject.settings = subject.settings.with(SAMPLE, sample);
    }
    Ok(subject)
}

async fn with_secrets(instance: &Instance, name: &str) -> Result<Subject, Failure> {
    let endpoint = instance.store.endpoint(name).await?;
    let mut settings = endpoint.settings.clone();
    for (name, secret) in instance.store.unseal(endpoint.id.0).await? {
        settings = settings.with_secret(&name, secret);
    }
    Ok(Subject { kind: endpoint.kind, settings })
}

/// What the flags say. Nothing is asked for on a terminal: a test without a password is a test, too.
fn ad_hoc(asked: &Asked<'_>, kind: &str) -> Result<Subject, Failure> {
    let manifest = manifest(asked, kind)?;
    let matches = below(asked.matches, "endpoint", "test").unwrap_or(asked.matches);
    let (mut settings, secrets) = given(matches, manifest, None)?;
    check(asked, manifest, &settings)?;
    let from_environment = || secrets::from_environment("MAILFERRY_PASSWORD");
    if !secrets.iter().any(|(name, _)| signs_in(name))
        && manifest.setting("password").is_some()
        && let Some(password) = from_environment()
    {
        settings = settings.with_secret("password", password);
    }
    for (name, secret) in secrets {
        settings = settings.with_secret(name, Secret::new(secret));
    }
    Ok(Subject { kind: manifest.kind.to_owned(), settings })
}

fn sample(args: &TestArgs) -> Result<Option<MailboxAddress>, Failure> {
    let Some(address) = args.mailbox.clone() else { return Ok(None) };
    let password = args.mailbox_password_file.as_deref().map(secrets::from_file).transpose();
    let password = password.map_err(|e| e.of_option("--mailbox-password-file"))?;
    Ok(Some(MailboxAddress { address, password, ..MailboxAddress::default() }))
}

/// Keeps what was found, and says what is different since the last good test.
async fn remember(api: &Api, name: &str, result: &mut TestResult) -> Result<(), Failure> {
    let path = format!("/endpoints/{}", segment(name));
    let before = api.get(&path).await?;
    if let Ok(good) = serde_json::from_value::<TestResult>(before["lastGoodTest"].clone()) {
        result.changes = result.changes_since(&good);
        result.since = good.at;
    }
    api.call(Method::PUT, &format!("{path}/test"), Some(json!(result))).await?;
    Ok(())
}
