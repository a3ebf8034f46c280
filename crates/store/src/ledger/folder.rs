//! Folder entries as compact bytes. Every commit rewrites the entries of the folders it touched.

use mailferry_model::{
    folder::FolderPath,
    id::{Cursor, Fingerprint, FolderId, Mark},
    ledger::{FolderEntry, FolderNo},
};

use super::{
    bytes::{Damaged, Parsed, Reader, Writer, frame, unframe},
    pack::{put_reason, take_reason},
};

/// The format. Another one gets another number; old ones stay readable.
const VERSION: u8 = 2;

/// Without why a folder was not made, without subscriptions, and without since when it was left out.
const FIRST: u8 = 1;

/// A folder entry as a blob.
pub(crate) fn pack_folder(folder: &FolderEntry) -> Vec<u8> {
    let mut to = Writer::default();
    let text = |t: &Option<Box<str>>| t.as_ref().map(|t| t.as_bytes().to_vec());
    to.bytes(folder.source.as_bytes());
    put_path(&mut to, &folder.source_path);
    put_path(&mut to, &folder.target_path);
    for field in [&folder.identity, &folder.epoch, &folder.target_epoch, &folder.renamed] {
        to.option(text(field).as_deref());
    }
    to.option(folder.target.as_ref().map(FolderId::as_bytes));
    to.option(folder.first.as_ref().map(Mark::as_bytes));
    to.option(folder.fingerprint.as_ref().map(Fingerprint::as_bytes));
    to.option(folder.cursor.as_ref().map(Cursor::as_bytes));
    to.optional(folder.target_items);
    to.0.extend_from_slice(&folder.filter.to_le_bytes());
    for count in [folder.owed, folder.placed, folder.skipped, folder.left, folder.bytes] {
        to.number(count);
    }
    to.number(folder.placed_pass.into());
    to.0.push(u8::from(folder.gone));
    to.0.push(u8::from(folder.unmade.is_some()));
    folder.unmade.iter().for_each(|reason| put_reason(&mut to, reason));
    to.optional(folder.subscribed.map(u64::from));
    to.optional(folder.unread_since.map(u64::from));
    frame(VERSION, folder.no.0, &to.0)
}

/// The folder entry of a blob that was packed under this number.
pub(crate) fn unpack_folder(no: FolderNo, blob: &[u8]) -> Parsed<FolderEntry> {
    let is_first = blob.first() == Some(&FIRST);
    let mut from = unframe(if is_first { FIRST } else { VERSION }, no.0, blob)?;
    let source = FolderId::from_bytes(from.bytes()?);
    let (source_path, target_path) = (take_path(&mut from)?, take_path(&mut from)?);
    let (identity, epoch) = (from.option_text()?, from.option_text()?);
    let (target_epoch, renamed) = (from.option_text()?, from.option_text()?);
    let mut folder = FolderEntry {
        no,
        source,
        source_path,
        identity,
        epoch,
        target_path,
        target_epoch,
        renamed,
        target: from.option()?.map(FolderId::from_bytes),
        first: from.option()?.map(Mark::from_bytes),
        fingerprint: from.option()?.map(Fingerprint::from_bytes),
        cursor: from.option()?.map(Cursor::from_bytes),
        target_items: from.optional()?,
        filter: u64::from_le_bytes(from.array()?),
        owed: from.number()?,
        placed: from.number()?,
        skipped: from.number()?,
        left: from.number()?,
        bytes: from.number()?,
        placed_pass: from.small()?,
        gone: yes_or_no(from.byte()?)?,
        unmade: None,
        subscribed: None,
        unread_since: None,
    };
    if !is_first {
        folder.unmade = match yes_or_no(from.byte()?)? {
            true => Some(Box::new(take_reason(&mut from)?)),
            false => None,
        };
        folder.subscribed = from.optional()?.map(|on| yes_or_no(on.min(2) as u8)).transpose()?;
        let pass = |pass: u64| u32::try_from(pass).map_err(|_| Damaged("a pass has no such number"));
        folder.unread_since = from.optional()?.map(pass).transpose()?;
    }
    from.end()?;
    Ok(folder)
}

fn yes_or_no(byte: u8) -> Parsed<bool> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Damaged("a yes-or-no is neither")),
    }
}

fn put_path(to: &mut Writer, path: &FolderPath) {
    to.number(path.0.len() as u64);
    path.0.iter().for_each(|name| to.bytes(name.as_bytes()));
}

fn take_path(from: &mut Reader<'_>) -> Parsed<FolderPath> {
    let names: usize = from.small()?;
    let mut path = FolderPath::default();
    for _ in 0..names {
        path.0.push(from.text()?.to_owned());
    }
    Ok(path)
}
