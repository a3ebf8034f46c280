//! The way through a pass.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{future::join, try_join};
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    folder::Folder,
    id::{Fingerprint, FolderId},
    job::PassKind,
    ledger::{Commit, FolderEntry, Head},
    port::Cx,
};

use super::{
    anew,
    check::{self, Checked},
    early, finish,
    hierarchy::{self, Made},
    renames,
    settle::{Look, settle},
    shared::{Shared, locked},
    steps::{self, Dirty},
    subscriptions,
    terms::{Deeds, Depth, Report, Sides, Terms},
    unmade, would,
    writer::Writer,
};
use crate::plan::{Plan, plan};

/// Runs a pass to its end.
///
/// # Errors
/// What reaches the whole mailbox. All that was answered is in the ledger by then; what is in doubt lies in
/// an open window and is settled by the next pass.
pub async fn run(sides: Sides, terms: Terms, cx: Cx) -> Result<Report> {
    let began = cx.clock.elapsed();
    terms.progress.set_phase("listing folders");
    let opened = open(&sides, &terms).await?;
    if terms.dry_run {
        return would::would(&sides, &terms, &cx, opened).await;
    }
    let Opened { shared, plan, fingerprints, head, listed } = ensure(sides, terms, cx, opened).await?;
    let moved = move_in(&shared, &plan, &fingerprints, &head, &listed).await;
    // Whatever happened: what was answered goes into the ledger.
    let written = shared.writer.sync().await;
    if let Err(error) = moved {
        let clean = shared.is_clean() && written.is_ok();
        // What a pass before had left in doubt stays so until one comes to its end.
        if clean && head.windows.is_empty() {
            shared.close_windows().await?;
        }
        return Err(error);
    }
    written?;
    let moved_in = shared.cx.clock.elapsed().saturating_sub(began);
    shared.terms.progress.tell_moved();
    conclude(&shared, &plan, moved_in).await
}

pub(super) struct Listed {
    pub source: Vec<Folder>,
    pub fingerprints: HashMap<FolderId, Fingerprint>,
    pub target: Vec<Folder>,
    pub head: Head,
    pub plan: Plan,
}

/// What a pass works with once the folders stand.
struct Opened {
    shared: Arc<Shared>,
    plan: Plan,
    fingerprints: HashMap<FolderId, Fingerprint>,
    head: Head,
    listed: Vec<Folder>,
}

/// All listings at once, and the plan from them.
pub(super) async fn open(sides: &Sides, terms: &Terms) -> Result<Listed> {
    let mailbox = terms.claim.mailbox();
    let (source, state, target, head) = try_join!(
        sides.source.folders(),
        sides.source.state(&[]),
        sides.target.folders(),
        sides.ledger.head(mailbox)
    )?;
    let plan = plan(&head, &source, &target, &terms.options);
    if plan.folders.is_empty() && !terms.options.filter.include.is_empty() {
        let error =
            Error::new(Kind::NotFound, Side::Us, "plan", "no folder of the source is named by --include");
        return Err(error.scope_of(Scope::Mailbox));
    }
    if terms.options.filter.takes_every_item() {
        terms.progress.set_listed(plan.folders.iter().filter_map(|f| f.listed.items).sum());
    }
    let mut fingerprints: HashMap<FolderId, Fingerprint> = state.into_iter().collect();
    let lacking = |f: &&crate::plan::Planned| !fingerprints.contains_key(&f.listed.id);
    let also: Vec<FolderId> = plan.folders.iter().filter(lacking).map(|f| f.listed.id.clone()).collect();
    if !also.is_empty() {
        fingerprints.extend(sides.source.state(&also).await?);
    }
    Ok(Listed { source, fingerprints, target, head, plan })
}

/// Makes the folders of the target what the plan says and writes them down.
async fn ensure(sides: Sides, terms: Terms, cx: Cx, listed: Listed) -> Result<Opened> {
    let Listed { fingerprints, target, mut head, mut plan, .. } = listed;
    let pass = head.passes + 1;
    terms.progress.set_phase("making folders");
    let mut deeds = Deeds::default();
    let first = if head.passes == 0 { early::folders(&plan, &target) } else { Vec::new() };
    let folders = async {
        let made = hierarchy::ensure(sides.target.as_ref(), &mut plan.folders, &target, &mut deeds).await?;
        let changed = deeds.folders_created + deeds.folders_renamed > 0;
        let listed = if changed { Some(sides.target.folders().await?) } else { None };
        Ok((listed, made))
    };
    let (made, early) = join(folders, early::read(&sides, &terms, &cx, first)).await;
    let (listed, Made { mut unmade, renamed }) = made?;
    if let Some(listed) = &listed {
        unmade.extend(unmade::only_said(sides.target.as_ref(), &mut plan.folders, listed).await?);
    }
    let before = target;
    let listed = listed.unwrap_or_else(|| before.clone());
    renames::follow_vanished(&mut plan.vanished, &renamed, &listed);
    let windows = renames::follow_windows(&head, &renamed, &before, &listed);
    head.windows.retain(|w| !windows.iter().any(|new| new.folder == w.folder));
    head.windows.extend(windows.iter().cloned());
    let mut changed = unmade::leave_out(&mut plan, &unmade, &head.folders);
    let known: HashMap<_, &FolderEntry> = head.folders.iter().map(|f| (f.no, f)).collect();
    for planned in &mut plan.folders {
        let is_other = known.get(&planned.entry.no).is_none_or(|f| f.target != planned.entry.target);
        // Nobody was subscribed to it yet, or to what it was called before.
        planned.entry.subscribed = planned.entry.subscribed.filter(|_| !is_other);
    }
    let mut entries: Vec<FolderEntry> = plan.folders.iter().map(|p| p.entry.clone()).collect();
    entries.extend(plan.vanished.iter().cloned());
    for folder in head.left_out(&entries).filter(|f| f.unread_since.is_none()) {
        match changed.iter_mut().find(|f| f.no == folder.no) {
            Some(folder) => folder.unread_since = Some(pass),
            None => changed.push(FolderEntry { unread_since: Some(pass), ..folder.clone() }),
        }
    }
    // Folder numbers are in the ledger before any entry that carries one.
    changed.retain(|e| known.get(&e.no) != Some(&e));
    changed.extend(entries.iter().filter(|e| known.get(&e.no) != Some(e)).cloned());
    let begin = Commit { pass: Some(pass), folders: changed, marks: windows, ..Commit::default() };
    sides.ledger.commit(terms.claim.lease, &begin).await?;
    let writer = Writer::start(&sides, &terms, &cx, &entries, pass);
    let shared = Shared::new(sides, terms, cx, writer, pass, entries.clone(), &head, &listed, HashSet::new());
    *locked(&shared.deeds) = deeds;
    *locked(&shared.early) = early;
    early::give_turns(&shared);
    let totals = |f: &dyn Fn(&FolderEntry) -> u64| entries.iter().map(f).sum::<u64>();
    let progress = shared.terms.progress.clone();
    super::terms::Progress::add(&progress.identified, totals(&|f| f.placed + f.owed + f.skipped));
    super::terms::Progress::add(&progress.placed, totals(&|f| f.placed));
    super::terms::Progress::add(&progress.bytes, totals(&|f| f.bytes));
    super::terms::Progress::add(&progress.bytes_identified, totals(&|f| f.bytes));
    Ok(Opened { shared, plan, fingerprints, head, listed })
}

/// Everything up to the last put.
async fn move_in(
    shared: &Arc<Shared>,
    plan: &Plan,
    fingerprints: &HashMap<FolderId, Fingerprint>,
    head: &Head,
    listed: &[Folder],
) -> Result<()> {
    let epochs: HashMap<&FolderId, &Folder> = listed.iter().map(|f| (&f.id, f)).collect();
    anew::reclaim(shared, &epochs).await?;
    let dirty: Vec<Dirty> = steps::dirty(shared, plan, fingerprints, head);
    let fresh = head.folders.iter().all(|f| f.placed + f.owed + f.skipped + f.left == 0);
    let filled = steps::filled(shared, plan, &epochs, head);
    if fresh && head.windows.is_empty() && filled.is_empty() && plan.vanished.is_empty() {
        try_join!(steps::stream(shared, dirty), subscriptions::carry(shared, plan))?;
        return finish::doubts(shared).await;
    }
    if !dirty.is_empty() || !plan.vanished.is_empty() {
        let look = first_look(shared, head, filled);
        steps::gathered(shared, plan, dirty, look).await?;
    }
    subscriptions::carry(shared, plan).await?;
    finish::doubts(shared).await
}

/// Where a pass has to look before it puts anything: windows left open, and folders filled by others.
fn first_look(shared: &Shared, head: &Head, filled: Vec<FolderId>) -> Option<Look> {
    let mut places: Vec<_> = head.windows.iter().map(|w| (w.folder.clone(), Some(w.mark.clone()))).collect();
    let trust = match filled.is_empty() {
        true => super::matching::Trust::BeyondMark,
        false => super::matching::Trust::Nothing,
    };
    places.retain(|(folder, _)| !filled.contains(folder));
    if trust == super::matching::Trust::BeyondMark {
        // What came to be after the windows were opened lies beyond them as a whole: a user may have moved things there.
        let known: HashSet<&FolderId> = head.windows.iter().map(|w| &w.folder).collect();
        let later = shared.target_folders.iter().filter(|f| !head.windows.is_empty() && !known.contains(f));
        places.extend(later.map(|folder| (folder.clone(), None)));
    }
    places.extend(filled.into_iter().map(|folder| (folder, None)));
    let abandoned = shared.terms.claim.abandoned.map_or(Duration::ZERO, |ended| {
        let left = ended.duration_since(shared.cx.clock.now());
        Duration::try_from(left).unwrap_or_default()
    });
    let not_before = shared.cx.clock.elapsed() + abandoned + shared.grace();
    (!places.is_empty()).then_some(Look { places, trust, not_before })
}

/// Extra copies removed, everything verified, windows closed.
async fn conclude(shared: &Arc<Shared>, plan: &Plan, moved_in: Duration) -> Result<Report> {
    let began = shared.cx.clock.elapsed();
    let doubled = finish::tidy_up(shared).await?;
    let depth = match (shared.terms.depth, shared.terms.kind) {
        (Depth::Deep, _) => Depth::Deep,
        (_, PassKind::Initial | PassKind::Completion) => Depth::All,
        (depth, _) => depth,
    };
    let mut checked = check::check(shared, depth, &mut check::Unknown::new()).await?;
    if !checked.unseen.is_empty() {
        checked = put_unseen(shared, checked, depth).await?;
    }
    let mut findings = checked.findings;
    for (no, trace) in doubled {
        let path = shared.folder(no)?.target_path.to_string();
        let reason = "a second copy that this server cannot remove alone; it is marked as deleted";
        let named = crate::verify::named_at_target(&path, &trace, "DOUBLED", reason);
        if !findings.doubled.iter().any(|d| d.uid == named.uid && d.folder == named.folder) {
            findings.doubled.push(named);
        }
    }
    findings.not_migratable.extend(check::not_migratable(&plan.left_out));
    plan.unmade.iter().for_each(|folder| findings.skip_folder(folder.clone()));
    shared.writer.sync().await?;
    if locked(&shared.doubts).is_empty() {
        shared.close_windows().await?;
    }
    steps::pack(shared).await?;
    let verified_in = shared.cx.clock.elapsed().saturating_sub(began);
    let score = findings.score();
    let totals = findings.totals();
    shared.terms.progress.set_phase("done");
    let deeds = *locked(&shared.deeds);
    let (unmapped, unmatched) = (plan.unmapped.clone(), plan.unmatched.clone());
    Ok(Report { deeds, findings, score, totals, unmapped, unmatched, moved_in, verified_in })
}

/// What the target said it placed and nobody ever saw is settled and put again, once.
async fn put_unseen(shared: &Arc<Shared>, checked: Checked, depth: Depth) -> Result<Checked> {
    tracing::warn!(
        items = checked.unseen.len(),
        "the target said OK to items that are not there; putting them again"
    );
    let mut owed = Vec::new();
    for item in checked.unseen {
        let before = item.entry.as_deref().map(|e| mailferry_model::ledger::Entry {
            state: mailferry_model::ledger::State::Placed,
            ..e.clone()
        });
        if let Some(entry) = &item.entry {
            shared.record((**entry).clone(), before.as_ref()).await?;
        }
        owed.push(item);
    }
    *locked(&shared.last_doubt) = Some(shared.cx.clock.elapsed());
    let owed = super::settle::remember_doubt(shared, owed).await?;
    let settled = settle(shared, owed, finish::windows(shared)).await?;
    finish::put_again(shared, settled.owed).await?;
    finish::doubts(shared).await?;
    finish::tidy_up(shared).await?;
    let again = check::check(shared, depth, &mut check::Unknown::new()).await?;
    for item in &again.unseen {
        if let Some(entry) = &item.entry {
            let before = mailferry_model::ledger::Entry {
                state: mailferry_model::ledger::State::Placed,
                ..(**entry).clone()
            };
            shared.record((**entry).clone(), Some(&before)).await?;
        }
    }
    Ok(again)
}
