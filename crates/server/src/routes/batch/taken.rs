//! Rows of a new batch whose mailboxes are another's, and batches that an endpoint would lead into mailboxes of others:
//! a mailbox is moved once at a time, and two never move into one.
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
    user::User,
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
    let names: Vec<String> = rows.values().map(|row| row.target.name().to_owned()).collect();
    let mut faults = Faults::new();
    for (key, user, batch) in those_who_move(context, open, &target.kind, &names).await? {
        let Some(row) = rows.get(&key) else { continue };
        let (address, other, name) = (&row.source.address, &user.address, &batch.name);
        let message =
            format!("{address} would go into the mailbox into which {other} of batch {name} moves.");
        let suggestion =
            format!("Name another mailbox in TargetUserName, or complete or remove the batch {name} first.");
        faults.insert(row.number, ("CSV_TARGET_IN_ANOTHER_BATCH", message, suggestion));
    }
    Ok(faults)
}

/// Refuses a target for batches whose users would then move into mailboxes into which others move.
pub(in crate::routes) async fn check_shared(
    context: &Context,
    moved: &[&Batch],
    target: &Endpoint,
) -> Result<(), Problem> {
    let mut open = open(context).await?;
    let (ours, theirs): (Vec<Batch>, Vec<Batch>) =
        open.drain(..).partition(|batch| moved.iter().any(|m| m.id == batch.id));
    let mut users: HashMap<String, (User, &Batch)> = HashMap::new();
    let mut shared = Vec::new();
    let told = |one: (&User, &Batch), other: (&User, &Batch)| {
        let of = |(user, batch): (&User, &Batch)| format!("{} of batch {}", user.address, batch.name);
        format!("{} and {}", of(one), of(other))
    };
    for batch in &ours {
        for user in context.store.users(batch.id).await? {
            let Some(key) = key(context, target, &user.target) else { continue };
            match users.get(&key) {
                Some((other, theirs)) => shared.push(told((&user, batch), (other, theirs))),
                None => drop(users.insert(key, (user, batch))),
            }
        }
    }
    let names: Vec<String> = users.values().map(|(user, _)| user.target.name().to_owned()).collect();
    for (key, other, batch) in those_who_move(context, &theirs, &target.kind, &names).await? {
        if let Some((user, ours)) = users.get(&key) {
            shared.push(told((user, ours), (&other, batch)));
        }
    }
    if shared.is_empty() {
        return Ok(());
    }
    shared.sort();
    let detail = format!("With {} users of different batches would move into one mailbox.", target.name);
    Err(Problem::conflict("ENDPOINT_TARGET_TAKEN", detail).blocked_by(shared))
}

/// Whether two endpoints lead to the same mailbox, whoever's it is.
pub(in crate::routes) fn is_same_place(context: &Context, one: &Endpoint, other: &Endpoint) -> bool {
    let anybody = MailboxAddress { address: "anybody".to_owned(), ..MailboxAddress::default() };
    key(context, one, &anybody) == key(context, other, &anybody)
}

/// Who of these batches may move into mailboxes of these names at a system of this kind: the mailbox's key, the user
/// and the batch. Asked by the names; users are read one by one only where a place is the same for all of them.
async fn those_who_move<'a>(
    context: &Context,
    batches: &'a [Batch],
    kind: &str,
    names: &[String],
) -> Result<Vec<(String, User, &'a Batch)>, Problem> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let ends = context.store.endpoints().await?;
    let end = |batch: &Batch| ends.iter().find(|end| end.id == batch.target && end.kind == kind);
    let mut users = context.store.users_into(names).await?;
    for batch in batches {
        if end(batch).is_some_and(|end| is_everybodys(context, end)) {
            users.retain(|user| user.batch != batch.id);
            users.extend(context.store.users(batch.id).await?);
        }
    }
    let found = users.into_iter().filter_map(|user| {
        let batch = batches.iter().find(|batch| batch.id == user.batch)?;
        Some((key(context, end(batch)?, &user.target)?, user, batch))
    });
    Ok(found.collect())
}

/// Whether an endpoint leads to one mailbox whatever the name.
fn is_everybodys(context: &Context, end: &Endpoint) -> bool {
    let of = |name: &str| {
        let mailbox = MailboxAddress { address: name.to_owned(), ..MailboxAddress::default() };
        key(context, end, &mailbox)
    };
    of("one") == of("other")
}

/// What all spellings of a mailbox at an endpoint have in common.
fn key(context: &Context, endpoint: &Endpoint, mailbox: &MailboxAddress) -> Option<String> {
    let manifest = context.manifests.iter().find(|m| m.kind == endpoint.kind).copied()?;
    Some(Place { manifest, settings: &endpoint.settings, mailbox }.key())
}
