//! `endpoint test`: an endpoint by its name, or ad hoc what the flags say, before anything is stored.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use mailferry_engine::probing::SAMPLE;
use mailferry_model::{
    Side,
    finding::TestedAs,
    port::Connector,
    secret::Secret,
    settings::{MailboxAddress, signs_in},
};
use serde_json::json;

use super::{
    super::run_options::length,
    Asked,
    ask::{How, Subject, ask},
    check, given, manifest, rows, sent, shown,
};
use crate::{
    args::{Form, below},
    exit::Failure,
    reach::Reach,
    secrets,
};

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

impl Role {
    /// For exit codes.
    pub(crate) fn tested_as(self) -> TestedAs {
        match self {
            Self::Source => TestedAs::Source,
            Self::Target => TestedAs::Target,
        }
    }

    /// For the API.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
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
pub async fn run(asked: &Asked<'_>, reach: &Reach, args: &TestArgs) -> Result<u8, Failure> {
    let named = sample(args)?;
    let (subject, flagged) = match (&args.name, &args.kind) {
        (Some(name), _) => (Subject::Stored(name.clone()), flagged(asked, name)?),
        (None, Some(kind)) => {
            // A mailbox may have a password of its own, and whoever only connects shows none.
            let has = args.mailbox_password_file.is_some() || args.csv.is_some() || args.repeats.is_some();
            (ad_hoc((asked, reach), kind, !has)?, None)
        }
        (None, None) => return Err(unnamed()),
    };
    if let Some(csv) = &args.csv {
        return rows::run(asked, reach, &subject, (csv, args.role)).await;
    }
    let how = How { mailbox: named.or(flagged), repeats: args.repeats, ..How::of(args.role) };
    let result = ask(asked, reach, &subject, &how).await?.result;
    match asked.out.form {
        Form::Table | Form::Wide => shown::show(asked.out, &result, &shown::Wanted::of(asked, args.native)),
        Form::Json | Form::Yaml => asked.out.show(&json!(result), &[]),
        _ => asked.out.list(&json!(result.steps), &shown::COLUMNS)?,
    }
    Ok(result.exit_code(args.role.tested_as()))
}

fn unnamed() -> Failure {
    Failure::usage("name an endpoint, or say what to test: --type TYPE".to_owned())
}

pub(super) fn connector<'a>(asked: &'a Asked<'_>, kind: &str) -> Result<&'a Arc<dyn Connector>, Failure> {
    let known = asked.connectors.iter().find(|c| c.manifest().kind == kind);
    known.ok_or_else(|| Failure::own(format!("no such kind: {kind}")))
}

/// A stored endpoint is tested as it is stored; a sample mailbox may be named for this test.
fn flagged(asked: &Asked<'_>, name: &str) -> Result<Option<MailboxAddress>, Failure> {
    let matches = below(asked.matches, "endpoint", "test").unwrap_or(asked.matches);
    let of_kind = matches.ids().filter_map(|i| i.as_str().strip_prefix("setting:")).find(|f| *f != SAMPLE);
    if let Some(flag) = of_kind {
        return Err(Failure::usage(format!(
            "--{flag} is for a test without a name; to change the endpoint: mailferry endpoint set {name} --{flag} …"
        )));
    }
    let sample = matches.try_get_one::<String>(&format!("setting:{SAMPLE}")).ok().flatten();
    Ok(sample.map(|address| MailboxAddress { address: address.clone(), ..MailboxAddress::default() }))
}

/// What the flags say. A test without an account is a test, too; an account that `needs` a password and has none is asked
/// for it.
fn ad_hoc((asked, reach): (&Asked<'_>, &Reach), kind: &str, needs: bool) -> Result<Subject, Failure> {
    let manifest = manifest(asked, kind)?;
    let matches = below(asked.matches, "endpoint", "test").unwrap_or(asked.matches);
    let (mut settings, secrets) = given(matches, manifest, None)?;
    check(asked, manifest, &settings)?;
    settings = sent(reach, settings)?;
    let from_environment = || secrets::from_environment("MAILFERRY_PASSWORD");
    if !secrets.iter().any(|(name, _)| signs_in(name)) && manifest.setting("password").is_some() {
        match (from_environment(), settings.get("username")) {
            (Some(password), _) => settings = settings.with_secret("password", password),
            (None, Some(user)) if needs => {
                let password = secrets::ask(user, "password-file FILE")?;
                settings = settings.with_secret("password", password);
            }
            (None, _) => {}
        }
    }
    for (name, secret) in secrets {
        settings = settings.with_secret(name, Secret::new(secret));
    }
    Ok(Subject::AdHoc(manifest.kind, settings))
}

fn sample(args: &TestArgs) -> Result<Option<MailboxAddress>, Failure> {
    let Some(address) = args.mailbox.clone() else { return Ok(None) };
    let password = args.mailbox_password_file.as_deref().map(secrets::from_file).transpose();
    let password = password.map_err(|e| e.of_option("--mailbox-password-file"))?;
    Ok(Some(MailboxAddress { address, password, ..MailboxAddress::default() }))
}
