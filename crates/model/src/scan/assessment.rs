//! What a scan finds in one mailbox, put together item by item: sums and the few worth a name, never the items.

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    folder::{Folder, FolderPath, Namespace, Role},
    item::Stub,
};

/// At most so many of a kind are named; all are counted.
pub const MOST_NAMED: usize = 100;

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Items.
    pub items: u64,
    /// Their bytes, as the source lists them.
    pub bytes: u64,
}

/// An item that is worth a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeItem {
    /// Its folder.
    pub folder: String,
    /// Its size.
    pub size: u64,
    /// When it arrived, in seconds since 1970, where the source knows.
    pub at: Option<i64>,
}

/// A folder name that a target refuses or changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameFault {
    /// The folder.
    pub folder: String,
    /// What may become of it.
    pub reason: String,
}

/// A folder that is for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialFolder {
    /// For what: the native name of the well-known folder.
    pub role: String,
    /// The folder.
    pub folder: String,
}

/// A folder that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The folder.
    pub folder: String,
    /// Catalogue code.
    pub code: String,
    /// One sentence.
    pub reason: String,
}

/// Folders that do not move, by whose they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Shared among many.
    pub shared: u64,
    /// Other users'.
    pub other_users: u64,
    /// Public folders.
    pub public: u64,
    /// Views of what lies elsewhere.
    pub r#virtual: u64,
    /// The person's own, that the filter leaves out.
    pub filtered: u64,
}

/// A folder that gets another place or name at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// At the source.
    pub from: String,
    /// At the target.
    pub to: String,
    /// Why, in a few words.
    pub reason: String,
}

/// Where the folders would go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Folders that would move.
    pub folders: u64,
    /// Those that would get another place or name.
    pub changed: u64,
    /// They, by name: at most [`MOST_NAMED`].
    pub moved: Vec<Moved>,
    /// Why there is no preview, where the target could not be asked.
    pub unknown: Option<String>,
}

/// One mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// Folders that would move.
    pub folders: u64,
    /// Messages: the one kind that is read today.
    pub mail: Count,
    /// The largest.
    pub largest: Option<LargeItem>,
    /// The limit above which items are named.
    pub limit: u64,
    /// Whose limit that is.
    pub limit_of: String,
    /// What is above it.
    pub oversize: Count,
    /// They, by folder and size: at most [`MOST_NAMED`].
    pub oversize_items: Vec<LargeItem>,
    /// The deepest folder.
    pub deepest: Option<String>,
    /// How deep that is: 1 at the top.
    pub depth: u64,
    /// Folder names that targets refuse, change or merge: all.
    pub bad_names: u64,
    /// They, by name: at most [`MOST_NAMED`].
    pub names: Vec<NameFault>,
    /// Where the folders would go, where a target was given.
    pub preview: Option<Preview>,
    /// The newest date of an item, in seconds since 1970.
    pub last_activity: Option<i64>,
    /// Folders that are for something.
    pub special: Vec<SpecialFolder>,
    /// Folders that do not move.
    pub left_out: LeftOut,
    /// Folders that could not be read, the first ones by name.
    pub unread: Vec<Unread>,
    /// How many they are.
    #[serde(default)]
    pub unread_folders: u64,
    /// How long it took.
    pub milliseconds: u64,
}

impl Assessment {
    /// An empty one that names what is above this limit of somebody.
    pub fn above(limit: u64, limit_of: impl Into<String>) -> Self {
        Self { limit, limit_of: limit_of.into(), ..Self::default() }
    }

    /// Adds a folder that would move.
    pub fn add_folder(&mut self, folder: &Folder) {
        self.folders += 1;
        let depth = folder.path.0.len() as u64;
        if depth > self.depth {
            (self.depth, self.deepest) = (depth, Some(folder.path.to_string()));
        }
        if let Some(role) = folder.role {
            self.add_special(role, &folder.path);
        }
    }

    fn add_special(&mut self, role: Role, path: &FolderPath) {
        let (role, folder) = (role.token().to_owned(), path.to_string());
        self.special.push(SpecialFolder { role, folder });
    }

    /// Adds a folder that does not move; a filter left out what is the person's own.
    pub fn leave_out(&mut self, folder: &Folder) {
        let is_view = folder.role.is_some_and(Role::is_virtual);
        let count = match folder.namespace {
            _ if is_view => &mut self.left_out.r#virtual,
            Namespace::Shared => &mut self.left_out.shared,
            Namespace::OtherUsers => &mut self.left_out.other_users,
            Namespace::Public => &mut self.left_out.public,
            Namespace::Virtual => &mut self.left_out.r#virtual,
            Namespace::Personal => &mut self.left_out.filtered,
        };
        *count += 1;
    }

    /// Adds an item.
    pub fn add_item(&mut self, folder: &FolderPath, stub: &Stub) {
        let at = stub.date.map(|date| date.seconds);
        self.mail.items += 1;
        self.mail.bytes = self.mail.bytes.saturating_add(stub.size);
        self.last_activity = self.last_activity.max(at);
        let named = || LargeItem { folder: folder.to_string(), size: stub.size, at };
        if self.largest.as_ref().is_none_or(|largest| stub.size > largest.size) {
            self.largest = Some(named());
        }
        if stub.size > self.limit {
            self.oversize.items += 1;
            self.oversize.bytes = self.oversize.bytes.saturating_add(stub.size);
            if self.oversize_items.len() < MOST_NAMED {
                self.oversize_items.push(named());
            }
        }
    }

    /// Adds names that targets refuse, change or merge.
    pub fn add_names(&mut self, faults: impl IntoIterator<Item = NameFault>) {
        for fault in faults {
            self.bad_names += 1;
            if self.names.len() < MOST_NAMED {
                self.names.push(fault);
            }
        }
    }

    /// Adds a folder that could not be read.
    pub fn fail_folder(&mut self, folder: &FolderPath, error: &Error) {
        self.unread_folders += 1;
        if self.unread.len() < MOST_NAMED {
            let (code, reason) = (error.code(), error.to_string());
            self.unread.push(Unread { folder: folder.to_string(), code, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{Kind, Side},
        flags::Flags,
        id::ItemId,
        item::Date,
    };

    #[test]
    fn what_is_above_the_limit_is_counted_and_a_hundred_are_named() {
        let mut found = Assessment::above(10, "--max-size");
        let folder = FolderPath::of(["INBOX"]);
        for n in 0..250_u64 {
            let date = Some(Date { seconds: n as i64, zone: 0 });
            let id = ItemId::from_bytes(n.to_be_bytes());
            let stub = Stub { id, size: n, date, flags: Flags::default(), identity: None };
            found.add_item(&folder, &stub);
        }
        assert_eq!((found.mail.items, found.mail.bytes), (250, 249 * 250 / 2));
        assert_eq!((found.oversize.items, found.oversize_items.len()), (239, MOST_NAMED));
        assert_eq!((found.largest.as_ref().map(|l| l.size), found.last_activity), (Some(249), Some(249)));
        let error = Error::new(Kind::Forbidden, Side::Source, "list", "no");
        (0..150).for_each(|_| found.fail_folder(&folder, &error));
        assert_eq!((found.unread_folders, found.unread.len()), (150, MOST_NAMED));
    }
}
