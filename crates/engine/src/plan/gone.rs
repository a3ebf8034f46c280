//! Which folders of the ledger are gone from the source. What the filter leaves out is none of our business: neither
//! a folder of such a name that vanished, nor one that only got such a name.

use std::collections::BTreeSet;

use mailferry_model::{
    filter::Choice,
    folder::{Folder, Namespace},
    ledger::{FolderEntry, FolderNo, Head},
    mapping::RunOptions,
};

/// Folders of the ledger that no listed folder is, and that the filter chooses; what lies below comes first.
pub(super) fn vanished(
    head: &Head,
    used: &BTreeSet<FolderNo>,
    (source, target): (&[Folder], &[Folder]),
    left_out: &[(Folder, Choice)],
    options: &RunOptions,
) -> Vec<FolderEntry> {
    // One that went before is looked at again while copies of it are to be removed.
    // One that the target never made holds nothing that could be gone.
    let was_made = |f: &FolderEntry| f.unmade.is_none() || f.target.is_some();
    let due = |f: &&FolderEntry| was_made(f) && (!f.gone || (options.delete && f.left > 0));
    let mut vanished: Vec<FolderEntry> = head
        .folders
        .iter()
        .filter(due)
        .filter(|f| !used.contains(&f.no))
        .filter(|f| !left_out.iter().any(|(listed, _)| is_there(f, listed, source)))
        .cloned()
        .collect();
    let all: Vec<Folder> =
        source.iter().cloned().chain(vanished.iter().map(|f| as_listed(f, target))).collect();
    vanished.retain(|f| options.filter.names(&f.source_path, &all));
    vanished.sort_by(|a, b| b.target_path.cmp(&a.target_path));
    vanished
}

/// Whether a folder that is only left out now is this one, perhaps under another name.
fn is_there(known: &FolderEntry, listed: &Folder, source: &[Folder]) -> bool {
    let same = |a: &Option<Box<str>>, b: &Option<Box<str>>| a.is_some() && a == b;
    let listed_before = source.iter().any(|f| f.id == known.source);
    known.source == listed.id
        || same(&known.identity, &listed.identity)
        // Where nothing survives a rename the epoch alone has to do: what is in doubt stays.
        || (known.identity.is_none() && !listed_before && same(&known.epoch, &listed.epoch))
}

/// As it was listed once, for the patterns: what it was for is known from where it went.
fn as_listed(known: &FolderEntry, target: &[Folder]) -> Folder {
    let copy = target.iter().find(|f| Some(&f.id) == known.target.as_ref());
    Folder {
        id: known.source.clone(),
        path: known.source_path.clone(),
        role: copy.and_then(|f| f.role),
        namespace: Namespace::Personal,
        selectable: true,
        subscribed: None,
        identity: known.identity.clone(),
        epoch: known.epoch.clone(),
        items: None,
    }
}
