//! `notify` and `webhook`: who is told what happened, and what became of it. A service or worker sends. The flags of mail
//! are [`mail`]'s.

mod mail;

use std::path::{Path, PathBuf};

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use self::mail::MailArgs;
use super::{Asked, to_remove};
use crate::{
    api::{Api, segment},
    exit::{self, Failure},
    out::{self, Column},
    reach::Reach,
    secrets,
};

/// How messages are written.
#[derive(Clone, Copy, ValueEnum)]
pub enum KindWord {
    /// JSON, signed, to a program
    Webhook,
    /// A card, to a workflow of Microsoft Teams
    Teams,
    /// A mail, by a server that takes it
    Mail,
}

/// A new channel of any kind.
#[derive(Args)]
pub struct ChannelArgs {
    /// How messages are written
    #[arg(long, visible_alias = "type", value_enum)]
    pub kind: KindWord,
    /// Its name
    pub name: String,
    /// Of webhooks and Teams: a file with the address that it leads to: whoever knows that may write there; - for standard
    /// input
    #[arg(long, value_name = "FILE", required_if_eq_any([("kind", "webhook"), ("kind", "teams")]))]
    pub url_file: Option<PathBuf>,
    /// Which events: batch.completed, batch.*, *; separated by commas; what is usual for its kind without it
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub events: Vec<String>,
    /// Of mail.
    #[command(flatten)]
    pub mail: MailArgs,
}

/// A new channel.
#[derive(Args)]
pub struct New {
    /// Its name
    pub name: String,
    /// A file with the address that it leads to: whoever knows that may write there; - for standard input
    #[arg(long, value_name = "FILE")]
    pub url_file: PathBuf,
    /// Which events: batch.completed, batch.*, *; separated by commas; what is usual for its kind without it
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub events: Vec<String>,
}

/// What to do with channels.
#[derive(Subcommand)]
pub enum NotifyCommand {
    /// All channels
    List,
    /// Make one; the key of a webhook is printed once
    Add(Box<ChannelArgs>),
    /// One channel
    Show {
        /// Its name
        name: String,
    },
    /// Change one; what is not named stays
    Set {
        /// Its name
        name: String,
        /// A file with another address
        #[arg(long, value_name = "FILE")]
        url_file: Option<PathBuf>,
        /// Other events
        #[arg(long, value_name = "EVENT", value_delimiter = ',')]
        events: Vec<String>,
        /// Tell nothing new for now
        #[arg(long, conflicts_with = "unmute")]
        mute: bool,
        /// Tell again
        #[arg(long)]
        unmute: bool,
        /// Of mail.
        #[command(flatten)]
        mail: Box<MailArgs>,
    },
    /// Have the service send a test
    Test {
        /// Its name
        name: String,
    },
    /// Remove one with its keys and what is on its way to it
    Remove {
        /// Its name
        name: String,
    },
    /// What was and is on its way to one, newest first
    Deliveries {
        /// Its name
        name: String,
    },
}

/// What to do with webhooks.
#[derive(Subcommand)]
pub enum WebhookCommand {
    /// All webhooks
    List,
    /// Make one; its key is printed once, and nothing but it on standard output
    Add(New),
    /// Have the service send a test
    Test {
        /// Its name
        name: String,
    },
    /// Make a new key, printed once; the key before signs too until --end
    Rotate {
        /// Its name
        name: String,
        /// All receivers know the new key: the one before signs no longer
        #[arg(long)]
        end: bool,
    },
    /// Remove one with its keys
    Remove {
        /// Its name
        name: String,
    },
}

const COLUMNS: [Column; 5] = [
    Column::of("NAME", "/name"),
    Column::of("KIND", "/kind"),
    Column::of("SITE", "/site"),
    Column::of("EVENTS", "/events"),
    Column::of("MUTED", "/muted"),
];

const DELIVERIES: [Column; 9] = [
    Column::of("AT", "/at"),
    Column::of("EVENT", "/event"),
    Column::of("STATE", "/state"),
    Column::of("ATTEMPTS", "/attempts"),
    Column::of("TITLE", "/title"),
    Column::of("LAST ERROR", "/lastError"),
    Column::wide("CODE", "/lastErrorCode"),
    Column::wide("TO", "/to"),
    Column::wide("ID", "/id"),
];

/// Runs `notify`.
pub async fn run(asked: Asked<'_>, command: NotifyCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    match command {
        NotifyCommand::List => asked.out.list(&api.get("/channels").await?, &COLUMNS)?,
        NotifyCommand::Add(new) => {
            let ChannelArgs { kind, name, url_file, events, mail } = *new;
            add(&asked, &api, kind, (name, events), (url_file, mail.fields()?)).await?;
        }
        NotifyCommand::Show { name } => asked.out.show(&api.get(&path(&name)).await?, &COLUMNS),
        NotifyCommand::Set { name, url_file, events, mute, unmute, mail } => {
            let mut body = json!({});
            if let Some(fields) = mail.fields()? {
                body["mail"] = fields;
            }
            if let Some(file) = url_file {
                body["url"] = address(&file)?;
            }
            if !events.is_empty() {
                body["events"] = json!(events);
            }
            if mute || unmute {
                body["muted"] = mute.into();
            }
            let now = api.call(Method::PATCH, &path(&name), Some(body)).await?;
            asked.out.show(&now, &COLUMNS);
        }
        NotifyCommand::Test { name } => test(&asked, &api, &name).await?,
        NotifyCommand::Remove { name } => remove(&asked, &api, &name).await?,
        NotifyCommand::Deliveries { name } => {
            asked.out.list(&api.get(&format!("{}/deliveries", path(&name))).await?, &DELIVERIES)?;
        }
    }
    Ok(exit::OK)
}

/// Runs `webhook`.
pub async fn webhook(asked: Asked<'_>, command: WebhookCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    match command {
        WebhookCommand::List => {
            let mut all = api.get("/channels").await?;
            if let Some(channels) = all.as_array_mut() {
                channels.retain(|channel| channel["kind"] == "webhook");
            }
            asked.out.list(&all, &COLUMNS)?;
        }
        WebhookCommand::Add(New { name, url_file, events }) => {
            add(&asked, &api, KindWord::Webhook, (name, events), (Some(url_file), None)).await?;
        }
        WebhookCommand::Test { name } => test(&asked, &api, &name).await?,
        WebhookCommand::Rotate { name, end } => {
            let told = api.post(&format!("{}/rotate", path(&name)), json!({ "end": end })).await?;
            tell(&asked, &told);
        }
        WebhookCommand::Remove { name } => remove(&asked, &api, &name).await?,
    }
    Ok(exit::OK)
}

fn path(name: &str) -> String {
    format!("/channels/{}", segment(name))
}

/// The address that a file holds.
fn address(file: &Path) -> Result<Value, Failure> {
    let read = secrets::from_file_or_stdin(file)?;
    Ok(json!(read.expose()))
}

async fn add(
    asked: &Asked<'_>,
    api: &Api,
    kind: KindWord,
    (name, events): (String, Vec<String>),
    (url_file, mail): (Option<PathBuf>, Option<Value>),
) -> Result<(), Failure> {
    let kind = match kind {
        KindWord::Webhook => "webhook",
        KindWord::Teams => "teams",
        KindWord::Mail => "mail",
    };
    let mut body = json!({ "name": name, "kind": kind });
    if !events.is_empty() {
        body["events"] = json!(events);
    }
    if let Some(file) = url_file {
        body["url"] = address(&file)?;
    }
    if let Some(fields) = mail.or_else(|| (kind == "mail").then(|| json!({}))) {
        body["mail"] = fields;
    }
    tell(asked, &api.post("/channels", body).await?);
    Ok(())
}

/// A channel, and its key if it is told.
fn tell(asked: &Asked<'_>, channel: &Value) {
    match (asked.out.is_for_people(), channel["signingKey"].as_str()) {
        (true, Some(key)) => {
            asked.out.note("This key is shown once; the receiver checks signatures with it.");
            out::print(&format!("{key}\n"));
        }
        _ => asked.out.show(channel, &COLUMNS),
    }
}

async fn test(asked: &Asked<'_>, api: &Api, name: &str) -> Result<(), Failure> {
    let told = api.post(&format!("{}/test", path(name)), json!({})).await?;
    match asked.out.is_for_people() {
        true => asked.out.say(&format!(
            "A running service sends it within seconds. What came of it: mailferry notify deliveries {name}"
        )),
        false => asked.out.show(&told, &DELIVERIES),
    }
    Ok(())
}

async fn remove(asked: &Asked<'_>, api: &Api, name: &str) -> Result<(), Failure> {
    to_remove(asked, &format!("the channel {name}"))?;
    api.call(Method::DELETE, &path(name), None).await?;
    asked.out.say("The channel is removed.");
    Ok(())
}
