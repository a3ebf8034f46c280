//! What the server keeps: accounts with mailboxes with messages, and the numbers that tell what changed.
//!
//! Names are text, as people read them. Nothing here knows sessions or the protocol.

use std::collections::{BTreeMap, BTreeSet};

use mailferry_wire::imap::{Flag, InternalDate, StoreAction};

use super::body::Body;

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) body: Body,
    pub(super) flags: BTreeSet<Flag>,
    pub(super) date: InternalDate,
    /// Stays the same in copies.
    pub(super) email_id: u64,
    pub(super) mod_seq: u64,
}

/// Whether and how a mailbox can be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Access {
    #[default]
    Full,
    /// Only a place in the hierarchy.
    Noselect,
    /// Somebody else's, or virtual.
    ReadOnly,
}

/// A mailbox.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) id: u64,
    pub(super) access: Access,
    /// SPECIAL-USE attributes.
    pub(super) uses: Vec<String>,
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    pub(super) mod_seq: u64,
    pub(super) messages: BTreeMap<u32, Message>,
    /// Expunged UIDs by the MODSEQ of their going.
    pub(super) gone: Vec<(u64, u32)>,
}

impl Mailbox {
    fn create(id: u64, uid_validity: u32) -> Self {
        Self {
            id,
            access: Access::Full,
            uses: Vec::new(),
            uid_validity,
            uid_next: 1,
            mod_seq: 1,
            messages: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    /// Adds a message under the next UID.
    pub(super) fn add(&mut self, mut message: Message) -> u32 {
        let uid = self.uid_next;
        self.uid_next += 1;
        self.mod_seq += 1;
        message.mod_seq = self.mod_seq;
        self.messages.insert(uid, message);
        uid
    }

    /// Takes messages away; the UIDs that were there.
    pub(super) fn remove(&mut self, uids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let removed: Vec<u32> = uids.into_iter().filter(|uid| self.messages.remove(uid).is_some()).collect();
        if !removed.is_empty() {
            self.mod_seq += 1;
            self.gone.extend(removed.iter().map(|uid| (self.mod_seq, *uid)));
        }
        removed
    }

    /// Changes flags; whether anything changed.
    pub(super) fn set_flags(&mut self, uid: u32, action: StoreAction, flags: &[Flag]) -> bool {
        let Some(message) = self.messages.get_mut(&uid) else { return false };
        let given = flags.iter().filter(|flag| flag.is_settable()).cloned();
        let after: BTreeSet<Flag> = match action {
            StoreAction::Replace => given.collect(),
            StoreAction::Add => message.flags.iter().cloned().chain(given).collect(),
            StoreAction::Remove => {
                let given: BTreeSet<Flag> = given.collect();
                message.flags.difference(&given).cloned().collect()
            }
        };
        let changed = after != message.flags;
        if changed {
            self.mod_seq += 1;
            message.mod_seq = self.mod_seq;
            message.flags = after;
        }
        changed
    }

    /// The UIDs that went after a MODSEQ.
    pub(super) fn gone_since(&self, mod_seq: u64) -> impl Iterator<Item = u32> + '_ {
        let from = self.gone.partition_point(|(at, _)| *at <= mod_seq);
        self.gone[from..].iter().map(|(_, uid)| *uid)
    }

    /// Gives all messages new UIDs under a new UIDVALIDITY.
    pub(super) fn renumber(&mut self, uid_validity: u32) {
        self.uid_validity = uid_validity;
        self.mod_seq += 1;
        self.gone.clear();
        let first = self.uid_next;
        let messages = std::mem::take(&mut self.messages);
        for (i, mut message) in messages.into_values().enumerate() {
            message.mod_seq = self.mod_seq;
            self.messages.insert(first + i as u32, message);
        }
        self.uid_next = first + self.messages.len() as u32;
    }

    /// Octets altogether.
    pub(super) fn octets(&self) -> u64 {
        self.messages.values().map(|message| message.body.size()).sum()
    }

    /// How many messages have (or lack) a flag.
    pub(super) fn count(&self, wanted: impl Fn(&BTreeSet<Flag>) -> bool) -> usize {
        self.messages.values().filter(|message| wanted(&message.flags)).count()
    }

    /// Keywords in use.
    pub(super) fn keywords(&self) -> BTreeSet<Flag> {
        let all = self.messages.values().flat_map(|message| &message.flags);
        all.filter(|flag| matches!(flag, Flag::Keyword(_))).cloned().collect()
    }
}

/// One user.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) password: String,
    pub(super) tokens: Vec<String>,
    pub(super) mailboxes: BTreeMap<String, Mailbox>,
    pub(super) subscribed: BTreeSet<String>,
    /// In octets.
    pub(super) quota: Option<u64>,
    pub(super) connections: usize,
}

impl Account {
    /// Octets in all mailboxes.
    pub(super) fn octets(&self) -> u64 {
        self.mailboxes.values().map(Mailbox::octets).sum()
    }

    /// Whether so many more octets fit.
    pub(super) fn has_room(&self, more: u64) -> bool {
        self.quota.is_none_or(|quota| self.octets() + more <= quota)
    }

    /// A mailbox by its identity, wherever it was renamed to; `name` is where it was last.
    pub(super) fn by_id(&mut self, name: &str, id: u64) -> Option<&mut Mailbox> {
        if self.mailboxes.get(name).is_some_and(|mailbox| mailbox.id == id) {
            return self.mailboxes.get_mut(name);
        }
        self.mailboxes.values_mut().find(|mailbox| mailbox.id == id)
    }
}

/// Everything, and the numbers that are used once.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) accounts: BTreeMap<String, Account>,
    next_id: u64,
    next_validity: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self { accounts: BTreeMap::new(), next_id: 1, next_validity: 1_700_000_000 }
    }
}

impl Store {
    /// A number that was never given before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A UIDVALIDITY that was never given before.
    pub(super) fn next_validity(&mut self) -> u32 {
        self.next_validity += 1;
        self.next_validity
    }

    /// The mailbox of that name, made when it is not there.
    pub(super) fn ensure_mailbox(&mut self, user: &str, name: &str) -> &mut Mailbox {
        let (id, validity) = (self.next_id(), self.next_validity());
        let account = self.accounts.entry(user.to_owned()).or_default();
        account.mailboxes.entry(name.to_owned()).or_insert_with(|| Mailbox::create(id, validity))
    }

    /// A message that is not yet in a mailbox.
    pub(super) fn message(&mut self, body: Body, flags: &[Flag], date: InternalDate) -> Message {
        let flags = flags.iter().filter(|flag| flag.is_settable()).cloned().collect();
        Message { body, flags, date, email_id: self.next_id(), mod_seq: 0 }
    }
}
