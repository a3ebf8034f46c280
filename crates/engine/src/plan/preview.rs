//! Where folders would go at a target that nobody has written to yet: by the rules of a pass, without asking it to make
//! anything. What it would refuse for reasons that its capabilities do not tell shows only in the pass.

use std::collections::BTreeSet;

use mailferry_model::{
    folder::{Folder, FolderPath},
    ledger::Head,
    mapping::{self, RunOptions},
    scan::{MOST_NAMED, Moved, Preview},
};

use super::plan;

/// Previews it.
pub fn preview(
    source: &[Folder],
    target: &[Folder],
    separator: Option<char>,
    options: &RunOptions,
) -> Preview {
    let planned = plan(&Head::default(), source, target, options).folders;
    let (mut preview, mut taken) = (Preview::default(), BTreeSet::new());
    for folder in planned {
        preview.folders += 1;
        let to = named(&folder.wanted, separator);
        let is_first = taken.insert(to.clone());
        if to == folder.listed.path && is_first {
            continue;
        }
        preview.changed += 1;
        let reason = match () {
            () if !is_first => "another folder goes there as well: it gets a name beside it",
            () if to != folder.wanted => "its name holds what separates folders at the target",
            () if mapping::mapped(&options.map, &folder.listed.path).is_some() => "a mapping says so",
            () if folder.listed.role.is_some() => "the target has a folder for that",
            () => "it goes along with the folder above it",
        };
        if preview.moved.len() < MOST_NAMED {
            let (from, to) = (folder.listed.path.to_string(), to.to_string());
            preview.moved.push(Moved { from, to, reason: reason.to_owned() });
        }
    }
    preview
}

/// The first names by rule that hold no separator.
fn named(wanted: &FolderPath, separator: Option<char>) -> FolderPath {
    let first = |name: &String| mapping::names(name, separator).into_iter().next().unwrap_or_default();
    FolderPath(wanted.0.iter().map(first).collect())
}

#[cfg(test)]
mod tests {
    use mailferry_model::{folder::Role, id::FolderId};

    use super::*;

    fn folder(path: FolderPath, role: Option<Role>) -> Folder {
        Folder {
            id: FolderId::from_bytes(path.to_string()),
            path,
            role,
            namespace: Default::default(),
            selectable: true,
            subscribed: None,
            identity: None,
            epoch: None,
            items: None,
        }
    }

    #[test]
    fn roles_separators_and_mappings_say_why_a_folder_goes_elsewhere() {
        let source = [
            folder(FolderPath::of(["INBOX"]), Some(Role::Inbox)),
            folder(FolderPath::of(["Gesendet"]), Some(Role::Sent)),
            folder(FolderPath::of(["a.b"]), None),
            folder(FolderPath::of(["Old"]), None),
            folder(FolderPath::of(["Plain"]), None),
        ];
        let target = [
            folder(FolderPath::of(["INBOX"]), Some(Role::Inbox)),
            folder(FolderPath::of(["Sent"]), Some(Role::Sent)),
        ];
        let options = RunOptions { map: vec!["Old=New".parse().unwrap()], ..RunOptions::default() };
        let preview = preview(&source, &target, Some('.'), &options);
        let told: Vec<String> = preview.moved.iter().map(|m| format!("{} {}", m.from, m.to)).collect();
        assert_eq!(told, ["Gesendet Sent", "Old New", "a.b a_b"]);
        assert_eq!((preview.folders, preview.changed), (5, 3));
        let reasons: Vec<&str> = preview.moved.iter().map(|m| m.reason.as_str()).collect();
        assert!(reasons[0].contains("has a folder") && reasons[1].contains("mapping"), "{reasons:?}");
        assert!(reasons[2].contains("separates"), "{reasons:?}");
    }
}
