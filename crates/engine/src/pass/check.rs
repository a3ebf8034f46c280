//! Reads what verification judges, and sums it up: afresh from the target, after the last put.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use mailferry_model::{
    Error, Result,
    filter::Choice,
    folder::Folder,
    id::{FolderId, TargetId},
    item::Trace,
    key::{Digest, HeaderKey},
    ledger::{Entry, FolderEntry, FolderNo, Reason, State},
    report::{Findings, Named},
};
use tokio::sync::Semaphore;

use super::{
    anew,
    compare::{self, Said},
    elsewhere,
    judging::{self, Reach},
    reading::{persist, target_digests},
    returned, settle,
    shared::{Owed, Paused, Shared, locked},
    terms::Depth,
    together::together,
    unseen,
    writer::Before,
};
use crate::verify::{self, Judged};

/// Code of what the target took and does not show.
const ITEM_MISSING: &str = "ITEM_MISSING";

/// Folders looked at side by side.
const TOGETHER: usize = 8;

/// Items of folders that are looked at side by side; a larger folder is looked at alone.
const ITEMS_TOGETHER: u32 = 20_000;

/// Items of the source that the ledger does not know, as if placed: looked for when verifying without a pass.
pub(super) type Unknown = HashMap<FolderNo, Vec<Entry>>;

/// What one look found, and what should be put again.
pub(super) struct Checked {
    pub findings: Findings,
    /// Placed, as the target said, and never seen: to be settled and put again.
    pub unseen: Vec<Owed>,
    /// Put, and not known to be at the target.
    owed: Vec<Named>,
}

/// An entry that is not there, with its folder.
pub(super) type Absent = (Arc<FolderEntry>, Entry);

/// What is unclaimed in a folder and alike something of ours, with what the ledger knows of the bodies there.
type Extra = (Arc<FolderEntry>, Bodies, Vec<Trace<TargetId>>);

/// What all looks together leave to be explained.
#[derive(Default)]
struct Open {
    absent: Vec<Absent>,
    free: Vec<Trace<TargetId>>,
    extras: Vec<Extra>,
}

/// Verifies the folders of a pass to a depth. Takes out of `unknown` what belongs to folders that are there.
pub(super) async fn check(shared: &Arc<Shared>, depth: Depth, unknown: &mut Unknown) -> Result<Checked> {
    shared.writer.sync().await?;
    shared.terms.progress.set_phase("verifying");
    let mut checked = Checked { findings: Findings::default(), unseen: Vec::new(), owed: Vec::new() };
    let mut open = Open::default();
    let counts = counts(shared).await?;
    let places = Arc::new(Semaphore::new(ITEMS_TOGETHER as usize));
    let folders: Vec<FolderEntry> = shared.all_folders().into_iter().filter(|f| f.target.is_some()).collect();
    // Places are taken in the order in which results are dealt with: the first always has its own.
    let placed = stream::iter(folders).then(|folder| {
        let (places, count) = (places.clone(), counts.of(&folder));
        let unknown = unknown.remove(&folder.no).unwrap_or_default();
        async move {
            let held = places.acquire_many_owned(weight(&folder, count, &unknown)).await;
            (Arc::new(folder), count, unknown, held)
        }
    });
    let looks = placed.map(|(folder, count, unknown, held)| {
        let shared = shared.clone();
        async move { Ok((look(&shared, &folder, depth, count, unknown).await?, folder, count, held)) }
    });
    let mut looked = std::pin::pin!(together(looks, TOGETHER));
    while let Some((looked, folder, count, held)) = looked.try_next().await? {
        match looked {
            Some(looked) => deal(shared, &folder, (depth, count), looked, &mut checked, &mut open).await?,
            None => sum_up(&mut checked.findings, &folder),
        }
        drop(held);
    }
    for Paused { no, error, items } in locked(&shared.paused).iter() {
        checked.findings.skip_folder(verify::named_folder(&shared.folder(*no)?, error, *items));
    }
    tell_lacking(shared, &mut checked.findings).await?;
    let Open { mut absent, mut free, extras } = open;
    too_often(shared, extras, &mut absent, &mut free, &mut checked.findings).await?;
    explain_absent(shared, absent, &free, &mut checked).await?;
    // What the pass itself has to say of an item says more than that it is elsewhere.
    let changed = &mut checked.findings.changed_at_target;
    for kept in locked(&shared.kept).iter() {
        match changed.iter_mut().find(|n| n.folder == kept.folder && n.uid == kept.uid) {
            Some(told) => told.reason.clone_from(&kept.reason),
            None => changed.push(kept.clone()),
        }
    }
    checked.findings.placed = checked.findings.placed.saturating_sub(checked.findings.missing.len() as u64);
    checked.findings.missing.append(&mut checked.owed);
    Ok(checked)
}

/// How many items are held to look at a folder.
fn weight(folder: &FolderEntry, count: Count, unknown: &[Entry]) -> u32 {
    let known = folder.placed + folder.owed + folder.skipped + folder.left + unknown.len() as u64;
    let there = if let Count::Of(count) = count { count } else { 0 };
    known.max(there).clamp(1, ITEMS_TOGETHER.into()) as u32
}

/// Takes what one look found into account.
async fn deal(
    shared: &Arc<Shared>,
    folder: &Arc<FolderEntry>,
    (depth, count): (Depth, Count),
    looked: Looked,
    checked: &mut Checked,
    open: &mut Open,
) -> Result<()> {
    let Looked { mut findings, mut owed, bodies, judged, closed } = looked;
    if let Some(error) = &closed {
        unseen::tell(&mut findings, folder, error);
    }
    checked.findings.add(findings);
    checked.owed.append(&mut owed);
    let wrong = |findings: &Findings| findings.missing.len() + findings.doubled.len();
    let before = wrong(&checked.findings);
    if let Some(mut judged) = judged {
        returned::judge(shared, folder, &mut judged).await?;
        if !judged.extra.is_empty() {
            open.extras.push((folder.clone(), bodies, std::mem::take(&mut judged.extra)));
        }
        open.free.append(&mut judged.free);
        open.absent.extend(std::mem::take(&mut judged.absent).into_iter().map(|e| (folder.clone(), e)));
        report(shared, folder, judged, depth, checked).await?;
    }
    let noted = match (closed, count) {
        (Some(_), _) => None,
        (None, Count::Of(count)) => Some(count).filter(|_| wrong(&checked.findings) == before),
        (None, _) => return Ok(()),
    };
    shared.change_folder(folder.no, |f| f.target_items = noted).await
}

/// What lies there too often, unless an item explains it that its user moved there.
async fn too_often(
    shared: &Arc<Shared>,
    extras: Vec<Extra>,
    absent: &mut Vec<Absent>,
    free: &mut Vec<Trace<TargetId>>,
    findings: &mut Findings,
) -> Result<()> {
    let mut away: BTreeMap<(HeaderKey, u64), usize> = BTreeMap::new();
    let seen = absent.iter().filter(|(_, entry)| entry.seen);
    seen.for_each(|(_, entry)| *away.entry((entry.key, entry.size)).or_default() += 1);
    for (folder, bodies, mut extra) in extras {
        free.extend(returned::explained(&mut extra, &mut away));
        let mut found = doubled(shared, &folder, &bodies, extra).await?;
        let (mut left, explained) = elsewhere::explain(shared, &mut found, absent).await?;
        absent.append(&mut left);
        free.extend(explained);
        if !found.is_empty() {
            shared.change_folder(folder.no, |f| f.target_items = None).await?;
        }
        let path = folder.target_path.to_string();
        let reason = "a copy too many of an item that was migrated";
        findings
            .doubled
            .extend(found.iter().map(|(trace, _)| verify::named_at_target(&path, trace, "DOUBLED", reason)));
    }
    Ok(())
}

/// How many items a target folder holds now.
#[derive(Clone, Copy)]
enum Count {
    /// So many.
    Of(u64),
    /// It is listed, and not counted although others are: it may not open.
    Withheld,
    /// The target counts nothing, or does not list it.
    Unknown,
}

/// What the target lists: each folder with its count.
struct Counts(HashMap<FolderId, Option<u64>>);

impl Counts {
    fn of(&self, folder: &FolderEntry) -> Count {
        match folder.target.as_ref().and_then(|target| self.0.get(target)) {
            Some(Some(count)) => Count::Of(*count),
            Some(None) if self.0.values().any(Option::is_some) => Count::Withheld,
            _ => Count::Unknown,
        }
    }
}

/// How many items each target folder holds now.
async fn counts(shared: &Shared) -> Result<Counts> {
    let listed = persist(shared, || shared.sides.target.folders()).await?;
    Ok(Counts(listed.into_iter().filter(|f| f.selectable).map(|f| (f.id, f.items)).collect()))
}

fn sum_up(findings: &mut Findings, folder: &FolderEntry) {
    findings.identified += folder.placed + folder.owed + folder.skipped;
    findings.placed += folder.placed;
    findings.bytes += folder.bytes;
}

fn sum_up_entries(findings: &mut Findings, entries: &[Entry]) {
    for entry in entries.iter().filter(|e| e.state != State::Gone) {
        findings.identified += 1;
        if entry.state == State::Placed {
            findings.placed += 1;
            findings.bytes += entry.size;
        }
    }
}

/// What was refused, put off or cannot be read is skipped, with its reason. What was put and is not there, or whose put
/// was never answered, is missing until it is seen.
fn list_not_placed(findings: &mut Findings, owed: &mut Vec<Named>, folder: &FolderEntry, entries: &[Entry]) {
    for entry in entries.iter().filter(|e| matches!(e.state, State::Skipped | State::Owed)) {
        let (code, text) = match &entry.reason {
            Some(reason) => (&*reason.code, reason.text.to_string()),
            None => (
                "NOT_YET_PLACED",
                "its put was never answered; it is tried again in the next pass".to_owned(),
            ),
        };
        let unaccounted = entry.reason.as_ref().is_none_or(|reason| &*reason.code == ITEM_MISSING);
        let list = match entry.state == State::Owed && unaccounted {
            true => &mut *owed,
            false => &mut findings.skipped,
        };
        list.push(verify::named(folder, entry, code, text));
    }
}

/// What was read of one folder.
struct Looked {
    /// Counts, and what is skipped.
    findings: Findings,
    owed: Vec<Named>,
    bodies: Bodies,
    judged: Option<Judged>,
    /// Why the target folder could not be looked at.
    closed: Option<Error>,
}

/// What the ledger knows of the bodies in a folder.
struct Bodies {
    digests: Vec<Digest>,
    are_all_known: bool,
}

impl Bodies {
    fn of(entries: &[Entry]) -> Self {
        let digests: Vec<Digest> = entries.iter().filter_map(|e| e.digest).collect();
        Self { are_all_known: digests.len() == entries.len(), digests }
    }

    fn may_hold(&self, digest: &Digest) -> bool {
        !self.are_all_known || self.digests.contains(digest)
    }
}

/// One folder, afresh; `None` where nothing has to be read.
async fn look(
    shared: &Shared,
    folder: &FolderEntry,
    depth: Depth,
    count: Count,
    unknown: Vec<Entry>,
) -> Result<Option<Looked>> {
    let wrote = folder.placed_pass == shared.pass;
    let fewer = match count {
        // Without a count that was noted, the last look found something wrong, or there was none.
        Count::Of(now) => shared.noted(folder).is_none_or(|then| now < then),
        Count::Withheld => folder.placed > 0,
        Count::Unknown => false,
    };
    let all = depth != Depth::Written || fewer;
    if !(all || wrote || folder.owed + folder.skipped > 0) {
        return Ok(None);
    }
    let mut entries = read_known(shared, folder).await?;
    entries.extend(unknown);
    let (mut findings, mut owed) = (Findings::default(), Vec::new());
    list_not_placed(&mut findings, &mut owed, folder, &entries);
    sum_up_entries(&mut findings, &entries);
    let bodies = Bodies::of(&entries);
    let reach = if all { Reach::Whole } else { Reach::Written };
    let (judged, closed) = match all || wrote {
        true => match judging::judge(shared, folder, entries, depth, reach).await {
            Err(e) if unseen::is_closed(&e) => (None, Some(e)),
            other => (Some(other?), None),
        },
        false => (None, None),
    };
    Ok(Some(Looked { findings, owed, bodies, judged, closed }))
}

/// What the ledger knows of a folder, as far as it still means something at the target.
async fn read_known(shared: &Shared, folder: &FolderEntry) -> Result<Vec<Entry>> {
    let entries = shared.entries(folder.no).await?;
    Ok(if shared.anew.contains(&folder.no) { anew::void(entries) } else { entries })
}

/// Turns a judgement into findings; marks as seen what was seen.
async fn report(
    shared: &Arc<Shared>,
    folder: &FolderEntry,
    judged: Judged,
    depth: Depth,
    checked: &mut Checked,
) -> Result<()> {
    let findings = &mut checked.findings;
    let (mut ask, mut there) = (judged.ask, judged.there);
    let kept = |e: &Entry| verify::said_of(e).map(|(code, text)| Said::Rewritten(e.clone(), code, text));
    let kept: Vec<Said> = there.iter().filter_map(kept).collect();
    if depth == Depth::Deep {
        let again = std::mem::take(&mut there).into_iter();
        ask.extend(again.filter_map(|e| e.target.clone().map(|id| (e, id))));
    }
    let redated = judged.redated.into_iter();
    let mut said: Vec<Said> = redated
        .map(|e| Said::Rewritten(e, "DATE_REWRITTEN", "the target set another date".to_owned()))
        .collect();
    said.extend(judged.unflagged.into_iter().map(|e| {
        Said::Rewritten(e, "FLAGS_REWRITTEN", "the target did not keep the flags that were put".to_owned())
    }));
    said.extend(kept);
    for (entry, is_known) in there.into_iter().zip(judged.known) {
        if let Some(repair) = entry.repair {
            said.push(Said::Rewritten(entry.clone(), "REPAIRED", verify::repair_words(repair)));
        }
        if !is_known {
            let before = Before::of(&entry);
            shared.record_all(vec![(entry, Some(before))]).await?;
        }
    }
    said.extend(compare::bodies(shared, folder, ask, &judged.sizes).await?);
    compare::tell(shared, folder, said, findings).await
}

/// Items to which this pass could not carry a keyword, unless a look at their folders has told of them.
async fn tell_lacking(shared: &Shared, findings: &mut Findings) -> Result<()> {
    let told = findings.rewritten.iter().filter(|n| n.code == verify::KEYWORD_REFUSED);
    let told: HashSet<(&str, &str)> = told.map(|n| (n.folder.as_str(), n.uid.as_str())).collect();
    let mut by_folder: BTreeMap<FolderNo, Vec<Said>> = BTreeMap::new();
    for entry in locked(&shared.lacking).iter() {
        let Some((code, text)) = verify::said_of(entry) else { continue };
        let named = verify::named(&shared.folder(entry.folder)?, entry, code, text);
        if !told.contains(&(named.folder.as_str(), named.uid.as_str())) {
            let said = Said::Rewritten(entry.clone(), code, named.reason);
            by_folder.entry(entry.folder).or_default().push(said);
        }
    }
    for (no, said) in by_folder {
        compare::tell(shared, &shared.folder(no)?, said, findings).await?;
    }
    Ok(())
}

/// Extra copies that lie beyond where the folder stood before us, and have the body of an item of ours.
async fn doubled(
    shared: &Arc<Shared>,
    folder: &FolderEntry,
    bodies: &Bodies,
    extra: Vec<Trace<TargetId>>,
) -> Result<Vec<(Trace<TargetId>, Digest)>> {
    let Some(target) = folder.target.clone().filter(|_| !extra.is_empty()) else { return Ok(Vec::new()) };
    let beyond = returned::after_us(shared, folder, &target, &extra).await?;
    let known = settle::claims(shared, &target).await?;
    let is_extra = |t: &Trace<TargetId>| beyond.contains(&t.id) && !known.contains(&t.id);
    let ours: Vec<Trace<TargetId>> = extra.into_iter().filter(is_extra).collect();
    let ids: Vec<TargetId> = ours.iter().map(|t| t.id.clone()).collect();
    let digests = target_digests(shared, &target, &ids).await?;
    let read = ours.into_iter().zip(digests).filter_map(|(trace, digest)| Some((trace, digest.ok()?)));
    Ok(read.filter(|(_, digest)| bodies.may_hold(digest)).collect())
}

/// What is not where it was put: changed by its user if anybody ever saw it, else missing.
async fn explain_absent(
    shared: &Arc<Shared>,
    absent: Vec<Absent>,
    free: &[Trace<TargetId>],
    checked: &mut Checked,
) -> Result<()> {
    let mut elsewhere: BTreeMap<(HeaderKey, u64), usize> = BTreeMap::new();
    free.iter().for_each(|t| *elsewhere.entry((t.key, t.size)).or_default() += 1);
    let mut said: Vec<(Arc<FolderEntry>, Vec<Said>)> = Vec::new();
    for (folder, entry) in absent {
        if said.last().is_none_or(|(f, _)| f.no != folder.no) {
            said.push((folder.clone(), Vec::new()));
        }
        let mut say = |one| said.last_mut().map(|(_, all)| all.push(one));
        let moved = elsewhere.get_mut(&(entry.key, entry.size)).filter(|n| **n > 0);
        // In a folder that was made anew nobody knows any more what was seen.
        let anew = shared.anew.contains(&folder.no);
        if entry.seen || (anew && moved.is_some()) {
            let words = match moved {
                Some(count) => {
                    *count -= 1;
                    "moved to another folder at the target by its user"
                }
                None => "moved or deleted at the target by its user",
            };
            say(Said::Changed(entry.clone(), "CHANGED_AT_TARGET", words.to_owned()));
            // Without its id: a folder numbered anew later on must not make it look as if it had been there.
            shared.record(Entry { seen: true, target: None, ..entry.clone() }, Some(&entry)).await?;
        } else {
            let (code, reason) = match entry.pass {
                0 => ("NOT_SYNCED", "it is at the source and was not carried over yet"),
                _ if anew => (ITEM_MISSING, "its folder was made anew at the target, and it is not there"),
                _ => (ITEM_MISSING, "the target said OK, but it is not there"),
            };
            say(Said::Missing(entry.clone(), code, reason.to_owned()));
            let known = entry.reason.as_ref().and_then(|r| r.message_id.clone());
            let reason = Reason { code: code.into(), text: reason.into(), message_id: known };
            let owed =
                Entry { state: State::Owed, target: None, reason: Some(Box::new(reason)), ..entry.clone() };
            checked.unseen.push(Owed::from_entry(&owed));
        }
    }
    for (folder, said) in said {
        compare::tell(shared, &folder, said, &mut checked.findings).await?;
    }
    Ok(())
}

/// What was put into a target folder that is no longer there, or never was.
pub(super) async fn without_folder(
    shared: &Arc<Shared>,
    folder: &FolderEntry,
    checked: &mut Checked,
) -> Result<()> {
    let entries = read_known(shared, folder).await?;
    list_not_placed(&mut checked.findings, &mut checked.owed, folder, &entries);
    sum_up_entries(&mut checked.findings, &entries);
    let folder = Arc::new(folder.clone());
    let absent = entries.into_iter().filter(|e| e.state == State::Placed);
    let absent = absent.map(|e| (folder.clone(), e)).collect();
    let missing = checked.findings.missing.len();
    explain_absent(shared, absent, &[], checked).await?;
    let missing = (checked.findings.missing.len() - missing) as u64;
    checked.findings.placed = checked.findings.placed.saturating_sub(missing);
    checked.findings.missing.append(&mut checked.owed);
    Ok(())
}

/// Folders that do not move, for the report.
pub(super) fn not_migratable(left_out: &[(Folder, Choice)]) -> Vec<Named> {
    let what = left_out.iter().filter(|(_, choice)| *choice == Choice::NotPersonal);
    what.map(|(folder, _)| Named {
        folder: folder.path.to_string(),
        uid: String::new(),
        message_id: None,
        size: 0,
        code: "FOLDER_LEFT_OUT".to_owned(),
        reason: format!(
            "{:?} folder, left out by default; name it with --include to move it",
            folder.namespace
        ),
        items: None,
        date: None,
        tries: None,
    })
    .collect()
}
