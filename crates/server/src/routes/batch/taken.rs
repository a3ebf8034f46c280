//! Rows of a new batch whose mailboxes are another's: a mailbox is moved once at a time, and two never move into one.
//!
//! Only what names and settings tell: two names of one mailbox are two here.

use std::collections::HashMap;

use mailferry_model::{
    batch::Batch,
    csv::{Parsed, Row},
    endpoint::Endpoint,
    id::BatchId,
    place::Place,
    settings::MailboxAddress,
    status::BatchStatus,
};

use crate::{Context, problem::Problem};

/// Code, message and suggestion, by the number of the row.
type Faults = HashMap<u64, (&'static str, String, String)>;

/// Batches that are not over.
pub(super) async fn open(context: &Context) -> Result<Vec<Batch>, Problem> {
    let mut batches = context.store.batches().await?;
    batches.retain(|b| !matches!(b.status, BatchStatus::Completed | BatchStatus::Removing));
    Ok(batches)
}

/// The rows whose mailbox is in an open batch.
pub(super) async fn sources(context: &Context, open: &[Batch], parsed: &Parsed) -> Result<Faults, Problem> {
    let addresses: Vec<String> = parsed.rows.iter().map(|row| row.source.address.clone()).collect();
    let names: HashMap<BatchId, &str> = open.iter().map(|b| (b.id, b.name.as_str())).collect();
    let found = context.store.batches_of(&addresses).await?.into_iter();
    let holders: HashMap<String, &str> =
        found.filter_map(|(address, batch)| Some((address, *names.get(&batch)?))).collect();
    let fault = |row: &Row| {
        let (address, batch) = (&row.source.address, holders.get(&row.source.address.to_lowercase())?);
        let message = format!("{address} is already included in migration batch {batch}.");
        let suggestion = format!("Remove the row, or complete or remove the batch {batch} first.");
        Some((row.number, ("CSV_IN_ANOTHER_BATCH", message, suggestion)))
    };
    Ok(parsed.rows.iter().filter_map(fault).collect())
}

/// The rows that go where a row above them goes.
pub(super) fn twice(context: &Context, target: &Endpoint, parsed: &Parsed) -> Faults {
    let mut first: HashMap<String, u64> = HashMap::new();
    let mut faults = Faults::new();
    for row in &parsed.rows {
        let Some(key) = key(context, target, &row.target) else { continue };
        let above = *first.entry(key).or_insert(row.number);
        if above != row.number {
            let message = format!("{} would go into the same mailbox as row {above}.", row.source.address);
            let suggestion =
                "Name another mailbox in TargetAddress or TargetUserName, or remove one of the two rows.";
            faults.insert(row.number, ("CSV_SAME_TARGET", message, suggestion.to_owned()));
        }
    }
    faults
}

/// The rows that go where a mailbox of an open batch goes.
pub(super) async fn targets(
    context: &Context,
    open: &[Batch],
    target: &Endpoint,
    parsed: &Parsed,
) -> Result<Faults, Problem> {
    let keyed = parsed.rows.iter().filter_map(|row| Some((key(context, target, &row.target)?, row)));
    let rows: HashMap<String, &Row> = keyed.collect();
    let ends = context.store.endpoints().await?;
    let mut faults = Faults::new();
    for batch in open.iter().filter(|_| !rows.is_empty()) {
        let end = ends.iter().find(|end| end.id == batch.target && end.kind == target.kind);
        let Some(end) = end else { continue };
        for user in context.store.users(batch.id).await? {
            let Some(row) = key(context, end, &user.target).and_then(|key| rows.get(&key)) else { continue };
            let (address, other, name) = (&row.source.address, &user.address, &batch.name);
            let message =
                format!("{address} would go into the mailbox into which {other} of batch {name} moves.");
            let suggestion = format!(
                "Name another mailbox in TargetUserName, or complete or remove the batch {name} first."
            );
            faults.insert(row.number, ("CSV_TARGET_IN_ANOTHER_BATCH", message, suggestion));
        }
    }
    Ok(faults)
}

/// What all spellings of a mailbox at an endpoint have in common.
fn key(context: &Context, endpoint: &Endpoint, mailbox: &MailboxAddress) -> Option<String> {
    let manifest = context.manifests.iter().find(|m| m.kind == endpoint.kind).copied()?;
    Some(Place { manifest, settings: &endpoint.settings, mailbox }.key())
}
