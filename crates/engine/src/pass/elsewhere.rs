//! What seems to lie in a folder too often may come from one that this check did not look at: a pass that carries
//! little looks at few folders. The ledger is read for it only where a copy too many would be told. Says nothing.

use std::{collections::HashSet, sync::Arc};

use mailferry_model::{
    Kind, Result,
    id::{ItemId, TargetId},
    item::Trace,
    key::Digest,
    ledger::{Entry, FolderEntry, FolderNo, State},
};

use super::{check::Absent, reading::target_digests, shared::Shared};

/// Takes out of `doubled` what items explain that were seen in any folder and are not there any more; gives those
/// items and what they explain. By digest; those `known` to be absent have explained what they could.
pub(super) async fn explain(
    shared: &Shared,
    doubled: &mut Vec<(Trace<TargetId>, Digest)>,
    known: &[Absent],
) -> Result<(Vec<Absent>, Vec<Trace<TargetId>>)> {
    let (mut absent, mut explained) = (Vec::new(), Vec::new());
    if doubled.is_empty() {
        return Ok((absent, explained));
    }
    let known: HashSet<(FolderNo, &ItemId)> = known.iter().map(|(f, e)| (f.no, &e.id)).collect();
    shared.writer.sync().await?;
    for folder in shared.all_folders().into_iter().filter(|f| f.target.is_some()) {
        let is_like = |e: &Entry, (trace, digest): &(Trace<TargetId>, Digest)| {
            (e.key, e.size) == (trace.key, trace.size) && e.digest == Some(*digest)
        };
        let mut entries = shared.entries(folder.no).await?;
        entries.retain(|e| {
            e.state == State::Placed
                && e.seen
                && !known.contains(&(folder.no, &e.id))
                && doubled.iter().any(|d| is_like(e, d))
        });
        let folder = Arc::new(folder);
        for entry in left(shared, &folder, entries).await? {
            if let Some(at) = doubled.iter().position(|d| is_like(&entry, d)) {
                explained.push(doubled.remove(at).0);
                absent.push((folder.clone(), entry));
            }
        }
    }
    Ok((absent, explained))
}

/// Those of a folder's items that do not lie where the ledger has them.
async fn left(shared: &Shared, folder: &FolderEntry, entries: Vec<Entry>) -> Result<Vec<Entry>> {
    let Some(target) = folder.target.as_ref().filter(|_| !entries.is_empty()) else { return Ok(Vec::new()) };
    let (with_id, mut left): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|e| e.target.is_some());
    let ids: Vec<TargetId> = with_id.iter().filter_map(|e| e.target.clone()).collect();
    let read = target_digests(shared, target, &ids).await?;
    let gone = with_id.into_iter().zip(read).filter(|(_, answer)| {
        answer.as_ref().is_err_and(|e| matches!(e.kind(), Kind::NotFound | Kind::CursorExpired))
    });
    left.extend(gone.map(|(entry, _)| entry));
    Ok(left)
}
