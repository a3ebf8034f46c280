//! Items that are not put now: listed as skipped, or owed to a later pass, with their reason.

use mailferry_model::{
    Error, Result,
    ledger::{Entry, Reason, State},
};

use crate::pass::shared::{Owed, Shared};

/// Lists an item as skipped.
pub(super) async fn skip(
    shared: &Shared,
    owed: &Owed,
    message_id: Option<Box<str>>,
    error: Error,
) -> Result<()> {
    let entry = Entry { state: State::Skipped, ..with_reason(owed, message_id, &error) };
    shared.record(entry, owed.entry.as_deref()).await
}

/// Leaves an item for a later pass.
pub(super) async fn owe(shared: &Shared, owed: &Owed, error: Error) -> Result<()> {
    let entry = Entry { state: State::Owed, ..with_reason(owed, None, &error) };
    shared.record(entry, owed.entry.as_deref()).await
}

fn with_reason(owed: &Owed, message_id: Option<Box<str>>, error: &Error) -> Entry {
    let before = owed.as_entry();
    let reason = Reason { code: error.code().into(), text: error.context().into(), message_id };
    Entry { tries: before.tries.saturating_add(1), reason: Some(Box::new(reason)), ..before }
}
