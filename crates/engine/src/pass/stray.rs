//! What lies in a folder that was filled at first contact, and that no item was found to be.
//!
//! A copy that its target rewrote, or that was put under a repair, looks like nothing at the source: its keys and
//! sizes are other ones. It can be known only when the body is at hand, so it is looked for between fetch and put.

use std::collections::HashSet;

use mailferry_model::{
    Result,
    id::{FolderId, TargetId},
    item::{Chunks, Trace},
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderNo, Repair, Repairs, State},
    port::convert::Repaired,
};

use super::{
    reading::target_digests,
    shared::{Owed, Shared, locked},
};

/// So many bytes the size of a copy may differ that is otherwise the same: the line ends at its end.
const LINE_ENDS: u64 = 4;

/// Remembers what nobody has claimed. Ids are those of one folder: another may have the same.
///
/// # Errors
/// A bug: an item of a folder that is not known.
pub(super) fn note(
    shared: &Shared,
    seen: Vec<(FolderId, Vec<Trace<TargetId>>)>,
    taken: impl Iterator<Item = (FolderNo, TargetId)>,
) -> Result<()> {
    let taken: HashSet<(FolderId, TargetId)> =
        taken.map(|(no, id)| Ok((shared.target_of(no)?, id))).collect::<Result<_>>()?;
    let mut strays = locked(&shared.strays);
    for (folder, traces) in seen {
        let free = traces.into_iter().filter(|t| !taken.contains(&(folder.clone(), t.id.clone()))).collect();
        strays.insert(folder, free);
    }
    Ok(())
}

/// A form that a target or a repair may have given to a body.
struct Form {
    repair: Option<Repairs>,
    key: HeaderKey,
    /// The header key that it shows, where that is known.
    shows: Option<HeaderKey>,
    size: u64,
    digest: Digest,
}

/// A body that is about to be put.
pub(super) struct Whole<'a> {
    /// The header key of its own form.
    pub key: HeaderKey,
    /// Its digest.
    pub digest: Option<Digest>,
    /// Its bytes.
    pub body: &'a Chunks,
}

/// Whether the item lies there in another form; it is recorded then, and need not be put.
///
/// # Errors
/// What reading the target says.
pub(super) async fn is_there(
    shared: &Shared,
    no: FolderNo,
    target: &FolderId,
    owed: &Owed,
    whole: &Whole<'_>,
) -> Result<bool> {
    if locked(&shared.strays).get(target).is_none_or(Vec::is_empty) {
        return Ok(false);
    }
    for form in forms(shared, whole) {
        let alike = |t: &&Trace<TargetId>| match form.shows {
            Some(key) => key == t.key,
            None => t.size.abs_diff(form.size) <= LINE_ENDS,
        };
        let ids: Vec<TargetId> = locked(&shared.strays)
            .get(target)
            .map(|strays| strays.iter().filter(alike).map(|t| t.id.clone()).collect())
            .unwrap_or_default();
        if ids.is_empty() {
            continue;
        }
        let digests = target_digests(shared, target, &ids).await?;
        for (id, digest) in ids.into_iter().zip(digests) {
            if digest.is_ok_and(|digest| digest == form.digest) && claim(shared, target, &id) {
                found(shared, no, owed, whole, form, id).await?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The forms of a body other than its own.
fn forms(shared: &Shared, whole: &Whole<'_>) -> Vec<Form> {
    let body = whole.body;
    let convert = &shared.sides.convert;
    let once = repaired(shared, body, None);
    let twice: Vec<Form> = once
        .iter()
        .flat_map(|(form, made)| repaired(shared, made, form.repair))
        .map(|(form, _)| form)
        .collect();
    let rewritten = convert.rewrites(body).into_iter().map(|(_, digest)| Form {
        repair: None,
        key: whole.key,
        shows: None,
        size: body.len(),
        digest,
    });
    once.into_iter().map(|(form, _)| form).chain(twice).chain(rewritten).collect()
}

/// A body after each repair that would change it, beyond those that were made.
fn repaired(shared: &Shared, body: &Chunks, before: Option<Repairs>) -> Vec<(Form, Chunks)> {
    let convert = &shared.sides.convert;
    let form = |repair: Repair| {
        let Repaired { key, body, digest } = convert.repair(body, repair)?;
        let repair = Some(before.map_or(Repairs::of(repair), |before| before.with(repair)));
        Some((Form { repair, key, shows: Some(key), size: body.len(), digest }, body))
    };
    convert.repairs(body, "").into_iter().filter_map(form).collect()
}

/// Takes a stray for one item; no other gets it then.
fn claim(shared: &Shared, target: &FolderId, id: &TargetId) -> bool {
    let mut strays = locked(&shared.strays);
    let Some(strays) = strays.get_mut(target) else { return false };
    let before = strays.len();
    strays.retain(|t| t.id != *id);
    strays.len() < before
}

async fn found(
    shared: &Shared,
    no: FolderNo,
    owed: &Owed,
    whole: &Whole<'_>,
    form: Form,
    id: TargetId,
) -> Result<()> {
    tracing::debug!(folder = no.0, "an item lies at the target in another form already");
    let digest = if form.repair.is_some() { Some(form.digest) } else { whole.digest };
    let entry = Entry {
        state: State::Placed,
        target: Some(id),
        key: form.key,
        digest,
        size: form.size,
        date: owed.stub.date,
        flags: owed.stub.flags.clone(),
        seen: true,
        pass: shared.pass,
        repair: form.repair,
        reason: None,
        ..owed.as_entry()
    };
    locked(&shared.deeds).found += 1;
    shared.record(entry, owed.entry.as_deref()).await
}
