//! Copies that their users moved away and back, or to where an equal one lies: neither missing nor there too often.
//!
//! By digest only, and only among what lies beyond where the folder stood before us.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use mailferry_model::{
    Kind, Result,
    id::{FolderId, TargetId},
    item::Trace,
    key::HeaderKey,
    ledger::{Entry, FolderEntry},
};

use super::{
    reading::{target_digests, target_traces},
    shared::Shared,
};
use crate::verify::Judged;

/// Tells those that are back in their folder from those that are not.
pub(super) async fn judge(shared: &Arc<Shared>, folder: &FolderEntry, judged: &mut Judged) -> Result<()> {
    let back = std::mem::take(&mut judged.back);
    let Some(target) = folder.target.clone().filter(|_| !back.is_empty()) else { return Ok(()) };
    let extra: Vec<Trace<TargetId>> = back.iter().map(|(_, trace)| trace.clone()).collect();
    let after_us = after_us(shared, folder, &target, &extra).await?;
    let ids: Vec<TargetId> = back.iter().map(|(_, trace)| trace.id.clone()).collect();
    let digests = target_digests(shared, &target, &ids).await?;
    for ((entry, trace), digest) in back.into_iter().zip(digests) {
        let same = entry.digest.is_some() && entry.digest == digest.ok();
        if same && after_us.contains(&trace.id) {
            judged.add(entry);
        } else {
            judged.absent.push(Entry { target: None, ..entry });
            judged.extra.push(trace);
        }
    }
    Ok(())
}

/// Which of these lie beyond where the folder stood before we first put anything.
pub(super) async fn after_us(
    shared: &Arc<Shared>,
    folder: &FolderEntry,
    target: &FolderId,
    of: &[Trace<TargetId>],
) -> Result<HashSet<TargetId>> {
    let all = || of.iter().map(|trace| trace.id.clone()).collect();
    let Some(first) = &folder.first else { return Ok(all()) };
    match target_traces(shared, target, Some(first)).await {
        Err(e) if e.kind() == Kind::CursorExpired => Ok(all()),
        other => Ok(other?.into_iter().map(|trace| trace.id).collect()),
    }
}

/// Takes out what an item explains that was seen elsewhere and is not there any more: its user moved it to where an
/// equal one lies.
pub(super) fn explained(
    extra: &mut Vec<Trace<TargetId>>,
    away: &mut BTreeMap<(HeaderKey, u64), usize>,
) -> Vec<Trace<TargetId>> {
    let comes_from_elsewhere = |trace: &mut Trace<TargetId>| {
        let Some(left) = away.get_mut(&(trace.key, trace.size)).filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        true
    };
    extra.extract_if(.., comes_from_elsewhere).collect()
}
