//! The master key: made on first run, read from a private file or given as text, wiped when dropped.
//!
//! Where it comes from (`$CREDENTIALS_DIRECTORY`, a variable, a file) is the binary's business.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use mailferry_model::{Error, Kind, Result, secret::Secret};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::sql::refuse;

const OP: &str = "read master key";

/// The key under which all secrets of a store are sealed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// From text: 64 hexadecimal digits, white space around them.
    ///
    /// # Errors
    /// `Malformed` if it is anything else; the text itself is never repeated.
    pub fn from_text(text: &str) -> Result<Self> {
        let text = text.trim().as_bytes();
        let mut key = Self([0; 32]);
        if text.len() != 64 {
            return Err(malformed("64 hexadecimal digits"));
        }
        for (byte, pair) in key.0.iter_mut().zip(text.chunks(2)) {
            let digit = |d: u8| char::from(d).to_digit(16).ok_or_else(|| malformed("64 hexadecimal digits"));
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Ok(key)
    }

    /// From a file that only its owner may read: 64 hexadecimal digits, or 32 bytes as they are.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` if group or others may read or write it; `Malformed`.
    pub fn from_file(path: &Path) -> Result<Self> {
        let name = path.display();
        let file = File::open(path).map_err(|e| unreadable(path, e))?;
        let mode = file.metadata().map_err(|e| unreadable(path, e))?.mode();
        if mode & 0o077 != 0 {
            let mode = mode & 0o777;
            let words = format!("{name} is open to others (mode {mode:03o}); run: chmod 600 {name}");
            return Err(refuse(Kind::Forbidden, OP, words));
        }
        Self::read(file, path)
    }

    /// From a file that systemd hands over. It guards them by access control lists, whose mask shows as rights of
    /// the group: modes tell nothing here.
    ///
    /// # Errors
    /// `NotFound`; `Malformed`.
    pub fn from_credential(path: &Path) -> Result<Self> {
        Self::read(File::open(path).map_err(|e| unreadable(path, e))?, path)
    }

    fn read(mut file: File, path: &Path) -> Result<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        Read::by_ref(&mut file).take(128).read_to_end(&mut bytes).map_err(|e| unreadable(path, e))?;
        if let Ok(raw) = <[u8; 32]>::try_from(&bytes[..]) {
            return Ok(Self(raw));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::from_text(text),
            Err(_) => Err(malformed("64 hexadecimal digits or 32 bytes")),
        }
    }

    /// Makes a random key in a file of mode 0600 that appears whole or not at all; if there is a file
    /// already, also one that another process makes at the same moment, reads that.
    ///
    /// # Errors
    /// As [`MasterKey::from_file`]; `Busy` if the file cannot be written.
    pub fn create_file(path: &Path) -> Result<Self> {
        match Self::from_file(path) {
            Err(missing) if missing.kind() == Kind::NotFound => {}
            known => return known,
        }
        Self::random()?.keep_in(path)
    }

    /// One that nobody knows and nothing was sealed with.
    ///
    /// # Errors
    /// `Bug` if this machine has no randomness.
    pub fn random() -> Result<Self> {
        let mut key = Self([0; 32]);
        getrandom::fill(&mut key.0).map_err(|e| refuse(Kind::Bug, OP, e.to_string()))?;
        Ok(key)
    }

    /// Writes it into a file of mode 0600 that appears whole or not at all; if there is a file already, reads that.
    ///
    /// # Errors
    /// As [`MasterKey::from_file`]; `Busy` if the file cannot be written.
    pub fn keep_in(self, path: &Path) -> Result<Self> {
        let text = self.to_text();
        let draft = path.with_extension(format!("{}.new", Uuid::now_v7().simple()));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(text.expose().as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            // A link, not a rename: it does not replace the key of another process.
            std::fs::hard_link(&draft, path)?;
            File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        let written = write();
        let _ = std::fs::remove_file(&draft);
        match written {
            Ok(()) => Ok(self),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Self::from_file(path),
            Err(e) => Err(refuse(Kind::Busy, OP, format!("cannot write {}: {e}", path.display())).because(e)),
        }
    }

    /// As text that [`MasterKey::from_text`] reads: for whoever keeps a copy elsewhere.
    pub fn to_text(&self) -> Secret<String> {
        let digit = |d: u8| char::from_digit(d.into(), 16).unwrap_or('0');
        Secret::new(self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    /// Whether both are the same key.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells keys apart without telling anything about them.
    pub(crate) fn fingerprint(&self) -> [u8; 8] {
        let mut short = [0; 8];
        let whole = blake3::derive_key("mailferry 2026 fingerprint of a master key", &self.0);
        short.copy_from_slice(&whole[..8]);
        short
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

fn malformed(what: &str) -> Error {
    refuse(Kind::Malformed, OP, format!("the master key is not {what}"))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::PermissionDenied => Kind::Forbidden,
        _ => Kind::Busy,
    };
    refuse(kind, OP, format!("cannot read {}: {error}", path.display())).because(error)
}
