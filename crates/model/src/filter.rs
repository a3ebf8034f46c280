//! What moves: folders by pattern, items by date and size.
//!
//! Folder patterns follow the native grammar: `Folder`, `Folder/*` (it and everything below), `#Inbox#`,
//! `#Inbox#/*`, `\#` for a name that begins with `#`; without case, no other wildcards. The token stands for
//! the folder with that role, whatever it is called.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    folder::{Folder, FolderPath, Namespace, Role},
    item::Stub,
};

/// What moves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Filter {
    /// Only these folders, if any are named.
    pub include: Vec<Pattern>,
    /// Not these folders.
    pub exclude: Vec<Pattern>,
    /// Only items that arrived at or after this time.
    pub since: Option<Timestamp>,
    /// Only items that arrived before this time.
    pub before: Option<Timestamp>,
    /// Only items of at most so many bytes.
    pub max_size: Option<u64>,
    /// Only so many items of each folder, the first that it lists: a trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_folder: Option<u32>,
}

/// A folder pattern, kept as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    token: Option<Role>,
    path: FolderPath,
    below: bool,
}

/// A pattern that means no folder: probably mistyped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// Of [`Filter::include`].
    Include(Pattern),
    /// Of [`Filter::exclude`].
    Exclude(Pattern),
}

/// Whether a folder moves, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It moves.
    Moves,
    /// Left out by default: shared, other users', public or virtual.
    NotPersonal,
    /// Left out by the filter.
    Filtered,
}

impl std::str::FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (body, below) = match text.strip_suffix("/*") {
            Some(body) => (body, true),
            None => (text, false),
        };
        let mut rest = body;
        let mut token = None;
        if let Some(after) = body.strip_prefix('#') {
            let (word, tail) = after
                .split_once('#')
                .ok_or_else(|| "write #WellKnown#, or \\# for a name that begins with #".to_owned())?;
            let roles = [
                Role::Inbox,
                Role::Drafts,
                Role::Sent,
                Role::Trash,
                Role::Junk,
                Role::Archive,
                Role::All,
                Role::Flagged,
                Role::Important,
            ];
            let role = roles.into_iter().find(|r| r.token().eq_ignore_ascii_case(word));
            token = Some(role.ok_or_else(|| {
                let known: Vec<String> = roles.iter().map(|r| format!("#{}#", r.token())).collect();
                format!("a well-known folder is one of {}", known.join(", "))
            })?);
            rest = tail.strip_prefix('/').unwrap_or(tail);
        }
        let Ok(path) = rest.replace("\\#", "#").parse::<FolderPath>();
        if token.is_none() && path.0.is_empty() && text != "/*" {
            return Err("it names no folder".to_owned());
        }
        Ok(Self { text: text.to_owned(), token, path, below })
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.text
    }
}

impl Pattern {
    /// All folders.
    pub fn everything() -> Self {
        Self { text: "/*".to_owned(), token: None, path: FolderPath::default(), below: true }
    }

    /// The same pattern for a mailbox that lies in a folder of another one: that folder is its inbox. Other well-known
    /// folders have no names there by which they could be found; such a pattern stays as it is.
    pub fn within(&self, root: &FolderPath) -> Self {
        let path = match self.token {
            None => self.path.carried(&FolderPath::default(), root),
            Some(Role::Inbox) => root.clone(),
            Some(_) => return self.clone(),
        };
        let plain = path.to_string();
        let escaped = if plain.starts_with('#') { format!("\\{plain}") } else { plain };
        let text = if self.below { format!("{escaped}/*") } else { escaped };
        Self { text, token: None, path, below: self.below }
    }

    /// Whether it means this folder; `all` finds the folders of well-known roles.
    fn matches(&self, folder: &FolderPath, all: &[Folder]) -> bool {
        let mut wanted = match self.token {
            None => FolderPath::default(),
            Some(role) => match all.iter().find(|f| f.role == Some(role)) {
                Some(found) => found.path.clone(),
                None => return false,
            },
        };
        wanted.0.extend(self.path.0.iter().cloned());
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let fits = folder.0.len() == wanted.0.len() || (self.below && folder.0.len() > wanted.0.len());
        fits && folder.0.iter().zip(&wanted.0).all(|(a, b)| same(a, b))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Filter {
    /// The patterns that mean none of these paths; `all` is the whole listing.
    pub fn unmatched(&self, paths: &[FolderPath], all: &[Folder]) -> Vec<Unmatched> {
        let idle = |p: &&Pattern| !paths.iter().any(|path| p.matches(path, all));
        let include = self.include.iter().filter(idle).cloned().map(Unmatched::Include);
        include.chain(self.exclude.iter().filter(idle).cloned().map(Unmatched::Exclude)).collect()
    }

    /// Whether a folder moves; `all` is the whole listing. A folder of another namespace or a virtual one
    /// moves only if a pattern includes it.
    pub fn folder(&self, folder: &Folder, all: &[Folder]) -> Choice {
        let named = self.include.iter().any(|p| p.matches(&folder.path, all));
        let personal = folder.namespace == Namespace::Personal && !folder.role.is_some_and(Role::is_virtual);
        if !self.names(&folder.path, all) {
            Choice::Filtered
        } else if !personal && !named {
            Choice::NotPersonal
        } else {
            Choice::Moves
        }
    }

    /// Whether the patterns leave a path in: for folders of which no more is known.
    pub fn names(&self, path: &FolderPath, all: &[Folder]) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(path, all));
        !any(&self.exclude) && (self.include.is_empty() || any(&self.include))
    }

    /// Whether nothing is asked of single items: all of a folder that moves.
    pub fn takes_every_item(&self) -> bool {
        let of_items = self.since.is_some() || self.before.is_some() || self.max_size.is_some();
        !of_items && self.per_folder.is_none()
    }

    /// Whether an item may move, whatever its folder has of others. One without a date passes the date range.
    pub fn item(&self, stub: &Stub) -> bool {
        let in_range = stub.date.is_none_or(|d| {
            self.since.is_none_or(|s| d.seconds >= s.as_second())
                && self.before.is_none_or(|b| d.seconds < b.as_second())
        });
        in_range && self.max_size.is_none_or(|max| stub.size <= max)
    }

    /// How many more items may move of a folder of which so many are known.
    pub fn room(&self, known: usize) -> usize {
        self.per_folder.map_or(usize::MAX, |most| (most as usize).saturating_sub(known))
    }

    /// A number that differs when the filter of items does: a folder listed under another is listed anew.
    pub fn item_hash(&self) -> u64 {
        let parts = [
            self.since.map_or(i64::MIN, |t| t.as_second()),
            self.before.map_or(i64::MAX, |t| t.as_second()),
            self.max_size.map_or(-1, |m| m as i64),
        ];
        // Only a trial has one: of all others the number stays what it was.
        let trial = self.per_folder.map(i64::from);
        parts.iter().chain(&trial).fold(0xcbf2_9ce4_8422_2325, |hash: u64, part| {
            part.to_le_bytes().iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FolderId;

    fn folder(path: &str, role: Option<Role>, namespace: Namespace) -> Folder {
        Folder {
            id: FolderId::from_bytes(path),
            path: path.parse().unwrap(),
            role,
            namespace,
            selectable: true,
            subscribed: None,
            identity: None,
            epoch: None,
            items: None,
        }
    }

    fn chosen(include: &[&str], exclude: &[&str]) -> Vec<String> {
        let all = [
            folder("INBOX", Some(Role::Inbox), Namespace::Personal),
            folder("INBOX/below", None, Namespace::Personal),
            folder("Gesendet", Some(Role::Sent), Namespace::Personal),
            folder("Gesendet/2024", None, Namespace::Personal),
            folder("#odd", None, Namespace::Personal),
            folder("All", Some(Role::All), Namespace::Personal),
            folder("Shared/a", None, Namespace::Shared),
        ];
        let parse = |patterns: &[&str]| patterns.iter().map(|p| p.parse().unwrap()).collect();
        let filter = Filter { include: parse(include), exclude: parse(exclude), ..Filter::default() };
        all.iter().filter(|f| filter.folder(f, &all) == Choice::Moves).map(|f| f.path.to_string()).collect()
    }

    #[test]
    fn patterns_follow_the_native_grammar() {
        assert_eq!(chosen(&[], &[]), ["INBOX", "INBOX/below", "Gesendet", "Gesendet/2024", "#odd"]);
        assert_eq!(chosen(&["#SentItems#/*"], &[]), ["Gesendet", "Gesendet/2024"]);
        assert_eq!(chosen(&["#sentitems#"], &[]), ["Gesendet"]);
        assert_eq!(chosen(&["inbox/*"], &["INBOX/BELOW"]), ["INBOX"]);
        assert_eq!(chosen(&["\\#odd", "All", "Shared/a"], &[]), ["#odd", "All", "Shared/a"]);
        assert_eq!(chosen(&[], &["#Inbox#/*", "#SentItems#/2024"]), ["Gesendet", "#odd"]);
        assert!(
            "#Nope#".parse::<Pattern>().is_err()
                && "".parse::<Pattern>().is_err()
                && "#x".parse::<Pattern>().is_err()
        );
    }

    #[test]
    fn items_are_chosen_by_date_and_size() {
        let filter = Filter {
            since: Timestamp::from_second(100).ok(),
            before: Timestamp::from_second(200).ok(),
            max_size: Some(10),
            ..Filter::default()
        };
        let stub = |seconds: Option<i64>, size| Stub {
            id: crate::id::ItemId::from_bytes("1"),
            size,
            date: seconds.map(|seconds| crate::item::Date { seconds, zone: 0 }),
            flags: crate::flags::Flags::default(),
            identity: None,
        };
        let fits: Vec<bool> = [(Some(99), 1), (Some(100), 10), (Some(199), 11), (Some(200), 1), (None, 1)]
            .into_iter()
            .map(|(s, n)| filter.item(&stub(s, n)))
            .collect();
        assert_eq!(fits, [false, true, false, false, true]);
        assert_ne!(filter.item_hash(), Filter::default().item_hash());
    }
}
