//! Reads one target folder afresh, and what the source shows of it, for judgement: trace by trace, so that nothing is
//! held of what lies there as it was put. Says nothing itself.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt};
use mailferry_model::{
    Error, Result,
    error::Reaction,
    id::{FolderId, ItemId, Mark, TargetId},
    ledger::{Entry, FolderEntry, State},
};

use super::{
    gather::is_gone,
    reading::persist,
    shared::{Shared, locked},
    terms::Depth,
};
use crate::verify::{self, Judged, Look, Seen};

/// How much of a folder is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All that lies in it.
    Whole,
    /// What this pass put.
    Written,
}

/// Judges the entries of one folder.
///
/// # Errors
/// What either side says; a folder of the source that does not open shows nothing.
pub(super) async fn judge(
    shared: &Shared,
    folder: &FolderEntry,
    entries: Vec<Entry>,
    depth: Depth,
    reach: Reach,
) -> Result<Judged> {
    let Some(target) = &folder.target else { return Ok(Judged::default()) };
    let mark = locked(&shared.windows).get(target).cloned().filter(|_| reach == Reach::Written);
    let wrote = |e: &Entry| e.pass == shared.pass && !e.seen;
    // What lies beyond the mark and was seen before belongs to somebody all the same.
    let (ours, others): (Vec<Entry>, Vec<Entry>) = match mark {
        Some(_) => entries.into_iter().partition(wrote),
        None => (entries, Vec::new()),
    };
    let others: HashSet<TargetId> = others.into_iter().filter_map(|e| e.target).collect();
    let there = persist(shared, || look(shared, target, mark.as_ref(), &ours, &others));
    let here = async {
        match depth == Depth::Written || folder.gone {
            true => Ok(HashSet::new()),
            false => untrue(shared, folder, &ours).await,
        }
    };
    let (seen, untrue) = futures_util::try_join!(there, here)?;
    Ok(verify::judge(ours, seen, &untrue, shared.sides.target.caps().fidelity))
}

/// One look at what lies in a target folder; nothing does where the folder is gone.
async fn look(
    shared: &Shared,
    target: &FolderId,
    mark: Option<&Mark>,
    ours: &[Entry],
    others: &HashSet<TargetId>,
) -> Result<Seen> {
    let fidelity = shared.sides.target.caps().fidelity;
    let mut look = Look::begin(ours, fidelity);
    let mut traces = shared.sides.target.traces(target, mark);
    loop {
        match traces.try_next().await {
            Ok(Some(trace)) if others.contains(&trace.id) => {}
            Ok(Some(trace)) => look.take(trace),
            Ok(None) => return Ok(look.end()),
            Err(e) if is_gone(&e) => return Ok(Look::begin(ours, fidelity).end()),
            Err(e) => return Err(e),
        }
    }
}

/// Items that the source shows now under another key than what was put.
async fn untrue(shared: &Shared, folder: &FolderEntry, entries: &[Entry]) -> Result<HashSet<ItemId>> {
    let mut by_id: Vec<u32> = (0..).zip(entries).map(|(at, _)| at).collect();
    by_id.sort_by(|a, b| entries[*a as usize].id.cmp(&entries[*b as usize].id));
    let known = |id: &ItemId| {
        let at = by_id.binary_search_by(|at| entries[*at as usize].id.cmp(id)).ok()?;
        Some(&entries[by_id[at] as usize])
    };
    let read = || async {
        let mut untrue = HashSet::new();
        let mut traces = shared.sides.source.traces(&folder.source, None);
        while let Some(trace) = traces.next().await {
            let trace = trace?;
            if known(&trace.id).is_some_and(|e| e.state == State::Placed && e.key != trace.key) {
                untrue.insert(trace.id);
            }
        }
        Ok::<_, Error>(untrue)
    };
    match persist(shared, read).await {
        Err(e) if e.reaction() == Reaction::PauseFolder => Ok(HashSet::new()),
        other => other,
    }
}
