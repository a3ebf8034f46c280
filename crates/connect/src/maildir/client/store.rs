//! The directory itself: folders, keywords, and errors of the file system as ours. Messages are in `mail`.

use std::{ffi::OsStr, fs, io, os::unix::ffi::OsStrExt, path::PathBuf, sync::Arc};

use mailferry_model::{
    Error, Kind, Result, Retry, Scope, Side,
    flags::{Flags, SystemFlag},
    folder::{Folder, FolderPath, Namespace, Role},
    id::FolderId,
};
use mailferry_wire::imap::mutf7;

use super::dir::{Dir, What};

/// Letters of the info part, in the order of the alphabet.
pub(super) const LETTERS: [(char, SystemFlag); 5] = [
    ('D', SystemFlag::Draft),
    ('F', SystemFlag::Flagged),
    ('R', SystemFlag::Answered),
    ('S', SystemFlag::Seen),
    ('T', SystemFlag::Deleted),
];

/// Keywords have the letters a to z.
const KEYWORDS_MAX: usize = 26;

/// A Maildir.
#[derive(Clone, Debug)]
pub(in crate::maildir) struct Store {
    /// Its directory.
    pub root: PathBuf,
    /// The side it plays.
    pub side: Side,
}

/// An error of the file system as ours.
pub(in crate::maildir) fn classify(side: Side, op: &'static str, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => Kind::NotFound,
        io::ErrorKind::PermissionDenied => Kind::Forbidden,
        io::ErrorKind::AlreadyExists => Kind::AlreadyExists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::QuotaExceeded,
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => Kind::Malformed,
        _ => Kind::Busy,
    };
    Error::new(kind, side, op, error.to_string()).because(error)
}

/// A file that cannot be read is one item that cannot move or be judged: the mailbox goes on.
pub(in crate::maildir) fn of_item(error: Error) -> Error {
    match error.kind() {
        Kind::NotFound => error,
        // Tried again with each pass: somebody may give the right to read it.
        Kind::Forbidden => error.scope_of(Scope::Item).retry_of(Retry::AfterFix),
        _ => error.scope_of(Scope::Item).retry_of(Retry::Never),
    }
}

impl Store {
    pub(super) fn error(&self, op: &'static str) -> impl Fn(io::Error) -> Error + use<> {
        let side = self.side;
        move |e| classify(side, op, e)
    }

    /// Whether it is a Maildir.
    pub fn check_root(&self) -> Result<()> {
        match Dir::open(&self.root).and_then(|root| root.sub("cur")) {
            Ok(_) => Ok(()),
            Err(e) if is_absent(&e) => {
                let text = format!("{} is no Maildir: it has no cur", self.root.display());
                Err(Error::new(Kind::NotFound, self.side, "open mailbox", text).scope_of(Scope::Mailbox))
            }
            Err(e) => Err(self.error("open mailbox")(e).scope_of(Scope::Mailbox)),
        }
    }

    /// Whether it is a target that nothing was put into yet: it has an empty inbox, which the first put makes.
    pub fn is_unmade(&self) -> bool {
        self.side == Side::Target && !self.root.join("cur").exists()
    }

    /// Makes it a Maildir; it.
    pub fn ensure_root(&self) -> Result<Dir> {
        let made = fs::create_dir_all(&self.root).and_then(|()| Dir::open(&self.root)).and_then(|root| {
            make_parts(&root)?;
            Ok(root)
        });
        made.map_err(|e| self.error("open mailbox")(e).scope_of(Scope::Mailbox))
    }

    /// The directory of a folder.
    pub fn dir(&self, id: &FolderId) -> Result<Dir> {
        let name = String::from_utf8_lossy(id.as_bytes()).into_owned();
        let sound = name.is_empty() || (name.starts_with('.') && !name.contains('/') && name != "..");
        let there = Dir::open(&self.root).and_then(|root| match &*name {
            "" => Ok(root),
            name if sound => root.sub(name),
            _ => Err(io::ErrorKind::NotFound.into()),
        });
        match there.and_then(|dir| dir.sub("cur").map(|_| dir)) {
            Ok(dir) => Ok(dir),
            Err(e) if is_absent(&e) => {
                let text = "the folder does not exist";
                Err(Error::new(Kind::NotFound, self.side, "open folder", text).scope_of(Scope::Folder))
            }
            Err(e) => Err(self.error("open folder")(e).scope_of(Scope::Folder)),
        }
    }

    /// `new` and `cur` of a folder, in this order.
    pub fn parts(&self, id: &FolderId) -> Result<Vec<Arc<Dir>>> {
        if id.as_bytes().is_empty() && self.is_unmade() {
            return Ok(Vec::new());
        }
        let dir = self.dir(id)?;
        let mut parts = Vec::with_capacity(2);
        for part in ["new", "cur"] {
            match dir.sub(part) {
                Ok(part) => parts.push(Arc::new(part)),
                // The first put makes what is missing.
                Err(e) if self.side == Side::Target && is_absent(&e) => {}
                Err(e) => return Err(self.error("list")(e).scope_of(Scope::Folder)),
            }
        }
        Ok(parts)
    }

    /// The id of a path.
    pub fn id(&self, path: &FolderPath) -> Result<FolderId> {
        if path.is_inbox() {
            return Ok(FolderId::from_bytes(""));
        }
        let refused = |why: &str| {
            Err(Error::new(Kind::Malformed, self.side, "create folder", why).scope_of(Scope::Folder))
        };
        let mut name = String::new();
        for part in &path.0 {
            let part = mutf7::encode(part);
            if part.is_empty() || part.contains(['.', '/']) {
                return refused("a folder name is empty or holds `.` or `/`");
            }
            name.push('.');
            name.push_str(&part);
        }
        if name.len() > 255 { refused("the name is too long") } else { Ok(FolderId::from_bytes(name)) }
    }

    /// All folders, parents first.
    pub fn folders(&self) -> Result<Vec<Folder>> {
        let mut names = vec![String::new()];
        let mut subscribed = String::new();
        if !self.is_unmade() {
            let failed = self.error("list folders");
            let root = Dir::open(&self.root).map_err(&failed)?;
            subscribed = root.read_text("subscriptions");
            for entry in root.entries().map_err(&failed)? {
                let (name, what) = entry.map_err(&failed)?;
                if name.as_bytes().starts_with(b".") && self.is_folder(&root, &name, what) {
                    names.push(name.to_string_lossy().into_owned());
                }
            }
        }
        let subscribed: Vec<&str> = subscribed.lines().collect();
        let mut folders: Vec<Folder> = names
            .iter()
            .map(|name| {
                let path = match name.strip_prefix('.') {
                    None => FolderPath::of(["INBOX"]),
                    Some(rest) => FolderPath::of(rest.split('.').map(|part| mutf7::decode(part.as_bytes()))),
                };
                Folder {
                    id: FolderId::from_bytes(name),
                    role: path.is_inbox().then_some(Role::Inbox),
                    path,
                    namespace: Namespace::Personal,
                    selectable: true,
                    subscribed: Some(subscribed.contains(&name.trim_start_matches('.'))),
                    identity: None,
                    epoch: None,
                    items: self.count(name),
                }
            })
            .collect();
        folders.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(folders)
    }

    /// Whether this is a folder. At the source one that cannot be looked into, or is a link, is one whose error is
    /// told when it is read; a target has no such folder.
    fn is_folder(&self, root: &Dir, name: &OsStr, what: What) -> bool {
        let opened = match what {
            What::Folder => root.sub(name).and_then(|dir| dir.sub("cur")),
            // To look behind a link is not to read what is there.
            What::Link if self.root.join(name).join("cur").is_dir() => root.sub(name),
            _ => return false,
        };
        match opened {
            Ok(_) => true,
            Err(e) if is_absent(&e) => false,
            Err(e) if self.side == Side::Target && e.kind() == io::ErrorKind::InvalidInput => {
                tracing::warn!(name = %name.display(), "a link in the target is no folder");
                false
            }
            Err(_) => true,
        }
    }

    /// How many messages lie in a folder, as its names tell.
    fn count(&self, name: &str) -> Option<u64> {
        let mut count = 0;
        for part in self.parts(&FolderId::from_bytes(name)).unwrap_or_default() {
            count += part
                .entries()
                .ok()?
                .flatten()
                .filter(|(_, what)| matches!(what, What::File | What::Link))
                .count();
        }
        Some(count as u64)
    }

    /// Keywords of a folder, by its id: none where there is no such folder yet.
    pub fn keywords_of(&self, id: &FolderId) -> Result<Vec<String>> {
        match id.as_bytes().is_empty() && self.is_unmade() {
            true => Ok(Vec::new()),
            false => Ok(self.keywords(&self.dir(id)?)),
        }
    }

    /// Keywords of a folder: their letters are their places.
    pub fn keywords(&self, dir: &Dir) -> Vec<String> {
        let text = dir.read_text("dovecot-keywords");
        let mut keywords = Vec::new();
        for line in text.lines() {
            if let Some((number, name)) = line.split_once(' ')
                && let Ok(at) = number.parse::<usize>()
                && at < KEYWORDS_MAX
            {
                keywords.resize(keywords.len().max(at + 1), String::new());
                keywords[at] = name.to_owned();
            }
        }
        keywords
    }

    /// The letters for flags; new keywords are written down first, those beyond the 26th are left out.
    pub fn letters(&self, dir: &Dir, flags: &Flags) -> io::Result<String> {
        let mut letters: String =
            LETTERS.iter().filter(|(_, flag)| flags.has(*flag)).map(|(letter, _)| *letter).collect();
        let mut known = self.keywords(dir);
        let before = known.len();
        for keyword in flags.keywords() {
            let at = known.iter().position(|k| k.eq_ignore_ascii_case(keyword)).unwrap_or(known.len());
            if at == known.len() && at < KEYWORDS_MAX {
                known.push(keyword.to_string());
            }
            if at < KEYWORDS_MAX {
                letters.push((b'a' + at as u8) as char);
            }
        }
        if known.len() > before {
            let lines = known.iter().enumerate().filter(|(_, k)| !k.is_empty());
            let text: String = lines.map(|(at, keyword)| format!("{at} {keyword}\n")).collect();
            dir.replace("dovecot-keywords", &text, &dir.make("tmp")?)?;
        }
        let mut sorted: Vec<char> = letters.chars().collect();
        sorted.sort_unstable();
        Ok(sorted.into_iter().collect())
    }
}

/// Makes `cur`, `new` and `tmp`.
pub(in crate::maildir) fn make_parts(dir: &Dir) -> io::Result<()> {
    ["cur", "new", "tmp"].iter().try_for_each(|part| dir.make(part).map(drop))
}

/// Whether nothing is there, or something that is no directory.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
