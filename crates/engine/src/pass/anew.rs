//! Target folders that live another life than when we last saw them: made anew, numbered anew, or gone.
//!
//! All ids in them are void. That is no act of a user on items, so being absent from such a folder says nothing of
//! users: what was placed is found again by its key, in its folder or where somebody moved it; what is nowhere is
//! owed once more, and settled like with a lost ledger. Only what was known before as moved or removed stays so.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use mailferry_model::{
    Result,
    folder::Folder,
    id::{FolderId, Mark, TargetId},
    item::Trace,
    key::Digest,
    ledger::{Entry, FolderEntry, FolderNo, State},
};

use super::{
    finish,
    matching::{self, Found, Trust, Wanted},
    reading::{source_digest, target_digests},
    settle::{self, Look},
    shared::{Shared, locked},
};

/// The epoch of a folder whose life is known to be over: the epoch of none that is listed.
pub(super) const OVER: &str = "";

/// Whether the store is the one that we know: a folder of ours is there, and is the same. A folder that is gone from
/// a store that lives was removed by its user, and what lay in it with it.
pub(super) fn store_lives<'a>(ours: impl IntoIterator<Item = &'a FolderEntry>, listed: &[Folder]) -> bool {
    let mut listed_as = ours.into_iter().filter_map(|folder| {
        let now = listed.iter().find(|f| Some(&f.id) == folder.target.as_ref())?;
        Some((folder, now))
    });
    listed_as.any(|(folder, now)| !lives_anew(folder, Some(now)))
}

/// Whether the target folder of an entry is not the one into which items were put.
pub(super) fn is_anew(folder: &FolderEntry, listed: &[Folder], store_lives: bool) -> bool {
    let Some(target) = &folder.target else { return false };
    match listed.iter().find(|f| f.id == *target) {
        None => !store_lives,
        now => lives_anew(folder, now),
    }
}

/// A folder whose epoch is not listed this time, or never was known, is the same as far as anybody can tell.
fn lives_anew(folder: &FolderEntry, now: Option<&Folder>) -> bool {
    match (folder.target_epoch.as_deref(), now.map(|f| f.epoch.as_deref())) {
        (_, None) | (Some(OVER), _) => true,
        (Some(known), Some(Some(now))) => known != now,
        _ => false,
    }
}

/// What the entries of such a folder still tell: who is there, but neither under which id nor whether it was seen.
pub(super) fn void(entries: Vec<Entry>) -> Vec<Entry> {
    let one = |e: Entry| match e.target {
        Some(_) => Entry { target: None, seen: false, ..e },
        None => e,
    };
    entries.into_iter().map(one).collect()
}

/// Finds again what was placed in folders that live another life; what is not there is owed.
pub(super) async fn reclaim(shared: &Arc<Shared>, listed: &HashMap<&FolderId, &Folder>) -> Result<()> {
    let mut other: Vec<(FolderNo, Option<Box<str>>)> = Vec::new();
    let mut emptied: HashSet<FolderId> = HashSet::new();
    let mut astray: Vec<Entry> = Vec::new();
    for folder in shared.all_folders() {
        let Some(target) = folder.target.clone() else { continue };
        let now = listed.get(&target).copied();
        let (epoch, anew) = (now.and_then(|f| f.epoch.clone()), lives_anew(&folder, now));
        if !anew && (epoch.is_none() || folder.target_epoch == epoch) {
            continue;
        }
        if anew {
            if emptied.insert(target.clone()) {
                locked(&shared.claimed).insert(target.clone(), HashSet::new());
            }
            astray.extend(find_again(shared, &folder, &target).await?);
            // What lies there now is not known to be ours or not, whatever the mark of its life before says.
            shared.change_folder(folder.no, |f| (f.first, f.target_items) = (None, None)).await?;
        }
        other.push((folder.no, epoch));
    }
    find_elsewhere(shared, astray).await?;
    // Last, so that a crash before finds the same folders to be looked at.
    for (no, epoch) in other {
        shared.change_folder(no, |f| f.target_epoch = epoch).await?;
    }
    shared.writer.sync().await
}

/// Looks through the folder itself; gives back what was placed and is not there.
async fn find_again(shared: &Arc<Shared>, folder: &FolderEntry, target: &FolderId) -> Result<Vec<Entry>> {
    tracing::info!(folder = folder.no.0, "the target folder was made anew; looking for what was placed");
    let entries = shared.entries(folder.no).await?;
    let known = |e: &Entry| e.target.is_some() || (e.state == State::Placed && !e.seen);
    let before: Vec<Entry> = entries.into_iter().filter(known).collect();
    let mut wanted = void(before.clone());
    for (entry, before) in wanted.iter().zip(&before) {
        shared.record(entry.clone(), Some(before)).await?;
    }
    let look = Look {
        places: vec![(target.clone(), None)],
        trust: Trust::BeyondMark,
        not_before: Default::default(),
    };
    let seen = settle::traces(shared, &look).await?;
    let mut free = seen.into_iter().next().map(|(_, traces)| traces).unwrap_or_default();
    finish::claim(shared, target, &mut wanted, &mut free).await?;
    Ok(wanted.into_iter().filter(|e| e.state == State::Placed && e.target.is_none()).collect())
}

/// What is in no folder of its own may lie in another one: its user moved it there, alone or with its folder. By
/// digest only. All other is owed.
async fn find_elsewhere(shared: &Arc<Shared>, astray: Vec<Entry>) -> Result<()> {
    if astray.is_empty() {
        return Ok(());
    }
    let firsts: HashMap<FolderId, Mark> =
        shared.all_folders().into_iter().filter_map(|f| Some((f.target?, f.first?))).collect();
    let places = shared.target_folders.iter().map(|f| (f.clone(), firsts.get(f).cloned())).collect();
    let look = Look { places, trust: Trust::Nothing, not_before: Default::default() };
    settle::load_claims(shared, &look).await?;
    let mut seen = settle::traces(shared, &look).await?;
    let mut left = astray;
    // Each in its own folder first: of two equal ones, the other may lie where this one belongs.
    for own in [true, false] {
        for (folder, traces) in &mut seen {
            let at_home = |e: &Entry| shared.target_of(e.folder).is_ok_and(|t| t == *folder);
            let (asked, mut rest): (Vec<Entry>, Vec<Entry>) =
                left.into_iter().partition(|e| at_home(e) == own);
            let found = pair(shared, &asked, folder, traces).await?;
            for (at, entry) in asked.into_iter().enumerate() {
                let Some(trace) = found.get(&at).map(|there| &traces[*there]) else {
                    rest.push(entry);
                    continue;
                };
                let mut now = Entry { seen: true, ..entry.clone() };
                if own {
                    // It is this item's now: an equal one that is owed must not be taken for it.
                    locked(&shared.claimed).entry(folder.clone()).or_default().insert(trace.id.clone());
                    now.target = Some(trace.id.clone());
                }
                shared.record(now, Some(&entry)).await?;
            }
            let used: HashSet<usize> = found.into_values().collect();
            let mut at = 0..;
            traces.retain(|_| at.next().is_none_or(|at| !used.contains(&at)));
            left = rest;
        }
    }
    if !left.is_empty() {
        tracing::warn!(
            items = left.len(),
            "target folders were made anew without what was put there; it is put again"
        );
    }
    for entry in left {
        shared.record(Entry { state: State::Owed, ..entry.clone() }, Some(&entry)).await?;
    }
    Ok(())
}

/// Which of the entries have a copy in a folder, and which one, by count.
async fn pair(
    shared: &Shared,
    entries: &[Entry],
    folder: &FolderId,
    traces: &[Trace<TargetId>],
) -> Result<HashMap<usize, usize>> {
    let wanted: Vec<Wanted> = entries.iter().map(|e| Wanted { forms: vec![(e.key, e.size)] }).collect();
    let there: Vec<Found> = traces.iter().map(|t| Found { key: t.key, size: t.size }).collect();
    let pairing = matching::pair(&wanted, &there, Trust::Nothing, shared.sides.target.caps().fidelity);
    let mut found: HashMap<usize, usize> = pairing.sure.into_iter().collect();
    for (ws, fs) in pairing.ask {
        let mut ours: Vec<(usize, Vec<Digest>)> = Vec::new();
        for w in ws {
            let entry = &entries[w];
            let digest = match entry.digest {
                Some(digest) => Some(digest),
                None => source_digest(shared, &shared.folder(entry.folder)?.source, &entry.id).await?,
            };
            ours.push((w, digest.into_iter().collect()));
        }
        let ids: Vec<TargetId> = fs.iter().map(|f| traces[*f].id.clone()).collect();
        let theirs = target_digests(shared, folder, &ids).await?;
        let theirs: Vec<(usize, Digest)> =
            fs.into_iter().zip(theirs).filter_map(|(f, d)| Some((f, d.ok()?))).collect();
        let fits = |w: usize, f: usize| entries[w].flags == traces[f].flags;
        found.extend(matching::pair_by_digest(&ours, &theirs, fits));
    }
    Ok(found)
}
