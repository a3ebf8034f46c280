//! Messages as their file names tell them, and what is in their files. A folder may have very many of them: of each no
//! more is kept than its name. Lists; changes nothing.
//!
//! The unique name that a file's name begins with is the message's id. Two files that share one are one message where
//! their contents are equal, as after a copy of a Maildir over an older one. Else they are two, and each has its
//! content in its id, so that none takes the other's place when one of them goes.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    fmt::Write as _,
    io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    sync::Arc,
};

use mailferry_codec::mime::Digester;
use mailferry_model::{Result, Scope, Side, flags::Flags, id::FolderId, item::Date, key::HeaderKey};

use super::{
    dir::{Dir, What},
    store::{LETTERS, Store},
};
use crate::convert::key;

/// What stands between the id and the letters.
const INFO: &[u8] = b":2,";

/// One message as its file name tells it.
#[derive(Clone, Debug)]
pub(in crate::maildir) struct Mail {
    /// `cur` or `new` of its folder.
    dir: Arc<Dir>,
    name: Box<OsStr>,
    /// How long the unique name is, which the name begins with.
    base: usize,
    /// What is in it, where another file with another content has the same unique name.
    twin: Option<Box<ShortId>>,
}

/// The messages of a folder, in the order of their ids.
#[derive(Debug, Default)]
pub(in crate::maildir) struct Listing {
    mails: Vec<Mail>,
    /// Names of what is no message: directories, queues, sockets.
    pub ignored: Vec<OsString>,
}

impl Listing {
    /// The message with this id.
    pub fn get(&self, id: &[u8]) -> Option<&Mail> {
        let at = self.mails.binary_search_by(|mail| (*mail.id()).cmp(id)).ok()?;
        Some(&self.mails[at])
    }

    /// Whether a message has this unique name.
    pub fn has_base(&self, base: &[u8]) -> bool {
        self.mails.iter().any(|mail| mail.base() == base)
    }

    /// All of them.
    pub fn mails(&self) -> &[Mail] {
        &self.mails
    }

    /// All of them, one after the other.
    pub fn into_mails(self) -> impl Iterator<Item = Mail> + Send {
        self.mails.into_iter()
    }
}

/// What an id is remembered by where only equality counts: 16 bytes, however long it is.
pub(in crate::maildir) type ShortId = [u8; 16];

fn digested(bytes: &[u8]) -> ShortId {
    let mut digester = Digester::default();
    digester.update(bytes);
    digester.finish()
}

impl Store {
    /// All messages of a folder; those in `new` as well.
    pub fn list(&self, id: &FolderId) -> Result<Listing> {
        let mut mails = Vec::new();
        let mut ignored = Vec::new();
        self.each(id, |mail| mails.push(mail), |name| ignored.push(name))?;
        // Stable: of those with the same unique name the ones in `cur` come last.
        mails.sort_by(|a, b| a.base().cmp(b.base()));
        if mails.windows(2).any(|two| two[0].base() == two[1].base()) {
            mails = mails.chunk_by(|a, b| a.base() == b.base()).flat_map(apart).collect();
            mails.sort_by(|a, b| a.id().cmp(&b.id()));
        }
        mails.shrink_to_fit();
        Ok(Listing { mails, ignored })
    }

    /// Only what their ids are remembered by, in no order.
    pub fn short_ids(&self, id: &FolderId) -> Result<Vec<ShortId>> {
        Ok(self.list(id)?.mails().iter().map(Mail::short_id).collect())
    }

    /// Each message, as the directory has them. First those in `new`: what is carried to `cur` meanwhile is named
    /// twice rather than not at all. Links are messages that cannot be read, so that somebody hears of them.
    fn each(
        &self,
        id: &FolderId,
        mut take: impl FnMut(Mail),
        mut ignore: impl FnMut(OsString),
    ) -> Result<()> {
        let failed = |e| self.error("list")(e).scope_of(Scope::Folder);
        for dir in self.parts(id)? {
            for entry in dir.entries().map_err(failed)? {
                match entry.map_err(failed)? {
                    (name, _) if name.as_bytes().starts_with(b".") => {}
                    (name, What::File | What::Link) => take(Mail::of(&dir, name)),
                    (name, What::Folder | What::Other) => ignore(name),
                }
            }
        }
        Ok(())
    }
}

/// What files of one unique name are: one message for each content. What another name was given, or was removed,
/// since it was listed does not count, unless nothing else is there.
fn apart(group: &[Mail]) -> Vec<Mail> {
    let mut found: Vec<(ShortId, Mail)> = Vec::new();
    for mail in group.iter().filter(|_| group.len() > 1) {
        let what = match mail.read() {
            Ok(bytes) => digested(&bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => digested(mail.name.as_bytes()),
        };
        match found.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => *known = mail.clone(),
            None => found.push((what, mail.clone())),
        }
    }
    match &found[..] {
        [] => group.last().cloned().into_iter().collect(),
        [(_, only)] => vec![only.clone()],
        _ => found.into_iter().map(|(what, mail)| Mail { twin: Some(Box::new(what)), ..mail }).collect(),
    }
}

impl Mail {
    fn of(dir: &Arc<Dir>, name: OsString) -> Self {
        let info = name.as_bytes().windows(INFO.len()).position(|part| part == INFO);
        let base = info.unwrap_or(name.len());
        Self { dir: dir.clone(), name: name.into_boxed_os_str(), base, twin: None }
    }

    /// The part of the name that never changes.
    pub fn base(&self) -> &[u8] {
        &self.name.as_bytes()[..self.base]
    }

    /// The id: that part, and behind a slash, which no file name holds, what it takes to tell twins apart.
    pub fn id(&self) -> Cow<'_, [u8]> {
        let Some(twin) = &self.twin else { return Cow::Borrowed(self.base()) };
        let mut told = String::from("/");
        twin.iter().for_each(|byte| _ = write!(told, "{byte:02x}"));
        Cow::Owned([self.base(), told.as_bytes()].concat())
    }

    /// Whether another file with another content has the same unique name.
    pub fn is_twin(&self) -> bool {
        self.twin.is_some()
    }

    /// What its id is remembered by.
    pub fn short_id(&self) -> ShortId {
        digested(&self.id())
    }

    /// The letters behind `:2,`.
    pub fn letters(&self) -> Cow<'_, str> {
        let name = self.name.as_bytes();
        String::from_utf8_lossy(name.get(self.base + INFO.len()..).unwrap_or_default())
    }

    /// Gives it another name in another directory, or in its own.
    pub fn rename(&self, to: &Dir, base: &[u8], letters: &str) -> io::Result<()> {
        let new = [base, INFO, letters.as_bytes()].concat();
        self.dir.rename(&*self.name, to, OsString::from_vec(new))
    }

    /// Removes it.
    pub fn remove(&self) -> io::Result<()> {
        self.dir.remove(&*self.name)
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
        let base = String::from_utf8_lossy(self.base());
        let told = base.split(',').find_map(|part| part.strip_prefix("W=")?.parse().ok());
        told.or_else(|| Some(self.dir.facts(&self.name)?.0)).unwrap_or(0)
    }

    /// When it arrived: the file's time.
    pub fn date(&self) -> Option<Date> {
        Some(Date { seconds: self.dir.facts(&self.name)?.1, zone: 0 })
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
                let alone = format!(
                    "Message-ID: <{side:?}.{}.unreadable@mailferry>\r\n\r\n",
                    String::from_utf8_lossy(&self.id())
                );
                Some((key(alone.as_bytes()).0, None, self.size()))
            }
        }
    }

    /// The message, bare LF as CRLF.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        self.dir.read(&*self.name).map(crlf)
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
