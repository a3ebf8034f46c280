//! `context list|use`: which services there are, and which one is asked.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Asked;
use crate::{
    contexts::{Contexts, LOCAL},
    exit::{self, Failure},
    out::Column,
};

/// What to do with contexts.
#[derive(Subcommand)]
pub enum ContextCommand {
    /// All of them
    List,
    /// Ask this one from now on; local: this machine's data folder
    Use {
        /// Its name
        name: String,
    },
}

const COLUMNS: [Column; 4] = [
    Column::of("CURRENT", "/current"),
    Column::of("NAME", "/name"),
    Column::of("SERVER", "/server"),
    Column::of("ACCOUNT", "/account"),
];

/// Runs it.
pub fn run(asked: &Asked<'_>, command: ContextCommand) -> Result<u8, Failure> {
    let mut known = Contexts::read()?;
    match command {
        ContextCommand::List => {
            let current = known.current.clone().unwrap_or_else(|| LOCAL.to_owned());
            let local =
                json!({ "name": LOCAL, "current": current == LOCAL, "server": null, "account": null });
            let rows = known.contexts.iter().map(|c| {
                json!({ "name": c.name, "current": c.name == current, "server": c.server, "account": c.account })
            });
            let rows: Vec<Value> = std::iter::once(local).chain(rows).collect();
            asked.out.list(&Value::Array(rows), &COLUMNS)?;
        }
        ContextCommand::Use { name } => {
            if name != LOCAL && known.find(&name).is_none() {
                let problem = mailferry_model::Error::new(
                    mailferry_model::Kind::NotFound,
                    mailferry_model::Side::Us,
                    "use context",
                    format!("There is no context {name:?}."),
                );
                let fix = vec!["List what there is: mailferry context list".to_owned()];
                return Err(Failure::Advised(problem, fix));
            }
            known.current = Some(name.clone()).filter(|n| n != LOCAL);
            known.write()?;
            asked.out.say(&format!("Commands go to {name} from now on."));
        }
    }
    Ok(exit::OK)
}
