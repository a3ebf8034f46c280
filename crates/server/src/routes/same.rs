//! Source and target of a mailbox must be two: what would be copied into itself is refused before anything starts.

use std::collections::HashMap;

use mailferry_model::{
    batch::Batch, csv::Parsed, endpoint::Endpoint, place::Place, settings::MailboxAddress,
};

use crate::{Context, problem::Problem};

/// So many are named at most.
const NAMED: usize = 20;

/// The rows that name one mailbox twice.
pub(super) fn rows(
    context: &Context,
    ends: (&Endpoint, &Endpoint),
    parsed: &Parsed,
) -> HashMap<u64, (&'static str, String, String)> {
    let ours = parsed.rows.iter().filter(|row| is_same(context, ends, (&row.source, &row.target)));
    let fault = |row: &mailferry_model::csv::Row| {
        let message = format!("{} would be copied into itself.", row.source.address);
        let suggestion = "Name another mailbox in TargetAddress or TargetUserName, or use another endpoint.";
        (row.number, ("CSV_SAME_MAILBOX", message, suggestion.to_owned()))
    };
    ours.map(fault).collect()
}

/// Refuses that a batch gets these endpoints, if a mailbox of it would be copied into itself.
pub(super) async fn check(
    context: &Context,
    batch: &Batch,
    (source, target): (&Endpoint, &Endpoint),
) -> Result<(), Problem> {
    let users = context.store.users(batch.id).await?;
    let ours = users.iter().filter(|u| is_same(context, (source, target), (&u.source, &u.target)));
    let named: Vec<String> = ours.map(|user| user.address.clone()).take(NAMED).collect();
    if named.is_empty() {
        return Ok(());
    }
    let detail = format!("Mailboxes of the batch {} would be copied into themselves.", batch.name);
    Err(Problem::conflict("ENDPOINT_SAME_MAILBOX", detail).blocked_by(named))
}

fn is_same(
    context: &Context,
    (source, target): (&Endpoint, &Endpoint),
    (from, to): (&MailboxAddress, &MailboxAddress),
) -> bool {
    let manifest = |e: &Endpoint| context.manifests.iter().find(|m| m.kind == e.kind).copied();
    let (Some(one), Some(other)) = (manifest(source), manifest(target)) else { return false };
    let one = Place { manifest: one, settings: &source.settings, mailbox: from };
    one.is_same(Place { manifest: other, settings: &target.settings, mailbox: to })
}
