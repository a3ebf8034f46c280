//! A directory that is held open: what is done in it is done by names in it, and no link is ever followed, not even
//! one that takes a file's place between two calls. Knows nothing of messages.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    time::UNIX_EPOCH,
};

use rustix::{
    fs::{self, AtFlags, FileType, Mode, OFlags},
    io::Errno,
};

/// The rights with which folders are made, and files, before the umask of the process.
const FOLDER: u32 = 0o777;
const FILE: u32 = 0o666;

/// A directory.
#[derive(Debug)]
pub(in crate::maildir) struct Dir(OwnedFd);

/// What lies in a directory, as far as anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::maildir) enum What {
    File,
    Folder,
    Link,
    /// A socket, a device, a queue.
    Other,
}

impl Dir {
    /// Opens a Maildir. Its path is its administrator's word: links in it are followed, as nowhere below.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a directory in this one.
    pub fn sub(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.0, name, flags, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) if self.what(name) == Some(What::Link) => Err(link()),
            other => Ok(Self(other?)),
        }
    }

    /// Makes a directory in this one, where there is none, and opens it.
    pub fn make(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        match fs::mkdirat(&self.0, name.as_ref(), Mode::from_raw_mode(FOLDER)) {
            Err(e) if e != Errno::EXIST => Err(e.into()),
            _ => self.sub(name),
        }
    }

    /// What lies in it, in no order.
    pub fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<(OsString, What)>> + '_> {
        Ok(fs::Dir::read_from(&self.0)?.filter_map(|entry| {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => return Some(Err(e.into())),
            };
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            if matches!(name.as_bytes(), b"." | b"..") {
                return None;
            }
            let what = match entry.file_type() {
                // Not every file system tells it with the names; what is gone meanwhile counts as a file that is.
                FileType::Unknown => self.what(&name).unwrap_or(What::File),
                kind => what(kind),
            };
            Some(Ok((name, what)))
        }))
    }

    /// What has this name.
    pub fn what(&self, name: &OsStr) -> Option<What> {
        Some(what(FileType::from_raw_mode(self.about(name)?.st_mode)))
    }

    /// How long a file is, and when it was written, in seconds.
    pub fn facts(&self, name: &OsStr) -> Option<(u64, i64)> {
        let about = self.about(name)?;
        Some((about.st_size as u64, about.st_mtime))
    }

    fn about(&self, name: &OsStr) -> Option<fs::Stat> {
        fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    /// What is in a file. Of a queue or a device nothing is read: it might have no end, or never begin.
    pub fn read(&self, name: impl AsRef<OsStr>) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut file = match fs::openat(&self.0, name.as_ref(), flags, Mode::empty()) {
            Err(Errno::LOOP) => return Err(link()),
            other => File::from(other?),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The same as text; nothing where it cannot be read.
    pub fn read_text(&self, name: &str) -> String {
        self.read(name).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Makes a file that was not there.
    pub fn create(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(fs::openat(&self.0, name.as_ref(), flags, Mode::from_raw_mode(FILE))?.into())
    }

    /// Writes a small file anew, through another one: a link that has its name is replaced, not followed.
    pub fn replace(&self, name: &str, text: &str, through: &Dir) -> io::Result<()> {
        _ = through.remove(name);
        through.create(name)?.write_all(text.as_bytes())?;
        Ok(fs::renameat(&through.0, name, &self.0, name)?)
    }

    /// Gives a file another name, here or in another directory; a name that is taken stays what it is.
    pub fn rename(&self, name: impl AsRef<OsStr>, to: &Dir, new: impl AsRef<OsStr>) -> io::Result<()> {
        let (name, new) = (name.as_ref(), new.as_ref());
        if name == new && self.is(to)? {
            return Ok(());
        }
        if to.about(new).is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another file has this name"));
        }
        Ok(fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Whether both are the same directory.
    fn is(&self, other: &Dir) -> io::Result<bool> {
        let (one, other) = (fs::fstat(&self.0)?, fs::fstat(&other.0)?);
        Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
    }

    /// Removes a file.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name.as_ref(), AtFlags::empty())?)
    }

    /// Waits until the names in it are on the disk.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.0)?)
    }
}

fn what(kind: FileType) -> What {
    match kind {
        FileType::RegularFile => What::File,
        FileType::Directory => What::Folder,
        FileType::Symlink => What::Link,
        _ => What::Other,
    }
}

fn link() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link; links in a Maildir are not followed")
}

/// Sets when a file was written.
pub(in crate::maildir) fn set_written(file: &File, seconds: i64) -> io::Result<()> {
    file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(seconds.max(0) as u64))
}
