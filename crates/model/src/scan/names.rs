//! Folder names with which targets have trouble, judged from the name alone: what one target really does with them its
//! own preview says.

use std::collections::BTreeMap;

use super::NameFault;
use crate::folder::FolderPath;

/// The longest name that all systems take, in bytes.
const LONGEST: usize = 250;
/// So deep all systems go.
const DEEPEST: usize = 60;

/// Why a target may refuse or change this folder's name; none where every system takes it. Of a path only its last name
/// is judged: the others are folders of their own.
pub fn awkward(path: &FolderPath) -> Option<NameFault> {
    let name = path.name();
    let reason = match name {
        _ if path.0.len() > DEEPEST => format!("It lies more than {DEEPEST} folders deep."),
        _ if name.len() > LONGEST => format!("Its name is longer than {LONGEST} bytes."),
        _ if name.chars().any(char::is_control) => "It has a control character in its name.".to_owned(),
        _ if name != name.trim() => "Its name begins or ends with a space.".to_owned(),
        _ if name.contains("  ") => "It has two spaces in a row.".to_owned(),
        _ if name.starts_with('~') => "Its name begins with ~.".to_owned(),
        _ => {
            let letter = name.chars().find(|c| "/\\*%".contains(*c))?;
            format!("It has a {letter} in its name.")
        }
    };
    Some(NameFault { folder: path.to_string(), reason })
}

/// Folders that a target which does not tell small letters from capitals would make one of: all but the first.
pub fn clashes<'a>(paths: impl IntoIterator<Item = &'a FolderPath>) -> Vec<NameFault> {
    let mut first: BTreeMap<String, &FolderPath> = BTreeMap::new();
    let mut faults = Vec::new();
    for path in paths {
        match first.entry(path.to_string().to_lowercase()) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(path);
            }
            std::collections::btree_map::Entry::Occupied(taken) => {
                let reason = format!("It differs from {} by capital letters alone.", taken.get());
                faults.push(NameFault { folder: path.to_string(), reason });
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_fine_and_awkward_ones_say_why() {
        for name in ["INBOX", "Rechnungen & Co.", "اردو", "a.b", "2024-01"] {
            assert_eq!(awkward(&FolderPath::of([name])), None, "{name}");
        }
        for (name, word) in [
            ("~x", "~"),
            ("a/b", "/"),
            (" a", "space"),
            ("a  b", "two spaces"),
            ("a\tb", "control"),
            ("5%", "%"),
        ] {
            let fault = awkward(&FolderPath::of(["top", name])).unwrap();
            assert!(fault.reason.contains(word), "{name}: {}", fault.reason);
        }
        assert!(awkward(&FolderPath::of(["x".repeat(251)])).is_some());
        assert!(awkward(&FolderPath::of(vec!["x"; 61])).is_some());
    }

    #[test]
    fn names_that_differ_by_capitals_clash_once() {
        let paths: Vec<FolderPath> =
            ["Work", "WORK", "work", "Other"].iter().map(|p| p.parse().unwrap()).collect();
        let faults = clashes(&paths);
        assert_eq!(faults.iter().map(|f| f.folder.as_str()).collect::<Vec<_>>(), ["WORK", "work"]);
    }
}
