//! What moves and what it is called at the target: the options of a run, and folder names by rule.

use serde::{Deserialize, Serialize};

use crate::{filter::Filter, folder::FolderPath};

/// The options of a copy or batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RunOptions {
    /// What moves.
    pub filter: Filter,
    /// Folders that go elsewhere: `A=B`, the longest `A` wins, what lies below moves along.
    pub map: Vec<MapRule>,
    /// Whether removals at the source are carried to the target.
    pub delete: bool,
    /// At most so many connections a side; the connector's own default otherwise.
    pub connections: Option<u16>,
    /// Seconds of the settling grace (5 by default).
    pub grace_seconds: Option<u64>,
}

/// One folder that goes elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapRule {
    /// At the source.
    pub from: FolderPath,
    /// At the target.
    pub to: FolderPath,
}

impl std::str::FromStr for MapRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('=').ok_or("a mapping is written A=B")?;
        let path = |side: &str| -> Result<FolderPath, String> {
            let Ok(path) = side.trim().parse::<FolderPath>();
            if path.0.is_empty() { Err("an empty folder name in A=B".to_owned()) } else { Ok(path) }
        };
        Ok(Self { from: path(from)?, to: path(to)? })
    }
}

/// Where a source path goes under the rules: `None` if no rule speaks of it. A folder that becomes the top of the
/// target is its inbox.
pub fn mapped(rules: &[MapRule], path: &FolderPath) -> Option<FolderPath> {
    let rule = rules.iter().filter(|r| path.is_within(&r.from)).max_by_key(|r| r.from.0.len())?;
    let there = path.carried(&rule.from, &rule.to);
    Some(if there.0.is_empty() { FolderPath::of(["INBOX"]) } else { there })
}

/// The folders that rules speak of and that are not among these, nor any below them: probably mistyped.
pub fn unmatched(rules: &[MapRule], paths: &[FolderPath]) -> Vec<FolderPath> {
    let is_there = |rule: &&MapRule| paths.iter().any(|path| path.is_within(&rule.from));
    rules.iter().filter(|rule| !is_there(rule)).map(|rule| rule.from.clone()).collect()
}

/// Names to try, one after another, for a folder name that a target refuses or would merge with another.
/// The first is the name itself; all others are made by rule, so that a second run makes the same.
pub fn names(name: &str, separator: Option<char>) -> Vec<String> {
    let plain: String = name.chars().map(|c| if Some(c) == separator { '_' } else { c }).collect();
    let clean: String =
        plain.chars().map(|c| if c.is_alphanumeric() || "-_ ".contains(c) { c } else { '_' }).collect();
    // Gmail refuses names with two spaces in a row.
    let clean = clean.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let ascii: String = clean.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let mut names = vec![plain];
    for base in [clean, ascii].into_iter().filter(|b| !b.is_empty()) {
        names.push(base.clone());
        names.extend((2..=9).map(|n| format!("{base} ({n})")));
        names.extend((2..=9).map(|n| format!("{base}-{n}")));
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|n| !n.is_empty() && seen.insert(n.clone()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_wins_and_what_lies_below_moves_along() {
        let rules: Vec<MapRule> = ["A=X", "A/B=Y/Z"].iter().map(|r| r.parse().unwrap()).collect();
        let at = |p: &str| mapped(&rules, &p.parse().unwrap()).map(|p| p.to_string());
        assert_eq!(at("A/C").as_deref(), Some("X/C"));
        assert_eq!(at("A/B/D").as_deref(), Some("Y/Z/D"));
        assert_eq!(at("AB"), None);
        assert!("A".parse::<MapRule>().is_err() && "=B".parse::<MapRule>().is_err());
    }

    #[test]
    fn a_rule_for_a_folder_that_is_not_there_is_found() {
        let rules: Vec<MapRule> =
            ["A=X", "B=Y", "C/D=Z", "INBOX=I"].iter().map(|r| r.parse().unwrap()).collect();
        let paths: Vec<FolderPath> =
            ["INBOX", "A/below", "C", "BB"].iter().map(|p| p.parse().unwrap()).collect();
        let told: Vec<String> = unmatched(&rules, &paths).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["B", "C/D"]);
    }

    #[test]
    fn a_refused_name_gets_the_same_other_name_each_time() {
        assert_eq!(names("a.b", Some('.'))[..2], ["a_b", "a_b (2)"]);
        assert_eq!(names("~x", Some('/'))[..3], ["~x", "_x", "_x (2)"]);
        assert_eq!(names("WORK", None)[..2], ["WORK", "WORK (2)"]);
        assert_eq!(names(" two  spaces", None)[..2], [" two  spaces", "two spaces"]);
    }
}
