//! Verification without a pass: both sides are looked at afresh, nothing is written, not even the ledger.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::StreamExt;
use mailferry_model::{
    Result,
    error::Reaction,
    flags::Flags,
    id::ItemId,
    item::{Stub, Trace},
    ledger::{Entry, FolderEntry, FolderNo, Head, State},
    port::Cx,
};

use super::{
    anew::{is_anew, store_lives},
    check::{self, Unknown},
    reading::persist,
    run::open,
    shared::{Paused, Shared, locked},
    terms::{Deeds, Depth, Report, Sides, Terms},
    unmade,
    writer::Writer,
};
use crate::plan::Plan;

/// Compares source and target as they are now, to the depth of the terms (at least header keys and sizes).
///
/// The ledger explains differences: what was skipped and why, what people changed at the target. An item of
/// the source that the ledger does not know is looked for by its key; if it is not there it is missing
/// (`NOT_SYNCED`). No lease is needed.
///
/// # Errors
/// What reaches the whole mailbox.
pub async fn verify(sides: Sides, terms: Terms, cx: Cx) -> Result<Report> {
    let began = cx.clock.elapsed();
    terms.progress.set_phase("listing folders");
    let terms = Terms { dry_run: true, ..terms };
    let listed = open(&sides, &terms).await?;
    let mut entries: Vec<FolderEntry> = Vec::new();
    let (mut anew, mut unmade) = (HashSet::new(), Vec::new());
    let store_lives = store_lives(listed.plan.folders.iter().map(|f| &f.entry), &listed.target);
    for planned in &listed.plan.folders {
        let mut entry = planned.entry.clone();
        if is_anew(&entry, &listed.target, store_lives) {
            anew.insert(entry.no);
        }
        let known = entry.target.clone().filter(|id| listed.target.iter().any(|f| f.id == *id));
        let by_name = || listed.target.iter().find(|f| f.path == entry.target_path).map(|f| f.id.clone());
        entry.target = known.or_else(by_name);
        match unmade::told(planned, entry.target.as_ref()) {
            Some(named) => unmade.push(named),
            None => entries.push(entry),
        }
    }
    let writer = Writer::start(&sides, &terms, &cx, &entries, listed.head.passes);
    let head = Head { windows: Vec::new(), ..listed.head.clone() };
    let shared =
        Shared::new(sides, terms, cx, writer, head.passes, entries.clone(), &head, &listed.target, anew);
    let mut unknown = Unknown::new();
    let items: HashMap<FolderNo, u64> =
        listed.plan.folders.iter().map(|p| (p.entry.no, p.listed.items.unwrap_or(0))).collect();
    for entry in &entries {
        match strangers(&shared, entry).await {
            Err(e) if e.reaction() == Reaction::PauseFolder => {
                let items = items.get(&entry.no).copied().unwrap_or(0);
                locked(&shared.paused).push(Paused { no: entry.no, error: e, items });
            }
            strange => drop(unknown.insert(entry.no, strange?)),
        }
    }
    let depth = if shared.terms.depth == Depth::Deep { Depth::Deep } else { Depth::All };
    let mut checked = check::check(&shared, depth, &mut unknown).await?;
    // A target folder that does not exist: everything in it is missing.
    for entry in entries.iter().filter(|e| e.target.is_none()) {
        for item in unknown.get(&entry.no).into_iter().flatten() {
            checked.findings.identified += 1;
            let reason = "its folder does not exist at the target";
            checked.findings.missing.push(crate::verify::named(entry, item, "NOT_SYNCED", reason));
        }
        check::without_folder(&shared, entry, &mut checked).await?;
    }
    unmade.into_iter().for_each(|folder| checked.findings.skip_folder(folder));
    checked.findings.not_migratable.extend(check::not_migratable(&listed.plan.left_out));
    let findings = checked.findings;
    let totals = findings.totals();
    let verified_in = shared.cx.clock.elapsed().saturating_sub(began);
    let score = findings.score();
    let (deeds, moved_in) = (Deeds::default(), Duration::ZERO);
    let Plan { unmapped, unmatched, .. } = listed.plan;
    Ok(Report { deeds, findings, score, totals, unmapped, unmatched, moved_in, verified_in })
}

/// Items of the source folder that the ledger does not know, as if placed without an id.
async fn strangers(shared: &Shared, folder: &FolderEntry) -> Result<Vec<Entry>> {
    let entries = shared.entries(folder.no).await?;
    let known: HashSet<ItemId> =
        entries.into_iter().filter(|e| e.state != State::Gone).map(|e| e.id).collect();
    let fits = |t: &Trace<ItemId>| {
        let stub =
            Stub { id: t.id.clone(), size: t.size, date: t.date, flags: t.flags.clone(), identity: None };
        shared.terms.options.filter.item(&stub)
    };
    let room = shared.terms.options.filter.room(known.len());
    let read = || async {
        let mut strange = Vec::new();
        let mut traces = shared.sides.source.traces(&folder.source, None);
        while let Some(trace) = traces.next().await {
            let trace = trace?;
            if strange.len() < room && !known.contains(&trace.id) && fits(&trace) {
                strange.push(as_if_placed(folder.no, trace));
            }
        }
        Ok(strange)
    };
    persist(shared, read).await
}

fn as_if_placed(folder: FolderNo, trace: Trace<ItemId>) -> Entry {
    Entry {
        folder,
        id: trace.id,
        state: State::Placed,
        target: None,
        key: trace.key,
        digest: None,
        size: trace.size,
        date: trace.date,
        flags: Flags::default(),
        seen: false,
        unanswered: 0,
        pass: 0,
        tries: 0,
        repair: None,
        reason: None,
    }
}
