//! Which folders move and where they go: pure, from the ledger's head and two listings.
//!
//! Names that a target refuses are not known here; `hierarchy` tries the alternatives of [`mapping::names`].

mod gone;
mod preview;

pub use preview::preview;

use std::collections::{BTreeMap, BTreeSet};

use mailferry_model::{
    filter::{Choice, Unmatched},
    folder::{Folder, FolderPath, Role},
    ledger::{FolderEntry, FolderNo, Head},
    mapping::{self, RunOptions},
    report::Named,
};

/// A folder that moves.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What the ledger knows, or a new entry.
    pub entry: FolderEntry,
    /// As the source lists it now.
    pub listed: Folder,
    /// Where it shall go: by rule, before any refusal.
    pub wanted: FolderPath,
    /// It was somewhere else at the source when last seen: the target folder follows.
    pub renamed: bool,
}

/// The folders of a pass.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What moves, parents before children.
    pub folders: Vec<Planned>,
    /// What does not, and why.
    pub left_out: Vec<(Folder, Choice)>,
    /// Known, chosen by the filter and no longer at the source: what lies below before what it lies in.
    pub vanished: Vec<FolderEntry>,
    /// What the mapping names and the source does not list.
    pub unmapped: Vec<FolderPath>,
    /// Patterns of the filter that mean no folder, neither of the source nor one that was there.
    pub unmatched: Vec<Unmatched>,
    /// Folders that the target does not make, taken out of `folders`: what the report says of each.
    pub unmade: Vec<Named>,
}

/// Plans a pass.
pub fn plan(head: &Head, source: &[Folder], target: &[Folder], options: &RunOptions) -> Plan {
    let mut plan = Plan::default();
    let mut numbers = Numbers::of(head);
    let mut wanted: BTreeMap<FolderPath, FolderPath> = BTreeMap::new();
    let mut taken: BTreeSet<FolderPath> = BTreeSet::new();
    let mut listed: Vec<&Folder> = source.iter().collect();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    let chosen = |folder: &Folder| options.filter.folder(folder, source);
    for folder in listed {
        match chosen(folder) {
            Choice::Moves if folder.selectable => {}
            Choice::Moves => continue,
            choice => {
                plan.left_out.push((folder.clone(), choice));
                continue;
            }
        }
        let goes = wanted_path(folder, &wanted, target, options, &taken);
        wanted.insert(folder.path.clone(), goes.clone());
        taken.insert(goes.clone());
        let (entry, renamed) = numbers.entry(folder, &goes, source);
        plan.folders.push(Planned { entry, listed: folder.clone(), wanted: goes, renamed });
    }
    plan.vanished = gone::vanished(head, &numbers.used, (source, target), &plan.left_out, options);
    let paths: Vec<FolderPath> = source.iter().map(|f| f.path.clone()).collect();
    plan.unmapped = mapping::unmatched(&options.map, &paths);
    let known = head.folders.iter().map(|f| f.source_path.clone());
    let ever: Vec<FolderPath> = paths.into_iter().chain(known).collect();
    plan.unmatched = options.filter.unmatched(&ever, source);
    plan
}

/// Where a folder goes: a mapping of the administrator, else the folder with its role, else its name below
/// where its parent went.
fn wanted_path(
    folder: &Folder,
    wanted: &BTreeMap<FolderPath, FolderPath>,
    target: &[Folder],
    options: &RunOptions,
    taken: &BTreeSet<FolderPath>,
) -> FolderPath {
    if let Some(path) = mapping::mapped(&options.map, &folder.path) {
        return path;
    }
    let by_role = folder.role.filter(|r| !r.is_virtual()).and_then(|role| with_role(target, role));
    if let Some(path) = by_role.filter(|p| !taken.contains(p)) {
        return path;
    }
    let above = std::iter::successors(folder.path.parent(), FolderPath::parent)
        .find_map(|p| Some((wanted.get(&p)?, p)));
    match above {
        Some((gone_to, parent)) => folder.path.carried(&parent, gone_to),
        None => folder.path.clone(),
    }
}

fn with_role(target: &[Folder], role: Role) -> Option<FolderPath> {
    target.iter().find(|f| f.role == Some(role) && f.selectable).map(|f| f.path.clone())
}

/// Finds the ledger's entries again and numbers new ones.
struct Numbers<'a> {
    head: &'a Head,
    next: u32,
    used: BTreeSet<FolderNo>,
}

impl<'a> Numbers<'a> {
    fn of(head: &'a Head) -> Self {
        let next = head.folders.iter().map(|f| f.no.0 + 1).max().unwrap_or(0);
        Self { head, next, used: BTreeSet::new() }
    }

    /// The entry of a folder, and whether it was renamed at the source.
    ///
    /// An identity that survives renames decides where there is one. Without it a folder that vanished and
    /// one that appeared with the same epoch are one, if the epoch is unique on both sides.
    fn entry(&mut self, folder: &Folder, wanted: &FolderPath, source: &[Folder]) -> (FolderEntry, bool) {
        let free = |f: &&FolderEntry| !f.gone && !self.used.contains(&f.no);
        let known = || self.head.folders.iter().filter(free);
        let by_identity = || {
            let identity = folder.identity.as_ref()?;
            known().find(|f| f.identity.as_ref() == Some(identity))
        };
        let same_name =
            || known().find(|f| f.source == folder.id && (f.identity.is_none() || folder.identity.is_none()));
        let by_epoch = || {
            let epoch = folder.epoch.as_ref()?;
            let mut fits = known().filter(|f| f.identity.is_none() && f.epoch.as_ref() == Some(epoch));
            let one = fits.next().filter(|f| !source.iter().any(|s| s.id == f.source))?;
            let twins = source.iter().filter(|s| s.epoch.as_ref() == Some(epoch)).count();
            (fits.next().is_none() && twins == 1 && one.placed > 0).then_some(one)
        };
        match by_identity().or_else(same_name).or_else(by_epoch) {
            Some(entry) => {
                self.used.insert(entry.no);
                let renamed = entry.source_path != folder.path;
                let entry = FolderEntry {
                    source: folder.id.clone(),
                    source_path: folder.path.clone(),
                    identity: folder.identity.clone(),
                    epoch: folder.epoch.clone(),
                    ..entry.clone()
                };
                (entry, renamed)
            }
            None => {
                let no = FolderNo(self.next);
                self.next += 1;
                self.used.insert(no);
                (FolderEntry::listed(no, folder, wanted), false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mailferry_model::{folder::Namespace, id::FolderId};

    use super::*;

    fn folder(path: &str, role: Option<Role>) -> Folder {
        Folder {
            id: FolderId::from_bytes(path),
            path: path.parse().unwrap(),
            role,
            namespace: Namespace::Personal,
            selectable: true,
            subscribed: None,
            identity: None,
            epoch: Some(format!("e{path}").into()),
            items: None,
        }
    }

    fn paths(plan: &Plan) -> Vec<String> {
        plan.folders.iter().map(|p| format!("{} > {}", p.listed.path, p.wanted)).collect()
    }

    #[test]
    fn roles_map_what_lies_below_follows_and_nothing_merges() {
        let source =
            [folder("Gesendet", Some(Role::Sent)), folder("Gesendet/2024", None), folder("Sent Items", None)];
        let target = [folder("INBOX", Some(Role::Inbox)), folder("Sent Items", Some(Role::Sent))];
        let plan = plan(&Head::default(), &source, &target, &RunOptions::default());
        assert_eq!(
            paths(&plan),
            ["Gesendet > Sent Items", "Gesendet/2024 > Sent Items/2024", "Sent Items > Sent Items"],
            "the clash is solved by the hierarchy, by another name"
        );
    }

    #[test]
    fn a_mapping_of_the_administrator_wins() {
        let options = RunOptions { map: vec!["Sent=Old/Sent".parse().unwrap()], ..RunOptions::default() };
        let plan = plan(
            &Head::default(),
            &[folder("Sent", Some(Role::Sent))],
            &[folder("S", Some(Role::Sent))],
            &options,
        );
        assert_eq!(paths(&plan), ["Sent > Old/Sent"]);
    }

    #[test]
    fn a_vanished_and_an_appeared_folder_of_one_epoch_are_a_rename() {
        let first = plan(&Head::default(), &[folder("A", None)], &[], &RunOptions::default());
        let entry = FolderEntry { epoch: Some("eA".into()), placed: 1, ..first.folders[0].entry.clone() };
        let head = Head { folders: vec![entry], begun: true, ..Head::default() };
        let renamed = Folder { epoch: Some("eA".into()), ..folder("B", None) };
        let second = plan(&head, &[renamed], &[], &RunOptions::default());
        assert!(second.folders[0].renamed && second.vanished.is_empty());
        let third = plan(&head, &[folder("B", None)], &[], &RunOptions::default());
        assert!(!third.folders[0].renamed && third.vanished.len() == 1);
        assert_eq!(third.folders[0].entry.no, FolderNo(1), "numbers are never used again");
    }
}
