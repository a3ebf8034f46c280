//! A dry run: what a pass would put and remove, without a change on either side or in the ledger. No body is read:
//! what only moved counts as put, and where removals are carried, as removed.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use mailferry_model::{
    Kind, Result,
    error::Reaction,
    id::ItemId,
    item::{Change, Page},
    ledger::{Entry, FolderEntry, State},
    port::Cx,
    report::{Findings, Totals},
};

use super::{
    anew, check,
    run::Listed,
    terms::{Deeds, Report, Sides, Terms},
};
use crate::plan::{Plan, Planned};

/// What has been counted so far.
#[derive(Default)]
struct Counted {
    findings: Findings,
    deeds: Deeds,
}

/// What a pass would do.
///
/// # Errors
/// What reaches the whole mailbox.
pub(super) async fn would(sides: &Sides, terms: &Terms, cx: &Cx, listed: Listed) -> Result<Report> {
    let began = cx.clock.elapsed();
    let mut counted = Counted::default();
    let store_lives = anew::store_lives(listed.plan.folders.iter().map(|f| &f.entry), &listed.target);
    for planned in &listed.plan.folders {
        counted.deeds.folders_created += u64::from(!listed.target.iter().any(|f| f.path == planned.wanted));
        counted.known(&planned.entry, anew::is_anew(&planned.entry, &listed.target, store_lives));
        if terms.options.delete {
            counted.deeds.removed += planned.entry.left;
        }
        let print = planned.entry.fingerprint.as_ref();
        if print.is_none() || print != listed.fingerprints.get(&planned.listed.id) {
            changed(sides, terms, cx, planned, &mut counted).await?;
        }
    }
    if terms.options.delete {
        for folder in &listed.plan.vanished {
            counted.deeds.removed += vanished(sides, terms, folder, &listed).await?;
        }
    }
    let Counted { mut findings, deeds } = counted;
    findings.not_migratable = check::not_migratable(&listed.plan.left_out);
    tracing::debug!(folders = listed.source.len(), "dry run");
    let totals = Totals {
        identified: findings.identified,
        placed: findings.placed,
        bytes: findings.bytes,
        ..Totals::default()
    };
    let score = findings.score();
    let moved_in = cx.clock.elapsed().saturating_sub(began);
    let Plan { unmapped, unmatched, .. } = listed.plan;
    Ok(Report { deeds, findings, score, totals, unmapped, unmatched, moved_in, verified_in: Duration::ZERO })
}

impl Counted {
    /// What the ledger knows of a folder; where that lives anew at the target, all of it is put again.
    fn known(&mut self, entry: &FolderEntry, anew: bool) {
        let FolderEntry { placed, owed, skipped, bytes, .. } = *entry;
        self.findings.identified += placed + owed + skipped;
        self.findings.bytes += bytes;
        self.deeds.put += owed;
        match anew {
            true => self.deeds.put += placed,
            false => self.findings.placed += placed,
        }
    }

    /// What is new in a folder.
    fn page(&mut self, page: &Page, terms: &Terms, known: &HashMap<ItemId, Entry>, room: &mut usize) {
        for change in &page.changes {
            if let Change::Upsert(stub) = change
                && terms.options.filter.item(stub)
                && !known.contains_key(&stub.id)
                && *room > 0
            {
                *room -= 1;
                self.deeds.put += 1;
                self.findings.identified += 1;
            }
        }
    }

    /// What is no longer at the source.
    fn gone(&mut self, entry: &Entry, terms: &Terms) {
        let less = |n: &mut u64| *n = n.saturating_sub(1);
        less(&mut self.findings.identified);
        match entry.state {
            State::Placed => {
                less(&mut self.findings.placed);
                self.findings.bytes = self.findings.bytes.saturating_sub(entry.size);
            }
            State::Owed => less(&mut self.deeds.put),
            State::Skipped | State::Gone => {}
        }
        self.deeds.removed += u64::from(terms.options.delete && entry.target.is_some());
    }
}

/// Reads what changed in a folder.
async fn changed(
    sides: &Sides,
    terms: &Terms,
    cx: &Cx,
    planned: &Planned,
    counted: &mut Counted,
) -> Result<()> {
    let known = sides.ledger.read(terms.claim.mailbox(), planned.entry.no).await?;
    let known: HashMap<ItemId, Entry> = known.into_iter().map(|e| (e.id.clone(), e)).collect();
    let there = known.values().filter(|e| e.state != State::Gone).count();
    let mut room = terms.options.filter.room(there);
    let mut cursor = planned.entry.cursor.clone();
    let (mut renumbered, mut there, mut gone) = (false, HashSet::new(), HashSet::new());
    loop {
        cx.cancel.check()?;
        let page = match sides.source.changes(&planned.listed.id, cursor.as_ref()).await {
            Err(e) if e.kind() == Kind::CursorExpired && cursor.is_some() => {
                (cursor, renumbered) = (None, true);
                continue;
            }
            Err(e) if e.reaction() == Reaction::PauseFolder => {
                let listed = planned.listed.items.unwrap_or(0);
                counted.findings.skip_folder(crate::verify::named_folder(&planned.entry, &e, listed));
                return Ok(());
            }
            other => other?,
        };
        counted.page(&page, terms, &known, &mut room);
        for change in &page.changes {
            let (id, stays) = match change {
                Change::Upsert(stub) => (&stub.id, true),
                Change::Flags(id, _) | Change::Stays(id) => (id, true),
                Change::Gone(id) => (id, false),
            };
            if known.contains_key(id) {
                let (to, from) = if stays { (&mut there, &mut gone) } else { (&mut gone, &mut there) };
                from.remove(id);
                to.insert(id.clone());
            }
        }
        if !page.more {
            // What is known under other numbers now is not gone.
            let is_gone = |e: &&Entry| match page.listing {
                true => !renumbered && !there.contains(&e.id),
                false => gone.contains(&e.id),
            };
            let at_source = known.values().filter(|e| e.state != State::Gone);
            at_source.filter(is_gone).for_each(|e| counted.gone(e, terms));
            return Ok(());
        }
        cursor = Some(page.next);
    }
}

/// How much would be removed of a folder that is gone: our copies, and the folder where nothing else lies in it.
async fn vanished(sides: &Sides, terms: &Terms, folder: &FolderEntry, listed: &Listed) -> Result<u64> {
    let entries = sides.ledger.read(terms.claim.mailbox(), folder.no).await?;
    let ours = entries.iter().filter(|e| e.target.is_some()).count() as u64;
    let holds = |p: &Planned| {
        p.entry.target.is_some() && p.entry.target == folder.target || p.wanted.is_within(&folder.target_path)
    };
    let there = listed.target.iter().find(|f| Some(&f.id) == folder.target.as_ref());
    let goes = there.is_some_and(|f| f.items.is_none_or(|n| n <= ours));
    Ok(ours + u64::from(goes && !listed.plan.folders.iter().any(holds)))
}
