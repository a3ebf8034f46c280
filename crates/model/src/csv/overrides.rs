//! What a row says of its mailbox alone, beside what its batch says; an empty cell says what the batch does.

use serde::{Deserialize, Serialize};

use super::{columns::Column, row::Fault};
use crate::{
    approval::{ItemLimit, ItemLimits},
    filter::Pattern,
    folder::FolderPath,
    mapping::{MapRule, RunOptions},
};

/// What is another for one mailbox than for its batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Overrides {
    /// The folder of the source in which its mailbox lies: that folder is its inbox, and what lies below lies at the
    /// top of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_root: Option<FolderPath>,
    /// How many skipped items it may have before it fails.
    #[serde(flatten)]
    pub item_limits: ItemLimits,
}

impl Overrides {
    /// What the cells say; `named` gives one without blanks around it, or nothing.
    pub(super) fn of(named: impl Fn(Column) -> Option<String>) -> Result<Self, Fault> {
        let item_limits = ItemLimits {
            bad_item_limit: limit("BadItemLimit", named(Column::BadItemLimit))?,
            large_item_limit: limit("LargeItemLimit", named(Column::LargeItemLimit))?,
        };
        check_mailbox_type(named(Column::MailboxType))?;
        let user_root = named(Column::UserRoot).map(|text| user_root(&text)).transpose()?;
        Ok(Self { user_root, item_limits })
    }

    /// What moves for this mailbox, and how: its batch's options with its own in their place. Where its mailbox lies in
    /// a folder, all that the batch says of folders means those in there.
    pub fn applied(&self, options: &RunOptions) -> RunOptions {
        let mut options = options.clone();
        let Some(root) = &self.user_root else { return options };
        let within = |patterns: &[Pattern]| patterns.iter().map(|p| p.within(root)).collect::<Vec<_>>();
        options.filter.exclude = within(&options.filter.exclude);
        options.filter.include = match options.filter.include.is_empty() {
            true => vec![Pattern::everything().within(root)],
            false => within(&options.filter.include),
        };
        let carried = |rule: &MapRule| MapRule {
            from: rule.from.carried(&FolderPath::default(), root),
            to: rule.to.clone(),
        };
        options.map = options.map.iter().map(carried).collect();
        options.map.push(MapRule { from: root.clone(), to: FolderPath::default() });
        options
    }
}

fn user_root(text: &str) -> Result<FolderPath, Fault> {
    let Ok(path) = text.trim_start_matches('/').parse::<FolderPath>();
    match path.0.is_empty() {
        false => Ok(path),
        true => Err((
            "CSV_BAD_ROOT",
            "UserRoot names no folder.".to_owned(),
            "Write the folder in which the user's mailbox lies, as /users/anna, or leave the cell empty."
                .into(),
        )),
    }
}

/// A number from 0 to 2147483647, or Unlimited.
// Exchange: New-MigrationBatch, BadItemLimit.
fn limit(name: &str, text: Option<String>) -> Result<Option<ItemLimit>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |_| {
        (
            "CSV_BAD_LIMIT",
            format!("{name} is no number from 0 to 2147483647, and not Unlimited."),
            "Write a number, write Unlimited, or leave the cell empty.".to_owned(),
        )
    };
    text.parse().map(Some).map_err(wrong)
}

fn check_mailbox_type(text: Option<String>) -> Result<(), Fault> {
    let suggestion = "Write PrimaryOnly, PrimaryAndArchive, or leave the cell empty.".to_owned();
    let known = |wanted: &str| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(wanted));
    if text.is_none() || known("PrimaryOnly") || known("PrimaryAndArchive") {
        return Ok(());
    }
    if known("ArchiveOnly") {
        let message = "MailboxType is ArchiveOnly: archives do not move on their own.".to_owned();
        return Err(("CSV_BAD_MAILBOX_TYPE", message, suggestion));
    }
    let message = "MailboxType is none of PrimaryOnly, ArchiveOnly, PrimaryAndArchive.".to_owned();
    Err(("CSV_BAD_MAILBOX_TYPE", message, suggestion))
}
