//! Folders renamed at the source are renamed at the target, where we still know them.
//!
//! A name that is taken there is never moved onto: the folder gets another one by rule, which the ledger keeps and
//! the report tells. Where the target renames nothing, the folder stays and that is told.

use std::collections::{BTreeMap, BTreeSet};

use mailferry_model::{
    Error, Kind, Result, Retry,
    error::Reaction,
    folder::{Folder, FolderPath},
    id::FolderId,
    ledger::{FolderEntry, Head, Reason, Window},
    port::Target,
};

use super::{
    anew::OVER,
    hierarchy::{candidates, taken},
    terms::Deeds,
};
use crate::plan::Planned;

/// Why a folder has its old name at the target, in the ledger: later passes ask again.
pub(super) const PUT_OFF: &str = "RENAME_PUT_OFF";

/// Folders of the target by their path.
type There = BTreeMap<FolderPath, FolderId>;

/// From where to where a folder of the target went.
pub(super) type Renamed = (FolderPath, FolderPath);

/// Where what lies below a folder has been led, by the folder's place in the plan; else it is where that wants to go.
type Led = BTreeMap<usize, FolderPath>;

/// Carries the renames of a plan. Those whose new name is free, or becomes free, come first. Gives back from where to
/// where, in their order.
pub(super) async fn follow(
    target: &dyn Target,
    folders: &mut [Planned],
    listed: &[Folder],
    there: &mut There,
    deeds: &mut Deeds,
) -> Result<Vec<Renamed>> {
    for planned in folders.iter_mut() {
        let before = planned.entry.unmade.take();
        planned.renamed |= before.is_some_and(|why| &*why.code == PUT_OFF);
    }
    lead(folders, there);
    let mut led = Led::new();
    let stood: Vec<FolderPath> = folders.iter().map(|f| f.entry.target_path.clone()).collect();
    adopt(folders, listed, there, target.caps().separator, &mut led);
    let went = stood.into_iter().zip(&*folders).map(|(from, f)| (from, f.entry.target_path.clone()));
    let mut renamed: Vec<Renamed> = went.filter(|(from, to)| from != to).collect();
    let mut tried: BTreeSet<usize> = BTreeSet::new();
    let mut stay: BTreeSet<usize> = BTreeSet::new();
    loop {
        let due: Vec<usize> = (0..folders.len()).filter(|at| is_due(&folders[*at], there)).collect();
        let free = due.iter().find(|at| !stay.contains(at) && !there.contains_key(&folders[**at].wanted));
        let Some(at) = free.or_else(|| due.iter().find(|at| !tried.contains(at))).copied() else {
            return Ok(renamed);
        };
        tried.insert(at);
        let from = folders[at].entry.target_path.clone();
        match rename(target, folders, at, there, deeds, &mut led).await? {
            true => renamed.push((from, folders[at].entry.target_path.clone())),
            false => _ = stay.insert(at),
        }
    }
}

/// Whether a folder was renamed at the source and lies at the target where we left it, under another name.
fn is_due(planned: &Planned, there: &There) -> bool {
    let entry = &planned.entry;
    planned.renamed
        && entry.target_path != planned.wanted
        && entry.target.is_some()
        && there.get(&entry.target_path) == entry.target.as_ref()
}

/// Finds again what was renamed before a crash could write it down: under one of its names, with its epoch.
fn adopt(folders: &mut [Planned], listed: &[Folder], there: &There, separator: Option<char>, led: &mut Led) {
    let mut used: BTreeSet<FolderId> = folders.iter().filter_map(|f| f.entry.target.clone()).collect();
    for at in 0..folders.len() {
        let planned = &mut folders[at];
        let lost = planned.entry.target.clone().filter(|id| !there.values().any(|t| t == id));
        let Some(old) = lost.filter(|_| planned.renamed) else { continue };
        let epoch = &planned.entry.target_epoch;
        let same = |path: &FolderPath| {
            let listed = listed.iter().find(|f| f.path == *path && f.selectable)?;
            (epoch.is_some() && listed.epoch == *epoch && !used.contains(&listed.id)).then(|| path.clone())
        };
        let certain = candidates(&planned.wanted, separator).iter().find_map(same);
        let likely =
            || Some(planned.wanted.clone()).filter(|p| there.get(p).is_some_and(|t| !used.contains(t)));
        let sure = certain.is_some();
        let Some(path) = certain.or_else(likely) else { continue };
        let Some(id) = there.get(&path).cloned() else { continue };
        used.remove(&old);
        used.insert(id.clone());
        if !sure {
            planned.entry.target_epoch = Some(OVER.into());
        }
        let wanted = planned.wanted.clone();
        planned.entry.renamed = (path != wanted).then(|| taken(&wanted).into());
        (planned.entry.target, planned.entry.target_path) = (Some(id), path.clone());
        lead_below(folders, at, led, &path);
    }
}

/// Renames one folder, to its name or the next by rule that is free; whether it has moved.
async fn rename(
    target: &dyn Target,
    folders: &mut [Planned],
    at: usize,
    there: &mut There,
    deeds: &mut Deeds,
    led: &mut Led,
) -> Result<bool> {
    let (wanted, from) = (folders[at].wanted.clone(), folders[at].entry.target_path.clone());
    let Some(id) = folders[at].entry.target.clone() else { return Ok(false) };
    let mut reason = None;
    for path in candidates(&wanted, target.caps().separator) {
        if path == from {
            break;
        }
        if there.contains_key(&path) {
            reason = reason.or_else(|| Some(taken(&wanted)));
            continue;
        }
        match target.rename_folder(&id, &path).await {
            Ok(new) => {
                deeds.folders_renamed += 1;
                folders[at].entry.target = Some(new.clone());
                folders[at].entry.target_path = path.clone();
                folders[at].entry.renamed = reason.filter(|_| path != wanted).map(Into::into);
                there.remove(&from);
                follow_below(target, folders, at, (&from, &path), there).await?;
                there.insert(path.clone(), new);
                lead_below(folders, at, led, &path);
                return Ok(true);
            }
            Err(e) if matches!(e.kind(), Kind::Malformed | Kind::AlreadyExists) => {
                reason = Some(format!("{wanted}: {}", e.context()));
            }
            Err(e) if is_refusal(&e) => {
                if matches!(e.retry(), Retry::Soon | Retry::After(_)) {
                    let why = Reason { code: PUT_OFF.into(), text: e.context().into(), message_id: None };
                    folders[at].entry.unmade = Some(Box::new(why));
                }
                reason = Some(format!("the target does not rename it: {}", e.context()));
                break;
            }
            Err(e) => return Err(e),
        }
    }
    tracing::info!(folder = folders[at].entry.no.0, "a renamed folder stays where it is at the target");
    folders[at].entry.renamed = Some(reason.unwrap_or_else(|| taken(&wanted)).into());
    lead_below(folders, at, led, &from);
    Ok(false)
}

/// Whether this answer is about the renaming, not about the mailbox.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unsupported | Kind::Forbidden | Kind::NotFound)
        || matches!(error.reaction(), Reaction::PauseFolder | Reaction::SkipItem)
}

/// What lay below a renamed folder has moved with it.
async fn follow_below(
    target: &dyn Target,
    folders: &mut [Planned],
    at: usize,
    (from, to): (&FolderPath, &FolderPath),
    there: &mut There,
) -> Result<()> {
    let below: Vec<FolderPath> = there.keys().filter(|p| p.is_within(from)).cloned().collect();
    for path in below {
        let Some(old) = there.remove(&path) else { continue };
        let moved = path.carried(from, to);
        let ours = folders.iter().position(|f| f.entry.target.as_ref() == Some(&old)).filter(|i| *i != at);
        // A new folder of the source may want that place.
        let wanted = || folders.iter().any(|f| f.entry.target.is_none() && f.wanted == moved);
        let new = match ours.is_some() || wanted() {
            // Renamed already: it only tells the new id.
            true => target.rename_folder(&old, &moved).await?,
            false => old,
        };
        if let Some(ours) = ours {
            folders[ours].entry.target = Some(new.clone());
            folders[ours].entry.target_path = moved.clone();
        }
        there.insert(moved, new);
    }
    Ok(())
}

/// What lies below a folder that was not renamed now shall go below where that is, even if it would go elsewhere today.
fn lead(folders: &mut [Planned], there: &There) {
    for at in 0..folders.len() {
        let (wanted, path) = (folders[at].wanted.clone(), folders[at].entry.target_path.clone());
        let stands = there.get(&path).is_some_and(|id| folders[at].entry.target.as_ref() == Some(id));
        if !folders[at].renamed && path != wanted && stands {
            lead_below(folders, at, &mut Led::new(), &path);
        }
    }
}

/// What lies below a folder at the source shall lie below the name that it really got.
fn lead_below(folders: &mut [Planned], at: usize, led: &mut Led, path: &FolderPath) {
    let from = led.insert(at, path.clone()).unwrap_or_else(|| folders[at].wanted.clone());
    let above = folders[at].listed.path.clone();
    for (below, planned) in folders.iter_mut().enumerate() {
        if below != at && planned.listed.path.is_within(&above) && planned.wanted.is_within(&from) {
            planned.wanted = planned.wanted.carried(&from, path);
        }
    }
}

/// What vanished at the source lay below a folder that has been renamed: its copies went along.
pub(super) fn follow_vanished(vanished: &mut [FolderEntry], renamed: &[Renamed], listed: &[Folder]) {
    for folder in vanished {
        if let Some(now) = carried(&folder.target_path, renamed, listed) {
            (folder.target, folder.target_path) = (Some(now.id.clone()), now.path.clone());
        }
    }
}

/// Windows that a pass before left open on folders that have been renamed now: what it put lies beyond the same marks.
pub(super) fn follow_windows(
    head: &Head,
    renamed: &[Renamed],
    before: &[Folder],
    listed: &[Folder],
) -> Vec<Window> {
    let stood = |id: &FolderId| {
        let known = || head.folders.iter().find(|f| f.target.as_ref() == Some(id)).map(|f| &f.target_path);
        before.iter().find(|f| f.id == *id).map(|f| &f.path).or_else(known)
    };
    let followed = |window: &Window| {
        let now = carried(stood(&window.folder)?, renamed, listed)?;
        Some(Window { folder: now.id.clone(), mark: window.mark.clone() })
    };
    head.windows.iter().filter_map(followed).collect()
}

/// The folder that lay at a path, if renames have taken it elsewhere.
fn carried<'a>(path: &FolderPath, renamed: &[Renamed], listed: &'a [Folder]) -> Option<&'a Folder> {
    let follow = |at: FolderPath, (from, to): &Renamed| match at.is_within(from) {
        true => at.carried(from, to),
        false => at,
    };
    let now = renamed.iter().fold(path.clone(), follow);
    listed.iter().find(|f| f.path == now && now != *path)
}
