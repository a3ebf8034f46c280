//! Removals: carried where that is wanted, remembered where it is not. What moved leaves no older copy behind.
//!
//! A copy goes only while it is as it was put: what its user has changed there stays, and is reported.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use mailferry_model::{
    Error, Result,
    error::Reaction,
    flags::SystemFlag,
    id::{FolderId, ItemId, TargetId},
    item::Trace,
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderNo, State},
    port::{Edit, EditKind, Edited},
    report::Named,
};

use super::{
    follow::{EDITS, Later},
    gather::{Gathered, is_gone},
    reading::{source_digest, target_traces},
    shared::{Shared, locked},
};
use crate::verify;

/// Why a copy stays.
const FLAGS_CHANGED: &str = "gone from the source; its user changed its flags at the target, so it stays";
/// Why there is nothing to remove.
const NOT_THERE: &str = "gone from the source; moved or deleted at the target by its user";

/// Carries removals where that is wanted, remembers them where it is not; removes older copies of what moved.
pub(super) async fn removals(shared: &Arc<Shared>, gathered: &[Gathered], later: &Later) -> Result<()> {
    shared.writer.sync().await?;
    let mut remove: BTreeMap<FolderNo, Vec<Entry>> = BTreeMap::new();
    for (old, to, id) in &later.older {
        match is_placed(shared, *to, id).await? {
            true => remove.entry(old.folder).or_default().push(old.clone()),
            false => keep_known(shared, old).await?,
        }
    }
    let mut elsewhere = recent(shared, gathered).await?;
    for folder in gathered {
        let delete = shared.terms.options.delete;
        let mut gone: Vec<&Entry> = folder.gone.iter().filter_map(|id| folder.known.get(id)).collect();
        gone.extend(folder.known.values().filter(|e| e.state == State::Gone && e.target.is_some()));
        gone.sort_by(|a, b| a.id.cmp(&b.id));
        for entry in gone {
            let since = since(shared, entry.folder)?;
            let fits = |(no, pass): &Place| *no != entry.folder && *pass >= since;
            let moved = entry.digest.and_then(|d| elsewhere.get_mut(&d)).and_then(|places| {
                let at = places.iter().position(fits)?;
                Some(places.swap_remove(at))
            });
            if entry.target.is_some() && (delete || moved.is_some()) {
                remove.entry(entry.folder).or_default().push(entry.clone());
            } else if entry.target.is_some() {
                keep_known(shared, entry).await?;
            } else {
                forget(shared, entry).await?;
            }
        }
    }
    for (no, entries) in remove {
        remove_from(shared, no, entries).await?;
    }
    Ok(())
}

/// Removes the copies of one folder that nobody has touched.
async fn remove_from(shared: &Arc<Shared>, no: FolderNo, entries: Vec<Entry>) -> Result<()> {
    let target = shared.target_of(no)?;
    let untouched = untouched(shared, no, &target, entries).await?;
    for part in untouched.chunks(EDITS) {
        shared.cx.cancel.check()?;
        // What is meant is written down first: its answer may be lost.
        let mut meant = Vec::with_capacity(part.len());
        for entry in part {
            keep_known(shared, entry).await?;
            meant.push(Entry { state: State::Gone, ..entry.clone() });
        }
        let part = &meant;
        let ids = part.iter().filter_map(|e| e.target.clone());
        let edits = ids.map(|id| Edit { id, kind: EditKind::Remove }).collect();
        let mut failed: Option<Error> = None;
        for (entry, answer) in part.iter().zip(shared.sides.target.edit(&target, edits).await) {
            match answer {
                Ok(edited) => {
                    locked(&shared.deeds).removed += u64::from(edited != Edited::NotThere);
                    forget(shared, entry).await?;
                }
                Err(e) if matches!(e.reaction(), Reaction::StallMailbox | Reaction::ParkEndpoint) => {
                    failed = failed.or(Some(e));
                }
                Err(e) => tracing::warn!(folder = no.0, error = e.kind().code(), "a removal was refused"),
            }
        }
        failed.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// Those that lie there as they were put and are no other item's. What has become of the others is written down.
async fn untouched(
    shared: &Arc<Shared>,
    no: FolderNo,
    target: &FolderId,
    entries: Vec<Entry>,
) -> Result<Vec<Entry>> {
    let traces = match target_traces(shared, target, None).await {
        Err(e) if is_gone(&e) => Vec::new(),
        other => other?,
    };
    let there: HashMap<&TargetId, &Trace<TargetId>> = traces.iter().map(|t| (&t.id, t)).collect();
    let taken = taken_over(shared, no, target).await?;
    let mut untouched = Vec::new();
    for entry in entries {
        let Some(id) = entry.target.as_ref().filter(|id| !taken.contains(*id)) else {
            forget(shared, &entry).await?;
            continue;
        };
        match there.get(id) {
            Some(trace) if is_touched(&entry, trace) => {
                tell(shared, &entry, trace.message_id.as_deref(), FLAGS_CHANGED)?;
                keep_known(shared, &entry).await?;
            }
            Some(_) => untouched.push(entry),
            None => {
                if entry.seen && !may_be_ours(shared, &entry) {
                    tell(shared, &entry, None, NOT_THERE)?;
                }
                forget(shared, &entry).await?;
            }
        }
    }
    Ok(untouched)
}

/// Whether it may be our own removal, or our own move, of which the ledger does not know: after a crash, when a put
/// went unanswered, and where a removal was meant before.
fn may_be_ours(shared: &Shared, entry: &Entry) -> bool {
    let meant = entry.state == State::Gone;
    meant || shared.terms.claim.abandoned.is_some() || locked(&shared.last_doubt).is_some()
}

/// Copies that belong to items of another folder that goes to the same place: one that came after ours had vanished.
async fn taken_over(shared: &Arc<Shared>, no: FolderNo, target: &FolderId) -> Result<HashSet<TargetId>> {
    shared.writer.sync().await?;
    let mut taken = HashSet::new();
    for other in shared.all_folders().iter().filter(|f| f.no != no && f.target.as_ref() == Some(target)) {
        let entries = shared.entries(other.no).await?;
        taken.extend(entries.into_iter().filter(|e| e.state == State::Placed).filter_map(|e| e.target));
    }
    Ok(taken)
}

/// Whether flags differ from those that we gave it: somebody works with it. Who marked it as deleted has done with it.
fn is_touched(entry: &Entry, trace: &Trace<TargetId>) -> bool {
    let by_users = entry.flags.difference(&trace.flags);
    let refused = entry.reason.as_ref().is_some_and(|r| &*r.code == verify::KEYWORD_REFUSED);
    by_users.add.bits() & !(SystemFlag::Deleted as u8) != 0
        || !by_users.add.keywords().is_empty()
        || by_users.remove.bits() != 0
        || !(refused || by_users.remove.keywords().is_empty())
}

/// Has the report name a copy as its user's.
pub(super) fn tell(shared: &Shared, entry: &Entry, message_id: Option<&str>, words: &str) -> Result<()> {
    let named = verify::named(&shared.folder(entry.folder)?, entry, "CHANGED_AT_TARGET", words);
    let message_id = message_id.map(Into::into).or(named.message_id);
    locked(&shared.kept).push(Named { message_id, ..named });
    Ok(())
}

/// Gone from the source, its copy still at the target.
async fn keep_known(shared: &Shared, old: &Entry) -> Result<()> {
    if old.state == State::Gone {
        return Ok(());
    }
    shared.record(Entry { state: State::Gone, ..old.clone() }, Some(old)).await
}

/// Gone from the source, no copy of it to be cared for.
async fn forget(shared: &Shared, old: &Entry) -> Result<()> {
    shared.record(Entry { state: State::Gone, target: None, ..old.clone() }, Some(old)).await
}

async fn is_placed(shared: &Shared, no: FolderNo, id: &ItemId) -> Result<bool> {
    let entries = shared.entries(no).await?;
    Ok(entries.iter().any(|e| e.id == *id && e.state == State::Placed))
}

/// Where something was placed, and in which pass.
type Place = (FolderNo, u32);

/// Since which pass something placed elsewhere may be what is gone here: since the last listing of the folder.
fn since(shared: &Shared, folder: FolderNo) -> Result<u32> {
    let last = shared.pass.saturating_sub(1);
    // What the first pass placed was there side by side.
    Ok(shared.folder(folder)?.unread_since.map_or(last, |unread| unread.min(last)).max(2))
}

/// Digests of what was placed since the folders of these were last listed, and where: what is gone may be that.
async fn recent(shared: &Shared, gathered: &[Gathered]) -> Result<HashMap<Digest, Vec<Place>>> {
    let mut recent: HashMap<Digest, Vec<Place>> = HashMap::new();
    let mut wanted: HashMap<(HeaderKey, u64), u32> = HashMap::new();
    for folder in gathered {
        let since = since(shared, folder.folder)?;
        let left = folder.known.values().filter(|e| e.state == State::Gone);
        let gone = folder.gone.iter().filter_map(|id| folder.known.get(id)).chain(left);
        for entry in gone.filter(|e| e.target.is_some()) {
            let first = wanted.entry((entry.key, entry.size)).or_insert(since);
            *first = since.min(*first);
        }
    }
    let Some(first) = wanted.values().min().copied() else { return Ok(recent) };
    for folder in shared.known_folders().into_iter().filter(|f| f.placed_pass >= first) {
        for entry in shared.entries(folder.no).await? {
            let alike = wanted.get(&(entry.key, entry.size)).is_some_and(|first| entry.pass >= *first);
            if entry.state != State::Placed || !alike {
                continue;
            }
            let digest = match entry.digest {
                Some(digest) => Some(digest),
                // Of what was found at the target and not put; written down, so that nobody reads it again.
                None => {
                    let digest = source_digest(shared, &folder.source, &entry.id).await?;
                    shared.record(Entry { digest, ..entry.clone() }, Some(&entry)).await?;
                    digest
                }
            };
            digest.into_iter().for_each(|d| recent.entry(d).or_default().push((folder.no, entry.pass)));
        }
    }
    Ok(recent)
}
