//! What changed at the source is followed at the target: moves and flags, in this order, after what is owed was
//! settled; what people did at the target stays. Removals come after, in [`super::removals`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use mailferry_model::{
    Kind, Result,
    error::Reaction,
    flags::{Difference, Flags},
    id::{ItemId, TargetId},
    item::Trace,
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderNo, State},
    port::{Edit, EditKind, Edited, Outcome, Put},
};

use super::{
    gather::Gathered,
    reading::{source_digests, source_traces, target_digests},
    removals,
    shared::{Owed, Shared, locked},
    writer::Before,
};

use crate::verify::keyword_refused;

/// What is said of changed flags for which there is no copy.
const FLAGS_STAY: &str =
    "its flags changed at the source; moved or deleted at the target by its user, where they are not carried";

/// Edits of one call.
pub(super) const EDITS: usize = 500;

/// What is left to do when all puts are done.
#[derive(Default)]
pub(super) struct Later {
    /// Flags to carry.
    pub flags: Vec<(FolderNo, Entry, Difference)>,
    /// Copies that were moved by a put: the older one goes when the newer is there.
    pub older: Vec<(Entry, FolderNo, ItemId)>,
}

/// What is gone from its place, by header key, with the place of its folder. Not by size: many sources list sizes that
/// are a little wrong, and the body tells in any case.
type Pool = HashMap<HeaderKey, Vec<(usize, Entry)>>;

/// Listed sizes are rarely more wrong than by one part in so many.
const WRONG: u64 = 8;

/// Carries moves: what is gone in one place and new, equal, in another is moved, not put again.
pub(super) async fn moves(shared: &Arc<Shared>, gathered: &mut [Gathered], later: &mut Later) -> Result<()> {
    // Very many may be gone: nothing is looked up among them where nothing is new.
    if gathered.iter().all(|folder| folder.owed.iter().next().is_none()) && !shared.has_found_any() {
        return Ok(());
    }
    let mut pool = Pool::new();
    for (at, folder) in gathered.iter().enumerate() {
        for id in &folder.gone {
            if let Some(entry) = folder.known.get(id).filter(|e| e.state == State::Placed) {
                pool.entry(entry.key).or_default().push((at, entry.clone()));
            }
        }
    }
    if pool.is_empty() {
        return Ok(());
    }
    for at in 0..gathered.len() {
        for (trace, digest) in alike(shared, &gathered[at], &pool).await? {
            let Some(candidates) = pool.get_mut(&trace.key) else { continue };
            let Some((from, entry)) = pick(shared, &trace, digest, at, candidates).await? else { continue };
            let Some(owed) = gathered[at].owed.get(&trace.id).cloned() else { continue };
            let done = match from == at {
                true if is_moved_on(shared, &entry).await? => {
                    moved_before(shared, &entry, later);
                    later.older.push((entry.clone(), owed.folder, owed.stub.id.clone()));
                    false
                }
                true => {
                    let renamed = Entry { id: owed.stub.id.clone(), ..entry.clone() };
                    rebind(shared, &owed, &entry, renamed, later).await.map(|()| true)?
                }
                false => shift(shared, &owed, &entry, later).await?,
            };
            if done {
                gathered[at].owed.remove(&trace.id);
            }
            gathered[from].gone.remove(&entry.id);
        }
    }
    for (_, entry) in pool.values().flatten() {
        moved_before(shared, entry, later);
    }
    Ok(())
}

/// What is owed in a folder and alike something that is gone, with digests: an equal head and size say nothing of the
/// body, not even where a folder was numbered anew, because it may have been made anew.
async fn alike(
    shared: &Shared,
    folder: &Gathered,
    pool: &Pool,
) -> Result<Vec<(Trace<ItemId>, Option<Digest>)>> {
    let sizes: BTreeSet<u64> = pool.values().flatten().map(|(_, entry)| entry.size).collect();
    let near = |size: u64| {
        let little = size / WRONG + 64;
        sizes.range(size.saturating_sub(little)..=size + little).next().is_some()
    };
    let alike = folder.owed.iter().filter(|o| near(o.stub.size));
    let ids: Vec<ItemId> = alike.map(|o| o.stub.id.clone()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let source = shared.folder(folder.folder)?.source;
    let mut traces = source_traces(shared, &source, Some(&ids)).await?;
    traces.retain(|trace| pool.contains_key(&trace.key));
    let ids: Vec<ItemId> = traces.iter().map(|trace| trace.id.clone()).collect();
    let digests = source_digests(shared, &source, &ids).await?;
    Ok(traces.into_iter().zip(digests.into_iter().map(Result::ok)).collect())
}

/// Whether a copy lies no more where the ledger has it, because a move of ours took it that nobody had heard of.
async fn is_moved_on(shared: &Shared, entry: &Entry) -> Result<bool> {
    let Some(id) = entry.target.as_ref().filter(|_| shared.has_found(entry)) else { return Ok(false) };
    let read = target_digests(shared, &shared.target_of(entry.folder)?, std::slice::from_ref(id)).await?;
    Ok(read.iter().all(|digest| digest.is_err()))
}

/// A copy that was moved before the process ended has the flags of its old place: those that changed are carried.
/// Whether there is one.
fn moved_before(shared: &Shared, old: &Entry, later: &mut Later) -> bool {
    let Some(found) = shared.take_found(old) else { return false };
    let difference = old.flags.difference(&found.flags);
    if !difference.is_empty() {
        later.flags.push((found.folder, found, difference));
    }
    true
}

/// The gone entry that this new item is, by its digest; rather of the same folder.
async fn pick(
    shared: &Shared,
    trace: &Trace<ItemId>,
    digest: Option<Digest>,
    at: usize,
    candidates: &mut Vec<(usize, Entry)>,
) -> Result<Option<(usize, Entry)>> {
    // What was found at the target instead of put there: its body is known from there alone.
    for (_, entry) in candidates.iter_mut().filter(|(_, entry)| entry.digest.is_none()) {
        if let Some(copy) = &entry.target {
            let read =
                target_digests(shared, &shared.target_of(entry.folder)?, std::slice::from_ref(copy)).await?;
            entry.digest = read.into_iter().find_map(std::result::Result::ok);
        }
    }
    let same = |(_, entry): &(usize, Entry)| digest.is_some() && entry.digest == digest;
    // Of equal ones the one of the same date: a copy keeps the date that it was put with.
    let dated = |c: &(usize, Entry)| same(c) && c.1.date.map(|d| d.seconds) == trace.date.map(|d| d.seconds);
    let find = |fits: &dyn Fn(&(usize, Entry)) -> bool| {
        candidates.iter().position(|c| c.0 == at && fits(c)).or_else(|| candidates.iter().position(fits))
    };
    let found = find(&dated).or_else(|| find(&same));
    Ok(found.map(|found| candidates.swap_remove(found)))
}

/// The item is the one we know under another id or in another folder: both facts in one commit.
async fn rebind(shared: &Shared, owed: &Owed, old: &Entry, entry: Entry, later: &mut Later) -> Result<()> {
    let difference = entry.flags.difference(&owed.stub.flags);
    if !difference.is_empty() {
        let flags = owed.stub.flags.clone();
        later.flags.push((owed.folder, Entry { flags, ..entry.clone() }, difference));
    }
    let gone = Entry { state: State::Gone, target: None, ..old.clone() };
    let (new, old) = (owed.entry.as_deref().map(Before::of), Some(Before::of(old)));
    shared.record_all(vec![(entry, new), (gone, old)]).await
}

/// Moves the copy at the target; whether the item is done with. A move is a put.
async fn shift(shared: &Arc<Shared>, owed: &Owed, old: &Entry, later: &mut Later) -> Result<bool> {
    let (from, to) = (shared.target_of(old.folder)?, shared.target_of(owed.folder)?);
    let moved = |target: Option<TargetId>, seen: bool| Entry {
        folder: owed.folder,
        id: owed.stub.id.clone(),
        target,
        seen,
        pass: shared.pass,
        ..old.clone()
    };
    if old.target.is_none() && old.seen {
        // Known to be moved or removed at the target by its user: that stays so.
        rebind(shared, owed, old, moved(None, true), later).await?;
        return Ok(true);
    }
    let Some(id) = old.target.clone().filter(|_| shared.sides.target.caps().moves) else {
        later.older.push((old.clone(), owed.folder, owed.stub.id.clone()));
        return Ok(false);
    };
    shared.may_put()?;
    shared.ensure_windows().await?;
    shared.unverified(owed.folder).await?;
    let under_way = shared.rising.begin();
    let outcome = shared.sides.target.put(&to, vec![Put::Move { from, id }]).await.into_iter().next();
    match outcome {
        Some(Outcome::Placed(target)) => {
            locked(&shared.deeds).moved += 1;
            rebind(shared, owed, old, moved(target, false), later).await?;
            under_way.recorded(1);
            Ok(true)
        }
        // Its user moved or removed it at the target, alone or with its folder: that stays so. Unless a put of ours
        // that nobody had heard of was found in this pass and may have been the move of this very copy.
        Some(Outcome::Refused(e))
            if matches!(e.kind(), Kind::NotFound | Kind::CursorExpired)
                && old.seen
                && !moved_before(shared, old, later) =>
        {
            under_way.recorded(1);
            rebind(shared, owed, old, moved(None, true), later).await?;
            Ok(true)
        }
        Some(Outcome::Refused(e))
            if matches!(e.reaction(), Reaction::StallMailbox | Reaction::ParkEndpoint) =>
        {
            Err(e)
        }
        Some(Outcome::Unsure(error)) => {
            let before = owed.as_entry();
            let entry = Entry {
                key: old.key,
                digest: old.digest,
                size: old.size,
                // It lies there with the flags that it had before.
                flags: old.flags.clone(),
                unanswered: before.unanswered.saturating_add(1),
                ..before
            };
            shared.record(entry.clone(), owed.entry.as_deref()).await?;
            shared.add_doubt(Owed { entry: Some(Box::new(entry)), ..owed.clone() });
            later.older.push((old.clone(), owed.folder, owed.stub.id.clone()));
            if error.wants_rest() { Err(error) } else { Ok(true) }
        }
        _ => {
            later.older.push((old.clone(), owed.folder, owed.stub.id.clone()));
            Ok(false)
        }
    }
}

/// Carries flags; the ledger's base moves only when the target has answered.
pub(super) async fn flags(shared: &Arc<Shared>, changes: Vec<(FolderNo, Entry, Difference)>) -> Result<()> {
    let mut by_folder: BTreeMap<FolderNo, Vec<(Entry, Difference)>> = BTreeMap::new();
    changes.into_iter().for_each(|(no, e, d)| by_folder.entry(no).or_default().push((e, d)));
    for (no, changes) in by_folder {
        for part in changes.chunks(EDITS) {
            carry_flags(shared, no, part).await?;
        }
    }
    Ok(())
}

/// Carries the flag changes of a gathered folder, a part at a time: there may be very many.
pub(super) async fn changed_flags(shared: &Arc<Shared>, folder: &mut Gathered) -> Result<()> {
    let mut changed: Vec<(ItemId, Flags)> = std::mem::take(&mut folder.flags).into_iter().collect();
    changed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut changed = changed.into_iter();
    loop {
        let part: Vec<_> = changed.by_ref().take(EDITS).collect();
        if part.is_empty() {
            return Ok(());
        }
        let change = |(id, flags): (ItemId, Flags)| {
            let entry = folder.known.get(&id)?;
            let difference = entry.flags.difference(&flags);
            Some((Entry { flags, ..entry.clone() }, difference))
        };
        let part: Vec<_> = part.into_iter().filter_map(change).collect();
        carry_flags(shared, folder.folder, &part).await?;
    }
}

/// Carries some flags of one folder.
async fn carry_flags(shared: &Arc<Shared>, no: FolderNo, part: &[(Entry, Difference)]) -> Result<()> {
    let target = shared.target_of(no)?;
    shared.cx.cancel.check()?;
    let known = part.iter().filter_map(|(e, d)| Some((e.target.clone()?, d.clone())));
    let edits = known.map(|(id, d)| Edit { id, kind: EditKind::Flags(d) }).collect();
    let mut answers = shared.sides.target.edit(&target, edits).await.into_iter();
    for (entry, _) in part {
        // Without an id its user moved it elsewhere: nothing to change, the base moves on.
        let answer =
            if entry.target.is_some() { answers.next() } else { None }.unwrap_or(Ok(Edited::NotThere));
        match answer {
            Ok(Edited::Whole) => {
                locked(&shared.deeds).flagged += 1;
                shared.record(entry.clone(), Some(entry)).await?;
            }
            Ok(Edited::NotThere) => {
                removals::tell(shared, entry, None, FLAGS_STAY)?;
                shared.record(entry.clone(), Some(entry)).await?;
            }
            Ok(Edited::WithoutKeywords(lacking)) => {
                locked(&shared.deeds).flagged += 1;
                let reason = Some(Box::new(keyword_refused(&lacking)));
                let entry = Entry { reason, ..entry.clone() };
                locked(&shared.lacking).push(entry.clone());
                shared.record(entry.clone(), Some(&entry)).await?;
            }
            Err(e) if matches!(e.reaction(), Reaction::StallMailbox | Reaction::ParkEndpoint) => {
                return Err(e);
            }
            Err(e) => {
                tracing::warn!(folder = no.0, error = e.kind().code(), "a flag change was refused")
            }
        }
    }
    Ok(())
}
