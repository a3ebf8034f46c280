//! Who is told of a batch by mail: the flags, and the fields that they are at the service.

use clap::Args;
use serde_json::{Map, Value, json};

/// Who is told; an empty text: nobody but whom the channel names.
#[derive(Args, Clone, Debug, Default)]
pub struct ToldArgs {
    /// Who is told by mail how it comes along, through the channel of mail (mailferry notify); several, separated by commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub notify: Vec<String>,
    /// Who is told of what went wrong; where there are some, they alone
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub notify_failures: Vec<String>,
}

impl ToldArgs {
    /// The fields that flags name.
    pub(super) fn given(&self) -> Map<String, Value> {
        let fields =
            [("notificationEmails", &self.notify), ("notificationFailureEmails", &self.notify_failures)];
        let named = fields.into_iter().filter(|(_, all)| !all.is_empty());
        named
            .map(|(field, all)| {
                let all: Vec<&str> = all.iter().map(|one| one.trim()).filter(|one| !one.is_empty()).collect();
                (field.to_owned(), json!(all))
            })
            .collect()
    }
}
