//! Folders: path, role, namespace. Roles are independent of language and of any mail system.

use serde::{Deserialize, Serialize};

use crate::id::FolderId;

/// The names of a folder from the root down, decoded. INBOX is always spelled `INBOX`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderPath(pub Vec<String>);

impl FolderPath {
    /// A path from names.
    pub fn of<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The path above, if there is one.
    pub fn parent(&self) -> Option<FolderPath> {
        (self.0.len() > 1).then(|| Self(self.0[..self.0.len() - 1].to_vec()))
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Whether this is the inbox itself.
    pub fn is_inbox(&self) -> bool {
        self.0.len() == 1 && self.0[0].eq_ignore_ascii_case("INBOX")
    }

    /// Whether `self` is `above` or lies below it.
    pub fn is_within(&self, above: &FolderPath) -> bool {
        self.0.starts_with(&above.0)
    }

    /// Where it lies once `from`, within which it is, has become `to`.
    pub fn carried(&self, from: &FolderPath, to: &FolderPath) -> FolderPath {
        FolderPath(to.0.iter().chain(self.0.iter().skip(from.0.len())).cloned().collect())
    }
}

impl std::fmt::Display for FolderPath {
    /// Names joined by `/`; a `/` within a name is shown as `\/`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("/")?;
            }
            f.write_str(&name.replace('\\', "\\\\").replace('/', "\\/"))?;
        }
        Ok(())
    }
}

impl std::str::FromStr for FolderPath {
    type Err = std::convert::Infallible;

    /// The inverse of `Display`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut names = vec![String::new()];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '/' => names.push(String::new()),
                '\\' => names.last_mut().into_iter().for_each(|n| n.extend(chars.next())),
                c => names.last_mut().into_iter().for_each(|n| n.push(c)),
            }
        }
        Ok(Self(names.into_iter().filter(|n| !n.is_empty()).collect()))
    }
}

/// What a folder is for, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Where mail arrives.
    Inbox,
    /// Mail not sent yet.
    Drafts,
    /// Mail sent.
    Sent,
    /// Deleted mail.
    Trash,
    /// Unwanted mail.
    Junk,
    /// Mail put away.
    Archive,
    /// A view of everything: virtual.
    All,
    /// A view of what is flagged: virtual.
    Flagged,
    /// A view of what is important: virtual.
    Important,
}

impl Role {
    /// Whether such a folder only shows items that live elsewhere.
    pub fn is_virtual(self) -> bool {
        matches!(self, Role::All | Role::Flagged | Role::Important)
    }

    /// The native name of the well-known folder, as in `#SentItems#`.
    pub fn token(self) -> &'static str {
        match self {
            Role::Inbox => "Inbox",
            Role::Drafts => "Drafts",
            Role::Sent => "SentItems",
            Role::Trash => "DeletedItems",
            Role::Junk => "JunkEmail",
            Role::Archive => "Archive",
            Role::All => "AllItems",
            Role::Flagged => "Flagged",
            Role::Important => "Important",
        }
    }
}

/// Whose a folder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Namespace {
    /// The mailbox owner's own: moves by default.
    #[default]
    Personal,
    /// Another user's, seen through permissions.
    OtherUsers,
    /// Shared among many.
    Shared,
    /// Public folders.
    Public,
    /// Only a view of other folders.
    Virtual,
}

/// A folder as a source or target lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// What the mail system calls it.
    pub id: FolderId,
    /// Where people see it, without the namespace's prefix.
    pub path: FolderPath,
    /// What it is for, where the system says or its name tells.
    pub role: Option<Role>,
    /// Whose it is.
    pub namespace: Namespace,
    /// Whether it can hold items (`false`: it only has folders below it).
    pub selectable: bool,
    /// Whether the owner subscribed to it; `None` where the system has no subscriptions.
    pub subscribed: Option<bool>,
    /// Identity that survives a rename (IMAP MAILBOXID), where the system has one.
    pub identity: Option<Box<str>>,
    /// Changes when the ids of its items lose their meaning (IMAP UIDVALIDITY).
    pub epoch: Option<Box<str>>,
    /// Number of items, where the listing told it.
    pub items: Option<u64>,
}

/// A folder that a target shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSpec {
    /// Its path, parents already ensured.
    pub path: FolderPath,
    /// Its role, for targets that mark special folders.
    pub role: Option<Role>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_path_reads_back() {
        for names in [vec!["INBOX"], vec!["a/b", "c\\d"], vec!["\\", "/"]] {
            let path = FolderPath::of(names);
            assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}
