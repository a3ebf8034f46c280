//! `account new|list|show|set|remove`, and one's own password and second factor.

use std::path::PathBuf;

use axum::http::Method;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Asked, to_remove};
use crate::{
    api::{Api, segment},
    exit::{self, Failure},
    out::Column,
    reach::Reach,
    secrets,
};

/// What to do with accounts.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Make one
    New {
        /// The name to sign in with
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: RoleWord,
        /// Its password, in a file; one line end at its end is dropped. Without one it is asked for
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Without a password: tokens alone work
        #[arg(long, conflicts_with = "password_file")]
        no_password: bool,
    },
    /// All of them
    List,
    /// One of them
    Show {
        /// Its name
        name: String,
    },
    /// Change one
    Set {
        /// Its name
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: Option<RoleWord>,
        /// A new password, in a file; all its sessions end
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// It may not sign in for now
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
        /// It may sign in again
        #[arg(long)]
        enable: bool,
        /// End its second factor, for somebody who lost the authenticator
        #[arg(long)]
        no_second_factor: bool,
    },
    /// Remove one with its sessions and tokens
    Remove {
        /// Its name
        name: String,
    },
    /// One's own password, at the service that one is signed in to
    Password {
        /// The present one, in a file
        #[arg(long, value_name = "FILE")]
        old_password_file: Option<PathBuf>,
        /// The new one, in a file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// One's own second factor: begins one; with --code it counts; with --off it ends
    SecondFactor {
        /// The present password, in a file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The authenticator's first code
        #[arg(long, value_name = "CODE", conflicts_with = "off")]
        code: Option<String>,
        /// End it
        #[arg(long)]
        off: bool,
    },
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleWord {
    /// Look on
    Viewer,
    /// Work with endpoints and batches
    Operator,
    /// Also accounts, tokens and the audit trail
    Administrator,
}

impl RoleWord {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

const COLUMNS: [Column; 7] = [
    Column::of("NAME", "/name"),
    Column::of("ROLE", "/role"),
    Column::of("PASSWORD", "/hasPassword"),
    Column::of("SECOND FACTOR", "/secondFactor"),
    Column::of("DISABLED", "/disabled"),
    Column::of("LAST SIGN-IN", "/lastSignIn"),
    Column::wide("CREATED", "/created"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: AccountCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    let path = |name: &str| format!("/accounts/{}", segment(name));
    match command {
        AccountCommand::New { name, role, password_file, no_password } => {
            let password = match no_password {
                true => None,
                false => Some(secret(password_file.as_ref(), &name, "password-file FILE")?),
            };
            let body = json!({ "name": name, "role": role.word(), "password": password });
            told(&asked, &api.post("/accounts", body).await?, &format!("The account {name} is made."));
        }
        AccountCommand::List => asked.out.list(&api.get("/accounts").await?, &COLUMNS)?,
        AccountCommand::Show { name } => asked.out.show(&api.get(&path(&name)).await?, &COLUMNS),
        AccountCommand::Set { name, role, password_file, disable, enable, no_second_factor } => {
            let mut body = json!({});
            if let Some(role) = role {
                body["role"] = role.word().into();
            }
            if let Some(file) = password_file {
                body["password"] = secrets::from_file(&file)?.expose().as_str().into();
            }
            if disable || enable {
                body["disabled"] = disable.into();
            }
            if no_second_factor {
                body["secondFactor"] = false.into();
            }
            let changed = api.call(Method::PATCH, &path(&name), Some(body)).await?;
            told(&asked, &changed, &format!("The account {name} is changed."));
        }
        AccountCommand::Remove { name } => {
            api.get(&path(&name)).await?;
            to_remove(&asked, &format!("the account {name}"))?;
            api.call(Method::DELETE, &path(&name), None).await?;
            asked.out.say(&format!("The account {name} is removed."));
        }
        AccountCommand::Password { old_password_file, password_file } => {
            let old = secret(old_password_file.as_ref(), "the account as it is", "old-password-file FILE")?;
            let new = secret(password_file.as_ref(), "the account from now on", "password-file FILE")?;
            let body = json!({ "old": old, "new": new });
            api.call(Method::PUT, "/me/password", Some(body)).await?;
            asked.out.say("The password is changed; all other sessions have ended.");
        }
        AccountCommand::SecondFactor { password_file, code, off } => {
            second_factor(&asked, &api, password_file, code, off).await?;
        }
    }
    Ok(exit::OK)
}

async fn second_factor(
    asked: &Asked<'_>,
    api: &Api,
    password_file: Option<PathBuf>,
    code: Option<String>,
    off: bool,
) -> Result<(), Failure> {
    const PATH: &str = "/me/second-factor";
    if let Some(code) = code {
        api.call(Method::PUT, PATH, Some(json!({ "code": code }))).await?;
        asked.out.say("The second factor counts from now on.");
        return Ok(());
    }
    let password = secret(password_file.as_ref(), "the account", "password-file FILE")?;
    let body = json!({ "password": password });
    if off {
        api.call(Method::DELETE, PATH, Some(body)).await?;
        asked.out.say("The password alone is asked for from now on.");
        return Ok(());
    }
    let begun = api.post(PATH, body).await?;
    let secret = begun["secret"].as_str().unwrap_or_default();
    let sentence = format!(
        "Tell your authenticator: {secret}\nThen confirm with its first code: mailferry account second-factor --code CODE"
    );
    told(asked, &begun, &sentence);
    Ok(())
}

/// A secret from a file, or asked for.
fn secret(file: Option<&PathBuf>, whose: &str, flag: &str) -> Result<String, Failure> {
    let secret = match file {
        Some(file) => secrets::from_file(file)?,
        None => secrets::ask(whose, flag)?,
    };
    Ok(secret.expose().clone())
}

fn told(asked: &Asked<'_>, thing: &Value, sentence: &str) {
    match asked.out.is_for_people() {
        true => asked.out.say(sentence),
        false => asked.out.show(thing, &COLUMNS),
    }
}
