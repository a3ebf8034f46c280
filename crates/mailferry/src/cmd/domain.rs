//! `domain check|list|show|remove`: what the DNS of a domain says of its mail flow, and what it shall say. Changes nothing in
//! the DNS.
//!
//! Without a service this command looks; with one its worker does, and again each hour until a planned switch.

use std::{collections::BTreeMap, time::Duration};

use axum::http::Method;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use mailferry_connect::domain::Dns;
use mailferry_model::{cancel::Cancel, schedule::zone};
use serde_json::{Value, json};

use super::{Asked, schedule, to_remove};
use crate::{
    api::{Api, segment},
    args::Form,
    exit::{self, Failure},
    instance::Pace,
    out::Column,
    reach::Reach,
    signals,
};

/// Between two looks whether a service's worker has looked, and how long that may take.
const LOOK: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(60);
/// The exit code where the DNS could not be asked: that of a test which fails there.
const NO_DNS: u8 = 20;

/// What to do with domains.
#[derive(Subcommand)]
pub enum DomainCommand {
    /// Look at MX, SPF, DKIM, DMARC and autodiscover, now and wanted, and at how long others will believe the old
    Check(Box<CheckArgs>),
    /// The domains that were looked at
    List,
    /// What was seen of a domain when it was last looked at
    Show {
        /// Its name
        name: String,
    },
    /// Forget a domain and what was seen of it
    Remove {
        /// Its name
        name: String,
    },
}

/// The flags of `domain check`.
#[derive(Args)]
pub struct CheckArgs {
    /// example.org
    #[arg(required = true, value_name = "DOMAIN")]
    names: Vec<String>,
    /// What this provider asks for, where nothing else is said: microsoft-365 or google
    #[arg(long, value_name = "PROVIDER")]
    to: Option<String>,
    /// The tenant's first domain, contoso.onmicrosoft.com: DKIM of Microsoft 365 leads there
    #[arg(long, value_name = "DOMAIN")]
    tenant: Option<String>,
    /// A host that shall take its mail; once for each
    #[arg(long, value_name = "HOST")]
    mx: Vec<String>,
    /// What SPF shall contain: include:spf.example.org
    #[arg(long, value_name = "MECHANISM")]
    spf: Option<String>,
    /// A DKIM selector, and the name or the text that it shall be
    #[arg(long, value_name = "SELECTOR[=VALUE]")]
    dkim: Vec<String>,
    /// What DMARC shall contain: p=quarantine; any, if nothing is said
    #[arg(long, value_name = "TAG", num_args = 0..=1, default_missing_value = "")]
    dmarc: Option<String>,
    /// The host that autodiscover shall lead to
    #[arg(long, value_name = "HOST")]
    autodiscover: Option<String>,
    /// When the switch is planned: 2026-12-01T18:00:00+01:00, or 2026-12-01 18:00 with --tz
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The zone of a time that names none: Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = schedule::zoned)]
    tz: Option<String>,
    /// The batch whose completion is the switch
    #[arg(long, value_name = "NAME", conflicts_with = "at")]
    batch: Option<String>,
    /// The DNS server that is asked: 192.0.2.53, or 192.0.2.53:5353 [default: the system's]
    #[arg(long, value_name = "ADDRESS")]
    resolver: Option<String>,
}

const RECORDS: [Column; 8] = [
    Column::wide("DOMAIN", "/domain"),
    Column::of("RECORD", "/kind"),
    Column::of("NAME", "/name"),
    Column::of("NOW", "/now"),
    Column::of("WANTED", "/wanted"),
    Column::of("TTL", "/ttl"),
    Column::of("VERDICT", "/verdict"),
    Column::wide("NOTES", "/notes"),
];

const DOMAINS: [Column; 5] = [
    Column::of("NAME", "/name"),
    Column::of("SWITCH", "/at"),
    Column::of("BATCH", "/batch"),
    Column::of("LOOKED", "/looked"),
    Column::of("SENTENCE", "/sentence"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: DomainCommand) -> Result<u8, Failure> {
    let reach = Reach::of(&asked).await?;
    let api = reach.api();
    match command {
        DomainCommand::List => {
            asked.out.list(&api.get("/domains").await?, &DOMAINS)?;
            Ok(exit::OK)
        }
        DomainCommand::Show { name } => {
            let domain = api.get(&format!("/domains/{}", segment(&name))).await?;
            show(&asked, &[domain])
        }
        DomainCommand::Remove { name } => {
            to_remove(&asked, &format!("what was seen of the domain {name}"))?;
            api.call(Method::DELETE, &format!("/domains/{}", segment(&name)), None).await?;
            Ok(exit::OK)
        }
        DomainCommand::Check(args) => {
            let mut domains = Vec::new();
            let order = order(&args)?;
            for name in &args.names {
                let mut order = order.clone();
                order["name"] = json!(name);
                domains.push(api.post("/domains", order).await?);
            }
            let cancel = Cancel::default();
            signals::watch(&cancel);
            if let Reach::Here(instance) = &reach {
                instance.worker(Pace::default()).look_at_domains(&Dns, &cancel).await?;
            }
            for domain in &mut domains {
                *domain = looked_at(&api, domain, &cancel).await?;
            }
            show(&asked, &domains)
        }
    }
}

fn order(args: &CheckArgs) -> Result<Value, Failure> {
    let known = match args.tz.as_deref() {
        Some(name) => Some(zone(Some(name)).map_err(|why| Failure::usage(format!("--tz: {why}")))?),
        None => None,
    };
    let at = args.at.as_deref().map(|text| schedule::time("--at", text, known.as_ref())).transpose()?;
    let pair = |text: &String| {
        let (selector, value) = text.split_once('=').unwrap_or((text, ""));
        (selector.trim().to_lowercase(), value.trim().to_owned())
    };
    let dkim: BTreeMap<String, String> = args.dkim.iter().map(pair).collect();
    Ok(json!({
        "to": args.to,
        "tenant": args.tenant,
        "at": at,
        "batch": args.batch,
        "resolver": args.resolver,
        "wanted": {
            "mx": args.mx, "spf": args.spf, "dkim": dkim, "dmarc": args.dmarc, "autodiscover": args.autodiscover,
        },
    }))
}

/// Waits until somebody has looked.
async fn looked_at(api: &Api, ordered: &Value, cancel: &Cancel) -> Result<Value, Failure> {
    let name = ordered["name"].as_str().unwrap_or_default();
    let until = tokio::time::Instant::now() + LONGEST;
    loop {
        let domain = api.get(&format!("/domains/{}", segment(name))).await?;
        if domain["asked"].is_null() {
            return Ok(domain);
        }
        if tokio::time::Instant::now() > until {
            let text = format!(
                "no worker has looked at {name} so far; mailferry domain show {name} tells when one has"
            );
            return Err(Failure::Limit(text));
        }
        tokio::select! {
            () = cancel.cancelled() => return Err(Failure::Interrupted(format!("nobody has looked at {name} yet"))),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// All records of the domains; 3 where one is not as wanted, 20 where one could not be asked for.
fn show(asked: &Asked<'_>, domains: &[Value]) -> Result<u8, Failure> {
    let rows: Vec<Value> = domains.iter().flat_map(rows).collect();
    match asked.out.form {
        Form::Json | Form::Yaml if domains.len() == 1 => asked.out.show(&domains[0], &[]),
        Form::Json | Form::Yaml => asked.out.list(&json!(domains), &[])?,
        Form::Jsonl => domains.iter().for_each(|domain| asked.out.event(domain)),
        Form::Csv | Form::Name | Form::Table | Form::Wide => asked.out.list(&json!(rows), &RECORDS)?,
    }
    for domain in domains {
        let zone = domain["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        asked.out.say(domain["sentence"].as_str().unwrap_or_default());
        if let Some(at) = zone {
            asked
                .out
                .say(&format!("The switch is planned for {}.", mailferry_model::schedule::shown(at, None)));
        }
        for record in domain["records"].as_array().into_iter().flatten() {
            let label = record["kind"].as_str().unwrap_or_default().to_uppercase();
            let notes = record["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
            notes.for_each(|note| asked.out.say(&format!("{label}: {note}")));
        }
    }
    let any =
        |verdicts: &[&str]| rows.iter().any(|row| verdicts.iter().any(|verdict| row["verdict"] == *verdict));
    Ok(match () {
        () if any(&["Unknown"]) => NO_DNS,
        () if any(&["Differs", "Missing"]) => exit::PARTIAL,
        () => exit::OK,
    })
}

fn rows(domain: &Value) -> Vec<Value> {
    let list = |value: &Value| {
        let all = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        all.collect::<Vec<_>>().join("; ")
    };
    let row = |record: &Value| {
        let mut row = record.clone();
        row["domain"] = domain["name"].clone();
        row["now"] = json!(list(&record["now"]));
        row["notes"] = json!(list(&record["notes"]));
        row
    };
    domain["records"].as_array().into_iter().flatten().map(row).collect()
}
