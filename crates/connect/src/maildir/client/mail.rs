//! Messages as their file names tell them, and what is in their files. A folder may have very many of them: of each no
//! more is kept than its name. Lists; changes nothing.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use mailferry_model::{Result, Scope, Side, flags::Flags, id::FolderId, item::Date, key::HeaderKey};

use super::store::{LETTERS, Store};
use crate::convert::key;

/// What stands between the id and the letters.
const INFO: &[u8] = b":2,";

/// One message as its file name tells it.
#[derive(Clone, Debug)]
pub(in crate::maildir) struct Mail {
    /// `cur` or `new` of its folder.
    dir: Arc<Path>,
    name: Box<OsStr>,
    /// How long the id is, which the name begins with.
    base: usize,
}

/// The messages of a folder, in the order of their ids.
#[derive(Debug, Default)]
pub(in crate::maildir) struct Listing(Vec<Mail>);

impl Listing {
    /// The message with this id.
    pub fn get(&self, base: &str) -> Option<&Mail> {
        let at = self.0.binary_search_by(|mail| (*mail.base()).cmp(base)).ok()?;
        Some(&self.0[at])
    }

    /// All of them.
    pub fn mails(&self) -> &[Mail] {
        &self.0
    }

    /// All of them, one after the other.
    pub fn into_mails(self) -> impl Iterator<Item = Mail> + Send {
        self.0.into_iter()
    }
}

/// What an id is remembered by where only equality counts: 16 bytes, however long it is.
pub(in crate::maildir) type ShortId = [u8; 16];

fn short(base: &str) -> ShortId {
    let mut digester = mailferry_codec::mime::Digester::default();
    digester.update(base.as_bytes());
    digester.finish()
}

impl Store {
    /// All messages of a folder; those in `new` as well.
    pub fn list(&self, id: &FolderId) -> Result<Listing> {
        let mut mails = Vec::new();
        self.each(id, |mail| mails.push(mail))?;
        // Of two with the same id the one in `new` counts: stable, so it comes last.
        mails.sort_by(|a, b| a.base().cmp(&b.base()));
        mails.reverse();
        mails.dedup_by(|a, b| a.base() == b.base());
        mails.reverse();
        mails.shrink_to_fit();
        Ok(Listing(mails))
    }

    /// Only what their ids are remembered by, in no order.
    pub fn short_ids(&self, id: &FolderId) -> Result<Vec<ShortId>> {
        let mut ids = Vec::new();
        self.each(id, |mail| ids.push(mail.short_id()))?;
        Ok(ids)
    }

    /// Each message, as the directory has them.
    fn each(&self, id: &FolderId, mut take: impl FnMut(Mail)) -> Result<()> {
        let dir = self.dir(id)?;
        let failed = |e| self.error("list")(e).scope_of(Scope::Folder);
        for part in ["cur", "new"] {
            let dir: Arc<Path> = dir.join(part).into();
            for entry in fs::read_dir(&dir).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name().into_boxed_os_str();
                let bytes = name.as_encoded_bytes();
                if !bytes.starts_with(b".") {
                    let info = bytes.windows(INFO.len()).position(|part| part == INFO);
                    take(Mail { dir: dir.clone(), base: info.unwrap_or(bytes.len()), name });
                }
            }
        }
        Ok(())
    }
}

impl Mail {
    /// The part of the name that never changes: the id.
    pub fn base(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name.as_encoded_bytes()[..self.base])
    }

    /// What its id is remembered by.
    pub fn short_id(&self) -> ShortId {
        short(&self.base())
    }

    /// The letters behind `:2,`.
    pub fn letters(&self) -> Cow<'_, str> {
        let name = self.name.as_encoded_bytes();
        String::from_utf8_lossy(name.get(self.base + INFO.len()..).unwrap_or_default())
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&*self.name)
    }

    /// Its flags.
    pub fn flags(&self, keywords: &[String]) -> Flags {
        let mut flags = Flags::default();
        for letter in self.letters().chars() {
            if let Some((_, flag)) = LETTERS.iter().find(|(l, _)| *l == letter) {
                flags = flags.with(*flag);
            }
            let at = (letter as usize).wrapping_sub('a' as usize);
            if let Some(keyword) = keywords.get(at).filter(|k| !k.is_empty()) {
                flags.insert_keyword(keyword.as_str().into());
            }
        }
        flags
    }

    /// Its size with CRLF: `W=` in the name, else the file's.
    pub fn size(&self) -> u64 {
        let told = self.base().split(',').find_map(|part| part.strip_prefix("W=")?.parse().ok());
        told.or_else(|| fs::metadata(self.path()).ok().map(|m| m.len())).unwrap_or(0)
    }

    /// When it arrived: the file's time.
    pub fn date(&self) -> Option<Date> {
        let time = fs::metadata(self.path()).ok()?.modified().ok()?;
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_or_else(|e| -(e.duration().as_secs() as i64), |d| d.as_secs() as i64);
        Some(Date { seconds, zone: 0 })
    }

    /// What a trace tells: key, Message-ID, size; `None` where the file is gone. One that cannot be read is there
    /// all the same: it has a key that no message has, so that it is missed and asked for, not forgotten.
    pub fn look(&self, side: Side) -> Option<(HeaderKey, Option<Box<str>>, u64)> {
        match self.read() {
            Ok(bytes) => {
                let (key, message_id) = key(&bytes);
                Some((key, message_id, bytes.len() as u64))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(_) => {
                let alone = format!("Message-ID: <{side:?}.{}.unreadable@mailferry>\r\n\r\n", self.base());
                Some((key(alone.as_bytes()).0, None, self.size()))
            }
        }
    }

    /// The message, bare LF as CRLF.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(self.path()).map(crlf)
    }
}

/// Bare LF as CRLF; what has none stays as it is.
fn crlf(bytes: Vec<u8>) -> Vec<u8> {
    let bare = |at: usize| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r');
    if !(0..bytes.len()).any(bare) {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    for (at, byte) in bytes.iter().enumerate() {
        if bare(at) {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
