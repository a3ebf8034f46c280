//! The folders of the target: renames carried, missing ones created, refused names replaced by rule. A folder that the
//! target takes under no name stops nothing else.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use mailferry_model::{
    Error, Kind, Result, Scope, Side,
    folder::{Folder, FolderPath, FolderSpec},
    id::FolderId,
    mapping,
    port::Target,
};

use super::{anew, renames, terms::Deeds, unmade::Unmade};
use crate::plan::Planned;

/// How many creations are sent ahead of their answers.
const AHEAD: usize = 64;

/// What became of the folders of a plan.
pub(super) struct Made {
    /// Those that the target does not make.
    pub unmade: Vec<Unmade>,
    /// Where those went that were renamed, in this order.
    pub renamed: Vec<renames::Renamed>,
}

/// Makes the target's folders what the plan says; fills in their ids and real paths.
pub(super) async fn ensure(
    target: &dyn Target,
    folders: &mut [Planned],
    listed: &[Folder],
    deeds: &mut Deeds,
) -> Result<Made> {
    let mut there: BTreeMap<FolderPath, FolderId> =
        listed.iter().filter(|f| f.selectable).map(|f| (f.path.clone(), f.id.clone())).collect();
    let store_lives = anew::store_lives(folders.iter().map(|f| &f.entry), listed);
    let renamed = renames::follow(target, folders, listed, &mut there, deeds).await?;
    for planned in folders.iter_mut() {
        if planned.entry.target_path == planned.wanted {
            planned.entry.renamed = None;
        }
        let kept = planned.entry.target.as_ref().filter(|id| there.values().any(|t| t == *id));
        if kept.is_none() && planned.entry.target.take().is_some() {
            // Kept in the ledger until it was looked for what was placed there; where a user removed it, the folder
            // begins anew and the items stay removed.
            planned.entry.target_epoch = (!store_lives).then(|| anew::OVER.into());
        }
    }
    // Nearly always the wanted names are fine: they are all sent ahead. What is refused is tried by rule after.
    let specs: Vec<(usize, FolderSpec)> = pending(folders, &there);
    let answers: Vec<_> = stream::iter(specs)
        .map(|(at, spec)| async move {
            let answer = target.ensure_folder(&spec).await;
            (at, spec.path, answer)
        })
        .buffered(AHEAD)
        .collect()
        .await;
    for (at, path, answer) in answers {
        match answer {
            Ok(ensured) => {
                deeds.folders_created += u64::from(ensured.created);
                there.insert(path, ensured.id);
            }
            // Under another name, or once more: it may have been busy.
            Err(e) if e.scope() <= Scope::Folder || e.kind() == Kind::AlreadyExists => {
                tracing::debug!(folder = at, "a folder name needs another form");
            }
            Err(e) => return Err(e),
        }
    }
    let mut moved: BTreeMap<FolderPath, FolderPath> = BTreeMap::new();
    let mut used: Vec<FolderId> = folders.iter().filter_map(|f| f.entry.target.clone()).collect();
    let mut unmade = Vec::new();
    for planned in folders.iter_mut().filter(|f| f.entry.target.is_none()) {
        let (path, id, reason) = match place(target, planned, &there, &moved, &used, deeds).await {
            Ok(placed) => placed,
            Err(e) => {
                unmade.push(Unmade::of(planned, e)?);
                continue;
            }
        };
        moved.insert(planned.wanted.clone(), path.clone());
        there.insert(path.clone(), id.clone());
        used.push(id.clone());
        planned.entry.target = Some(id);
        planned.entry.target_path = path;
        planned.entry.renamed = reason.map(Into::into);
    }
    Ok(Made { unmade, renamed })
}

fn pending(folders: &[Planned], there: &BTreeMap<FolderPath, FolderId>) -> Vec<(usize, FolderSpec)> {
    let missing = folders
        .iter()
        .enumerate()
        .filter(|(_, f)| f.entry.target.is_none() && !there.contains_key(&f.wanted));
    missing.map(|(at, f)| (at, FolderSpec { path: f.wanted.clone(), role: f.listed.role })).collect()
}

/// Why a folder did not get its name.
pub(super) fn taken(wanted: &FolderPath) -> String {
    format!("{wanted} is the place of another folder")
}

/// Finds a place for one folder: the wanted name, else the next by rule that the target takes and nobody has.
async fn place(
    target: &dyn Target,
    planned: &Planned,
    there: &BTreeMap<FolderPath, FolderId>,
    moved: &BTreeMap<FolderPath, FolderPath>,
    used: &[FolderId],
    deeds: &mut Deeds,
) -> Result<(FolderPath, FolderId, Option<String>)> {
    let above = std::iter::successors(planned.wanted.parent(), FolderPath::parent)
        .find_map(|p| Some((moved.get(&p)?, p)));
    let wanted = match above {
        Some((to, from)) => planned.wanted.carried(&from, to),
        None => planned.wanted.clone(),
    };
    let mut reason = None;
    let mut candidates = candidates(&wanted, target.caps().separator).into_iter();
    loop {
        let Some(path) = candidates.next() else {
            let refused = reason.unwrap_or_else(|| "the target refuses every name tried".to_owned());
            let error = Error::new(Kind::Malformed, Side::Target, "create folder", refused);
            return Err(error.scope_of(Scope::Folder));
        };
        let known = there.get(&path).cloned();
        let answer = match known {
            Some(id) => Ok((id, false)),
            None => {
                let spec = FolderSpec { path: path.clone(), role: planned.listed.role };
                target.ensure_folder(&spec).await.map(|e| (e.id, e.created))
            }
        };
        match answer {
            Ok((id, _)) if used.contains(&id) => {
                reason = Some(taken(&wanted));
            }
            Ok((id, created)) => {
                deeds.folders_created += u64::from(created);
                return Ok((path, id, reason));
            }
            Err(e) if matches!(e.kind(), Kind::Malformed | Kind::Unsupported | Kind::AlreadyExists) => {
                reason = Some(format!("{wanted}: {}", e.context()));
            }
            Err(e) => return Err(e),
        }
    }
}

/// Paths to try: alternatives of the last name first, then of all names.
pub(super) fn candidates(wanted: &FolderPath, separator: Option<char>) -> Vec<FolderPath> {
    let names: Vec<Vec<String>> = wanted.0.iter().map(|n| mapping::names(n, separator)).collect();
    let plain: Vec<String> = names.iter().map(|n| n.first().cloned().unwrap_or_default()).collect();
    let Some((last, above)) = names.split_last() else { return Vec::new() };
    let with_last = last.iter().map(|name| {
        let mut path = plain[..above.len()].to_vec();
        path.push(name.clone());
        FolderPath(path)
    });
    let clean = |names: &Vec<String>| names.get(1).or(names.first()).cloned().unwrap_or_default();
    let all_clean = FolderPath(names.iter().map(clean).collect());
    with_last.chain([all_clean]).collect()
}
