//! `token new|list|revoke`: tokens for programs.

use axum::http::Method;
use clap::Subcommand;
use serde_json::json;

use super::{Asked, account::RoleWord, to_remove};
use crate::{
    api::segment,
    exit::{self, Failure},
    out::{self, Column},
    reach::Reach,
};

/// What to do with tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make one; it is printed once, and nothing but it on standard output
    New {
        /// What it is for
        name: String,
        /// Whose; without it one's own, where one is signed in at a service
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// What it may do, at most what its account may
        #[arg(long, value_enum)]
        role: Option<RoleWord>,
        /// After how many days it ends
        #[arg(long, value_name = "N", default_value_t = 365)]
        days: u16,
    },
    /// All that one may see
    List,
    /// Revoke one, by its id
    Revoke {
        /// Its id
        id: String,
    },
}

const COLUMNS: [Column; 7] = [
    Column::of("ID", "/id"),
    Column::of("NAME", "/name"),
    Column::of("ACCOUNT", "/account"),
    Column::of("ROLE", "/role"),
    Column::of("LAST USED", "/lastUsed"),
    Column::of("EXPIRES", "/expires"),
    Column::wide("CREATED", "/created"),
];

/// Runs it.
pub async fn run(asked: Asked<'_>, command: TokenCommand) -> Result<u8, Failure> {
    let api = Reach::of(&asked).await?.api();
    match command {
        TokenCommand::New { name, account, role, days } => {
            let mut body = json!({ "name": name, "account": account, "days": days });
            if let Some(role) = role {
                body["role"] = role.word().into();
            }
            let made = api.post("/tokens", body).await?;
            match asked.out.is_for_people() {
                true => {
                    asked.out.note("This is shown once; keep it where only its program can read it.");
                    out::print(&format!("{}\n", made["token"].as_str().unwrap_or_default()));
                }
                false => asked.out.show(&made, &COLUMNS),
            }
        }
        TokenCommand::List => asked.out.list(&api.get("/tokens").await?, &COLUMNS)?,
        TokenCommand::Revoke { id } => {
            to_remove(&asked, &format!("the token {id}"))?;
            api.call(Method::DELETE, &format!("/tokens/{}", segment(&id)), None).await?;
            asked.out.say("The token is revoked.");
        }
    }
    Ok(exit::OK)
}
