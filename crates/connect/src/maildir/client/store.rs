//! The directory itself: folders, keywords, and errors of the file system as ours. Messages are in `mail`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mailferry_model::{
    Error, Kind, Result, Retry, Scope, Side,
    flags::{Flags, SystemFlag},
    folder::{Folder, FolderPath, Namespace, Role},
    id::FolderId,
};
use mailferry_wire::imap::mutf7;

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
        match is_dir(&self.root.join("cur")) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let text = format!("{} is no Maildir: it has no cur", self.root.display());
                Err(Error::new(Kind::NotFound, self.side, "open mailbox", text).scope_of(Scope::Mailbox))
            }
            Err(e) => Err(self.error("open mailbox")(e).scope_of(Scope::Mailbox)),
        }
    }

    /// Makes it a Maildir.
    pub fn ensure_root(&self) -> Result<()> {
        self.make(&self.root).map_err(|e| self.error("open mailbox")(e).scope_of(Scope::Mailbox))
    }

    /// Makes `cur`, `new` and `tmp`.
    pub fn make(&self, dir: &Path) -> io::Result<()> {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(dir.join(part))?;
        }
        Ok(())
    }

    /// The directory of a folder.
    pub fn dir(&self, id: &FolderId) -> Result<PathBuf> {
        let name = String::from_utf8_lossy(id.as_bytes()).into_owned();
        let dir = if name.is_empty() { self.root.clone() } else { self.root.join(&name) };
        let sound = name.is_empty() || (name.starts_with('.') && !name.contains('/') && name != "..");
        let there = if sound { is_dir(&dir.join("cur")) } else { Ok(false) };
        match there {
            Ok(true) => Ok(dir),
            Ok(false) => {
                let text = "the folder does not exist";
                Err(Error::new(Kind::NotFound, self.side, "open folder", text).scope_of(Scope::Folder))
            }
            Err(e) => Err(self.error("open folder")(e).scope_of(Scope::Folder)),
        }
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
        let subscribed = fs::read_to_string(self.root.join("subscriptions")).unwrap_or_default();
        let subscribed: Vec<&str> = subscribed.lines().collect();
        let mut names = vec![String::new()];
        for entry in fs::read_dir(&self.root).map_err(self.error("list folders"))? {
            let entry = entry.map_err(self.error("list folders"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // One that cannot be looked into is a folder whose error is told when it is read.
            let is_folder = || is_dir(&entry.path().join("cur")).unwrap_or(true);
            if name.starts_with('.') && name.len() > 1 && name != ".." && is_folder() {
                names.push(name);
            }
        }
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

    /// How many files lie in a folder.
    fn count(&self, name: &str) -> Option<u64> {
        let dir = if name.is_empty() { self.root.clone() } else { self.root.join(name) };
        let files = ["cur", "new"].map(|part| fs::read_dir(dir.join(part)).map(Iterator::count).ok());
        Some(files.into_iter().flatten().sum::<usize>() as u64)
    }

    /// Keywords of a folder: their letters are their places.
    pub fn keywords(&self, dir: &Path) -> Vec<String> {
        let text = fs::read_to_string(dir.join("dovecot-keywords")).unwrap_or_default();
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
    pub fn letters(&self, dir: &Path, flags: &Flags) -> io::Result<String> {
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
            fs::write(dir.join("tmp/dovecot-keywords"), text)?;
            fs::rename(dir.join("tmp/dovecot-keywords"), dir.join("dovecot-keywords"))?;
        }
        let mut sorted: Vec<char> = letters.chars().collect();
        sorted.sort_unstable();
        Ok(sorted.into_iter().collect())
    }
}

/// Whether a directory is there; what cannot be looked at is neither.
fn is_dir(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(about) => Ok(about.is_dir()),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(e),
    }
}
