//! `batch|user|item approve` and `unapprove`: which items may stay behind, and why.

use std::{fmt::Display, str::FromStr};

use clap::Args;
use mailferry_model::approval::{DataConsistency, ItemLimit};
use serde_json::{Map, Value, json};

use super::{Asked, user::One};
use crate::{api::Api, exit::Failure, out::Column};

/// Which items: all, or those with codes.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Meant {
    /// All that stay behind now
    #[arg(long)]
    pub all: bool,
    /// Those with this code, as `item list` shows it
    #[arg(long, value_name = "CODE")]
    pub code: Vec<String>,
}

/// Why, or not yet.
#[derive(Args)]
pub struct Approving {
    /// Why they may stay behind: it is kept with your name
    #[arg(long, value_name = "TEXT")]
    pub comment: String,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `batch approve`.
#[derive(Args)]
pub struct ApproveBatch {
    /// Its name
    pub name: String,
    /// Which items.
    #[command(flatten)]
    pub meant: Meant,
    /// Why.
    #[command(flatten)]
    pub approving: Approving,
}

/// The flags of `batch unapprove`.
#[derive(Args)]
pub struct UnapproveBatch {
    /// Its name
    pub name: String,
    /// Which items.
    #[command(flatten)]
    pub meant: Meant,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `user approve`.
#[derive(Args)]
pub struct ApproveUser {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// Which items.
    #[command(flatten)]
    pub meant: Meant,
    /// Why.
    #[command(flatten)]
    pub approving: Approving,
}

/// The flags of `user unapprove`.
#[derive(Args)]
pub struct UnapproveUser {
    /// Which user.
    #[command(flatten)]
    pub one: One,
    /// Which items.
    #[command(flatten)]
    pub meant: Meant,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// The flags of `item approve`.
#[derive(Args)]
pub struct ApproveItem {
    /// Which item.
    #[command(flatten)]
    pub item: Item,
    /// Why.
    #[command(flatten)]
    pub approving: Approving,
}

/// The flags of `item unapprove`.
#[derive(Args)]
pub struct UnapproveItem {
    /// Which item.
    #[command(flatten)]
    pub item: Item,
    /// Only say what would be done
    #[arg(short = 'n', long, visible_alias = "what-if")]
    pub dry_run: bool,
}

/// One item of one user.
#[derive(Args)]
pub struct Item {
    /// Whose.
    #[command(flatten)]
    pub one: One,
    /// Its folder, as `item list` shows it
    #[arg(long, value_name = "FOLDER")]
    pub folder: String,
    /// Its uid, as `item list` shows it
    #[arg(long, value_name = "UID")]
    pub uid: String,
}

/// What may stay behind before a mailbox is held back or fails.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What may stay behind")]
pub struct ConsistencyArgs {
    /// gate: Perfect and Good complete, Investigate once all is approved, Poor with a reason; off: all complete [default: gate]
    #[arg(long, value_name = "WHEN", value_parser = read::<DataConsistency>)]
    pub data_consistency: Option<DataConsistency>,
    /// A mailbox fails when more items are skipped than this, large ones apart; a number, or Unlimited
    #[arg(long, value_name = "N", value_parser = read::<ItemLimit>)]
    pub bad_item_limit: Option<ItemLimit>,
    /// A mailbox fails when more items are skipped for their size than this; a number, or Unlimited
    #[arg(long, value_name = "N", value_parser = read::<ItemLimit>)]
    pub large_item_limit: Option<ItemLimit>,
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: T::Err| e.to_string())
}

impl ConsistencyArgs {
    /// The fields that flags name.
    pub fn given(&self) -> Map<String, Value> {
        let mut given = Map::new();
        if let Some(when) = self.data_consistency {
            given.insert("dataConsistency".to_owned(), json!(when));
        }
        let mut limits = Map::new();
        for (name, limit) in
            [("badItemLimit", self.bad_item_limit), ("largeItemLimit", self.large_item_limit)]
        {
            limits.extend(limit.map(|limit| (name.to_owned(), json!(limit))));
        }
        given.insert("itemLimits".to_owned(), Value::Object(limits));
        given
    }
}

impl Meant {
    /// As the router takes it.
    pub fn body(&self) -> Value {
        if self.all { json!({ "all": true }) } else { json!({ "codes": self.code }) }
    }
}

impl Item {
    /// As the router takes it.
    pub fn body(&self) -> Value {
        json!({ "folder": self.folder, "uid": self.uid })
    }
}

/// Approves.
pub async fn approve(
    asked: &Asked<'_>,
    api: &Api,
    (path, columns): (&str, &[Column]),
    (mut body, how): (Value, &Approving),
) -> Result<(), Failure> {
    body["comment"] = json!(how.comment);
    send(asked, api, (&format!("{path}/approve"), columns), (body, how.dry_run)).await
}

/// Takes back.
pub async fn unapprove(
    asked: &Asked<'_>,
    api: &Api,
    (path, columns): (&str, &[Column]),
    what: (Value, bool),
) -> Result<(), Failure> {
    send(asked, api, (&format!("{path}/unapprove"), columns), what).await
}

async fn send(
    asked: &Asked<'_>,
    api: &Api,
    (path, columns): (&str, &[Column]),
    (mut body, dry_run): (Value, bool),
) -> Result<(), Failure> {
    body["dryRun"] = json!(dry_run);
    noticed(asked, &api.post(path, body).await?, columns);
    Ok(())
}

/// What came of it: its notices for people, the thing itself for programs.
pub(super) fn noticed(asked: &Asked<'_>, told: &Value, columns: &[Column]) {
    match asked.out.is_for_people() {
        true => {
            let notices = told["notices"].as_array().into_iter().flatten().filter_map(Value::as_str);
            notices.for_each(|notice| asked.out.say(notice));
        }
        false => asked.out.show(told, columns),
    }
}
