//! The end of a pass: doubts settled, ids that the target did not tell found out, extra copies of what was put
//! twice removed.

use std::{collections::BTreeMap, sync::Arc};

use mailferry_model::{
    Result,
    id::{FolderId, TargetId},
    item::Trace,
    key::Digest,
    ledger::{Entry, FolderNo, State},
    port::{Edit, EditKind},
};

use super::{
    carry::carry,
    follow::flags,
    matching::{self, Found, Trust, Wanted},
    reading::{source_digest, target_digests},
    settle::{self, Look, Seen, settle},
    shared::{Owed, Shared, locked},
};

/// How often doubts are settled and what is owed put again, within one pass.
const ROUNDS: usize = 4;

/// All open windows as a place to look.
pub(super) fn windows(shared: &Shared) -> Look {
    let mut places: Vec<_> =
        locked(&shared.windows).iter().map(|(f, m)| (f.clone(), Some(m.clone()))).collect();
    places.sort_by(|a, b| a.0.cmp(&b.0));
    let last = *locked(&shared.last_doubt);
    Look { places, trust: Trust::BeyondMark, not_before: last.unwrap_or_default() + shared.grace() }
}

/// Settles the doubts of this pass and puts what turns out not to be there.
pub(super) async fn doubts(shared: &Arc<Shared>) -> Result<()> {
    for _ in 0..ROUNDS {
        let doubts = shared.decide();
        if doubts.is_empty() {
            shared.decided();
            return Ok(());
        }
        shared.writer.sync().await?;
        let settled = settle(shared, doubts, windows(shared)).await?;
        shared.decided();
        flags(shared, settled.flags).await?;
        put_again(shared, settled.owed).await?;
    }
    Ok(())
}

/// Puts what a look did not find, folder by folder.
pub(super) async fn put_again(shared: &Arc<Shared>, owed: Vec<Owed>) -> Result<()> {
    let mut by_folder: BTreeMap<FolderNo, Vec<Owed>> = BTreeMap::new();
    owed.into_iter().for_each(|o| by_folder.entry(o.folder).or_default().push(o));
    for (no, owed) in by_folder {
        carry(shared, no, owed).await?;
    }
    Ok(())
}

/// Finds out ids, and removes extra copies of items whose puts went unanswered. Gives back what is there too
/// often and could not be removed.
pub(super) async fn tidy_up(shared: &Arc<Shared>) -> Result<Vec<(FolderNo, Trace<TargetId>)>> {
    shared.writer.sync().await?;
    let mut open: Vec<(FolderNo, FolderId, Vec<Entry>)> = Vec::new();
    for folder in shared.all_folders() {
        // What a pass put that ended early nobody has looked at yet either.
        let wrote = folder.placed_pass == shared.pass || shared.noted(&folder).is_none();
        let Some(target) = folder.target.clone().filter(|_| wrote) else { continue };
        let entries = shared.entries(folder.no).await?;
        let unsure = |e: &&Entry| e.is_nameless() || (e.state == State::Placed && e.unanswered > 0);
        let entries: Vec<Entry> = entries.iter().filter(unsure).cloned().collect();
        if !entries.is_empty() {
            open.push((folder.no, target, entries));
        }
    }
    let mut doubled = Vec::new();
    if open.is_empty() {
        return Ok(doubled);
    }
    let look = windows(shared);
    if open.iter().any(|(_, _, entries)| entries.iter().any(|e| e.unanswered > 0)) {
        shared.cx.clock.sleep(look.not_before.saturating_sub(shared.cx.clock.elapsed())).await;
    }
    settle::load_claims(shared, &look).await?;
    let seen = settle::traces(shared, &look).await?;
    for (no, target, mut entries) in open {
        let Some((_, traces)) = seen.iter().find(|(f, _)| *f == target) else { continue };
        let mut free: Vec<Trace<TargetId>> = traces.clone();
        claim(shared, &target, &mut entries, &mut free).await?;
        for entry in entries.into_iter().filter(|e| e.unanswered > 0) {
            let left = drop_extra(shared, &target, &entry, &mut free).await?;
            doubled.extend(left.into_iter().map(|t| (no, t)));
            shared.record(Entry { unanswered: 0, ..entry.clone() }, Some(&entry)).await?;
        }
    }
    Ok(doubled)
}

/// Gives ids to what was placed before and has none, so that it is not taken for what is looked for.
pub(super) async fn claim_placed(shared: &Arc<Shared>, seen: &mut Seen) -> Result<()> {
    shared.writer.sync().await?;
    for folder in shared.known_folders() {
        let Some((target, free)) = seen.iter_mut().find(|(f, _)| Some(f) == folder.target.as_ref()) else {
            continue;
        };
        if free.is_empty() {
            continue;
        }
        let entries = shared.entries(folder.no).await?;
        let mut entries: Vec<Entry> = entries.into_iter().filter(Entry::is_nameless).collect();
        if !entries.is_empty() {
            claim(shared, &target.clone(), &mut entries, free).await?;
        }
    }
    Ok(())
}

/// Gives ids to placed items that have none.
pub(super) async fn claim(
    shared: &Arc<Shared>,
    target: &FolderId,
    entries: &mut [Entry],
    free: &mut Vec<Trace<TargetId>>,
) -> Result<()> {
    let nameless: Vec<usize> =
        (0..entries.len()).filter(|at| entries[*at].target.is_none() && !entries[*at].seen).collect();
    let wanted: Vec<Wanted> =
        nameless.iter().map(|at| Wanted { forms: vec![(entries[*at].key, entries[*at].size)] }).collect();
    let found: Vec<Found> = free.iter().map(|t| Found { key: t.key, size: t.size }).collect();
    let pairing = matching::pair(&wanted, &found, Trust::BeyondMark, shared.sides.target.caps().fidelity);
    let mut pairs = pairing.sure;
    for (ws, fs) in pairing.ask {
        let ids: Vec<TargetId> = fs.iter().map(|f| free[*f].id.clone()).collect();
        let theirs = target_digests(shared, target, &ids).await?;
        let theirs: Vec<(usize, Digest)> =
            fs.into_iter().zip(theirs).filter_map(|(f, d)| Some((f, d.ok()?))).collect();
        let ours: Vec<(usize, Vec<Digest>)> =
            ws.iter().map(|w| (*w, entries[nameless[*w]].digest.into_iter().collect())).collect();
        let fits = |w: usize, f: usize| entries[nameless[w]].flags == free[f].flags;
        pairs.extend(matching::pair_by_digest(&ours, &theirs, fits));
    }
    let mut used: Vec<usize> = pairs.iter().map(|(_, f)| *f).collect();
    for (w, f) in pairs {
        let entry = &mut entries[nameless[w]];
        let before = entry.clone();
        (entry.target, entry.seen) = (Some(free[f].id.clone()), true);
        shared.record(entry.clone(), Some(&before)).await?;
    }
    used.sort_unstable();
    used.into_iter().rev().for_each(|f| drop(free.remove(f)));
    Ok(())
}

/// Removes extra copies of one item: equal in digest, untouched, unclaimed, never more than its unanswered
/// puts. Gives back those that stay.
async fn drop_extra(
    shared: &Arc<Shared>,
    target: &FolderId,
    entry: &Entry,
    free: &mut Vec<Trace<TargetId>>,
) -> Result<Vec<Trace<TargetId>>> {
    let alike: Vec<Trace<TargetId>> = free
        .iter()
        .filter(|t| t.key == entry.key && t.size == entry.size && t.flags == entry.flags)
        .cloned()
        .collect();
    if alike.is_empty() {
        return Ok(Vec::new());
    }
    let ours = match entry.digest {
        Some(digest) => Some(digest),
        None => {
            let source = shared.folder(entry.folder)?.source;
            source_digest(shared, &source, &entry.id).await?
        }
    };
    let ids: Vec<TargetId> = alike.iter().map(|t| t.id.clone()).collect();
    let digests = target_digests(shared, target, &ids).await?;
    let equal =
        alike.into_iter().zip(digests).filter(|(_, d)| ours.is_some_and(|o| matches!(d, Ok(d) if *d == o)));
    let extra: Vec<Trace<TargetId>> = equal.map(|(t, _)| t).take(usize::from(entry.unanswered)).collect();
    free.retain(|t| !extra.iter().any(|e| e.id == t.id));
    let edits = extra.iter().map(|t| Edit { id: t.id.clone(), kind: EditKind::Remove }).collect();
    let answers = shared.sides.target.edit(target, edits).await;
    let removes = shared.sides.target.caps().removes;
    let mut left = Vec::new();
    for (trace, answer) in extra.into_iter().zip(answers) {
        match answer {
            Ok(_) if removes => locked(&shared.deeds).removed += 1,
            _ => left.push(trace),
        }
    }
    Ok(left)
}
