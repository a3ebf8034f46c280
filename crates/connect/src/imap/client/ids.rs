//! How ids, cursors, marks and fingerprints are written. Only these functions read them back.

use mailferry_model::id::{Cursor, Fingerprint, FolderId, ItemId, Mark, TargetId};
use mailferry_wire::imap::{MailboxName, MailboxStatus};

/// The id of a folder: its name on the wire.
pub fn folder_id(name: &MailboxName) -> FolderId {
    FolderId::from_bytes(name.raw())
}

/// The name of a folder.
pub fn folder_name(id: &FolderId) -> MailboxName {
    MailboxName::from_wire(id.as_bytes().to_vec())
}

/// The id of an item of the source: UIDVALIDITY and UID, so that it never means another item.
pub fn item_id(uid_validity: u32, uid: u32) -> ItemId {
    ItemId::from_bytes(of_pair(uid_validity, uid))
}

/// UIDVALIDITY and UID of an item.
pub fn item_uid(id: &ItemId) -> Option<(u32, u32)> {
    pair(id.as_bytes())
}

/// The id of an item of the target: UIDVALIDITY and UID.
pub fn target_id(uid_validity: u32, uid: u32) -> TargetId {
    TargetId::from_bytes(of_pair(uid_validity, uid))
}

/// UIDVALIDITY and UID of an item of the target.
pub fn target_uid(id: &TargetId) -> Option<(u32, u32)> {
    pair(id.as_bytes())
}

/// A mark: UIDVALIDITY and UIDNEXT.
pub fn mark(uid_validity: u32, uid_next: u32) -> Mark {
    Mark::from_bytes(of_pair(uid_validity, uid_next))
}

/// UIDVALIDITY and UIDNEXT of a mark.
pub fn mark_parts(mark: &Mark) -> Option<(u32, u32)> {
    pair(mark.as_bytes())
}

fn of_pair(first: u32, second: u32) -> [u8; 8] {
    (u64::from(first) << 32 | u64::from(second)).to_be_bytes()
}

fn pair(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, second) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*first), u32::from_be_bytes(second.try_into().ok()?)))
}

/// The fingerprint of a folder; none where the server told too little for it.
pub fn fingerprint(status: &MailboxStatus) -> Option<Fingerprint> {
    let text = format!(
        "{}.{}.{}.{}",
        status.uid_validity?,
        status.uid_next?,
        status.messages?,
        status.highest_mod_seq.unwrap_or(0)
    );
    Some(Fingerprint::from_bytes(text))
}

/// Where a list of changes was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT before the run: what lies beyond is new in the next.
    pub uid_next: u32,
    /// HIGHESTMODSEQ before the run; 0 where there is none.
    pub mod_seq: u64,
    /// In the first listing: the UID to go on from; 0 when it is over.
    pub from: u32,
}

impl Place {
    /// Writes it.
    pub fn to_cursor(self) -> Cursor {
        Cursor::from_bytes(format!("{}.{}.{}.{}", self.uid_validity, self.uid_next, self.mod_seq, self.from))
    }

    /// Reads it.
    pub fn from_cursor(cursor: &Cursor) -> Option<Self> {
        let mut parts = std::str::from_utf8(cursor.as_bytes()).ok()?.split('.');
        let place = Self {
            uid_validity: parts.next()?.parse().ok()?,
            uid_next: parts.next()?.parse().ok()?,
            mod_seq: parts.next()?.parse().ok()?,
            from: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_reads_back() {
        let place = Place { uid_validity: u32::MAX, uid_next: 7, mod_seq: u64::MAX, from: 3 };
        assert_eq!(Place::from_cursor(&place.to_cursor()), Some(place));
        assert_eq!(Place::from_cursor(&Cursor::from_bytes("1.2.3")), None);
        assert_eq!(item_uid(&item_id(7, u32::MAX)), Some((7, u32::MAX)));
        assert_eq!(item_uid(&ItemId::from_bytes("x")), None);
        assert_eq!(target_uid(&target_id(1, 2)), Some((1, 2)));
        assert_eq!(target_id(1, 2).as_bytes().len(), 8);
        assert_eq!(mark_parts(&mark(9, 8)), Some((9, 8)));
        assert_eq!(target_uid(&TargetId::from_bytes("short")), None);
    }
}
